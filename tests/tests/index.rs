//! `phi-ls index` through the real program, and the server's command that answers the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use phi_tests::client::Client;
use serde_json::{Value, json};

/// A home folder, and a repository in it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        let home = Home(tempfile::tempdir().expect("a folder"));
        home.write(".git/HEAD", "ref: refs/heads/main\n");
        home.write("shape.py", "class Shape:\n    def area(self):\n        return self.width\n");
        home.write("main.py", "from shape import Shape\n\n\ndef total(shapes):\n    return sum(shape.area() for shape in shapes)\n");
        home.write(".gitignore", "build/\n");
        home.write("build/out.py", "def built(): pass\n");
        home.write(".env", "TOKEN=1\n");
        home.write("app.min.js", "x\n");
        home
    }

    fn repository(&self) -> PathBuf {
        self.0.path().canonicalize().expect("it is there").join("repository")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join("repository").join(path);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_phi-ls-under-test"));
        command.current_dir(self.repository()).env_clear().env("HOME", self.0.path());
        command.env("OLLAMA_MODELS", self.0.path().join("ollama"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().arg("index").args(arguments).output().expect("the program starts")
    }

    fn out(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out(&["--json"])).expect("JSON")
    }

    /// The saved index of the repository.
    fn saved(&self) -> Vec<PathBuf> {
        let folder = self.0.path().join(".cache/phi-ls/indexes");
        std::fs::read_dir(folder).expect("made").flatten().map(|entry| entry.path()).collect()
    }
}

/// The examples of a rule, by path.
fn left_out(overview: &Value, rule: &str) -> Vec<String> {
    let rules = overview["excluded"].as_array().expect("a list");
    let rule =
        rules.iter().find(|known| known["rule"] == rule).unwrap_or_else(|| panic!("no {rule}: {overview}"));
    let paths = rule["examples"].as_array().expect("a list").iter();
    let name = |path: &Value| {
        let path = Path::new(path.as_str().expect("a path"));
        path.file_name().expect("a name").to_string_lossy().into_owned()
    };
    paths.map(|example| name(&example["path"])).collect()
}

#[test]
fn it_prints_what_is_indexed_and_what_is_excluded() {
    let home = Home::new();
    let overview = home.json();
    assert_eq!(overview["folders"], json!([home.repository()]));
    assert_eq!((&overview["all"]["files"], &overview["all"]["lines"]), (&json!(2), &json!(8)));
    assert_eq!(overview["languages"]["python"]["files"], 2);
    assert!(overview["all"]["symbols"].as_u64() >= Some(3), "{overview}");
    assert!(overview["all"]["references"].as_u64() >= Some(2), "{overview}");
    assert_eq!(overview["all"]["imports"], 1);
    assert_eq!(overview["isCut"], false);
    assert!(overview["memory"]["index"].as_u64() > Some(0), "{overview}");
    assert!(overview["milliseconds"]["read"].as_f64().is_some(), "{overview}");
    assert_eq!(left_out(&overview, "ignored"), ["build"]);
    assert_eq!(left_out(&overview, "secret by name"), [".env"]);
    assert_eq!(left_out(&overview, "generated"), ["app.min.js"]);

    let text = home.out(&[]);
    assert!(text.starts_with("2 files, 8 lines, "), "{text}");
    let text = home.out(&["--stats"]);
    for part in ["python", "references", "process", "excluded", "build: `build/` in ", "secret by name"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Only what there is, and how much of it is not shown.
#[test]
fn statistics_have_no_empty_tables() {
    let home = Home::new();
    std::fs::create_dir_all(home.repository().join("empty/.git")).expect("a folder");
    let text = home.out(&["empty", "--stats"]);
    let (first, rest) = text.split_once('\n').expect("two lines");
    assert!(first.starts_with("0 files, 0 lines, 0 symbols in "), "{text}");
    assert_eq!(rest, "There are no text files to index here: completions use open documents only.\n");

    home.write("one/a.txt", "one line\n");
    home.write("one/.hidden", "x\n");
    let text = home.out(&["one"]);
    assert!(text.starts_with("1 file, 1 line, 0 symbols in "), "{text}");
    assert!(text.contains("\n1 file or folder was excluded; "), "{text}");

    for name in ["a", "b", "c", "d", "e"] {
        home.write(&format!("many/{name}.pem"), "x\n");
    }
    home.write("many/a.txt", "text\n");
    let text = home.out(&["many", "--stats"]);
    assert!(text.contains("secret by name  5  many/a.pem: ") && text.ends_with(" and 2 more\n"), "{text}");
}

#[test]
fn it_continues_from_the_saved_index() {
    let home = Home::new();
    let first = home.json();
    assert_eq!(home.saved().len(), 1);
    assert_eq!(home.json()["all"], first["all"]);
    home.write(
        "shape.py",
        "class Shape:\n    def area(self):\n        return 1\n\n    def girth(self):\n        return 2\n",
    );
    std::fs::remove_file(home.repository().join("main.py")).expect("removed");
    home.write("new.py", "def new():\n    pass\n");
    let changed = home.json();
    assert_eq!((&changed["all"]["files"], &changed["all"]["lines"]), (&json!(2), &json!(8)));
    // A damaged index is built again without a message.
    for saved in home.saved() {
        std::fs::write(saved, "no index").expect("written");
    }
    let output = home.run(&["--json"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let anew: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&anew["all"], &anew["languages"]), (&changed["all"], &changed["languages"]));
}

#[test]
fn errors_are_printed() {
    let home = Home::new();
    let fails = |arguments: &[&str], code: i32, message: &str| {
        let output = home.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(code), &[][..]), "{error}");
        assert!(error.contains(message), "{error}");
    };
    fails(&["none"], 1, "phi-ls: none: there is no such folder");
    fails(&["shape.py"], 1, "phi-ls: shape.py is a file, not a folder. Try `phi-ls index .`");
    fails(&["--no-such"], 2, "unexpected argument");
}

#[tokio::test]
async fn the_server_command_prints_the_same() {
    let home = Home::new();
    let mut command = tokio::process::Command::from(home.command());
    let mut client = Client::spawn(command.arg("serve"));
    client.initialize_in(&[&home.repository()], json!({})).await;
    // It is read in the background.
    let end = Instant::now() + Duration::from_secs(60);
    let overview = loop {
        let overview = client.execute("phi-ls.index", json!([])).await.expect("an overview");
        if overview["all"]["files"] == 2 && overview["excluded"] != json!([]) {
            break overview;
        }
        assert!(Instant::now() < end, "it is not read: {overview}");
    };
    assert_eq!(left_out(&overview, "secret by name"), [".env"]);
    client.shutdown().await;
    let alone = home.json();
    assert_eq!((&overview["all"], &overview["excluded"]), (&alone["all"], &alone["excluded"]));
}

/// A pipe without a writer: opening it would block for ever.
#[cfg(unix)]
#[test]
fn a_pipe_as_git_configuration_does_not_block() {
    let home = Home::new();
    let made = Command::new("mkfifo").arg(home.0.path().join(".gitconfig")).status();
    assert!(made.expect("mkfifo is part of every Unix").success());
    assert!(home.out(&[]).contains("2 files"));
}
