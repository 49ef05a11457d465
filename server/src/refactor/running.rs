//! One refactoring of a repository at a time writes files: two would write into each other's plans.

use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;

use super::journal;

/// The right to refactor a repository, until it is dropped or its process ends.
#[derive(Debug)]
pub struct Running {
    file: File,
}

/// Why there is no such right.
#[derive(Debug, thiserror::Error)]
pub enum NotNow {
    /// Another process has it.
    #[error("another refactoring of this repository runs; wait for it or end it")]
    Runs,
    /// The file system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Running {
    /// Takes the right for the repository at `root`. Who has it is written down in `folder`, which is made if need be.
    ///
    /// # Errors
    /// Another process has it, or nothing can be written there.
    pub fn begin(folder: &Path, root: &Path) -> Result<Running, NotNow> {
        journal::make(folder)?;
        let mut hasher = DefaultHasher::new();
        root.hash(&mut hasher);
        let path = folder.join(format!("{:016x}.lock", hasher.finish()));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        // The file stays: were it removed, a third process could make another while a second waits for this one.
        match file.try_lock() {
            Ok(()) => Ok(Running { file }),
            Err(TryLockError::WouldBlock) => Err(NotNow::Runs),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Drop for Running {
    /// A process that is being started by another thread has the file open too, for a moment, and would keep the lock.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_one_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let below = folder.path().join("refactorings");
        let begin = |root: &str| Running::begin(&below, Path::new(root));
        let first = begin("/w/one").expect("nobody runs");
        assert!(matches!(begin("/w/one"), Err(NotNow::Runs)));
        assert!(begin("/w/other").is_ok());
        drop(first);
        assert!(begin("/w/one").is_ok());
    }
}
