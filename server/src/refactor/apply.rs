//! Writes changed files to disk. Each file is written completely or not at all, even if the process crashes.
//!
//! ```text
//! all changes ─> journal ─> per file: may it be written? is it still `before`?
//!             ─> a new temporary file in the same folder, synced ─> still `before`? ─> renamed over it ─> journal
//! ```
//! A file that has changed meanwhile, is excluded, or cannot be written is skipped, with the reason. Anything the user
//! should know about a written file is a note. After a crash, [`resume`] finishes the writes that the journal lists.

use std::ffi::OsStr;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use rustc_hash::FxHashSet;

use super::FileChange;
use super::journal::{Change, Entry, Journal};
use crate::answer::errors;
use crate::documents::{Document, DocumentId};
use crate::files::{self, BOM};
use crate::repository::rules::{Excluded, Rules};
use crate::secrets::in_text;

#[cfg(test)]
mod tests;

/// Metadata folders of version control systems.
pub(super) const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".svn", ".jj"];

/// The result of [`apply`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files with their new text.
    pub written: Vec<PathBuf>,
    /// Files left unchanged.
    pub skipped: Vec<(PathBuf, Skipped)>,
    /// For written files, what could not be preserved or guaranteed.
    pub notes: Vec<(PathBuf, String)>,
}

/// Why a file is left unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Skipped {
    /// It is in no workspace folder after links are resolved.
    #[error("it is outside of the workspace")]
    Outside,
    /// Its name refers to another file, which can be changed under its own name.
    #[error("it is a link or no ordinary file")]
    NoFile,
    /// Only one of its names would be changed, or also a file outside of the workspace.
    #[error("it has several names (hard links), which would no longer be one file")]
    HardLinked,
    /// It belongs to a version control system: a hook there is executable.
    #[error("it belongs to the version control system")]
    VersionControl,
    /// It may not be read or changed.
    #[error("{0}")]
    Excluded(Excluded),
    /// The journal's text for it has a syntax error.
    #[error("what the journal holds for it has a syntax error; run the refactoring again for it")]
    Damaged,
    /// The change was made for another text.
    #[error("it has changed since; run the refactoring again for it")]
    Changed,
    /// It is read-only.
    #[error("it is read-only")]
    ReadOnly,
    /// The journal cannot store its path.
    #[error("its path is not UTF-8")]
    NotUtf8,
    /// The operating system reports an error.
    #[error("it could not be written: {0}")]
    Failed(String),
}

impl From<io::Error> for Skipped {
    fn from(error: io::Error) -> Skipped {
        Skipped::Failed(error.to_string())
    }
}

/// Writes or skips the changes one by one. After a crash at any point, [`resume`] continues from `journal`.
///
/// # Errors
/// The journal cannot be written. Files written so far keep their new text and are in the journal.
pub fn apply(rules: &Rules, changes: &[FileChange], journal: &mut Journal) -> io::Result<Applied> {
    let (named, unnamed): (Vec<_>, Vec<_>) =
        changes.iter().cloned().partition(|change| change.path.to_str().is_some());
    let files: Vec<Change> = named.iter().map(Change::from).collect();
    journal.append(&Entry::Writing { files })?;
    let unnamed = unnamed.into_iter().map(|change| (change.path, Skipped::NotUtf8));
    write_all(rules, &named, journal, Applied { skipped: unnamed.collect(), ..Applied::default() })
}

/// Finishes the [`apply`] that `entries` record; `None` if they record none. A file that already has its new text
/// counts as written.
///
/// # Errors
/// The journal cannot be written.
pub fn resume(rules: &Rules, entries: &[Entry], journal: &mut Journal) -> io::Result<Option<Applied>> {
    let begun = entries.iter().rposition(|entry| matches!(entry, Entry::Writing { .. }));
    let Some((Entry::Writing { files }, after)) = begun.and_then(|at| entries[at..].split_first()) else {
        return Ok(None);
    };
    let written = |entry: &Entry| match entry {
        Entry::Written { path } => Some(path.clone()),
        _ => None,
    };
    let mut applied = Applied { written: after.iter().filter_map(written).collect(), ..Applied::default() };
    let done: FxHashSet<PathBuf> = applied.written.iter().cloned().collect();
    let pending = files.iter().filter(|file| !done.contains(&file.path));
    let (pending, damaged): (Vec<FileChange>, Vec<FileChange>) =
        pending.map(FileChange::from).partition(keeps_syntax);
    applied.skipped.extend(damaged.into_iter().map(|change| (change.path, Skipped::Damaged)));
    write_all(rules, &pending, journal, applied).map(Some)
}

fn write_all(
    rules: &Rules,
    changes: &[FileChange],
    journal: &mut Journal,
    mut applied: Applied,
) -> io::Result<Applied> {
    for change in changes {
        let path = change.path.clone();
        match write(rules, change, journal.id(), &files::sync_folder) {
            Ok(notes) => {
                applied.notes.extend(notes.into_iter().map(|note| (path.clone(), note)));
                journal.append(&Entry::Written { path: path.clone() })?;
                applied.written.push(path);
            }
            Err(reason) => {
                journal.append(&Entry::Skipped { path: path.clone(), reason: reason.to_string() })?;
                applied.skipped.push((path, reason));
            }
        }
    }
    Ok(applied)
}

/// Whether the change adds no syntax errors.
fn keeps_syntax(change: &FileChange) -> bool {
    let open = |text: &str| Document::open(DocumentId("".into()), Some(change.path.clone()), "", 0, text);
    let errors = |text: &str| open(text).tree().map_or(0, errors);
    errors(&change.after) <= errors(&change.before)
}

/// Writes one file completely or not at all; `sync` makes the rename durable. Returns notes for the user.
fn write(
    rules: &Rules,
    change: &FileChange,
    run: &str,
    sync: &dyn Fn(&Path) -> io::Result<()>,
) -> Result<Vec<String>, Skipped> {
    let path = admitted(rules, &change.path)?;
    let folder = path.parent().ok_or(Skipped::Outside)?;
    let name = path.file_name().ok_or(Skipped::Outside)?;
    let replacement = folder.join(replacement_name(run, name.as_encoded_bytes()));
    // Left by a crashed run: nothing else uses this name.
    match fs::remove_file(&replacement) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let metadata = fs::symlink_metadata(&path)?;
    if !metadata.is_file() {
        return Err(Skipped::NoFile);
    }
    let text = read(&path, change)?;
    let is =
        |bytes: &[u8], text: &str| files::without_bom(bytes) == text.as_bytes() || bytes == text.as_bytes();
    // The text is already written; only the durability of the rename is unknown.
    let lasting = || {
        let unsure =
            |error| format!("a power failure could undo it: its folder could not be synced: {error}");
        sync(folder).err().map(unsure)
    };
    if is(&text, &change.after) {
        // Written by a run that crashed, perhaps not yet synced.
        return Ok(lasting().into_iter().collect());
    }
    if !is(&text, &change.before) {
        return Err(Skipped::Changed);
    }
    writable(&path, &metadata)?;
    // The change was made for the text without its byte order mark; keep the mark.
    let mark = &text[..text.len() - files::without_bom(&text).len()];
    let mark = if change.before.starts_with(BOM) { &[][..] } else { mark };
    let written = prepare(&replacement, &metadata, mark, &change.after).and_then(|note| {
        // Compare again just before the rename: writing the new file takes time.
        if read(&path, change)? != text {
            return Err(Skipped::Changed);
        }
        fs::rename(&replacement, &path)?;
        Ok(note)
    });
    if written.is_err() {
        // It may not exist.
        let _ = fs::remove_file(&replacement);
    }
    Ok(written?.into_iter().chain(lasting()).collect())
}

/// The real path of a file that may be written.
///
/// # Errors
/// It may not be written, or its folder does not exist.
pub fn admitted(rules: &Rules, path: &Path) -> Result<PathBuf, Skipped> {
    let is_plain = path.components().all(|part| !matches!(part, Component::ParentDir | Component::CurDir));
    let (Some(folder), Some(name), true) = (path.parent(), path.file_name(), is_plain && path.is_absolute())
    else {
        return Err(Skipped::Outside);
    };
    rules.check(path).map_err(Skipped::Excluded)?;
    let real = folder.canonicalize()?.join(name);
    let is_own = |part: &OsStr| VERSION_CONTROL.iter().any(|own| part.eq_ignore_ascii_case(own));
    if real.iter().any(is_own) {
        return Err(Skipped::VersionControl);
    }
    // Name the target of a link through its workspace folder, so that the rules apply to it.
    let in_root = rules.roots().iter().find_map(|root| {
        let below = real.strip_prefix(root.canonicalize().ok()?).ok()?;
        Some(root.join(below))
    });
    rules.check(&in_root.ok_or(Skipped::Outside)?).map_err(Skipped::Excluded)?;
    Ok(real)
}

/// Reads only as much of a file as is needed to compare it with both texts.
fn read(path: &Path, change: &FileChange) -> Result<Vec<u8>, Skipped> {
    let longest = change.before.len().max(change.after.len()) as u64;
    let mut bytes = Vec::new();
    let (file, _) = files::open(path)?;
    file.take(longest + BOM.len() as u64 + 1).read_to_end(&mut bytes)?;
    match std::str::from_utf8(&bytes).ok().and_then(in_text) {
        Some(secret) => Err(Skipped::Excluded(Excluded::SecretText(secret))),
        None => Ok(bytes),
    }
}

/// Whether the file itself is writable, although a rename changes only its folder.
fn writable(path: &Path, metadata: &Metadata) -> Result<(), Skipped> {
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::nlink(metadata) > 1 {
        return Err(Skipped::HardLinked);
    }
    if metadata.permissions().readonly() {
        return Err(Skipped::ReadOnly);
    }
    match OpenOptions::new().write(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Skipped::ReadOnly),
        Err(error) => Err(error.into()),
    }
}

/// Creates the replacement file and syncs it: the text, and the owner and permissions as far as possible. Returns what
/// could not be preserved.
fn prepare(path: &Path, old: &Metadata, mark: &[u8], text: &str) -> Result<Option<String>, Skipped> {
    let mut options = OpenOptions::new();
    // Exclusively, so that no existing link is followed.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(mark)?;
    file.write_all(text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let new = file.metadata()?;
        let (was, is) = ((old.uid(), old.gid()), (new.uid(), new.gid()));
        let (mode, note) = owned(old.mode(), was, is, &|user, group| fchown(&file, user, group));
        // After the owner: changing the owner clears some permission bits.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()?;
        Ok(note)
    }
    #[cfg(not(unix))]
    {
        file.set_permissions(old.permissions())?;
        file.sync_all()?;
        Ok(None)
    }
}

/// Gives a file the user and group of another one, as far as the system allows. Returns the permissions that are then
/// safe, and what could not be preserved.
#[cfg(unix)]
fn owned(
    mode: u32,
    was: (u32, u32),
    is: (u32, u32),
    chown: &dyn Fn(Option<u32>, Option<u32>) -> io::Result<()>,
) -> (u32, Option<String>) {
    let mut mode = mode & 0o7777;
    let mut lost = Vec::new();
    // The group first: once the owner is another user, the group cannot be changed.
    if was.1 != is.1 && chown(None, Some(was.1)).is_err() {
        // Another group gets no more permissions than all users have.
        mode = mode & !0o2070 | (mode & 0o007) << 3;
        lost.push(format!("its group could not be kept: it was {}, and is {}", was.1, is.1));
    }
    if was.0 != is.0 && chown(Some(was.0), None).is_err() {
        mode &= !0o4000;
        lost.push(format!("its owner could not be kept: it was {}, and is {}", was.0, is.0));
    }
    (mode, (!lost.is_empty()).then(|| lost.join("; ")))
}

/// The name of the replacement file of `name`: hidden, and the same for every resume of a run. It is a hash, because
/// `name` may already have the maximum length.
fn replacement_name(run: &str, name: &[u8]) -> String {
    format!(".phi-ls-{run}-{:08x}.tmp", crc32fast::hash(name))
}
