//! `phi-ls eval` through the real program, on a small repository: its report, resuming, and errors.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// A repository of similar files, with its own home folder.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Machine {
        let machine = Machine { folder: tempfile::tempdir().expect("a folder") };
        for number in 0..6 {
            let text = format!(
                "use crate::order::Order;\n\npub fn gross_{number}(order: &Order) -> f64 {{\n    \
                 let total = order.sum_of_prices(1.0);\n    let rounded = order.round(total, 2);\n    \
                 rounded\n}}\n\npub fn count_{number}(order: &Order) -> usize {{\n    \
                 let count = order.prices.len();\n    count + {number}\n}}\n"
            );
            machine.write(&format!("src/file_{number}.rs"), &text);
        }
        let order = "pub struct Order {\n    pub prices: Vec<f64>,\n}\n\nimpl Order {\n    \
                     /// The sum of all prices.\n    pub fn sum_of_prices(&self, factor: f64) -> f64 {\n        \
                     let sum: f64 = self.prices.iter().sum();\n        sum * factor\n    }\n}\n";
        machine.write("src/order.rs", order);
        machine
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path("repository").join(path);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn eval(&self, arguments: &[&str]) -> Output {
        self.run("completion", arguments)
    }

    fn run(&self, evaluation: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_phi-ls-under-test"))
            .args(["eval", evaluation])
            .args(arguments)
            .current_dir(self.path("repository"))
            .env_clear()
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.folder.path())
            .output()
            .expect("the program starts")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.eval(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// The message of a run that fails.
    fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.eval(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// The output without times, which differ between runs.
fn timeless(mut value: Value) -> Value {
    fn clear(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !name.starts_with("milliseconds"));
                fields.values_mut().for_each(clear);
            }
            Value::Array(values) => values.iter_mut().for_each(clear),
            _ => {}
        }
    }
    clear(&mut value);
    value
}

const PAIRED: [&str; 8] =
    ["--model", "none", "--samples", "24", "--context", "repository", "--against", "file"];

#[test]
fn two_contexts_are_compared_on_the_same_holes() {
    let machine = Machine::new();
    let figures = machine.json(&PAIRED);
    let all = &figures["groups"][0];
    assert_eq!(all["group"]["name"], "all");
    let done = figures["done"].as_u64().expect("a number");
    assert!((16..=24).contains(&done), "{done}");
    let answered = |arm: usize| all["contexts"][arm]["answered"]["value"].as_f64().expect("a share");
    assert!(answered(0) > answered(1), "the other files say much the same: {all:#}");
    let difference = &all["difference"];
    assert!(difference["exact"]["value"].as_f64().expect("a difference") > 0.0, "{difference:#}");
    assert!(difference["p"].as_f64().is_some_and(|p| (0.0..=1.0).contains(&p)));
    assert_eq!(all["contexts"][0]["prefilled"], 0, "the n-gram model prefills nothing");
    assert_eq!(timeless(figures), timeless(machine.json(&PAIRED)), "the same seed, the same figures");
    let left = std::fs::read_dir(machine.folder.path()).expect("the temporary folder");
    let left: Vec<_> = left.map(|entry| entry.expect("readable").file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("phi-ls-eval")), "{left:?}");
}

#[test]
fn the_printed_report_names_each_kind() {
    let machine = Machine::new();
    let output = machine.eval(&PAIRED);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in [
        "model n-gram",
        "context repository",
        "repository minus file",
        "block",
        "arguments",
        "repeated",
        "unique",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    // Every column is explained, and only those that there are.
    let (tables, legend) = text.split_once("\nColumns").expect("a legend");
    for word in ["right", "prefix", "prefilled", "only there", "McNemar p"] {
        assert!(tables.contains(word) && legend.contains(word), "{word}: {text}");
    }
    assert!(legend.contains("begins with the answer, of the answered ones"), "{legend}");
    let alone = machine.eval(&["--model", "none", "--samples", "24"]);
    let alone = String::from_utf8_lossy(&alone.stdout).into_owned();
    assert!(!alone.contains("McNemar") && !alone.contains("only there"), "{alone}");
    let retrieval = machine.eval(&["--retrieval", "--samples", "24"]);
    let retrieval = String::from_utf8_lossy(&retrieval.stdout).into_owned();
    for line in [&text, &alone, &retrieval].into_iter().flat_map(|text| text.lines().skip(1)) {
        assert!(line.chars().count() <= 120, "{line}");
    }
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "no progress without a terminal");
}

#[test]
fn an_interrupted_run_continues() {
    let machine = Machine::new();
    let journal = machine.path("journal");
    let journal = journal.to_str().expect("UTF-8");
    let arguments = [&PAIRED[..], &["--journal", journal]].concat();
    let whole = timeless(machine.json(&arguments));
    let text = std::fs::read_to_string(journal).expect("a journal");
    let seven: String = text.split_inclusive('\n').take(8).collect();
    std::fs::write(journal, seven + "{\"path\":\"half a li").expect("written");
    let resumed = timeless(machine.json(&[&arguments[..], &["--resume"]].concat()));
    assert_eq!(resumed, whole);
    let again = std::fs::read_to_string(journal).expect("a journal");
    assert_eq!(again.lines().count(), text.lines().count());

    let other = [&arguments[..], &["--resume", "--seed", "2"]].concat();
    assert!(machine.fails(&other, 1).contains("seed was 1"));
    machine.write("src/file_0.rs", "fn another() {\n    text();\n}\n\n\n\n\n\n\n\n\n\n");
    let message = machine.fails(&[&arguments[..], &["--resume"]].concat(), 1);
    assert!(message.contains("the repository has changed"), "{message}");
}

#[test]
fn retrieval_needs_no_model() {
    let machine = Machine::new();
    let figures = machine.json(&["--retrieval", "--samples", "24"]);
    let recall = &figures["groups"][0]["recall"];
    assert!(recall["declarations"]["wanted"].as_u64().is_some_and(|needed| needed > 0), "{recall:#}");
    assert!(recall["lines"]["shown"]["value"].as_f64().is_some(), "{recall:#}");
    // Each column and each table is explained.
    let output = machine.eval(&["--retrieval", "--samples", "24"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let (tables, legend) = text.split_once("\nColumns").expect("a legend");
    for word in ["wanted", "@4", "in the prompt", "declarations", "named", "unnamed", "similar lines"] {
        assert!(tables.contains(word) && legend.contains(word), "{word}: {text}");
    }
}

#[test]
fn evaluation_changes_no_file() {
    let machine = Machine::new();
    let read = || -> Vec<_> {
        let folder = std::fs::read_dir(machine.path("repository/src")).expect("the folder");
        let mut files: Vec<_> = folder
            .map(|entry| entry.expect("readable").path())
            .map(|path| {
                let metadata = std::fs::metadata(&path).expect("a file");
                (std::fs::read(&path).expect("readable"), metadata.modified().expect("a time"), path)
            })
            .collect();
        files.sort();
        files
    };
    let before = read();
    machine.json(&PAIRED);
    assert_eq!(read(), before);
}

#[test]
fn impossible_options_are_refused() {
    let machine = Machine::new();
    assert!(machine.fails(&["--repo", "missing"], 1).contains("name the repository's folder"));
    assert!(machine.fails(&["--repo", "src/order.rs"], 1).contains("is a file"));
    std::fs::create_dir(machine.path("repository/empty")).expect("a folder");
    assert!(machine.fails(&["--repo", "empty"], 1).contains("has no code"));
    let message = machine.fails(&["--model", "/none.gguf"], 1);
    assert!(message.contains("none.gguf") && message.contains("phi-ls model list"), "{message}");
    assert!(machine.fails(&["--samples", "0"], 2).contains("--samples"));
    assert!(machine.fails(&["--retrieval", "--against", "file"], 2).contains("cannot be used with"));
    assert!(
        machine.fails(&["--resume", "--journal", "none", "--model", "none"], 1).contains("without --resume")
    );
}

/// Two models on the same holes: the n-gram model, and a small one of noise.
#[test]
fn two_models_are_compared_on_the_same_holes() {
    let machine = Machine::new();
    let model = machine.path("tiny.gguf");
    phi_tests::tiny_model::write(&model).expect("a model");
    let name = model.to_str().expect("UTF-8");
    let output = machine.run("compare", &["--samples", "6", "--model", "none", "--model", name, "--json"]);
    assert!(output.status.success(), "{output:?}");
    let figures: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&figures["done"], &figures["heading"]["holes"]), (&6.into(), &6.into()));
    let contexts = &figures["heading"]["contexts"];
    assert_eq!(*contexts, serde_json::json!(["n-gram repository", "tiny.gguf repository"]));
    let all = &figures["groups"][0];
    assert_eq!(all["contexts"].as_array().map(Vec::len), Some(2), "{all}");
    assert!(all["difference"]["exact"]["value"].is_number(), "{all}");
}
