//! One refactoring of a repository at a time writes files, be it of a command line or of an editor: two would write into
//! each other's plans.

use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use super::journal;
use crate::repository;

/// The right to refactor repositories, until it is dropped or its process ends.
#[derive(Debug)]
pub struct Running {
    files: Vec<File>,
}

/// Why there is no such right.
#[derive(Debug, thiserror::Error)]
pub enum NotNow {
    /// Another run has it, of this process or of another one.
    #[error("another refactoring of this repository runs; wait for it or end it")]
    Runs,
    /// The file system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Running {
    /// Takes the right for the repositories that hold these workspace folders, for all or for none. Who has it is written
    /// down in `folder`, which is made if need be.
    ///
    /// # Errors
    /// Another run has one of them, or nothing can be written there.
    pub fn begin(folder: &Path, roots: &[PathBuf]) -> Result<Running, NotNow> {
        journal::make(folder)?;
        // An editor may have opened a folder of the repository, or name it by a link.
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
    // The file stays: were it removed, a third process could make another while a second waits for this one.
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NotNow::Runs),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

impl Drop for Running {
    /// A process that is being started by another thread has the file open too, for a moment, and would keep the lock.
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
