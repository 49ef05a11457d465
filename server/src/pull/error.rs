//! Why a download failed.

use std::path::{Path, PathBuf};

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// No answer, or a broken connection after all attempts.
    #[error("{0}{kept}", kept = if *.1 > 0 { "; what was downloaded is kept, run the command again to continue" } else { "" })]
    Connection(String, u64),
    /// The server refuses.
    #[error("{0}")]
    Status(String),
    /// The disk has too little space.
    #[error("{} needs {needed} bytes and has {free} bytes free; free some space, or put the folder on another disk", folder.display())]
    Space {
        /// The folder.
        folder: PathBuf,
        /// What the download still needs.
        needed: u64,
        /// What is free.
        free: u64,
    },
    /// The content is not what was announced. It was deleted.
    #[error(
        "the file is damaged: its SHA-256 is {actual}, not {expected}; it was deleted, run the command again"
    )]
    Hash {
        /// What was announced.
        expected: String,
        /// What came.
        actual: String,
    },
    /// The content is no model. It was deleted.
    #[error("the address does not hold a GGUF file")]
    NotGguf,
    /// There is a file of this name with other content.
    #[error("{} exists and its content is not known to be the same; move it away first", .0.display())]
    Exists(PathBuf),
    /// Another process downloads the same file.
    #[error("another process downloads this file ({})", .0.display())]
    Busy(PathBuf),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

pub(super) fn file_error(path: &Path, source: std::io::Error) -> PullError {
    PullError::File { path: path.into(), source }
}
