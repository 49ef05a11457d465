//! Changes of files to the disk: each file wholly or not at all, whatever happens meanwhile.
//!
//! ```text
//! all changes ─> journal ─> per file: may it be written? is it still `before`?
//!             ─> a new file beside it, on the disk ─> still `before`? ─> renamed over it ─> journal
//! ```
//! A file that has changed meanwhile, that must not be written or cannot be is skipped, with the reason. What is written
//! in a way that a person should know of is written, with a note. After a crash [`resume`] finishes what the journal says
//! was to be written.

use std::ffi::OsStr;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use rustc_hash::FxHashSet;

use super::FileChange;
use super::journal::{Change, Entry, Journal, sync_folder};
use crate::answer::errors;
use crate::documents::{Document, DocumentId};
use crate::files::{self, BOM};
use crate::repository::rules::{Excluded, Rules};
use crate::secrets::in_text;

#[cfg(test)]
mod tests;

/// Where version control systems keep what is theirs.
pub(super) const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".svn", ".jj"];

/// The outcome of the changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The files that hold their new text.
    pub written: Vec<PathBuf>,
    /// The files that were left as they are.
    pub skipped: Vec<(PathBuf, Skipped)>,
    /// Of files that are written, what could not be kept or made sure of.
    pub notes: Vec<(PathBuf, String)>,
}

/// Why a file is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Skipped {
    /// No workspace folder holds it, once all links are followed.
    #[error("it is outside of the workspace")]
    Outside,
    /// Its name leads to another file, which can be changed under its own name.
    #[error("it is a link or no ordinary file")]
    NoFile,
    /// It would be changed under only one of its names, or outside of the workspace too.
    #[error("it has several names (hard links), which would no longer be one file")]
    HardLinked,
    /// It is a version control system's own: a hook there is a program that runs.
    #[error("it belongs to the version control system")]
    VersionControl,
    /// It must be neither read nor changed.
    #[error("{0}")]
    Excluded(Excluded),
    /// What a journal has for it does not fit.
    #[error("what the journal holds for it has a syntax error; run the refactoring again for it")]
    Damaged,
    /// The change was made for another text.
    #[error("it has changed since; run the refactoring again for it")]
    Changed,
    /// Its owner does not want it written.
    #[error("it is read-only")]
    ReadOnly,
    /// Its path cannot be kept in a journal.
    #[error("its path is not UTF-8")]
    NotUtf8,
    /// The operating system refuses.
    #[error("it could not be written: {0}")]
    Failed(String),
}

impl From<io::Error> for Skipped {
    fn from(error: io::Error) -> Skipped {
        Skipped::Failed(error.to_string())
    }
}

/// Writes the changes, or withholds them one by one. `journal` can [`resume`] it from any moment on.
///
/// # Errors
/// The journal cannot be written. What was written by then stays and is in the journal.
pub fn apply(rules: &Rules, changes: &[FileChange], journal: &mut Journal) -> io::Result<Applied> {
    let (named, unnamed): (Vec<_>, Vec<_>) =
        changes.iter().cloned().partition(|change| change.path.to_str().is_some());
    let files: Vec<Change> = named.iter().map(Change::from).collect();
    journal.append(&Entry::Writing { files })?;
    let unnamed = unnamed.into_iter().map(|change| (change.path, Skipped::NotUtf8));
    write_all(rules, &named, journal, Applied { skipped: unnamed.collect(), ..Applied::default() })
}

/// Finishes what `entries` say was begun with [`apply`]; `None` where nothing was. A file that holds its new text counts
/// as written.
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
        match write(rules, change, journal.id(), &sync_folder) {
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

/// Whether a change leaves a file with no more syntax errors than it had.
fn keeps_syntax(change: &FileChange) -> bool {
    let open = |text: &str| Document::open(DocumentId("".into()), Some(change.path.clone()), "", 0, text);
    let errors = |text: &str| open(text).tree().map_or(0, errors);
    errors(&change.after) <= errors(&change.before)
}

/// One file, wholly or not at all; `sync` makes its new name last. What a person should know of it then.
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
    // Of a run that crashed: nobody else gives a file this name.
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
    // It has its text by then, whatever becomes of its name.
    let lasting = || {
        let unsure =
            |error| format!("a power failure could undo it: its folder could not be synced: {error}");
        sync(folder).err().map(unsure)
    };
    if is(&text, &change.after) {
        // As a crashed run left it, perhaps not on the disk yet.
        return Ok(lasting().into_iter().collect());
    }
    if !is(&text, &change.before) {
        return Err(Skipped::Changed);
    }
    writable(&path, &metadata)?;
    // A byte order mark is no text for who made the change, and stays.
    let mark = &text[..text.len() - files::without_bom(&text).len()];
    let mark = if change.before.starts_with(BOM) { &[][..] } else { mark };
    let written = prepare(&replacement, &metadata, mark, &change.after).and_then(|note| {
        // The model took its time, and so may the disk have: the last moment counts.
        if read(&path, change)? != text {
            return Err(Skipped::Changed);
        }
        fs::rename(&replacement, &path)?;
        Ok(note)
    });
    if written.is_err() {
        // It may not be there.
        let _ = fs::remove_file(&replacement);
    }
    Ok(written?.into_iter().chain(lasting()).collect())
}

/// Where a file that may be written really lies.
///
/// # Errors
/// It may not be written, or its folder is not there.
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
    // What a link leads to is named as its workspace folder is, so that the rules know it.
    let in_root = rules.roots().iter().find_map(|root| {
        let below = real.strip_prefix(root.canonicalize().ok()?).ok()?;
        Some(root.join(below))
    });
    rules.check(&in_root.ok_or(Skipped::Outside)?).map_err(Skipped::Excluded)?;
    Ok(real)
}

/// The bytes of a file: as many as tell it from either text.
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

/// Whether the file itself could be written, although its folder is what a rename changes.
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

/// Makes the file that takes the place of another one: its text, its owner, its permissions, as far as they can be kept,
/// all of it on the disk. What could not be kept.
fn prepare(path: &Path, old: &Metadata, mark: &[u8], text: &str) -> Result<Option<String>, Skipped> {
    let mut options = OpenOptions::new();
    // Exclusively: a link that somebody put there is not followed.
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
        // After the owner, because a change of owner drops some of them.
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

/// Gives a file the user and group of another one, as far as the system allows: the permissions that it may have then, and
/// what could not be kept.
#[cfg(unix)]
fn owned(
    mode: u32,
    was: (u32, u32),
    is: (u32, u32),
    chown: &dyn Fn(Option<u32>, Option<u32>) -> io::Result<()>,
) -> (u32, Option<String>) {
    let mut mode = mode & 0o7777;
    let mut lost = Vec::new();
    // The group first: of a file that is another user's one cannot change it.
    if was.1 != is.1 && chown(None, Some(was.1)).is_err() {
        // Another group gets no more than everybody has.
        mode = mode & !0o2070 | (mode & 0o007) << 3;
        lost.push(format!("its group could not be kept: it was {}, and is {}", was.1, is.1));
    }
    if was.0 != is.0 && chown(Some(was.0), None).is_err() {
        mode &= !0o4000;
        lost.push(format!("its owner could not be kept: it was {}, and is {}", was.0, is.0));
    }
    (mode, (!lost.is_empty()).then(|| lost.join("; ")))
}

/// The name of the file that takes the place of `name`: hidden, and the same whenever the run is resumed. Not made of
/// the name itself, which may be as long as a name can be.
fn replacement_name(run: &str, name: &[u8]) -> String {
    format!(".phi-ls-{run}-{:08x}.tmp", crc32fast::hash(name))
}
