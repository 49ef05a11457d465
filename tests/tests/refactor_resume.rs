//! `phi-ls refactor` on the command line: finished items are kept, hints in messages work, and the exit status is right. The
//! requests to the model are counted.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A home folder, and a repository in it.
struct Home(tempfile::TempDir);

impl Home {
    fn new(files: &[(&str, &str)]) -> Home {
        let home = Home(tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(home.path("repository/.git")).expect("a folder");
        let script = r#"[{"when": [], "replace": [["before", "after"], ["fn broken", "fn (("]]}]"#;
        fs::write(home.path("script.json"), script).expect("a file");
        files.iter().for_each(|(path, text)| home.write(path, text));
        home
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path("repository").join(path);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path("repository").join(path)).expect("a text")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path("repository")).env_clear().env("HOME", self.0.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("OLLAMA_MODELS", self.path("ollama"));
        command.env("PHI_LS_SCRIPT", self.path("script.json")).env("PHI_LS_PROMPTS", self.path("prompts"));
        command
    }

    fn refactor(&self, arguments: &[&str]) -> Run {
        let mut command = self.command(env!("CARGO_BIN_EXE_phi-ls-scripted"));
        Run::of(command.arg("refactor").args(arguments).output().expect("the program starts"))
    }

    /// The number of requests to the model.
    fn asked(&self) -> usize {
        fs::read_to_string(self.path("prompts")).unwrap_or_default().matches("The instruction:").count()
    }

    fn journals(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(self.path(".cache/phi-ls/refactorings")).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
    }

    fn has_journal(&self) -> bool {
        self.journals().next().is_some()
    }

    fn journal(&self) -> PathBuf {
        self.journals().next().expect("a journal")
    }
}

/// The result of a run.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Run {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Run { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

const ITEM: &str = "fn f() -> u8 {\n    let before = 1;\n    before\n}\n";
const ORDER: [&str; 3] = ["Do it.", "--paths", "*.rs"];

fn order(more: &[&str]) -> Vec<&'static str> {
    let more = more.iter().map(|one| &*Box::leak(one.to_string().into_boxed_str()));
    ORDER.into_iter().chain(more).collect()
}

/// Line ends, byte order mark, escape sequences, a last line without a line break.
#[test]
fn a_printed_diff_is_accepted_by_git_apply() {
    let item = "\u{feff}fn f() -> u8 {\r\n    let before = 1; // \u{1b}[31m\r\n    before\r\n}";
    let home = Home::new(&[("a.rs", item)]);
    let run = home.refactor(&order(&["--dry-run"]));
    assert_eq!(run.code, Some(0), "{run:?}");
    home.write("a.diff", &run.out);
    let applied = home.command("git").args(["apply", "--whitespace=nowarn", "a.diff"]).output().expect("git");
    assert!(applied.status.success(), "{applied:?}\n{}", run.out);
    assert_eq!(home.text("a.rs"), item.replace("before", "after"));
}

#[test]
fn a_result_that_was_not_written_is_shown_and_written_without_the_model() {
    let home = Home::new(&[("a.rs", ITEM), ("b.rs", "fn broken() -> u8 {\n    1\n}\n")]);
    let run = home.refactor(&order(&["--dry-run"]));
    assert_eq!(run.code, Some(1), "a place is refused: {run:?}");
    assert!(run.err.contains("1 refused") && run.err.contains("with --paths"), "{run:?}");
    let asked = home.asked();
    let again = home.refactor(&["--resume"]);
    assert_eq!((again.code, &again.out, home.asked()), (Some(0), &run.out, asked), "{again:?}");
    let written = home.refactor(&["--resume", "--apply"]);
    assert_eq!((written.code, home.asked()), (Some(0), asked), "{written:?}");
    assert_eq!(home.text("a.rs"), ITEM.replace("before", "after"));
    assert!(!home.has_journal());
}

#[test]
fn a_failed_check_is_printed_with_a_hint_that_works() {
    let home = Home::new(&[
        ("a.rs", ITEM),
        ("check.sh", "echo this is what is wrong\nexit 3\n"),
        (".gitignore", "gen/\n"),
    ]);
    home.write("gen/made.rs", "");
    let run = home.refactor(&order(&["--apply", "--check", "sh check.sh"]));
    assert_eq!(run.code, Some(1), "{run:?}");
    for said in [
        "`sh check.sh` fails",
        "this is what is wrong",
        "gen",
        "refactor.copy",
        "--resume --apply --no-check",
    ] {
        assert!(run.err.contains(said), "{said}: {run:?}");
    }
    assert_eq!(home.text("a.rs"), ITEM, "nothing is written");
    let asked = home.asked();
    // It is checked again, and fails again.
    let again = home.refactor(&["--resume", "--apply"]);
    assert_eq!((again.code, home.text("a.rs").as_str()), (Some(1), ITEM), "{again:?}");
    assert!(again.err.contains("resuming: Do it. (1 of 1 places are done)"), "{again:?}");
    let anyway = home.refactor(&["--resume", "--apply", "--no-check"]);
    assert_eq!((anyway.code, home.text("a.rs")), (Some(0), ITEM.replace("before", "after")), "{anyway:?}");
    assert_eq!(home.asked(), asked, "nothing is generated again");
    assert!(!home.has_journal());
    // The exit status says it for a dry run too.
    let home = Home::new(&[("a.rs", ITEM)]);
    assert_eq!(home.refactor(&order(&["--dry-run", "--check", "false"])).code, Some(1));
    assert_eq!(home.refactor(&order(&["--dry-run", "--check", "true"])).code, Some(0));
    let written = home.refactor(&["--resume", "--apply"]);
    assert!(
        written.out.starts_with("the result of an earlier run; files written: 1, skipped: 0\n"),
        "{written:?}"
    );
    assert_eq!((written.code, home.text("a.rs")), (Some(0), ITEM.replace("before", "after")), "{written:?}");
}

#[test]
fn named_ignored_files_are_copied_to_the_sandbox() {
    let check = "test -f gen/deep/made.rs && test -f .env && test ! -e gen/other.rs\n";
    let home =
        Home::new(&[("a.rs", ITEM), ("check.sh", check), (".gitignore", "gen/\n"), (".env", "TOKEN=1\n")]);
    home.write("gen/deep/made.rs", "");
    home.write("gen/other.rs", "");
    let check = order(&["--apply", "--check", "sh check.sh"]);
    assert_eq!(home.refactor(&check).code, Some(1));
    fs::create_dir_all(home.path(".config/phi-ls")).expect("a folder");
    let settings = "[refactor]\ncopy = [\"/gen/deep\", \".env\"]\n";
    fs::write(home.path(".config/phi-ls/phi-ls.toml"), settings).expect("a file");
    let run = home.refactor(&check);
    assert_eq!((run.code, home.text("a.rs")), (Some(0), ITEM.replace("before", "after")), "{run:?}");
}

#[test]
fn a_skipped_file_is_written_by_resume() {
    let home = Home::new(&[("a.rs", ITEM), ("b.rs", &ITEM.replace("fn f", "fn g"))]);
    let link = home.path("outside.rs");
    fs::hard_link(home.path("repository/b.rs"), &link).expect("a link");
    let run = home.refactor(&order(&["--apply"]));
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.contains("several names") && run.err.contains("--resume --apply"), "{run:?}");
    assert_eq!(home.text("a.rs"), ITEM.replace("before", "after"));
    assert!(home.has_journal(), "finished work is kept");
    let asked = home.asked();
    fs::remove_file(link).expect("removed");
    let run = home.refactor(&["--resume", "--apply"]);
    assert_eq!((run.code, home.asked()), (Some(0), asked), "{run:?}");
    assert!(home.text("b.rs").contains("after") && !home.has_journal());
}

#[test]
fn a_full_disk_loses_no_finished_item() {
    let long = format!("{ITEM}{}", "// More, so that the file is long.\n".repeat(8000));
    let home = Home::new(&[("a.rs", &long)]);
    // No file may be longer than 64 blocks; a longer write fails with an error, not with a signal.
    let program = env!("CARGO_BIN_EXE_phi-ls-scripted");
    let script = format!("trap '' XFSZ; ulimit -f 64; exec '{program}' refactor \"$@\"");
    let mut command = home.command("sh");
    command.args(["-c", &script, "sh"]).args(order(&["--apply"]));
    let run = Run::of(command.output().expect("a shell"));
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.contains("the finished rewrites are kept"), "{run:?}");
    assert_eq!(home.text("a.rs"), long);
    assert!(home.has_journal());
    let strangers = fs::read_dir(home.path("repository")).expect("a folder").flatten().count();
    assert_eq!(strangers, 2, "nothing is left behind");
    let asked = home.asked();
    assert_eq!(asked, 1);
    let run = home.refactor(&["--resume", "--apply"]);
    assert_eq!((run.code, home.asked()), (Some(0), asked), "{run:?}");
    assert_eq!(home.text("a.rs"), long.replace("before", "after"));
}

#[test]
fn a_damaged_journal_entry_is_generated_again() {
    let home = Home::new(&[("a.rs", ITEM), ("b.rs", &ITEM.replace("fn f", "fn g"))]);
    assert_eq!(home.refactor(&order(&["--dry-run"])).code, Some(0));
    assert_eq!(home.asked(), 2);
    let journal = home.journal();
    let text = fs::read_to_string(&journal).expect("a text");
    // In the first item's new text, and in what the run came to.
    let lines: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(at, line)| {
            if at == 2 || line.contains("\"made\"") {
                line.replace("after", "aftar")
            } else {
                line.to_owned()
            }
        })
        .collect();
    fs::write(&journal, lines.join("\n") + "\n").expect("written");
    let run = home.refactor(&["--resume", "--apply"]);
    assert_eq!((run.code, home.asked()), (Some(0), 3), "{run:?}");
    assert!(run.err.contains("2 entries of the journal are damaged"), "{run:?}");
    assert_eq!(home.text("a.rs"), ITEM.replace("before", "after"));
}

#[test]
fn a_damaged_journal_is_reported_with_its_path() {
    let home = Home::new(&[("a.rs", ITEM)]);
    assert_eq!(home.refactor(&order(&["--dry-run"])).code, Some(0));
    let journal = home.journal();
    let text = fs::read_to_string(&journal).expect("a text");
    for damaged in
        [text.replacen("phiLsJournal", "phiLsJourna|", 1), text.replacen("instruction", "instructio.", 1)]
    {
        fs::write(&journal, damaged).expect("written");
        let run = home.refactor(&["--resume", "--apply"]);
        let is_said = run.err.contains(&journal.display().to_string()) && run.err.contains("damaged");
        assert!(run.code == Some(1) && is_said, "{run:?}");
        assert_eq!(home.text("a.rs"), ITEM);
    }
    fs::remove_file(journal).expect("removed");
    let run = home.refactor(&["--resume", "--apply"]);
    assert!(run.code == Some(1) && run.err.contains("there is no unfinished refactoring"), "{run:?}");
}

#[test]
fn a_second_refactoring_is_refused() {
    let home = Home::new(&[("a.rs", ITEM)]);
    let go = home.path("go");
    let script = serde_json::json!([{"when": [], "waitFor": &go, "replace": [["before", "after"]]}]);
    fs::write(home.path("script.json"), script.to_string()).expect("a file");
    let mut first = home.command(env!("CARGO_BIN_EXE_phi-ls-scripted"));
    first.arg("refactor").args(order(&["--apply"])).stdout(Stdio::piped()).stderr(Stdio::piped());
    let first = first.spawn().expect("the program starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while home.asked() == 0 {
        assert!(Instant::now() < deadline, "the first run sends no prompt");
        std::thread::yield_now();
    }
    // A request to the model would be answered at once.
    let free = r#"[{"when": [], "replace": [["before", "after"], ["fn broken", "fn (("]]}]"#;
    fs::write(home.path("free.json"), free).expect("a file");
    let second = [order(&["--apply"]), vec!["--resume", "--apply"]].map(|arguments| {
        let mut command = home.command(env!("CARGO_BIN_EXE_phi-ls-scripted"));
        command.env("PHI_LS_SCRIPT", home.path("free.json")).arg("refactor").args(arguments);
        Run::of(command.output().expect("the program starts"))
    });
    fs::write(go, "").expect("a file");
    let first = Run::of(first.wait_with_output().expect("it ends"));
    for second in second {
        let said = "another refactoring of this repository runs; wait for it or end it";
        assert!(second.code == Some(1) && second.err.contains(said), "{second:?}");
    }
    assert_eq!((first.code, home.text("a.rs")), (Some(0), ITEM.replace("before", "after")), "{first:?}");
    // No change is left, which the output says too.
    let after = home.refactor(&order(&["--apply"]));
    assert!(after.code == Some(1) && after.err.contains("1 site: 0 changed"), "{after:?}");
}

#[test]
fn users_are_not_rewritten_where_the_definition_may_not_be_read() {
    let user = "from a import before\n\n\ndef total(w):\n    return before(w, 2)\n";
    let definition = "def before(w, h):\n    return w * h\n";
    let home = Home::new(&[("a.py", definition), ("b.py", user), (".gitignore", "a.py\n")]);
    let run = home.refactor(&["Rename.", "--symbol", "before", "--apply"]);
    assert_eq!((run.code, home.text("b.py").as_str()), (Some(1), user), "{run:?}");
    assert!(run.err.contains("a.py") && run.err.contains("may not be read"), "{run:?}");
    assert_eq!(home.asked(), 0);
}
