//! A check command and all processes that it starts end with phi-ls: when the client disconnects from the server, when the user
//! interrupts the command line, and when either program is killed.
//!
//! Each process of the check keeps a pipe open. When the test reads the end of the pipe, no process is left.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use phi_tests::client::{Client, program};
use phi_tests::until;
use serde_json::json;

/// A bound that only a hanging test reaches.
const TOO_LONG: Duration = Duration::from_secs(60);

/// A home folder, and a repository in it in which a function is to be renamed.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Machine {
        let machine = Machine(tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(machine.repository().join(".git")).expect("a folder");
        fs::write(machine.repository().join("a.rs"), "fn area() {\n    draw();\n}\n").expect("a file");
        let script = r#"[{"when": [], "replace": [["area", "surface"]]}]"#;
        fs::write(machine.path("script.json"), script).expect("a file");
        let made = Command::new("mkfifo").arg(machine.path("open")).status().expect("mkfifo runs");
        assert!(made.success());
        machine
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().canonicalize().expect("it is there").join(below)
    }

    fn repository(&self) -> PathBuf {
        self.path("repository")
    }

    fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("HOME", self.path("")),
            ("PATH", std::env::var_os("PATH").expect("it is set").into()),
            ("PHI_LS_SCRIPT", self.path("script.json")),
        ]
    }

    /// One process in the process group of the command, one in another group, and one that is not recognisable as a child
    /// of the command: the watchdog finds it only as a child subreaper.
    fn check(&self) -> [String; 3] {
        let lost = match cfg!(target_os = "linux") {
            true => "(env -i PATH=$PATH setsid sleep 1000 &)",
            false => ":",
        };
        let open = self.path("open");
        let script = format!("exec 3>'{}'; {lost}; set -m; sleep 1000 & exec sleep 1000", open.display());
        ["sh".to_owned(), "-c".to_owned(), script]
    }

    /// The command line that runs a check.
    fn refactor(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_phi-ls-scripted"));
        command.args(["refactor", "Rename area to surface.", "--paths", "*.rs", "--check"]);
        let [shell, option, script] = self.check();
        command.arg(format!("{shell} {option} \"{script}\"")).current_dir(self.repository());
        command.env_clear().envs(self.environment()).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
    }

    /// Waits until no sandbox copy is left.
    async fn loses_its_copy(&self) {
        until("the copy to be removed", || self.copies() == 0).await;
    }

    /// The number of sandbox copies that are left.
    fn copies(&self) -> usize {
        fs::read_dir(self.path(".cache/phi-ls/refactorings/copies")).expect("made").count()
    }
}

/// The result of `wait`, which runs on its own thread and is abandoned when it takes too long.
async fn in_time<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static, what: &str) -> T {
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || done.send(wait()));
    tokio::time::timeout(TOO_LONG, result).await.expect(what).expect("no panic")
}

/// Waits until a process has the pipe open, calls `stop` to end the program, then waits until no process has it open.
async fn ends(pipe: PathBuf, stop: impl Future<Output = ()>) {
    let mut open = in_time(|| File::open(pipe), "the check runs").await.expect("opened");
    stop.await;
    let read = move || open.read_to_end(&mut Vec::new());
    assert_eq!(in_time(read, "no process of the check lives on").await.expect("readable"), 0);
}

#[tokio::test]
async fn the_check_ends_with_the_server() {
    let machine = Machine::new();
    let mut server = program(env!("CARGO_BIN_EXE_phi-ls-scripted"));
    server.env_clear().envs(machine.environment());
    let mut client = Client::spawn(&mut server);
    client.initialize_in(&[&machine.repository()], json!({})).await;
    let order =
        json!({"instruction": "Rename area to surface.", "paths": ["*.rs"], "check": machine.check()});
    // The plan is empty until the repository is indexed.
    let end = Instant::now() + TOO_LONG;
    let plan = loop {
        match client.execute("phi-ls.refactor", json!([{"plan": order}])).await {
            Ok(plan) => break plan,
            Err(error) => assert!(Instant::now() < end, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    client.begin("phi-ls.refactor", json!([{"run": plan, "preview": true}])).await;
    ends(machine.path("open"), async {
        client.close().await;
        client.end().await;
    })
    .await;
}

#[tokio::test]
async fn the_check_ends_with_the_command_line() {
    let machine = Machine::new();
    let mut program = machine.refactor();
    ends(machine.path("open"), async {
        let interrupted = Command::new("kill").args(["-INT", &program.id().to_string()]).status();
        assert!(interrupted.expect("kill runs").success());
        let status = program.wait().expect("it ends");
        assert_eq!(status.code(), Some(130));
    })
    .await;
    assert_eq!(machine.copies(), 0, "the copy is removed");
}

#[tokio::test]
async fn the_check_ends_with_a_killed_program() {
    let machine = Machine::new();
    let mut program = machine.refactor();
    ends(machine.path("open"), async {
        assert_eq!(machine.copies(), 1);
        program.kill().expect("it is killed");
        program.wait().expect("it ends");
    })
    .await;
    machine.loses_its_copy().await;
}

#[tokio::test]
async fn a_leftover_sandbox_copy_is_removed_at_the_next_start() {
    let machine = Machine::new();
    let left = machine.path("").join(".cache/phi-ls/refactorings/copies/check-left");
    fs::create_dir_all(left.join("tree")).expect("a folder");
    fs::write(left.join("in-use"), "").expect("a file");
    let mut server = program(env!("CARGO_BIN_EXE_phi-ls-scripted"));
    let mut client = Client::spawn(server.env_clear().envs(machine.environment()));
    client.initialize(json!({})).await;
    machine.loses_its_copy().await;
    client.shutdown().await;
}

#[tokio::test]
async fn a_check_that_cannot_start_is_reported() {
    let machine = Machine::new();
    // It is there, which is all that is looked at before the work begins.
    fs::write(machine.repository().join("no-program"), "").expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_phi-ls-scripted"));
    command.args([
        "refactor",
        "Rename area to surface.",
        "--paths",
        "*.rs",
        "--json",
        "--check",
        "./no-program",
    ]);
    command.current_dir(machine.repository()).env_clear().envs(machine.environment());
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    let note = report["check"]["note"].as_str().expect("a note");
    let expected =
        "it could not be run: the check command `./no-program` cannot be started: Permission denied";
    assert!(note.starts_with(expected), "{note}");
}
