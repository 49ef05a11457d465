//! The program `phi-ls` with a scripted model, so that tests of real editors and of the command line know the answers.
//!
//! `PHI_LS_SCRIPT` names a JSON file: a list of rules, of which the first that fits a prompt answers it.
//! ```json
//! [{"when": ["The instruction: Rename"], "replace": [["old_name", "new_name"]]},
//!  {"when": ["fn slow"], "waitFor": "/tmp/go", "answer": "fn slow() {}"}]
//! ```
//! A rule matches if the prompt contains all texts of `when`. `answer` is returned as it is. `replace` returns the item of the
//! prompt with these texts replaced, one pair after the other; so a script can refactor a repository. `waitFor` delays the answer
//! until that file exists. `PHI_LS_PROMPTS` names a file to which all prompts are appended.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use phi_engine::Engine;
use phi_ls::refactor::check::watchdog;
use phi_ls::user_dirs::UserDirs;
use serde::Deserialize;

/// A rule: the prompts that it matches, and its answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    when: Vec<String>,
    answer: Option<String>,
    #[serde(default)]
    replace: Vec<(String, String)>,
    wait_for: Option<PathBuf>,
}

fn main() -> ExitCode {
    // A check's watchdog has the environment of the check, which holds no script.
    if std::env::args_os().nth(1).is_some_and(|command| command == watchdog::NAME) {
        return phi_ls::cli::main();
    }
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let Some(script) = variable("PHI_LS_SCRIPT") else {
        eprintln!("PHI_LS_SCRIPT names no script");
        return ExitCode::from(2);
    };
    let rules = fs::read(&script).map_err(|error| error.to_string());
    let rules = rules.and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
    let rules: Vec<Rule> = match rules {
        Ok(rules) => rules,
        Err(error) => {
            eprintln!("{}: {error}", script.display());
            return ExitCode::from(2);
        }
    };
    let prompts = variable("PHI_LS_PROMPTS");
    let engine = Engine::scripted(move |prompt| {
        if let Some(prompts) = &prompts {
            note(prompts, prompt);
        }
        answer(&rules, prompt)
    });
    phi_ls::cli::run(UserDirs { engine: Some(engine), ..UserDirs::from_env() })
}

fn answer(rules: &[Rule], prompt: &str) -> String {
    let fits = |rule: &&Rule| rule.when.iter().all(|text| prompt.contains(text.as_str()));
    let Some(rule) = rules.iter().find(fits) else { return String::new() };
    while rule.wait_for.as_ref().is_some_and(|file| !file.exists()) {
        std::thread::sleep(Duration::from_millis(5));
    }
    match &rule.answer {
        Some(answer) => answer.clone(),
        None => rule.replace.iter().fold(item(prompt), |item, (old, new)| item.replace(old, new)),
    }
}

/// The item of a rewrite's prompt: the last fenced text under its heading.
fn item(prompt: &str) -> String {
    let Some((_, rest)) = prompt.rsplit_once("The item:\n") else { return String::new() };
    let Some((opening, rest)) = rest.split_once('\n') else { return String::new() };
    let fence: String = opening.chars().take_while(|&c| c == '`').collect();
    let end = rest.find(&format!("\n{fence}\n")).unwrap_or(rest.len());
    rest[..end].to_owned()
}

fn note(file: &Path, prompt: &str) {
    let opened = fs::OpenOptions::new().create(true).append(true).open(file);
    let written = opened.and_then(|mut file| writeln!(file, "{prompt}\n"));
    if let Err(error) = written {
        eprintln!("{}: {error}", file.display());
    }
}
