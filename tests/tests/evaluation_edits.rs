//! `phi-ls eval edits` through the real program, with a scripted model and the test's own instructions.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// Three instructions; the model follows the first, does more than the second asks for, and has no code for the third.
    fn new() -> Machine {
        let machine = Machine { folder: tempfile::tempdir().expect("a folder") };
        let text = "fn f(a: u8) -> u8 {\n    let b = a + 1;\n    let c = b;\n    c\n}\n";
        let triple = |instruction: &str, after: String| {
            json!({ "instruction": instruction, "path": "src/a.rs", "before": text, "after": after })
                .to_string()
        };
        let triples = [
            triple("Add two", text.replace("a + 1", "a + 2")),
            triple("Add three", text.replace("a + 1", "a + 3")),
            triple("Add four", text.replace("a + 1", "a + 4")),
        ];
        machine.write("triples.jsonl", &triples.join("\n"));
        let script = json!([
            { "when": ["The instruction: Add two"], "replace": [["a + 1", "a + 2"]] },
            { "when": ["The instruction: Add three"], "replace": [["a + 1", "a + 3"], ["let c = b;", "let c = b + 0;"]] },
            { "answer": "I cannot do that." },
        ]);
        machine.write("script.json", &script.to_string());
        machine
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.path(path), text).expect("a file");
    }

    fn eval(&self, arguments: &[&str]) -> Output {
        let journal = self.path("journal.jsonl");
        Command::new(env!("CARGO_BIN_EXE_phi-ls-scripted"))
            .args(["eval", "edits", "--journal"])
            .arg(journal)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("PHI_LS_SCRIPT", self.path("script.json"))
            .output()
            .expect("the program starts")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.eval(&[&["--json", "--triples", "triples.jsonl"], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

fn value(said: &Value, figure: &str) -> f64 {
    said["groups"][0][figure]["value"].as_f64().unwrap_or_else(|| panic!("no {figure} in {said:#}"))
}

#[test]
fn figures_of_three_instructions() {
    let machine = Machine::new();
    let said = machine.json(&[]);
    assert_eq!((&said["done"], &said["groups"][0]["triples"]), (&json!(3), &json!(3)));
    let near = |figure: &str, wanted: f64| {
        let value = value(&said, figure);
        assert!((value - wanted).abs() < 1e-9, "{figure}: {value}");
    };
    near("accepted", 2.0 / 3.0);
    near("exact", 1.0 / 3.0);
    near("parses", 2.0 / 3.0);
    // Three lines changed in two edits, one of them without need.
    near("needless", 1.0 / 3.0);
    let edits = said["edits"].as_array().expect("edits");
    let two = edits.iter().find(|edit| edit["name"] == "1").expect("the first of the file");
    assert_eq!(two["similarity"], 1.0);
    assert!(two["similarity_before"].as_f64().is_some_and(|before| before < 1.0));
    assert_eq!(said["refusals"], json!([{ "reason": "syntax", "count": 1 }]));
    assert_eq!(said["groups"][0]["check_passes"], Value::Null);

    let text = machine.eval(&["--triples", "triples.jsonl"]);
    let text = String::from_utf8(text.stdout).expect("UTF-8");
    assert!(text.contains("3 edits (seed 1)") && text.contains("refused: syntax 1"), "{text}");
    let wide: Vec<_> = text.lines().skip(1).filter(|line| line.chars().count() > 120).collect();
    assert!(wide.is_empty(), "wider than a terminal: {wide:#?}");
}

#[test]
fn a_run_continues_after_the_finished_cases() {
    let machine = Machine::new();
    let whole = machine.json(&[]);
    let journal = std::fs::read_to_string(machine.path("journal.jsonl")).expect("a journal");
    // The format, the plan and two edits.
    let two: String = journal.split_inclusive('\n').take(4).collect();
    machine.write("journal.jsonl", &two);
    // Finished cases are not generated again.
    machine.write("script.json", "[]");
    let resumed = machine.json(&["--resume"]);
    assert_eq!(resumed["done"], 3);
    for at in 0..2 {
        assert_eq!(resumed["edits"][at], whole["edits"][at]);
    }
    assert_eq!(resumed["edits"][2]["refused"][0], "no code");
}

#[test]
fn the_original_edits_are_evaluated_without_a_model() {
    let machine = Machine::new();
    // A request to a model would get no answer.
    machine.write("script.json", "[]");
    let said = machine.json(&["--truth"]);
    assert_eq!(value(&said, "accepted"), 1.0);
    assert_eq!(value(&said, "exact"), 1.0);
    assert_eq!(said["refusals"], json!([]));

    let old = "fn f(a: u8) -> u8 {\n    let b = g(a);\n    let c = h(b);\n    let d = i(c);\n    j(d)\n}\n";
    let triple = json!({
        "instruction": "Add a limit", "path": "a.rs", "before": old, "after": "fn f(a: u8) -> u8 {\n    3\n}\n",
    });
    machine.write("triples.jsonl", &triple.to_string());
    let said = machine.json(&["--truth"]);
    assert_eq!(said["refusals"], json!([{ "reason": "code lost", "count": 1 }]));
    let text = machine.eval(&["--triples", "triples.jsonl", "--truth"]);
    let text = String::from_utf8(text.stdout).expect("UTF-8");
    assert!(
        text.contains("code lost  1      100.0 %") && text.contains("1 a.rs f: the model's answer was"),
        "{text}"
    );
    let output = machine.eval(&["--truth", "--model", "x.gguf"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be used with"), "{output:?}");
}

#[test]
fn impossible_evaluations_are_refused() {
    let machine = Machine::new();
    let fails = |arguments: &[&str]| {
        let output = machine.eval(arguments);
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(fails(&["--repo", "nowhere"]).contains("name the repository's folder"));
    assert!(fails(&["--repo", "."]).contains("use --triples FILE instead"));
    machine.write("empty.jsonl", "\n");
    assert!(fails(&["--triples", "empty.jsonl"]).contains("has no commit"));
    machine.write("bad.jsonl", "{\"instruction\": 1}\n");
    assert!(fails(&["--triples", "bad.jsonl"]).contains("bad.jsonl line 1"));
}
