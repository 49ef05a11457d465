//! Repeats the commits of a small git repository.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use phi_engine::Engine;

use super::history::Which;
use super::run::{Edited, Run};
use super::*;
use crate::repository::changes::git::Git;
use crate::repository::walk::Bounds;
use crate::settings::Settings;
use crate::testing::has_git;

fn git(folder: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Ada", "-c", "user.email=a@b.c", "-c", "commit.gpgSign=false"]);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", folder);
    command.args(arguments).current_dir(folder).output().is_ok_and(|output| output.status.success())
}

/// A repository of these commits, each a message and files; `None` if git is not installed.
fn repository(commits: &[(&str, &[(&str, &str)])]) -> Option<tempfile::TempDir> {
    if !has_git() {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    assert!(git(folder.path(), &["init", "-q"]));
    for (message, files) in commits {
        for (path, text) in *files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("below it")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        assert!(git(folder.path(), &["add", "-A"]) && git(folder.path(), &["commit", "-q", "-m", message]));
    }
    Some(folder)
}

const TOTAL: &str = "use crate::price::price_of;\n\npub fn total(names: &[&str]) -> u64 {\n    let mut sum = 0;\n    for name in names {\n        sum += price_of(name);\n    }\n    sum\n}\n\npub fn other() {}\n";

fn commits() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let total = |text: &str| TOTAL.replace("sum += price_of(name);", text);
    let price = "pub fn price_of(name: &str) -> u64 {\n    name.len() as u64\n}\n".to_owned();
    vec![
        ("First of all", vec![("src/total.rs", TOTAL.to_owned()), ("src/price.rs", price.clone())]),
        ("Let the total be the double", vec![("src/total.rs", total("sum += price_of(name) * 2;"))]),
        (
            "Speak of zebras in two files",
            vec![
                ("src/total.rs", total("sum += price_of(name) * 3; // quagga")),
                ("src/price.rs", price.replace("name.len()", "zebra(name)")),
            ],
        ),
        (
            "Let `price_of` be free of charge\n\nSigned-off-by: Ada <a@b.c>",
            vec![("src/price.rs", price.replace("name.len() as u64", "0"))],
        ),
        ("Docs about quagga only", vec![("README.md", "quagga\n".to_owned())]),
    ]
}

fn history_of(folder: &Path) -> Vec<Triple> {
    let git = Git::new(folder).expect("git");
    history::triples(&git, 100, Which::Whole).expect("its history")
}

async fn edits(
    folder: &Path,
    answer: impl Fn(&str) -> String + Send + 'static,
) -> (Vec<Edited>, Vec<String>) {
    let prompts = Arc::new(Mutex::new(Vec::new()));
    let seen = prompts.clone();
    let engine = Engine::scripted(move |prompt| {
        seen.lock().expect("no panic").push(prompt.to_owned());
        answer(prompt)
    });
    let bounds = Bounds { files: 100, bytes: 1 << 20 };
    let run = Run::new(engine.into(), Settings::default(), bounds, Some(folder.to_owned()), None)
        .expect("a folder");
    let mut edits = Vec::new();
    for triple in &history_of(folder) {
        edits.push(run.edit(triple).await.expect("an edit"));
    }
    let prompts = prompts.lock().expect("no panic").clone();
    (edits, prompts)
}

fn small() -> Option<tempfile::TempDir> {
    let commits = commits();
    let files: Vec<Vec<(&str, &str)>> = commits
        .iter()
        .map(|(_, files)| files.iter().map(|(path, text)| (*path, text.as_str())).collect())
        .collect();
    let commits: Vec<_> =
        commits.iter().zip(&files).map(|((message, _), files)| (*message, files.as_slice())).collect();
    repository(&commits)
}

#[test]
fn commits_of_one_item_are_triples() {
    let Some(folder) = small() else { return };
    let triples = history_of(folder.path());
    let found: Vec<_> =
        triples.iter().map(|triple| (triple.instruction.as_str(), triple.path.as_str())).collect();
    assert_eq!(
        found,
        [
            ("Let `price_of` be free of charge", "src/price.rs"),
            ("Let the total be the double", "src/total.rs"),
        ]
    );
    let site = triples[1].site().expect("an item");
    assert_eq!(site.target.name, "total");
    assert!(
        site.expected.starts_with("pub fn total")
            && site.expected.contains("* 2")
            && site.expected.ends_with('}')
    );
}

#[tokio::test]
async fn edits_are_compared_with_the_actual_change() {
    let Some(folder) = small() else { return };
    let (edits, _) = edits(folder.path(), |prompt| {
        let item = prompt.rsplit_once("The item:\n```rust\n").expect("an item").1;
        let item = item.split_once("\n```").expect("its end").0;
        match prompt.contains("The instruction: Let the total") {
            true => item.replace("price_of(name);", "price_of(name) * 2;"),
            false => "I would rather not.".to_owned(),
        }
    })
    .await;
    let [free, double] = edits.as_slice() else { panic!("{edits:?}") };
    assert!(double.exact && double.parses && double.text.is_some() && !double.repaired);
    assert_eq!((double.changed, double.needless, double.similarity), (1, 0, 1.0));
    assert!(double.similarity_before < 1.0 && double.prompt > 0 && double.generated > 0);
    assert_eq!(free.refused.as_ref().map(|(kind, _)| kind.as_str()), Some("syntax"));
    assert!(!free.exact && !free.parses && free.text.is_none());
    assert_eq!(free.similarity, free.similarity_before);
    let figures = summary::figures(&edits);
    assert_eq!(figures[0].accepted.expect("edits").value, 0.5);
    assert_eq!(summary::refusals(&edits), [("syntax".to_owned(), 1)]);
}

#[tokio::test]
async fn no_later_text_is_shown() {
    let Some(folder) = small() else { return };
    let (_, prompts) = edits(folder.path(), |_| String::new()).await;
    let double = prompts.iter().find(|prompt| prompt.contains("Let the total")).expect("asked");
    // The tree of the parent is present; else the test would pass without one.
    assert!(double.contains("pub fn price_of(name: &str) -> u64"), "{double}");
    for later in ["* 2", "quagga", "zebra"] {
        assert!(!double.contains(later), "{later} in {double}");
    }
}

#[test]
fn triples_of_a_file_are_read_line_by_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("triples.jsonl");
    let good = serde_json::json!({
        "instruction": "Add 2.", "path": "a.rs", "before": "fn f() { g(1) }\n", "after": "fn f() { g(2) }\n",
    });
    std::fs::write(&path, format!("{good}\n\n{good}\n")).expect("a file");
    let triples = triples::read(&path).expect("triples");
    assert_eq!(triples.iter().map(|triple| triple.name.as_str()).collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!(triples[0].site().expect("an item").expected, "fn f() { g(2) }");
    std::fs::write(&path, format!("{good}\n{{}}\n")).expect("a file");
    assert!(triples::read(&path).expect_err("no triple").to_string().contains("line 2: give an object"));
}

#[test]
fn a_change_outside_of_items_has_no_site() {
    let site = |before: &str, after: &str| {
        let triple = Triple {
            name: "1".into(),
            instruction: "Do it.".into(),
            path: "a.py".into(),
            before: before.into(),
            after: after.into(),
            parent: None,
        };
        triple.site().map(|site| site.target.name)
    };
    let text =
        "import os\n\n\nclass A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 2\n";
    assert_eq!(site(text, &text.replace("return 1", "return 3")).as_deref(), Some("f"));
    assert_eq!(
        site(text, &text.replace("return 1", "return 3").replace("return 2", "return 4")).as_deref(),
        Some("A")
    );
    assert_eq!(site(text, &text.replace("import os", "import sys")), None);
    assert_eq!(site(text, &text.replace("return 1", "return (1")), None, "an error more");
    assert_eq!(site(text, text), None);
}

#[tokio::test]
async fn the_actual_change_is_accepted_or_rejected_with_a_reason() {
    let kept = "pub fn keep(n: u8) -> u8 {\n    n + 1\n}\n\n";
    let full = "pub fn full(name: &str, count: u8) -> u8 {\n    let first = open(name);\n    let second = read(first, count);\n    let third = check(second);\n    let fourth = close(third);\n    finish(fourth)\n}\n";
    let emptied = "pub fn full(_: &str, _: u8) -> u8 {\n    0\n}\n";
    let commits: [(&str, &[(&str, &str)]); 2] = [
        ("First of all", &[("a.rs", &format!("{kept}{full}")), ("b.rs", full)]),
        (
            "Add two in all places",
            &[
                ("a.rs", &format!("{}{emptied}", kept.replace("+ 1", "+ 2"))),
                ("b.rs", &format!("{full}\nfn g() {{}}\n")),
            ],
        ),
    ];
    let Some(folder) = repository(&commits) else { return };
    let git = Git::new(folder.path()).expect("git");
    let triples = history::triples(&git, 100, Which::Items).expect("its history");
    let items: Vec<_> = triples.iter().map(|triple| triple.site().expect("an item").target.name).collect();
    assert_eq!(items, ["keep", "full"], "each item of a commit separately; none for new items");
    assert_eq!(triples[0].after, format!("{}{full}", kept.replace("+ 1", "+ 2")));

    let run = Run::of_truth(Settings::default(), Bounds { files: 100, bytes: 1 << 20 }).expect("a folder");
    let (kept, lost) =
        (run.edit(&triples[0]).await.expect("done"), run.edit(&triples[1]).await.expect("done"));
    assert!(kept.exact && kept.refused.is_none());
    let (kind, reason) = lost.refused.expect("an unrequested deletion");
    assert_eq!(kind, "code lost");
    assert!(reason.contains("`open`") && reason.contains("4 of 6 statements"), "{reason}");
}
