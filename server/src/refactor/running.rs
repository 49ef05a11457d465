//! Only one refactoring of a repository may write files at a time, from a command line or an editor: two would
//! invalidate each other's plans.

use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use super::journal;
use crate::repository;

/// A lock on repositories, held until it is dropped or its process ends.
#[derive(Debug)]
pub struct Running {
    files: Vec<File>,
}

/// Why the lock was not acquired.
#[derive(Debug, thiserror::Error)]
pub enum NotNow {
    /// Another run holds it, in this process or another one.
    #[error("another refactoring of this repository runs; wait for it or end it")]
    Runs,
    /// A file system error.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Running {
    /// Locks the repositories that contain these workspace folders, all or none. The lock files are in `folder`, which
    /// is created if missing.
    ///
    /// # Errors
    /// Another run has locked one of them, or `folder` cannot be written.
    pub fn begin(folder: &Path, roots: &[PathBuf]) -> Result<Running, NotNow> {
        journal::make(folder)?;
        // An editor may have opened a subfolder of the repository, or name it by a link.
        let top = |root: &PathBuf| {
            let root = root.canonicalize().unwrap_or_else(|_| root.clone());
            repository::root_of(&root.join("file"))
        };
        let mut tops: Vec<PathBuf> = roots.iter().map(top).collect();
        tops.sort_unstable();
        tops.dedup();
        let mut running = Running { files: Vec::new() };
        for top in tops {
            running.files.push(locked(folder, &top)?);
        }
        Ok(running)
    }
}

fn locked(folder: &Path, top: &Path) -> Result<File, NotNow> {
    let mut hasher = DefaultHasher::new();
    top.hash(&mut hasher);
    let path = folder.join(format!("{:016x}.lock", hasher.finish()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // The file is never removed: otherwise a third process could create another while a second waits for this one.
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NotNow::Runs),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

impl Drop for Running {
    /// Unlocks explicitly: a process that another thread is starting briefly inherits the open file, and would keep the
    /// lock.
    fn drop(&mut self) {
        for file in &self.files {
            let _ = file.unlock();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_one_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let below = folder.path().join("refactorings");
        let begin =
            |roots: &[&str]| Running::begin(&below, &roots.iter().map(PathBuf::from).collect::<Vec<_>>());
        let first = begin(&["/w/one"]).expect("nobody runs");
        assert!(matches!(begin(&["/w/one"]), Err(NotNow::Runs)));
        assert!(matches!(begin(&["/w/other", "/w/one"]), Err(NotNow::Runs)));
        assert!(begin(&["/w/other", "/w/other"]).is_ok());
        drop(first);
        assert!(begin(&["/w/one"]).is_ok());
    }

    #[test]
    fn folders_of_one_repository_are_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let top = folder.path().join("w");
        std::fs::create_dir_all(top.join(".git")).expect("a folder");
        std::fs::create_dir_all(top.join("a/b")).expect("a folder");
        let begin = |root: PathBuf| Running::begin(&folder.path().join("refactorings"), &[root]);
        let _first = begin(top.join("a/b")).expect("nobody runs");
        assert!(matches!(begin(top.clone()), Err(NotNow::Runs)));
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&top, &link).expect("a link");
            assert!(matches!(begin(link), Err(NotNow::Runs)));
        }
    }
}
