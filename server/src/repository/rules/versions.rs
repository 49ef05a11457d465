//! Whether rule files have changed since they were read, without waiting for an event.

use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;

use rustc_hash::FxHasher;

use super::git::{self, GitFolder};
use super::ignored;

/// A number that differs if a file changes that decides which files of this folder are excluded. The files of the user
/// count as files of the root folder.
pub(super) fn of(folder: &Path) -> u64 {
    let mut hasher = FxHasher::default();
    for name in ignored::rule_files() {
        version(&folder.join(name)).hash(&mut hasher);
    }
    if let Some(git) = GitFolder::of(folder) {
        let named = git.settings().excludes_file.map(|file| folder.join(file));
        let own = [git.own.join("HEAD"), git.own.join("config.worktree")];
        let common = [git.common.join("config"), git.common.join("info/exclude")];
        for file in own.iter().chain(&common).chain(&named) {
            version(file).hash(&mut hasher);
        }
    }
    if folder.parent().is_none() {
        for file in git::users_files() {
            version(&file).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// The size and the time of the last change of a file, or of what a link leads to.
fn version(file: &Path) -> Option<(u64, Option<std::time::SystemTime>)> {
    let metadata = fs::metadata(file).ok()?;
    // The entries of a folder change all the time.
    Some(if metadata.is_dir() { (0, None) } else { (metadata.len(), metadata.modified().ok()) })
}
