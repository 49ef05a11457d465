//! The finished steps of one run, on disk, so that a crashed or cancelled run can be resumed without repeating them.
//!
//! A [`journal`](crate::journal) whose subject is the plan. Damaged entries are skipped, and their steps are repeated.
//! Journals hold source text, so only their owner can read them. They are removed when their run is done, or after
//! [`KEPT`] if they are not resumed. A result that was not written goes when the next run of its workspace begins.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{FileChange, Plan};
use crate::files;
pub use crate::journal::JournalError;
use crate::journal::{self, Line};

#[cfg(test)]
mod tests;

const ENDING: &str = "jsonl";
/// How long the journal of an unfinished run is kept.
pub const KEPT: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Maximum bytes of the version and the header, read to find a workspace's journals: a plan of a hundred thousand sites
/// is shorter.
const HEADER_BYTES: u64 = 64 << 20;

/// The open journal of one run.
#[derive(Debug)]
pub struct Journal {
    lines: journal::Journal,
    id: String,
    /// The number of skipped entries.
    damaged: usize,
}

/// The subject of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// The id of the run, also used in the names of its journal and temporary files: letters, digits and `-`.
    pub id: String,
    /// The workspace folders.
    pub roots: Vec<PathBuf>,
    /// The plan to run.
    pub plan: Plan,
}

/// A finished step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry {
    /// A site has its new text.
    Rewritten {
        /// Its index in the plan.
        site: usize,
        /// The [`fingerprint`] of its file before the rewrite.
        before: String,
        /// The old text of the item.
        item_old: String,
        /// The new text of the item.
        item_new: String,
    },
    /// A site keeps its text.
    Refused {
        /// Its index in the plan.
        site: usize,
        /// Why, as a message.
        reason: String,
    },
    /// The model answered that a site needs no change.
    Unchanged {
        /// Its index in the plan.
        site: usize,
        /// The text of the item.
        item_old: String,
    },
    /// The check command has run.
    Checked {
        /// Counted from 1.
        round: u32,
        /// It succeeded.
        passed: bool,
        /// The number of problems it reported.
        problems: usize,
    },
    /// A run is finished, and nothing is written yet.
    Made {
        /// The files that would be written.
        files: Vec<Change>,
        /// Whether the check passed, if there was one.
        passed: Option<bool>,
    },
    /// Files are about to be written: the complete list, so that a resume can finish.
    Writing {
        /// In the sequence in which they are written.
        files: Vec<Change>,
    },
    /// One of these files was written.
    Written {
        /// Its path.
        path: PathBuf,
    },
    /// One of these files was left unchanged.
    #[serde(rename = "withheld")]
    Skipped {
        /// Its path.
        path: PathBuf,
        /// Why, as a message.
        reason: String,
    },
}

/// A [`FileChange`] as a journal stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Absolute.
    pub path: PathBuf,
    /// The text that the change was made for.
    pub before: String,
    /// The new text.
    pub after: String,
}

impl From<&FileChange> for Change {
    fn from(change: &FileChange) -> Change {
        let FileChange { path, before, after } = change;
        Change { path: path.clone(), before: before.to_string(), after: after.to_string() }
    }
}

impl From<&Change> for FileChange {
    fn from(change: &Change) -> FileChange {
        let Change { path, before, after } = change;
        FileChange { path: path.clone(), before: before.as_str().into(), after: after.as_str().into() }
    }
}

/// A hash that distinguishes versions of a file, barring deliberate collisions. Before a write the whole text is
/// compared.
pub fn fingerprint(text: &str) -> String {
    format!("{}-{:08x}", text.len(), crc32fast::hash(text.as_bytes()))
}

impl Journal {
    /// Creates the journal of a run in `folder`, which is created if missing, and removes expired and superseded ones.
    ///
    /// # Errors
    /// It cannot be written, one with this id exists, or the id cannot be a file name.
    pub fn create(folder: &Path, header: &Header) -> Result<Journal, JournalError> {
        let path = folder.join(&header.id).with_extension(ENDING);
        let failed = |error| JournalError::Io(path.clone(), error);
        if !is_id(&header.id) {
            let error = io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` is no id", header.id));
            return Err(failed(error));
        }
        make(folder).map_err(failed)?;
        remove_old(folder, &header.roots, SystemTime::now());
        let lines = journal::Journal::create(&path, header)?;
        files::sync_folder(folder).map_err(failed)?;
        Ok(Journal { lines, id: header.id.clone(), damaged: 0 })
    }

    /// Opens the journal at `path` and returns its header and entries. Damaged entries are skipped.
    ///
    /// # Errors
    /// It does not exist, is in use, is of another version, or its header is damaged.
    pub fn open(path: &Path) -> Result<(Journal, Header, Vec<Entry>), JournalError> {
        let (lines, header, written) = journal::Journal::open::<Header>(path)?;
        if !is_id(&header.id) {
            let problem = "the id is no id".to_owned();
            return Err(JournalError::Damaged { path: path.to_owned(), line: 2, problem });
        }
        let mut journal = Journal { lines, id: header.id.clone(), damaged: 0 };
        let mut whole = |line: Line| {
            let problem = match line.parse() {
                Ok(entry) => return Some(entry),
                Err(problem) => problem,
            };
            tracing::warn!("{}: line {} is left out: {problem}", path.display(), line.number);
            journal.damaged += 1;
            None
        };
        let entries = written.iter().filter_map(&mut whole).collect();
        Ok((journal, header, entries))
    }

    /// Appends an entry and syncs it to disk.
    ///
    /// # Errors
    /// It cannot be written; the journal is then unchanged.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        self.lines.append(entry)
    }

    /// A message for the user if entries were lost.
    pub fn note(&self) -> Option<String> {
        let entries = match self.damaged {
            0 => return None,
            1 => "1 entry of the journal is".to_owned(),
            damaged => format!("{damaged} entries of the journal are"),
        };
        Some(format!("{entries} damaged and left out; what they held is done again"))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.lines.path()
    }

    /// The id of its run.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Removes it when its run is done: it holds source text.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(self) -> io::Result<()> {
        self.lines.remove()
    }

    /// The newest journal in `folder` of a run in these workspace folders, unless another process has it open. If there
    /// is none, a damaged one with an unreadable header, so that [`Journal::open`] reports the damage.
    pub fn latest(folder: &Path, roots: &[PathBuf]) -> Option<PathBuf> {
        let mut journals = journals(folder);
        journals.sort_by_key(|(_, modified)| std::cmp::Reverse(*modified));
        let mut damaged = None;
        for (path, _) in journals {
            match header(&path, roots) {
                Head::Ours => return Some(path),
                Head::Damaged => damaged = damaged.or(Some(path)),
                Head::Others => {}
            }
        }
        damaged
    }
}

/// Creates the folder of the journals, readable only by its owner.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Which workspace a journal belongs to, by its first lines.
enum Head {
    /// It belongs to these workspace folders.
    Ours,
    /// It belongs to others, or another process has it open.
    Others,
    /// Its header cannot be read.
    Damaged,
}

fn header(path: &Path, roots: &[PathBuf]) -> Head {
    match journal::subject::<Header>(path, HEADER_BYTES) {
        None => Head::Others,
        Some((Ok(header), _)) if header.roots == roots => Head::Ours,
        Some((Ok(_), _)) => Head::Others,
        Some((Err(_), line)) if names_roots(&line, roots) => Head::Ours,
        Some((Err(_), _)) => Head::Damaged,
    }
}

/// Whether a header names these workspace folders; ignores its other fields.
fn names_roots(line: &[u8], roots: &[PathBuf]) -> bool {
    let Ok(roots) = serde_json::to_string(roots) else { return false };
    let wanted = format!("\"roots\":{roots}").into_bytes();
    line.windows(wanted.len()).any(|part| part == wanted)
}

/// The journals in a folder, with their modification times.
fn journals(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let journals = entries.filter_map(|entry| {
        let path = entry.path();
        let is_journal = path.extension().is_some_and(|end| end == ENDING)
            && path.file_stem()?.to_str().is_some_and(is_id);
        let metadata = entry.metadata().ok().filter(|metadata| is_journal && metadata.is_file())?;
        Some((path, metadata.modified().ok()?))
    });
    journals.collect()
}

/// Removes expired journals, and those of these workspace folders whose run is finished and was not written.
fn remove_old(folder: &Path, roots: &[PathBuf], now: SystemTime) {
    for (path, modified) in journals(folder) {
        let is_expired = || now.duration_since(modified).is_ok_and(|age| age > KEPT);
        if (is_expired() || is_superseded(&path, roots))
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!("an old journal stays: {}: {error}", path.display());
        }
    }
}

fn is_superseded(path: &Path, roots: &[PathBuf]) -> bool {
    matches!(header(path, roots), Head::Ours)
        && Journal::open(path).is_ok_and(|(.., entries)| matches!(entries.last(), Some(Entry::Made { .. })))
}

/// Whether it is a valid file name on every system.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
