//! Walks the folders of a workspace and reads the text files in them, within bounds.
//!
//! The bounds hold for any tree: a workspace of `/`, two hundred thousand files, a file that grows while it is read, a
//! cycle of links (links are not followed). The walk is breadth-first, so that a bound cuts off the deepest files.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rayon::prelude::*;

use super::index::Stamp;
use super::rules::{Excluded, Exclusions, FILE_BYTES, Folder, Rules};
use crate::files::{self, Unreadable};
use crate::secrets::in_text;

/// A longer mean line is minified code, or data.
const MEAN_LINE_BYTES: usize = 400;
/// The most entries that are visited, so that a walk of ignored files ends, too.
const ENTRIES: usize = 1_000_000;
/// Virtual file systems.
const SYSTEM: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];

/// The data of version control systems.
const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// The limits on a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most files.
    pub files: usize,
    /// The most bytes of all files together.
    pub bytes: u64,
}

/// A file that the walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path; absolute if the folder's was.
    pub path: PathBuf,
    /// Its version.
    pub stamp: Stamp,
}

/// The result of a walk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walked {
    /// The files by path, each once.
    pub files: Vec<FoundFile>,
    /// The visited folders, by path.
    pub folders: Vec<PathBuf>,
    /// The excluded files and folders.
    pub excluded: Exclusions,
    /// Whether a bound cut the walk off.
    pub is_cut: bool,
}

/// Finds the files below `tops` (workspace folders, or folders in them) that may be read, by their names. `cancelled` is
/// called for each folder; a cancelled walk returns what it found. Runs on the threads of rayon's pool.
pub fn walk(
    rules: &Rules,
    tops: &[PathBuf],
    bounds: Bounds,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Walked {
    let mut walked = Walked::default();
    let mut level: Vec<Arc<Folder>> = Vec::new();
    for top in tops {
        let folder = rules.folder(top);
        match folder.excluded() {
            Some(reason) => walked.excluded.add(top, reason),
            None => level.push(folder),
        }
    }
    let (mut entries, mut bytes) = (0, 0);
    while !level.is_empty() && !cancelled() {
        let mut listed: Vec<_> = level.par_iter().map(|folder| list(rules, folder, cancelled)).collect();
        level.clear();
        for listing in &mut listed {
            entries += listing.entries;
            walked.excluded.extend(std::mem::take(&mut listing.excluded));
            walked.folders.append(&mut listing.looked_into);
            level.append(&mut listing.folders);
            for file in std::mem::take(&mut listing.files) {
                bytes += file.stamp.bytes;
                if walked.files.len() < bounds.files && bytes <= bounds.bytes {
                    walked.files.push(file);
                } else {
                    let bound = if bytes > bounds.bytes { "bytes of text" } else { "number of files" };
                    walked.is_cut = true;
                    walked.excluded.add(&file.path, &Excluded::OverBounds(bound));
                }
            }
        }
        if entries >= ENTRIES || walked.is_cut {
            for folder in level.drain(..) {
                walked.is_cut = true;
                walked.excluded.add(folder.path(), &Excluded::OverBounds("number of entries"));
            }
        }
    }
    walked.files.sort_by(|one, other| one.path.cmp(&other.path));
    walked.files.dedup_by(|one, other| one.path == other.path);
    walked.folders.sort();
    walked.folders.dedup();
    walked
}

/// The entries of one folder.
#[derive(Default)]
struct Listing {
    entries: usize,
    files: Vec<FoundFile>,
    folders: Vec<Arc<Folder>>,
    looked_into: Vec<PathBuf>,
    excluded: Exclusions,
}

fn list(rules: &Rules, folder: &Arc<Folder>, cancelled: &dyn Fn() -> bool) -> Listing {
    let mut listing = Listing::default();
    if cancelled() {
        return listing;
    }
    let entries = match fs::read_dir(folder.path()) {
        Ok(entries) => entries,
        Err(error) => {
            listing.excluded.add(folder.path(), &Excluded::Unreadable(error.kind()));
            return listing;
        }
    };
    listing.looked_into.push(folder.path().to_owned());
    // An entry that cannot be read was removed meanwhile.
    let mut entries: Vec<_> = entries.take(ENTRIES).filter_map(Result::ok).collect();
    entries.sort_by_cached_key(fs::DirEntry::file_name);
    listing.entries = entries.len();
    for entry in entries {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        // Nobody expects it to be indexed.
        if VERSION_CONTROL.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        // A workspace folder inside another one is walked separately.
        if kind.is_dir() && rules.roots().contains(&path) {
            continue;
        }
        let special =
            !kind.is_dir() && !kind.is_file() || SYSTEM.iter().any(|system| path == Path::new(system));
        let excluded = match special {
            true => Some(Excluded::Special),
            false => rules.exclusion(folder, &entry.file_name(), kind.is_dir()),
        };
        if let Some(reason) = excluded {
            if matches!(reason, Excluded::Secret(_))
                && let Ok(file) = entry.metadata()
            {
                rules.note_secret(&file);
            }
            listing.excluded.add(&path, &reason);
            continue;
        }
        if kind.is_dir() {
            let below = rules.below(folder, &path, None);
            match below.excluded() {
                Some(reason) => listing.excluded.add(&path, reason),
                None => listing.folders.push(Arc::new(below)),
            }
            continue;
        }
        match entry
            .metadata()
            .map_err(|error| Excluded::Unreadable(error.kind()))
            .and_then(|file| stamp(&file))
        {
            Ok(stamp) => listing.files.push(FoundFile { path, stamp }),
            Err(reason) => listing.excluded.add(&path, &reason),
        }
    }
    listing
}

/// The version of a file, if its size allows to read it.
fn stamp(metadata: &Metadata) -> Result<Stamp, Excluded> {
    match metadata.len() {
        // Also the files of /proc, some of which block.
        0 => Err(Excluded::Empty),
        length if length > FILE_BYTES => Err(Excluded::TooLarge),
        bytes => Ok(Stamp { modified: modified(metadata), bytes }),
    }
}

/// Nanoseconds since 1970, at least 1: 0 marks a text from an editor.
fn modified(metadata: &Metadata) -> u64 {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(1, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)).max(1)
}

/// The modification time of a file, in nanoseconds since 1970; 0 if it is missing.
pub(super) fn saved(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| modified(&metadata))
}

/// The current version of the file at `path`.
///
/// # Errors
/// There is no readable file.
pub fn look(path: &Path) -> Result<Stamp, Excluded> {
    stamp(&seen(path)?)
}

fn seen(path: &Path) -> Result<Metadata, Excluded> {
    let metadata = fs::symlink_metadata(path).map_err(|error| Excluded::Unreadable(error.kind()))?;
    if metadata.is_file() { Ok(metadata) } else { Err(Excluded::Special) }
}

/// Reads a file and its version: never more than the bound, even if it grows meanwhile.
///
/// # Errors
/// It is not hand-written text, or was removed.
pub fn read(path: &Path) -> Result<(Stamp, String), Excluded> {
    let seen = seen(path)?;
    let (file, opened) = files::open(path).map_err(|error| Excluded::Unreadable(error.kind()))?;
    if !is_same(&seen, &opened) {
        // It was replaced meanwhile, perhaps by a link.
        return Err(Excluded::Special);
    }
    let stamp = stamp(&opened)?;
    let text = files::whole(file, &opened, FILE_BYTES).and_then(files::decode)?.text;
    check_text(&text).map(|()| (stamp, text))
}

impl From<Unreadable> for Excluded {
    fn from(reason: Unreadable) -> Excluded {
        match reason {
            Unreadable::Io(error) => Excluded::Unreadable(error.kind()),
            Unreadable::TooLarge(_) => Excluded::TooLarge,
            Unreadable::Binary => Excluded::Binary,
            Unreadable::NotUtf8 => Excluded::NotUtf8,
        }
    }
}

#[cfg(unix)]
fn is_same(seen: &Metadata, opened: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (seen.dev(), seen.ino()) == (opened.dev(), opened.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Whether a text may be read and shown, by its content.
///
/// # Errors
/// The rule that excludes it.
pub fn check_text(text: &str) -> Result<(), Excluded> {
    if text.trim_start().is_empty() {
        return Err(Excluded::Empty);
    }
    if text.len() > MEAN_LINE_BYTES * (text.lines().count() + 1) {
        return Err(Excluded::Minified);
    }
    in_text(text).map_or(Ok(()), |secret| Err(Excluded::SecretText(secret)))
}

#[cfg(test)]
mod tests;
