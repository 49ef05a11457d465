//! A copy of the workspace in which a check command runs, so that whatever the command does, the user's files stay as
//! they are.
//!
//! It holds what ignore files and secrets let through ([`copy`] says what else), keeps the times of files so that build
//! tools see what is new, and lives as long as the refactoring, so that a second check builds only what changed. Nothing
//! in it is a link to the workspace. All functions here read and write the disk and wait for it.

mod copy;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::FileChange;
use crate::files;
use crate::files::canonicalize;
use crate::repository::rules::Rules;

pub use self::copy::Bounds;

/// The folder of all copies, beside the journals.
pub const COPIES: &str = "copies";
/// How the folder of a copy is called.
const PREFIX: &str = "check-";
/// A larger file of a copy is written without a look at it.
const COMPARED: u64 = 64 << 20;
/// Whoever has this file locked uses the copy beside it.
const LOCK: &str = "in-use";
/// A folder without that file is of a process that has just begun, or crashed while it did.
const BEGINNING: Duration = Duration::from_secs(60 * 60);

/// A copy of the workspace; removed when the last clone is dropped. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SandboxCopy {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Holds `tree`, `tmp` and the lock.
    folder: PathBuf,
    /// The copy of `base`.
    tree: PathBuf,
    /// The innermost folder around all workspace folders.
    base: PathBuf,
    /// The workspace folders.
    roots: Vec<PathBuf>,
    /// The texts that were there before, of the files that are changed now.
    changed: Mutex<FxHashMap<PathBuf, Arc<str>>>,
    /// Files and folders of the workspace that were not copied, the first of them.
    left_out: Mutex<Vec<PathBuf>>,
    /// Unlocked when it is closed.
    _lock: File,
}

impl SandboxCopy {
    /// Copies the workspace into a new folder below `folder`, and removes there what crashed processes left. Of what is not
    /// copied, what fits one of the patterns `besides` is all the same. `cancelled` is asked now and then.
    ///
    /// # Errors
    /// There is no workspace folder, one of the patterns cannot be read, it is beyond `bounds`, something cannot be copied, or it was cancelled.
    pub fn of(
        rules: &Rules,
        folder: &Path,
        besides: &[String],
        bounds: Bounds,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> io::Result<SandboxCopy> {
        let base = common(rules.roots())
            .ok_or_else(|| io::Error::other("there is no folder that holds all workspace folders"))?;
        fs::create_dir_all(folder)?;
        remove_all_abandoned(folder, SystemTime::now());
        // Absolute and without links, as programs will say it.
        let folder = canonicalize(folder)?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let made = builder.prefix(PREFIX).tempdir_in(folder)?;
        let lock = OpenOptions::new().write(true).create_new(true).open(made.path().join(LOCK))?;
        lock.try_lock()?;
        let tree = made.path().join("tree");
        let shared = Shared {
            base,
            roots: rules.roots().to_owned(),
            changed: Mutex::default(),
            folder: made.keep(),
            tree,
            left_out: Mutex::default(),
            _lock: lock,
        };
        // From here on it is removed when something fails.
        let copy = SandboxCopy { shared: Arc::new(shared) };
        fs::create_dir(&copy.shared.tree)?;
        fs::create_dir(copy.temporary())?;
        let left_out = copy::workspace(rules, |path| copy.copy_of(path), besides, bounds, cancelled)?;
        *copy.shared.left_out.lock() = left_out;
        Ok(copy)
    }

    /// Files and folders that the copy lacks because they are ignored or hold secrets: the first of them.
    pub fn left_out(&self) -> Vec<PathBuf> {
        self.shared.left_out.lock().clone()
    }

    /// Where the check command runs: the copy of the first workspace folder.
    pub fn root(&self) -> PathBuf {
        let Shared { tree, base, roots, .. } = &*self.shared;
        roots
            .first()
            .and_then(|root| root.strip_prefix(base).ok())
            .map_or(tree.clone(), |below| joined(tree, below))
    }

    /// A folder for temporary files, removed with the copy.
    pub fn temporary(&self) -> PathBuf {
        self.shared.folder.join("tmp")
    }

    /// Where the copy of a file of the workspace lies, or would lie.
    pub fn copy_of(&self, path: &Path) -> Option<PathBuf> {
        let Shared { tree, base, roots, .. } = &*self.shared;
        roots.iter().find(|root| path.starts_with(root))?;
        let below = path.strip_prefix(base).ok()?;
        let is_plain = below.components().all(|part| matches!(part, Component::Normal(_)));
        is_plain.then(|| joined(tree, below))
    }

    /// The folder of the workspace that [`SandboxCopy::tree`] is the copy of.
    pub fn base(&self) -> &Path {
        &self.shared.base
    }

    /// Holds the copy, and what goes with it.
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// The copy of [`SandboxCopy::base`], with nothing in it but workspace folders.
    pub fn tree(&self) -> &Path {
        &self.shared.tree
    }

    /// Makes the copy what the workspace would be with these changes and no others; what earlier changes made is
    /// undone. Files that have their text already are not touched. Changes outside of the workspace are ignored.
    ///
    /// # Errors
    /// A file cannot be written, or a check command has put something in its way.
    pub fn write(&self, changes: &[FileChange]) -> io::Result<()> {
        let mut changed = self.shared.changed.lock();
        let wanted: FxHashMap<PathBuf, &FileChange> =
            changes.iter().filter_map(|change| Some((self.copy_of(&change.path)?, change))).collect();
        let undone: Vec<PathBuf> =
            changed.keys().filter(|path| !wanted.contains_key(*path)).cloned().collect();
        for path in undone {
            self.replace(&path, &changed[&path])?;
            changed.remove(&path);
        }
        for (path, change) in wanted {
            changed.entry(path.clone()).or_insert_with(|| change.before.clone());
            self.replace(&path, &change.after)?;
        }
        Ok(())
    }

    /// Gives a file of the copy another text. A check command may have put a link there, or in the place of a folder
    /// on the way: nothing is written through one.
    fn replace(&self, path: &Path, text: &str) -> io::Result<()> {
        let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
        fs::create_dir_all(folder)?;
        if !canonicalize(folder)?.starts_with(&self.shared.tree) {
            let what = format!("the check command has put a link in the place of {}", folder.display());
            return Err(io::Error::other(what));
        }
        let old = fs::symlink_metadata(path).ok();
        let is_file = old.as_ref().is_some_and(fs::Metadata::is_file);
        let bytes = if is_file { files::bytes(path, COMPARED).ok() } else { None };
        if bytes.as_deref().is_some_and(|bytes| files::without_bom(bytes) == text.as_bytes()) {
            return Ok(());
        }
        // A byte order mark is no text for who made the change, and stays.
        let has_bom = bytes.is_some_and(|bytes| files::without_bom(&bytes).len() < bytes.len());
        if old.is_some() {
            fs::remove_file(path)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        if has_bom && !text.starts_with(files::BOM) {
            file.write_all(files::BOM.as_bytes())?;
        }
        file.write_all(text.as_bytes())?;
        match old.filter(|_| is_file) {
            Some(old) => file.set_permissions(old.permissions()),
            None => Ok(()),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// `join` makes `tree/` of `tree` and nothing.
fn joined(folder: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() { folder.to_owned() } else { folder.join(below) }
}

/// The innermost folder around all of these.
fn common(roots: &[PathBuf]) -> Option<PathBuf> {
    let (first, rest) = roots.split_first()?;
    first.ancestors().find(|folder| rest.iter().all(|root| root.starts_with(folder))).map(Path::to_owned)
}

/// Removes the copies in `folder` that no process uses: what made them was killed.
pub fn remove_all_abandoned(folder: &Path, now: SystemTime) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_copy = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_copy {
            continue;
        }
        let abandoned = match files::open(&entry.path().join(LOCK)).map(|(file, _)| file) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(_) => {
                let modified = entry.metadata().and_then(|metadata| metadata.modified());
                modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > BEGINNING))
            }
        };
        if abandoned {
            remove(&entry.path());
        }
    }
}

/// Removes the copy in this folder if nobody uses it; waits until nobody does, if that is wanted.
pub fn remove_abandoned(folder: &Path, wait: bool) {
    let Ok((lock, _)) = files::open(&folder.join(LOCK)) else { return };
    if if wait { lock.lock().is_ok() } else { lock.try_lock().is_ok() } {
        remove(folder);
    }
}

/// Removes a copy, also where a check command has left folders that nobody may write to.
fn remove(folder: &Path) {
    if fs::remove_dir_all(folder).is_ok() {
        return;
    }
    #[cfg(unix)]
    copy::make_writable(folder);
    if let Err(error) = fs::remove_dir_all(folder) {
        tracing::warn!("a copy of the workspace stays, remove it: {}: {error}", folder.display());
    }
}
