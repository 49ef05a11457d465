//! The project's own guidance: what its people have written down for whoever writes code in it.

use std::path::Path;
use std::sync::Arc;

/// Where guidance is looked for in a workspace folder; the first that exists counts.
pub const FILES: [&str; 3] = ["AGENTS.md", "CONTRIBUTING.md", ".phi/rules.md"];

/// A project's guidance file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guidance {
    /// Relative to the workspace folder.
    pub path: &'static str,
    /// Its text, bounded.
    pub text: Arc<str>,
}

/// The guidance of a workspace folder.
pub fn read(_root: &Path) -> Option<Guidance> {
    None
}
