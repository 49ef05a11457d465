//! Keystroke latency during a branch switch: 2,000 of 5,000 files are written at once.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use phi_ls::assistant::Assistant;
use phi_ls::repository::rules::Rules;
use phi_ls::repository::walk::{self, Bounds};
use phi_ls::settings::Settings;
use phi_ls::user_dirs::UserDirs;
use phi_tests::client::{Client, Trigger, ghost_text};
use serde_json::{Value, json};

use super::{TYPED, ask, percentile, source};

/// The largest number of files of the repository.
const FILES: usize = 5000;
/// The number of files that differ in the other branch.
const CHANGED: usize = 2000;
/// The number of branch switches.
const SWITCHES: usize = 3;
/// Keys before and after each switch.
const KEYS: usize = 150;
/// The shortest time between two keys: that of a fast typist.
const PACE: Duration = Duration::from_millis(30);
/// A bound that only a failing run reaches.
const TOO_LONG: Duration = Duration::from_secs(300);

/// Types before, during and after each switch. `given`: a folder whose files are copied instead of generated ones.
pub async fn run(given: Option<&Path>) -> Value {
    let machine = tempfile::tempdir().expect("a folder");
    let root = machine.path().canonicalize().expect("it exists").join("w");
    let files = lay_out(&root, given);
    let open = root.join("shapes.rs");
    std::fs::write(&open, source()).expect("written");

    let mut settings = Settings::default();
    settings.model.path = "none".to_owned();
    let assistant = Assistant::start(settings, UserDirs::below(machine.path()), std::slice::from_ref(&root));
    assistant.settled().await;
    let client = Client::in_process(assistant.clone());
    let mut typist = Typist::begin(client, &root, &open).await;
    watched(&assistant, &root).await;

    let (mut before, mut during, mut after) = (Vec::new(), Vec::new(), Vec::new());
    let mut took = Vec::new();
    for switch in 1..=SWITCHES {
        typist.keys(&mut before, |typed| typed < KEYS).await;
        let line = format!("\n// {switch}\n");
        let changed: Vec<PathBuf> =
            files.iter().step_by((files.len() / CHANGED).max(1)).take(CHANGED).cloned().collect();
        let sizes: Vec<u64> = changed.iter().map(|path| size(path) + line.len() as u64).collect();
        let started = Instant::now();
        let paths = changed.clone();
        let writer = std::thread::spawn(move || {
            for path in &paths {
                let text = std::fs::read_to_string(path).expect("a text");
                std::fs::write(path, text + &line).expect("written");
            }
        });
        // Until all of them are in the index and are sources of the model.
        let known = Cell::new(0);
        let is_behind = || {
            let index = assistant.workspace.repository.index();
            let is_known =
                |at: usize| index.file(&changed[at]).is_some_and(|file| index.stamp(file).bytes == sizes[at]);
            while known.get() < changed.len() && is_known(known.get()) {
                known.set(known.get() + 1);
            }
            known.get() < changed.len() || assistant.models.is_working()
        };
        typist.keys(&mut during, |_| is_behind() && started.elapsed() < TOO_LONG).await;
        took.push(started.elapsed());
        writer.join().expect("all files were written");
        assert!(!is_behind(), "the index knows {} of {} files", known.get(), changed.len());
        typist.keys(&mut after, |typed| typed < KEYS).await;
    }
    json!({
        "files": files.len() + 1,
        "rewritten_at_once": CHANGED.min(files.len()),
        "seconds_until_indexed": took.iter().map(Duration::as_secs_f64).collect::<Vec<_>>(),
        "answered": typist.answered,
        "before": figures(&mut before),
        "during": figures(&mut during),
        "after": figures(&mut after),
    })
}

/// Files below `root`: generated ones, or copies of the admitted files below `given`.
fn lay_out(root: &Path, given: Option<&Path>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut put = |below: &Path, text: &str| {
        let path = root.join(below);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        std::fs::write(&path, text).expect("written");
        files.push(path);
    };
    if let Some(given) = given {
        let given = given.canonicalize().expect("the folder is there");
        let rules = Rules::new(std::slice::from_ref(&given), &[]);
        let bounds = Bounds { files: FILES, bytes: u64::MAX };
        for found in walk::walk(&rules, std::slice::from_ref(&given), bounds, &|| false).files {
            if let Ok((_, text)) = walk::read(&found.path) {
                put(found.path.strip_prefix(&given).expect("below it"), &text);
            }
        }
    } else {
        // Two hundred lines each, of a fifth of the open file's functions.
        let functions: Vec<String> = source().split_inclusive("\n}\n").map(str::to_owned).collect();
        for file in 0..FILES {
            let text: String = (0..20)
                .map(|at| {
                    functions[(file + at * 10) % functions.len()]
                        .replace("measure_", &format!("measure_{file}_"))
                })
                .collect();
            put(Path::new(&format!("part_{}/file_{file}.rs", file / 50)), &text);
        }
    }
    files
}

/// Waits until the server watches the files.
async fn watched(assistant: &Assistant, root: &Path) {
    let started = Instant::now();
    for round in 0.. {
        let path = root.join(format!("noticed_{round}.rs"));
        std::fs::write(&path, "fn noticed() {}\n").expect("written");
        let written = Instant::now();
        while written.elapsed() < Duration::from_secs(3) {
            if assistant.workspace.repository.index().file(&path).is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(started.elapsed() < TOO_LONG, "nobody notices what happens in {}", root.display());
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).expect("it was written").len()
}

/// A typist in the open file, line by line inside a function.
struct Typist {
    client: Client,
    uri: String,
    version: i32,
    /// The position of the next key.
    line: u32,
    column: usize,
    typed: &'static str,
    lines: usize,
    answered: usize,
}

impl Typist {
    async fn begin(mut client: Client, root: &Path, file: &Path) -> Typist {
        client.initialize_in(&[root], json!({"general": {"positionEncodings": ["utf-8"]}})).await;
        let uri = format!("file://{}", file.display());
        client.open(&uri, "rust", &source()).await;
        let line = source().lines().count() as u32 / 2 / 10 * 10 + 2;
        Typist { client, uri, version: 1, line, column: 0, typed: "", lines: 0, answered: 0 }
    }

    /// Types while `more(keys typed)` is true; each key waits for the answer to the one before.
    async fn keys(&mut self, waits: &mut Vec<Duration>, more: impl Fn(usize) -> bool) {
        let mut typed = 0;
        while more(typed) {
            let begun = Instant::now();
            waits.push(self.key().await);
            typed += 1;
            tokio::time::sleep(PACE.saturating_sub(begun.elapsed())).await;
        }
    }

    /// From a change sent to the answer received.
    async fn key(&mut self) -> Duration {
        if self.column == self.typed.len() {
            (self.typed, self.column) = (TYPED[self.lines % TYPED.len()], 0);
            self.lines += 1;
            self.line += 1;
            self.version += 1;
            let start = [self.line, 0, self.line, 0];
            self.client.change(&self.uri, self.version, &[(start, "    \n")]).await;
        }
        let column = self.column as u32 + 4;
        self.version += 1;
        let key = &self.typed[self.column..self.column + 1];
        self.column += 1;
        let start = Instant::now();
        self.client.change(&self.uri, self.version, &[([self.line, column, self.line, column], key)]).await;
        let answer = ask(&mut self.client, &self.uri, self.line, column + 1, Trigger::Automatic).await;
        self.answered += usize::from(ghost_text(&answer).is_some());
        start.elapsed()
    }
}

fn figures(waits: &mut [Duration]) -> Value {
    let milliseconds = |wait: Duration| (wait.as_secs_f64() * 1e5).round() / 1e2;
    json!({
        "keys": waits.len(),
        "p50_ms": milliseconds(percentile(waits, 50)),
        "p95_ms": milliseconds(percentile(waits, 95)),
        "max_ms": milliseconds(percentile(waits, 100)),
    })
}
