//! Damaged model files: each damaged copy of a golden model gives one error that names the file and the place in it, with little
//! memory and no panic. The messages are part of the test, for review.

mod adapters;
mod folders;
mod gguf;
mod memory;

use std::path::Path;

use phi_engine::weights::{self, Adapter};

/// Opening a damaged copy of a model of some 200 kB may take no more than this.
const MOST_MEMORY: usize = 48 << 20;

/// Opens a damaged model, which must fail, and returns the message with `folder` shortened to `DIR`.
fn refusal(path: &Path, folder: &Path) -> String {
    refusal_of(path, &[], folder)
}

/// Opens a model with adapters; one of these files must be refused. Returns the message as [`refusal`] does.
fn refusal_of(path: &Path, adapters: &[Adapter], folder: &Path) -> String {
    let before = memory::start();
    let opened = weights::open(path, adapters, 1, &mut |_| {});
    let used = memory::peak_since(before);
    let message = match opened {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error.to_string(),
    };
    assert!(used < MOST_MEMORY, "{used} bytes of memory for: {message}");
    assert!(message.len() < 1000, "too long for a message: {message}");
    let shortened = message.replace(folder.to_string_lossy().trim_end_matches('/'), "DIR");
    assert!(shortened.starts_with("DIR/"), "the file is not named: {message}");
    shortened
}

fn golden(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(path)
}
