//! Tests from outside: an LSP client, fixtures, flows, protocol, real editors, benchmarks.

pub mod client;
pub mod inputs;
pub mod typist;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub mod tiny_model;

/// A bound that only a failing test reaches.
const TOO_LONG: Duration = Duration::from_secs(60);

/// Prints that the running test, or a part of it, cannot run on this machine. `.ci/run` lists these lines.
pub fn cannot_run(reason: &str) {
    let thread = std::thread::current();
    // Not `eprintln`: the output of a test that passes is captured and dropped.
    writeln!(std::io::stderr(), "cannot run: {}: {reason}", thread.name().unwrap_or("a test"))
        .expect("written");
}

/// Checks the condition every few milliseconds until it holds.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + TOO_LONG;
    while !condition() {
        assert!(Instant::now() < end, "timed out waiting for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The root of the repository.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}
