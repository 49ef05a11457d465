//! From what an import says to the files that it means, where the language allows.
//!
//! Resolved when somebody asks, against the files that are there then, so that it does not matter in which order files
//! became known.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::facts::Import;
use super::index::{FileId, Index};

/// What a manifest says of the project in its folder, as far as imports need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manifest {
    /// `Cargo.toml` with a package: its name as code writes it (`phi_ls`).
    Cargo {
        /// With underscores.
        name: Box<str>,
    },
    /// `go.mod`: the module's path.
    Go {
        /// `example.com/shapes`.
        module: Box<str>,
    },
}

/// Reads a manifest; `None` where the file is none, or a damaged one.
pub fn manifest(_path: &Path, _text: &str) -> Option<Manifest> {
    None
}

/// The files that an import in `from` brings in; empty where it leads out of the workspace, or nobody can tell.
pub fn resolve(_index: &Index, _from: FileId, _import: &Import) -> Vec<FileId> {
    Vec::new()
}
