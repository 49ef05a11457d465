//! What is tested from outside: an LSP client, fixtures, flows, protocol, real editors, benchmarks.

pub mod client;
pub mod inputs;
pub mod typist;

use std::path::{Path, PathBuf};

pub mod tiny_model;

/// The root of the repository.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}
