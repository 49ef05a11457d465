//! A copy of the workspace in which a check command runs, so that the user's files stay unchanged.
//!
//! It contains the files that ignore files and the rules for secrets allow ([`copy`] lists the rest). It keeps file
//! times, so that build tools detect changes, and it is kept for the whole refactoring, so that a second check builds
//! only what changed. No link in it leads to the workspace. All functions here block on disk access.

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

/// The folder of all copies, in the same folder as the journals.
pub const COPIES: &str = "copies";
/// The prefix of a copy's folder name.
const PREFIX: &str = "check-";
/// A larger file of a copy is written without a comparison.
const COMPARED: u64 = 64 << 20;
/// A process that uses a copy holds a lock on this file in its folder.
const LOCK: &str = "in-use";
/// A folder without that file belongs to a process that has just started, or that crashed at that point.
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
    /// The original texts of the files that are changed now.
    changed: Mutex<FxHashMap<PathBuf, Arc<str>>>,
    /// The first files and folders that were not copied.
    left_out: Mutex<Vec<PathBuf>>,
    /// Closing it releases the lock.
    _lock: File,
}

impl SandboxCopy {
    /// Copies the workspace into a new folder in `folder`, and removes the copies of crashed processes there. Paths
    /// that match the patterns `besides` are copied even if they are excluded. `cancelled` is polled.
    ///
    /// # Errors
    /// There is no workspace folder, a pattern is invalid, the workspace exceeds `bounds`, a file cannot be copied, or
    /// it was cancelled.
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
        // Absolute and without links, as programs print it.
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
        // From here on the folder is removed if an error occurs.
        let copy = SandboxCopy { shared: Arc::new(shared) };
        fs::create_dir(&copy.shared.tree)?;
        fs::create_dir(copy.temporary())?;
        let left_out = copy::workspace(rules, |path| copy.copy_of(path), besides, bounds, cancelled)?;
        *copy.shared.left_out.lock() = left_out;
        Ok(copy)
    }

    /// The first files and folders that are missing from the copy because they are ignored or hold secrets.
    pub fn left_out(&self) -> Vec<PathBuf> {
        self.shared.left_out.lock().clone()
    }

    /// The working folder of the check command: the copy of the first workspace folder.
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

    /// The path that a workspace file has in the copy, whether or not it exists there.
    pub fn copy_of(&self, path: &Path) -> Option<PathBuf> {
        let Shared { tree, base, roots, .. } = &*self.shared;
        roots.iter().find(|root| path.starts_with(root))?;
        let below = path.strip_prefix(base).ok()?;
        let is_plain = below.components().all(|part| matches!(part, Component::Normal(_)));
        is_plain.then(|| joined(tree, below))
    }

    /// The folder that [`SandboxCopy::tree`] is a copy of.
    pub fn base(&self) -> &Path {
        &self.shared.base
    }

    /// The folder that contains the copy, its temporary files and its lock.
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// The copy of [`SandboxCopy::base`], containing only workspace folders.
    pub fn tree(&self) -> &Path {
        &self.shared.tree
    }

    /// Applies exactly these changes to the copy and reverts earlier ones. Files that already have their text are not
    /// touched. Changes outside of the workspace are ignored.
    ///
    /// # Errors
    /// A file cannot be written, or a check command has created something at its path.
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

    /// Writes a file of the copy. A check command may have replaced the file or a parent folder by a link: no link is
    /// followed.
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
        // The change was made for the text without its byte order mark; keep the mark.
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

/// `join` with an empty path would append a `/`.
fn joined(folder: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() { folder.to_owned() } else { folder.join(below) }
}

/// The innermost folder that contains all of these.
fn common(roots: &[PathBuf]) -> Option<PathBuf> {
    let (first, rest) = roots.split_first()?;
    first.ancestors().find(|folder| rest.iter().all(|root| root.starts_with(folder))).map(Path::to_owned)
}

/// Removes the unused copies in `folder`: their processes were killed.
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

/// Removes the copy in this folder unless it is in use; with `wait`, waits until it is unused.
pub fn remove_abandoned(folder: &Path, wait: bool) {
    let Ok((lock, _)) = files::open(&folder.join(LOCK)) else { return };
    if if wait { lock.lock().is_ok() } else { lock.try_lock().is_ok() } {
        remove(folder);
    }
}

/// Removes a copy, even if a check command has left read-only folders.
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
