//! The files of the workspace: which may be read at all, and reading them.
//!
//! What stands here serves the lookup model, which continues text from text. Symbols, references and search will
//! stand beside it, fed by the same [`walk`] and bound by the same [`readable`].

pub mod readable;
pub mod walk;

use std::path::{Path, PathBuf};

use crate::settings;

/// The folder of the project that a file belongs to: the nearest one above it with a `.git` or settings of its own,
/// else the file's own folder.
pub fn root_of(file: &Path) -> PathBuf {
    let is_root =
        |folder: &&Path| [".git", settings::FILE_NAME].iter().any(|name| folder.join(name).exists());
    let own = file.parent().unwrap_or(Path::new(""));
    own.ancestors().find(is_root).unwrap_or(own).to_owned()
}
