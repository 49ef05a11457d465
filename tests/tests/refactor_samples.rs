//! A sample repository per language, refactored by `phi-ls refactor` with a scripted model: every site is found and changed, the
//! diff is minimal, and the language's own check passes on the result.
//!
//! The repositories are in `tests/fixtures/refactor`, with the expected diffs beside them. If the tools of a language are not
//! installed, the check cannot run and `.ci/run` lists it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::{ExpectFile, expect_file};
use ignore::WalkBuilder;
use phi_tests::cannot_run;
use serde_json::{Value, json};

/// A refactoring of one of the repositories.
struct Sample {
    /// The folder of `tests/fixtures/refactor`.
    name: &'static str,
    instruction: &'static str,
    symbol: &'static str,
    /// What the model replaces in each item.
    replace: &'static [(&'static str, &'static str)],
    /// Succeeds before and after; the first that is installed is used.
    checks: &'static [&'static str],
}

/// A copy of a sample in a home folder of its own.
struct Home {
    folder: tempfile::TempDir,
    repository: PathBuf,
}

impl Home {
    fn new(sample: &Sample) -> Home {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = folder.path().canonicalize().expect("it is there").join("repository");
        let from = phi_tests::workspace().join("tests/fixtures/refactor").join(sample.name);
        for entry in WalkBuilder::new(&from).standard_filters(false).build() {
            let entry = entry.expect("a readable fixture");
            let to = repository.join(entry.path().strip_prefix(&from).expect("below it"));
            match entry.file_type().is_some_and(|kind| kind.is_dir()) {
                true => fs::create_dir_all(to).expect("a folder"),
                false => drop(fs::copy(entry.path(), to).expect("a copy")),
            }
        }
        fs::create_dir_all(repository.join(".git")).expect("a folder");
        fs::write(repository.join(".git/HEAD"), "ref: refs/heads/main\n").expect("a file");
        let script = json!([{ "when": [sample.instruction], "replace": sample.replace }]);
        fs::write(folder.path().join("script.json"), script.to_string()).expect("a file");
        Home { folder, repository }
    }

    fn refactor(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_phi-ls-scripted"));
        command.current_dir(&self.repository).env("HOME", self.folder.path());
        for variable in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env_remove(variable);
        }
        // The tools of the check need the user's own folders.
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        for (variable, folder) in
            [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup"), ("PYENV_ROOT", ".pyenv")]
        {
            if std::env::var_os(variable).is_none() {
                command.env(variable, home.join(folder));
            }
        }
        command.env("PHI_LS_SCRIPT", self.folder.path().join("script.json"));
        command.arg("refactor").args(arguments).output().expect("the program starts")
    }
}

/// Plans and runs the refactoring, compares its diff with the expected one, applies it with the check.
fn replay(sample: &Sample, expected: ExpectFile) {
    let home = Home::new(sample);
    let order = [sample.instruction, "--symbol", sample.symbol];
    let output = home.refactor(&[&order[..], &["--json"]].concat());
    let said: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let sites = said["sites"].as_array().expect("sites");
    let refused: Vec<String> = sites
        .iter()
        .filter_map(|site| Some(format!("{}: {}", site["name"], site["outcome"].get("refused")?)))
        .collect();
    assert!(refused.is_empty(), "{}: {refused:#?}", sample.name);
    let changed: Vec<&Value> = sites.iter().filter(|site| site["outcome"].get("changed").is_some()).collect();
    let mut files: Vec<&str> = changed.iter().filter_map(|site| site["path"].as_str()).collect();
    files.sort_unstable();
    files.dedup();
    let (sites, files) = (changed.len(), files.len());
    assert!(sites >= 20 && files >= 8, "{}: {sites} sites in {files} files", sample.name);
    expected.assert_eq(said["diff"].as_str().expect("a diff"));

    let is_installed = |check: &&&str| runs(&home.repository, check.split(' ').next().unwrap_or_default());
    let Some(check) = sample.checks.iter().find(is_installed) else {
        return cannot_run(&format!(
            "the check of {}: none of {:?} is installed",
            sample.name, sample.checks
        ));
    };
    let home = Home::new(sample);
    let output = home.refactor(&[&order[..], &["--apply", "--json", "--check", check]].concat());
    assert!(output.status.success(), "{}: {output:?}", sample.name);
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&said["check"]["passed"], &said["check"]["failedBefore"]),
        (&json!(true), &json!(false)),
        "{said:#}"
    );
    // The files themselves, not the sandbox copy.
    let mut words = check.split(' ');
    let mut command = Command::new(words.next().expect("a program"));
    let checked = command.args(words).current_dir(&home.repository).output().expect("it starts");
    assert!(checked.status.success(), "{}: {checked:?}", sample.name);
}

/// Whether a program is installed.
fn runs(folder: &Path, program: &str) -> bool {
    let version = if program == "go" { "version" } else { "--version" };
    Command::new(program)
        .arg(version)
        .current_dir(folder)
        .output()
        .is_ok_and(|output| output.status.success())
}

#[test]
fn rust_a_parameter_for_a_function_and_its_callers() {
    let sample = Sample {
        name: "rust",
        instruction: "Give `format_amount` a first parameter `currency: Currency`; callers pass `Currency::Euro`.",
        symbol: "format_amount",
        replace: &[
            ("pub fn format_amount(cents: i64)", "pub fn ~(currency: Currency, cents: i64)"),
            ("Currency::Euro.sign()", "currency.sign()"),
            ("use crate::money::format_amount;", "use crate::money::{Currency, ~};"),
            ("use ledger::money::format_amount;", "use ledger::money::{Currency, ~};"),
            ("use super::{format_amount, ", "use super::{Currency, ~, "),
            ("format_amount(", "~(Currency::Euro, "),
            ("~", "format_amount"),
        ],
        checks: &["cargo test --offline --quiet"],
    };
    replay(&sample, expect_file!["../fixtures/refactor/rust.diff"]);
}

#[test]
fn python_a_class_renamed() {
    let sample = Sample {
        name: "python",
        instruction: "Rename `Client` to `Customer`.",
        symbol: "Client",
        replace: &[("Client", "Customer")],
        checks: &["pytest -q", "python3 -m unittest"],
    };
    replay(&sample, expect_file!["../fixtures/refactor/python.diff"]);
}

#[test]
fn typescript_a_parameter_for_a_function_and_its_callers() {
    let sample = Sample {
        name: "typescript",
        instruction: "Let `notify` take a `level: Level` first; callers pass \"info\".",
        symbol: "notify",
        replace: &[
            ("export function notify(text: string)", "export function ~(level: Level, text: string)"),
            ("{ level: \"info\", text }", "{ level, text }"),
            ("notify(", "~(\"info\", "),
            ("~", "notify"),
        ],
        checks: &["tsc -p ."],
    };
    replay(&sample, expect_file!["../fixtures/refactor/typescript.diff"]);
}

#[test]
fn go_a_parameter_for_a_function_and_its_callers() {
    let sample = Sample {
        name: "go",
        instruction: "Let `Sum` take `start float64`, where the sum begins, as its first parameter; callers pass 0.",
        symbol: "Sum",
        replace: &[
            ("func Sum(values []float64)", "func ~(start float64, values []float64)"),
            ("total := 0.0\n\tfor _, value", "total := start\n\tfor _, value"),
            (" Sum(", " ~(0, "),
            (".Sum(", ".~(0, "),
            ("~", "Sum"),
        ],
        checks: &["go vet ./..."],
    };
    replay(&sample, expect_file!["../fixtures/refactor/go.diff"]);
}
