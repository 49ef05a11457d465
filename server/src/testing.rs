//! What the tests of several modules need.

use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

/// No condition takes so long; a test that waits longer has failed.
const TOO_LONG: Duration = Duration::from_secs(60);

/// Whether git is installed. Where it is not, the running test cannot run and is listed by `.ci/run`.
pub(crate) fn has_git() -> bool {
    let has_git = Command::new("git").arg("--version").output().is_ok();
    if !has_git {
        let thread = std::thread::current();
        // Not `eprintln`: the output of a test that passes is captured and dropped.
        let name = thread.name().unwrap_or("a test");
        writeln!(std::io::stderr(), "cannot run: {name}: git is not installed").expect("written");
    }
    has_git
}

/// Looks every millisecond until the condition holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + TOO_LONG;
    while !condition() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
