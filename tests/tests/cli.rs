//! The command line, through the real program, with its own home folder.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};
use phi_tests::{tiny_model, workspace};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A home folder, and a repository in it.
struct Machine {
    folder: tempfile::TempDir,
}

/// The result of a run. The home folder is written as `~`.
#[derive(Debug)]
struct Outcome {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Machine {
    fn new() -> Machine {
        let machine = Machine { folder: tempfile::tempdir().expect("a folder") };
        std::fs::create_dir_all(machine.path("repository/.git")).expect("a folder");
        machine
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    /// Runs the program in the repository.
    fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(&[], arguments)
    }

    /// The same with these variables in the environment.
    fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Outcome {
        let home = self.folder.path();
        let output = Command::new(env!("CARGO_BIN_EXE_phi-ls-under-test"))
            .args(arguments)
            .current_dir(self.path("repository"))
            .env_clear()
            .env("HOME", home)
            .env("OLLAMA_MODELS", home.join("ollama"))
            .envs(variables.iter().copied())
            .output()
            .expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&home.display().to_string(), "~");
        Outcome { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Runs it, expecting success.
    fn out(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
        outcome.out
    }

    /// Runs it, expecting this exit code and message.
    fn fails(&self, arguments: &[&str], code: i32, message: Expect) {
        let outcome = self.run(arguments);
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(code), ""), "{arguments:?}: {outcome:?}");
        message.assert_eq(&outcome.err);
    }

    fn with_sources() -> Machine {
        let machine = Machine::new();
        let body = "    total = sum(line.price for line in order.lines)\n    return round(total, 2)\n";
        machine.write("repository/a.py", &format!("def gross(order):\n{body}"));
        machine.write("repository/b.py", &format!("def total_of(order):\n{body}"));
        let begun = "def net(order):\n    total = sum(line.price for line in order.lines)\n    ret\n";
        machine.write("repository/src/c.py", begun);
        machine.write("repository/.env", "TOKEN=1\n");
        machine
    }

    /// A model that runs, at this path.
    fn write_model(&self, path: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        tiny_model::write(&path).expect("a model");
    }
}

#[test]
fn help_explains_the_first_steps() {
    expect![[r#"
        A language server that completes and refactors code with a language model on
        your machine.

        Editors start `phi-ls serve`. `phi-ls model pull` downloads Phi-3.5-mini;
        without a model a built-in n-gram model completes from the text of your
        workspace.

        Usage: phi-ls <COMMAND>

        Commands:
          serve     Run the language server on stdin and stdout; editors start it
          complete  Print the completion at a position in a file
          refactor  Refactor the whole repository with an instruction
          index     Index a folder and print statistics
          context   Print the prompt's context at a position in a file
          model     List the models on this machine, or choose one
          doctor    Check the setup and suggest fixes
          eval      Measure the quality of answers on your repository
          settings  Print all settings, their defaults and descriptions, as Markdown
          demo      Run a short session in a sample repository over the protocol
          help      Print this message or the help of the given subcommand(s)

        Options:
          -h, --help
                  Print help (see a summary with '-h')

          -V, --version
                  Print version

        Examples:
          phi-ls demo                       a short demonstration
          phi-ls doctor                     check the setup
          phi-ls complete src/main.rs:12:8  the completion an editor would show there
          phi-ls model use phi3.5           use the model that Ollama pulled

        Exit codes: 0 success, 1 failure (see stderr), 2 invalid arguments.
    "#]]
    .assert_eq(&Machine::new().out(&["--help"]));
    let machine = Machine::new();
    assert!(machine.out(&["--version"]).starts_with("phi-ls "));
    let all: [&[&str]; 14] = [
        &[],
        &["serve"],
        &["complete"],
        &["refactor"],
        &["index"],
        &["context"],
        &["model"],
        &["model", "list"],
        &["model", "use"],
        &["doctor"],
        &["eval", "completion"],
        &["eval", "edits"],
        &["settings"],
        &["demo"],
    ];
    for command in all {
        for help in ["-h", "--help"] {
            let text = machine.out(&[command, &[help]].concat());
            let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{command:?} {help} is wider than a terminal: {wide:#?}");
        }
    }
    for command in ["serve", "complete", "refactor", "index", "model", "doctor", "settings", "demo"] {
        assert!(machine.out(&[command, "--help"]).contains("Usage: "), "{command}");
    }
}

/// Somebody starts the server in a terminal.
#[test]
fn a_server_without_a_client_says_who_starts_it() {
    let machine = Machine::new();
    for input in ["", "hello\n"] {
        machine.write("input", input);
        let input = std::fs::File::open(machine.path("input")).expect("a file");
        let (code, message) = machine.run_into(&["serve"], input, Stdio::null(), Stdio::piped());
        expect![[r#"
            phi-ls: the connection ended before a client sent the LSP message `initialize`. Editors start `phi-ls serve`; `phi-ls --help` lists the commands for a terminal
        "#]]
        .assert_eq(&message);
        assert_eq!(code, Some(1));
    }
}

#[test]
fn complete_prints_what_an_editor_would_insert() {
    let machine = Machine::with_sources();
    expect![[r#"
        urn round(total, 2)
    "#]]
    .assert_eq(&machine.out(&["complete", "src/c.py:3:8"]));
    let json: Value =
        serde_json::from_str(&machine.out(&["complete", "src/c.py:3:8", "--json"])).expect("JSON");
    assert_eq!(json["completion"]["text"], "urn round(total, 2)");
    assert_eq!(json["completion"]["replaces"]["from"], serde_json::json!({ "line": 3, "column": 8 }));
    assert_eq!(json["model"], "n-gram");
    assert!(json["milliseconds"].as_f64().is_some_and(|time| time > 0.0), "{json}");
    let prompt = machine.out(&["complete", "src/c.py:3:8", "--show-prompt"]);
    assert!(prompt.ends_with("order.lines)\n    ret\n"), "{prompt}");
}

#[test]
fn complete_prints_errors() {
    let machine = Machine::with_sources();
    machine.write("repository/empty.py", "\n");
    // Joined here, so that this file holds nothing that looks like a secret.
    machine.write("repository/key.py", &format!("KEY = 'AKIA{}'\n", "Q7ZJ3MWT5XNC2VBD"));
    for arguments in [&["complete", "key.py:1:1"][..], &["context", "key.py:1:1"]] {
        let message = machine.run(arguments).err;
        assert_eq!(message.matches("shown to a model").count(), 1, "{message}");
        assert!(message.contains("key.py") && message.contains("line 1 contains"), "{message}");
    }
    machine.fails(
        &["complete", "none.py:1:1"],
        1,
        expect![[r#"
            phi-ls: none.py: there is no such file; paths are relative to the current folder
        "#]],
    );
    machine.fails(
        &["complete", "src:1:1"],
        1,
        expect![[r#"
            phi-ls: src: this is a folder, not a file
        "#]],
    );
    machine.fails(
        &["complete", ".env:1:7"],
        1,
        expect![[r#"
            phi-ls: no suggestion at .env:1:7: this file is not shown to a model: files like `.env` may hold secrets
        "#]],
    );
    machine.fails(
        &["complete", "src/c.py:9:1"],
        1,
        expect![[r#"
            phi-ls: src/c.py has 4 lines, so there is no line 9
        "#]],
    );
    machine.fails(
        &["complete", "src/c.py:2:99"],
        1,
        expect![[r#"
            phi-ls: line 2 of src/c.py has 51 characters, so the last column is 52, not 99
        "#]],
    );
    machine.fails(
        &["complete", "empty.py:1:1"],
        1,
        expect![[r#"
            phi-ls: no suggestion at empty.py:1:1: no model is loaded, and the n-gram model is not sure how this goes on
        "#]],
    );
    machine.fails(
        &["complete", "src/c.py:3:8", "--model", "gone.gguf"],
        1,
        expect![[r#"
            phi-ls: there is no file and no model `gone.gguf`; `phi-ls model list` lists the models
        "#]],
    );
    machine.fails(&["complete", "src/c.py"], 2, expect![[r#"
        error: invalid value 'src/c.py' for '<FILE:LINE:COL>': expected FILE:LINE:COL, for example src/main.rs:12:8

        For more information, try '--help'.
    "#]]);
}

#[test]
fn binary_and_unreadable_files_are_named() {
    let machine = Machine::with_sources();
    machine.write("repository/data.bin", "a\0b");
    std::fs::write(machine.path("repository/latin.txt"), b"caf\xe9").expect("a file");
    machine.fails(
        &["complete", "data.bin:1:1"],
        1,
        expect![[r#"
            phi-ls: data.bin: it is not a text file
        "#]],
    );
    machine.fails(
        &["complete", "latin.txt:1:1"],
        1,
        expect![[r#"
            phi-ls: latin.txt: it is not UTF-8 text; convert it to UTF-8
        "#]],
    );
    machine.fails(
        &["context", ".env:1:1"],
        1,
        expect![[r#"
            phi-ls: .env: this file is not shown to a model: files like `.env` may hold secrets
        "#]],
    );
    machine.fails(
        &["index", "none"],
        1,
        expect![[r#"
        phi-ls: none: there is no such folder
    "#]],
    );
    machine.fails(
        &["refactor", "Log it.", "--symbol", "net"],
        1,
        expect![[r#"
        phi-ls: this needs a model: `phi-ls model pull` downloads one; `phi-ls doctor` says more
    "#]],
    );
}

#[test]
fn paths_can_be_opened_from_where_the_program_runs() {
    let machine = Machine::with_sources();
    let context = machine.out(&["context", "src/c.py:3:8"]);
    let places = context
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().find(|word| word.contains(".py:"))?.split(':').next());
    let places: Vec<_> = places.collect();
    assert!(!places.is_empty(), "{context}");
    for place in places {
        assert!(machine.path("repository").join(place).is_file(), "{place} in {context}");
    }
}

#[test]
fn model_options_take_the_same_values_everywhere() {
    let machine = Machine::with_sources();
    machine.write_model(".lmstudio/models/me/tiny/tiny.gguf");
    let model = |value: &str| -> Value {
        let outcome = machine.run(&["complete", "src/c.py:3:8", "--json", "--model", value]);
        let json: Value = serde_json::from_str(&outcome.out).unwrap_or_else(|_| panic!("{outcome:?}"));
        json["model"].clone()
    };
    assert_eq!(model("none"), "n-gram");
    assert_eq!(model("auto"), "me/tiny/tiny.gguf");
    assert_eq!(model("me/tiny/tiny.gguf"), "me/tiny/tiny.gguf", "by its name");
    assert_eq!(model("~/.lmstudio/models/me/tiny/tiny.gguf"), "me/tiny/tiny.gguf", "by its path");
    for command in [
        &["complete", "src/c.py:3:8"][..],
        &["context", "src/c.py:3:8"],
        &["refactor", "Log it.", "--symbol", "net"],
        &["eval", "completion"],
        &["eval", "edits"],
        &["demo"],
    ] {
        let outcome = machine.run(&[command, &["--model", "phi9"]].concat());
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let expected = "phi-ls: there is no file and no model `phi9`; `phi-ls model list` lists the models\n";
        assert_eq!(outcome.err, expected, "{command:?}");
    }
}

#[test]
fn the_advice_for_a_missing_model_works() {
    let machine = Machine::with_sources();
    let gone = [("PHI_LS_MODEL", "/nope")];
    let outcome = machine.run_with(&gone, &["complete", "src/c.py:3:8"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    expect![[r#"
        phi-ls: PHI_LS_MODEL: /nope: No such file or directory (os error 2); check that the file exists and may be read
        `phi-ls model list` lists the models; `--model auto` uses the first usable one, `--model none` only the n-gram model
    "#]].assert_eq(&outcome.err);
    let outcome = machine.run_with(&gone, &["complete", "src/c.py:3:8", "--model", "auto"]);
    assert_eq!(outcome.code, Some(0), "as that says: {outcome:?}");
    let outcome = machine.run_with(&gone, &["doctor"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.out.contains("Unset PHI_LS_MODEL, or run `phi-ls model use auto`"), "{}", outcome.out);
    assert_eq!(machine.run_with(&gone, &["model", "use", "auto"]).code, Some(0));
    let outcome = machine.run_with(&gone, &["doctor"]);
    assert_eq!(outcome.code, Some(0), "as that says: {outcome:?}");
    machine.out(&["model", "use", "none"]);
    expect![[r#"
        No model is used, because model.path is `none`; `phi-ls model use auto` uses the first usable one.
    "#]]
    .assert_eq(&machine.out(&["model", "list"]));
}

#[test]
fn a_name_without_a_model_says_how_to_get_one() {
    let machine = Machine::with_sources();
    let uses = |name: &str| machine.run(&["model", "use", name]).err;
    expect![[r#"
        phi-ls: there is no file and no model `smollm2-135m`; `phi-ls model pull smollm2-135m` downloads it
    "#]]
    .assert_eq(&uses("smollm2-135m"));
    expect![[r#"
        phi-ls: there is no file and no model `qwen2.5-coder`; `phi-ls model pull qwen2.5-coder-3b`, `phi-ls model pull qwen2.5-coder-1.5b` or `phi-ls model pull qwen2.5-coder-0.5b` downloads it
    "#]].assert_eq(&uses("qwen2.5-coder"));
    expect![[r#"
        phi-ls: there is no file and no model `SmolLM2-135M-Instruct`; `phi-ls model pull smollm2-135m` downloads it
    "#]]
        .assert_eq(&machine.run(&["complete", "a.py:1:1", "--model", "SmolLM2-135M-Instruct"]).err);
    expect![[r#"
        phi-ls: no model is called `phi3.5`; did you mean `phi-3.5-mini`? Other files: hf:OWNER/REPOSITORY/FILE.gguf, or an http(s) address
    "#]].assert_eq(&machine.run(&["model", "pull", "phi3.5"]).err);
    let outcome = machine.run(&["model", "use", "auto"]);
    assert_eq!(outcome.code, Some(0));
    expect![[r#"
        No model is used: the n-gram model completes from the text of the workspace.
        `phi-ls model pull` downloads Phi-3.5-mini (2.4 GB); `ollama pull phi3.5` also works,
        and `phi-ls model use PATH` chooses a GGUF file (in ~/.cache/phi-ls/models, for example).
        model.path was not set; the new value is in ~/.config/phi-ls/phi-ls.toml. Restart the server in your editor.
    "#]].assert_eq(&outcome.err);
    std::fs::create_dir(machine.path("folder")).expect("a folder");
    expect![[r#"
        phi-ls: ~/folder has no config.json; name a folder with config.json, tokenizer.json and safetensors files, or a .gguf file
    "#]].assert_eq(&uses("../folder"));

    machine.write_model(".cache/phi-ls/models/SmolLM2-135M-Instruct-Q4_K_M.gguf");
    expect![[r#"
        phi-ls: there is no file and no model `smollm2-135m`; did you mean `SmolLM2-135M-Instruct-Q4_K_M.gguf`?
    "#]].assert_eq(&uses("smollm2-135m"));
    assert_eq!(
        machine.out(&["model", "use", "auto"]),
        "~/.cache/phi-ls/models/SmolLM2-135M-Instruct-Q4_K_M.gguf\n"
    );
}

#[test]
fn every_configured_model_is_listed_and_its_path_is_absolute() {
    let machine = Machine::new();
    machine.write_model("own/tiny.gguf");
    let environment = [("PHI_LS_MODEL", "/nope.gguf")];
    let list = || machine.run_with(&environment, &["model", "list"]).out;
    machine.out(&["model", "use", "./../own/../own/tiny.gguf"]);
    expect![[r#"
           MODEL      SOURCE        SIZE  WEIGHTS  FAMILY  FORMAT  CONTEXT  PATH
        *  tiny.gguf  model.path    4 MB           phi3    chat    131072   ~/own/tiny.gguf
           nope.gguf  PHI_LS_MODEL  -     -        -       -       -        /nope.gguf

        Not usable:
          nope.gguf: /nope.gguf: No such file or directory (os error 2); check that the file exists and may be read
    "#]].assert_eq(&list());
    machine.out(&["model", "use", "none"]);
    expect![[r#"
          MODEL      SOURCE        SIZE  WEIGHTS  FAMILY  FORMAT  CONTEXT  PATH
          nope.gguf  PHI_LS_MODEL  -     -        -       -       -        /nope.gguf

        Not usable:
          nope.gguf: /nope.gguf: No such file or directory (os error 2); check that the file exists and may be read

        No model is used, because model.path is `none`; `phi-ls model use auto` uses the first usable one.
    "#]].assert_eq(&list());
    machine.out(&["model", "use", "auto"]);
    expect![[r#"
          MODEL      SOURCE        SIZE  WEIGHTS  FAMILY  FORMAT  CONTEXT  PATH
          nope.gguf  PHI_LS_MODEL  -     -        -       -       -        /nope.gguf

        Not usable:
          nope.gguf: /nope.gguf: No such file or directory (os error 2); check that the file exists and may be read

        No model is used: the n-gram model completes from the text of the workspace.
        `phi-ls model pull` downloads Phi-3.5-mini (2.4 GB); `ollama pull phi3.5` also works,
        and `phi-ls model use PATH` chooses a GGUF file (in ~/.cache/phi-ls/models, for example).
    "#]].assert_eq(&list());
}

#[test]
fn models_are_found_chosen_and_used() {
    let machine = Machine::with_sources();
    expect![[r#"
        No model is used: the n-gram model completes from the text of the workspace.
        `phi-ls model pull` downloads Phi-3.5-mini (2.4 GB); `ollama pull phi3.5` also works,
        and `phi-ls model use PATH` chooses a GGUF file (in ~/.cache/phi-ls/models, for example).
    "#]]
    .assert_eq(&machine.out(&["model", "list"]));
    machine.write_model(".lmstudio/models/me/tiny/tiny.gguf");
    machine.write_model(".cache/phi-ls/models/own.gguf");
    machine.write(".cache/llama.cpp/broken.gguf", "GGUF");
    expect![[r#"
           MODEL              SOURCE     SIZE  WEIGHTS  FAMILY  FORMAT  CONTEXT  PATH
        *  own.gguf           phi-ls     4 MB           phi3    chat    131072   ~/.cache/phi-ls/models/own.gguf
           broken.gguf        llama.cpp  4 B   -        -       -       -        ~/.cache/llama.cpp/broken.gguf
           me/tiny/tiny.gguf  LM Studio  4 MB           phi3    chat    131072   ~/.lmstudio/models/me/tiny/tiny.gguf

        Not usable:
          broken.gguf: ~/.cache/llama.cpp/broken.gguf: `version` needs 4 bytes at byte 4, but only 0 are left; the file is damaged or incomplete: download it again
    "#]].assert_eq(&machine.out(&["model", "list"]));

    machine.fails(&["model", "use", "broken.gguf"], 1, expect![[r#"
        phi-ls: ~/.cache/llama.cpp/broken.gguf: `version` needs 4 bytes at byte 4, but only 0 are left; the file is damaged or incomplete: download it again
    "#]]);
    machine.write(".config/phi-ls/phi-ls.toml", "# mine\n[log]\nlevel = \"warn\" # quiet\n");
    assert_eq!(machine.out(&["model", "use", "me/tiny/tiny.gguf"]), "~/.lmstudio/models/me/tiny/tiny.gguf\n");
    let settings = std::fs::read_to_string(machine.path(".config/phi-ls/phi-ls.toml")).expect("written");
    assert!(settings.starts_with("# mine\n[log]\nlevel = \"warn\" # quiet\n"), "{settings}");
    let json: Value = serde_json::from_str(&machine.out(&["model", "list", "--json"])).expect("JSON");
    let used: Vec<_> =
        json.as_array().expect("a list").iter().filter(|model| model["used"] == true).collect();
    assert_eq!((used.len(), &used[0]["name"]), (1, &Value::from("me/tiny/tiny.gguf")));

    // A model with random weights may generate no text.
    let outcome = machine.run(&["complete", "src/c.py:3:8", "--json"]);
    let json: Value = serde_json::from_str(&outcome.out).expect("JSON");
    assert_eq!(json["model"], "me/tiny/tiny.gguf");
    assert!(json["tokens"]["prompt"].as_u64() > json["tokens"]["cached"].as_u64(), "{json}");

    machine.out(&["model", "use", "none"]);
    let json: Value =
        serde_json::from_str(&machine.out(&["complete", "src/c.py:3:8", "--json"])).expect("JSON");
    assert_eq!(json["model"], "n-gram");
}

impl Machine {
    /// With code that has holes, and an empty folder for temporary files.
    fn to_write() -> Machine {
        let machine = Machine::with_sources();
        let function =
            |number| format!("def count_{number}(order):\n    count = len(order)\n    return count\n\n\n");
        machine.write("repository/d.py", &(0..9).map(function).collect::<String>());
        std::fs::create_dir(machine.path("temporary")).expect("a folder");
        machine
    }

    /// Runs it with these streams; its exit code and what it wrote to stderr, if that is a pipe.
    fn run_into(
        &self,
        arguments: &[&str],
        stdin: impl Into<Stdio>,
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
    ) -> (Option<i32>, String) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_phi-ls-under-test"))
            .args(arguments)
            .current_dir(self.path("repository"))
            .env_clear()
            .env("HOME", self.path(""))
            .env("OLLAMA_MODELS", self.path("ollama"))
            .env("TMPDIR", self.path("temporary"))
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .expect("the program starts");
        drop(program.stdout.take());
        let output = program.wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Subcommands that write to stdout.
const WRITING: [&[&str]; 15] = [
    &["complete", "src/c.py:3:8"],
    &["complete", "src/c.py:3:8", "--json"],
    &["complete", "src/c.py:3:8", "--show-prompt"],
    &["context", "src/c.py:3:8"],
    &["context", "src/c.py:3:8", "--json"],
    &["index"],
    &["index", "--stats"],
    &["model", "list"],
    &["model", "use", "--help"],
    &["doctor", "--json"],
    &["eval", "completion"],
    &["eval", "completion", "--retrieval", "--json"],
    &["settings"],
    &["demo"],
    &["--version"],
];

/// As `| head -1` does.
#[test]
fn a_closed_stdout_ends_the_program_quietly() {
    let machine = Machine::to_write();
    for arguments in WRITING {
        // The pipe has no reader before the program starts.
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = machine.run_into(arguments, Stdio::null(), writer, Stdio::piped());
        assert_eq!(ended, (Some(0), String::new()), "{arguments:?}");
    }
    let left = std::fs::read_dir(machine.path("temporary")).expect("the folder");
    let left: Vec<_> = left.map(|entry| entry.expect("readable").file_name()).collect();
    let demos = left.iter().filter(|name| name.to_string_lossy().contains("demo"));
    assert_eq!(demos.count(), 0, "{left:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_no_panic() {
    let machine = Machine::to_write();
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("a device");
    for arguments in WRITING {
        let (code, message) = machine.run_into(arguments, Stdio::null(), full(), Stdio::piped());
        assert_eq!(code, Some(1), "{arguments:?}: {message}");
        assert!(message.starts_with("phi-ls: stdout: "), "{arguments:?}: {message}");
    }
    // A message that cannot be written changes no exit code.
    for (arguments, code) in [
        (&["complete", "none.py:1:1"][..], 1),
        (&["complete", "src/c.py:3:1", "--no-such"], 2),
        (&["model", "use", "none"], 0),
        (&["settings"], 1),
    ] {
        assert_eq!(machine.run_into(arguments, Stdio::null(), full(), full()).0, Some(code), "{arguments:?}");
    }
}

#[test]
fn a_refactoring_names_what_is_wrong_with_its_options_before_it_begins() {
    let machine = Machine::with_sources();
    // One pattern for each option: what follows is the instruction.
    machine.fails(
        &["refactor", "--paths", "*.py", "Log it.", "--symbol", "net"],
        1,
        expect![[r#"
            phi-ls: this needs a model: `phi-ls model pull` downloads one; `phi-ls doctor` says more
        "#]],
    );
    machine.fails(
        &["refactor", "Log it.", "--symbol", "net", "--check", "no-such-program --quick"],
        1,
        expect![[r#"
            phi-ls: there is no program `no-such-program` for the check (--check)
        "#]],
    );
}

/// Serves one file of a Hugging Face repository: the hash in answer to HEAD, the content in answer to GET.
fn serve_model(content: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let sha256: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    let head = format!(
        "HTTP/1.1 200 OK\r\nx-linked-etag: \"{sha256}\"\r\nx-linked-size: {0}\r\ncontent-length: {0}\r\nconnection: close\r\n\r\n",
        content.len()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
            let request: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            stream.write_all(head.as_bytes()).expect("an open connection");
            if request[0].starts_with("GET ") {
                stream.write_all(&content).expect("an open connection");
            }
        }
    });
    url
}

#[test]
fn a_model_is_downloaded_and_used() {
    let machine = Machine::with_sources();
    machine.write_model("published.gguf");
    let hub = serve_model(std::fs::read(machine.path("published.gguf")).expect("a model"));
    let pull = |arguments: &[&str]| {
        machine.run_with(&[("HF_ENDPOINT", &hub)], &[&["model", "pull"], arguments].concat())
    };
    let outcome = pull(&[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.out, "~/.cache/phi-ls/models/Phi-3.5-mini-instruct-Q4_K_M.gguf\n");
    assert!(outcome.err.contains("(checked)"), "{outcome:?}");
    assert!(outcome.err.contains("uses it from the next start"), "{outcome:?}");
    assert!(machine.out(&["model", "list"]).contains("*  Phi-3.5-mini-instruct-Q4_K_M.gguf"));
    let outcome = pull(&[]);
    assert!(outcome.err.contains("was there already"), "{outcome:?}");
    let outcome = pull(&["hf:me/mine/other.gguf"]);
    assert!(outcome.err.contains("To use it: phi-ls model use other.gguf"), "{outcome:?}");

    let outcome = pull(&["--sha256", "12"]);
    assert_eq!((outcome.code, &*outcome.err), (Some(1), "phi-ls: --sha256 takes 64 hexadecimal digits\n"));
    expect![[r#"
        phi-ls: no model is called `gpt`; the names are phi-3.5-mini, qwen2.5-coder-3b, qwen2.5-coder-1.5b, qwen2.5-coder-0.5b, smollm2-135m. Other files: hf:OWNER/REPOSITORY/FILE.gguf, or an http(s) address
    "#]]
    .assert_eq(&pull(&["gpt"]).err);
    expect![[r#"
        Download a model into phi-ls's own model folder

        Usage: phi-ls model pull [OPTIONS] [NAME|hf:FILE|URL]

        Arguments:
          [NAME|hf:FILE|URL]  A name of the list below,
                              hf:OWNER/REPOSITORY/FILE.gguf[@REVISION], or an http(s)
                              address [default: phi-3.5-mini]

        Options:
              --sha256 <HEX>  The SHA-256 that the file must have; files of Hugging Face
                              repositories are always checked
          -h, --help          Print help

        NAME                SIZE    LICENCE        GOOD AT
        phi-3.5-mini        2.4 GB  MIT            everything; phi-ls is made for it
        qwen2.5-coder-3b    2.1 GB  Qwen Research  completions; no commercial use
        qwen2.5-coder-1.5b  1.1 GB  Apache-2.0     completions on few cores
        qwen2.5-coder-0.5b  490 MB  Apache-2.0     completions of a line
        smollm2-135m        105 MB  Apache-2.0     a first try; too small to help

        A model needs memory for its size and for the setting model.kvMegabytes. A
        download that was interrupted continues where it ended. Environment variables:
        HF_ENDPOINT (another Hugging Face server), HF_TOKEN (for models that need an
        account), HTTPS_PROXY, HTTP_PROXY, NO_PROXY.
    "#]]
    .assert_eq(&machine.out(&["model", "pull", "--help"]));
}

#[test]
fn doctor_prints_what_is_missing_and_how_to_fix_it() {
    let machine = Machine::with_sources();
    let masked = |out: &str| {
        // Text that differs between machines.
        let line = |line: &str| {
            if line.contains(" machine ") { "     ok  machine".to_owned() } else { line.to_owned() }
        };
        out.replace(env!("CARGO_PKG_VERSION"), "VERSION")
            .lines()
            .map(|own| line(own) + "\n")
            .collect::<String>()
    };
    expect![[r#"
        phi-ls VERSION
             ok  machine
             ok  settings  defaults; ~/.config/phi-ls/phi-ls.toml does not exist
             ok  project   ~/repository (git repository)
           note  model     none on this machine
                           No model is used: the n-gram model completes from the text of the workspace.
                           `phi-ls model pull` downloads Phi-3.5-mini (2.4 GB); `ollama pull phi3.5` also works,
                           and `phi-ls model use PATH` chooses a GGUF file (in ~/.cache/phi-ls/models, for example).
           note  editor    neither Neovim, Helix nor VS Code is on PATH
                           any LSP client works: it starts `phi-ls serve`
    "#]]
    .assert_eq(&masked(&machine.out(&["doctor"])));
    machine.write(".config/phi-ls/phi-ls.toml", "[completion]\nenabeld = true\n");
    machine.write("repository/phi-ls.toml", "model.path = \"/evil.gguf\"\n");
    let outcome = machine.run(&["doctor"]);
    assert_eq!(outcome.code, Some(1));
    expect![[r#"
        phi-ls VERSION
             ok  machine
        PROBLEM  settings  ~/.config/phi-ls/phi-ls.toml
                           ~/.config/phi-ls/phi-ls.toml:2:1: there is no setting `completion.enabeld`; did you mean `completion.enabled`?
                           ~/repository/phi-ls.toml:1:14: `model.path` is ignored here: set it in your own settings, because a repository must not decide what runs on your machine
                           `phi-ls settings` lists all settings
             ok  project   ~/repository (git repository)
           note  model     none on this machine
                           No model is used: the n-gram model completes from the text of the workspace.
                           `phi-ls model pull` downloads Phi-3.5-mini (2.4 GB); `ollama pull phi3.5` also works,
                           and `phi-ls model use PATH` chooses a GGUF file (in ~/.cache/phi-ls/models, for example).
           note  editor    neither Neovim, Helix nor VS Code is on PATH
                           any LSP client works: it starts `phi-ls serve`
    "#]].assert_eq(&masked(&outcome.out));
    let json: Value = serde_json::from_str(&machine.run(&["doctor", "--json"]).out).expect("JSON");
    assert!(json["machine"]["threads"].as_u64().is_some_and(|threads| threads > 0), "{json}");
}

#[test]
fn the_demo_runs_a_session() {
    let out = Machine::new().out(&["demo"]);
    // Latencies differ between runs.
    let masked: Vec<_> = out
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
        .lines()
        .map(|line| {
            let words = line
                .split(' ')
                .map(|word| if word.parse::<f64>().is_ok_and(|_| word.contains('.')) { "_" } else { word });
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    expect![[r#"
        phi-ls VERSION in a sample repository, with the n-gram model: it suggests text that the repository already contains.
        The text after the bar is ghost text; Tab accepts it each time.

        client/invoices.py
          10      try:
          11          response = client.get(url, timeout=TIMEOUT)
          12          |response.raise_for_status()  _ ms
          13      |except httpx.HTTPError as error:  _ ms
          14          raise ShopError(f"{url}: {error}") from error
          15      |return response.json()  _ ms

        import/invoices.rs
          11      let text = std::fs::|read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;  _ ms
          12      |let table = toml::from_str(&text).with_context(|| format!("{} is not TOML", path.display()))?;  _ ms

        5 suggestions; _ ms from key to answer (median).

        Next steps
          phi-ls model pull && phi-ls demo --model auto
              the same with Phi-3.5-mini (2.4 GB), which writes new code
          phi-ls doctor
              check the setup
          phi-ls serve
              the language server; setup: editors/vscode, editors/nvim and editors/helix"#]].assert_eq(&masked.join("\n"));
}

#[test]
fn vs_code_offers_every_setting() {
    let ours: Value = serde_json::from_str(&Machine::new().out(&["settings", "--vscode"])).expect("JSON");
    let manifest = workspace().join(Path::new("editors/vscode/package.json"));
    let manifest: Value =
        serde_json::from_str(&std::fs::read_to_string(manifest).expect("readable")).expect("JSON");
    for (name, property) in ours.as_object().expect("an object") {
        let known = &manifest["contributes"]["configuration"]["properties"][name];
        assert_eq!(
            known, property,
            "copy what `phi-ls settings --vscode` prints into editors/vscode/package.json"
        );
    }
}
