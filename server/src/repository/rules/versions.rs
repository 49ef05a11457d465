//! Whether rule files have changed since they were read, without waiting for an event.

use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;

use rustc_hash::FxHasher;

use super::git::{self, GitFolder};
use super::{Excluded, Rules, ignored};

impl Rules {
    /// [`Rules::check`] without the cache: reads ignore files again if one of them has changed since it was read.
    ///
    /// # Errors
    /// The rule that excludes it.
    pub fn check_again(&self, path: &Path) -> Result<(), Excluded> {
        self.cache().verdicts.remove(path);
        // Behind a link, other folders count.
        let identity = self.identity(path);
        if [path, &identity].into_iter().any(|name| self.is_outdated(name)) {
            self.forget();
        }
        self.check(path)
    }

    /// Whether a rule file that was read for this path has changed since.
    fn is_outdated(&self, path: &Path) -> bool {
        path.ancestors().skip(1).any(|folder| {
            let read = self.cache().versions.get(folder).copied();
            read.is_some_and(|read| read != version_of(folder))
        })
    }
}

/// A number that differs if a file changes that decides which files of this folder are excluded. The files of the user
/// count as files of the root folder.
pub(super) fn version_of(folder: &Path) -> u64 {
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
