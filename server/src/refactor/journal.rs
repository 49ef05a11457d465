//! What one run of a refactoring has done so far, on disk, so that a crash or a cancelled run costs nothing that was
//! finished.
//!
//! A [`journal`](crate::journal) with the plan as its subject. Damaged entries are left out: what they held is done again.
//! Journals hold source text, so only their owner can read them, they are removed when their run is done, and those that
//! are not resumed are removed after [`KEPT`].

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{FileChange, Plan};
pub use crate::journal::JournalError;
use crate::journal::{self, Line};

#[cfg(test)]
mod tests;

const ENDING: &str = "jsonl";
/// A run that was not resumed for so long is given up.
pub const KEPT: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Of the version and the header, to find the journals of a workspace: a plan of a hundred thousand sites is shorter.
const HEADER_BYTES: u64 = 64 << 20;

/// The journal of one run, open to be added to.
#[derive(Debug)]
pub struct Journal {
    lines: journal::Journal,
    id: String,
    /// Entries that were left out.
    damaged: usize,
}

/// What a run was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Names the run, its journal and its temporary files: letters, digits and `-`.
    pub id: String,
    /// The workspace folders.
    pub roots: Vec<PathBuf>,
    /// What is to be done.
    pub plan: Plan,
}

/// Something that a run has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry {
    /// A site has its new text.
    Rewritten {
        /// Its place in the plan.
        site: usize,
        /// The [`fingerprint`] of the file that it was rewritten in, as the file was then.
        before: String,
        /// The item as it was.
        item_old: String,
        /// The item as it is to be.
        item_new: String,
    },
    /// A site keeps its text.
    Refused {
        /// Its place in the plan.
        site: usize,
        /// Why, for a person.
        reason: String,
    },
    /// The check command has run.
    Checked {
        /// Counted from 1.
        round: u32,
        /// It succeeded.
        passed: bool,
        /// Places that it complained of.
        problems: usize,
    },
    /// A run has come to its end, and nothing is written yet.
    Made {
        /// What would be written.
        files: Vec<Change>,
        /// What the check says of it, if there was one.
        passed: Option<bool>,
    },
    /// Files are about to be written: all of them, so that whoever resumes can finish.
    Writing {
        /// In the order in which they are written.
        files: Vec<Change>,
    },
    /// One of these files is written.
    Written {
        /// Which one.
        path: PathBuf,
    },
    /// One of these files is left as it is.
    #[serde(rename = "withheld")]
    Skipped {
        /// Which one.
        path: PathBuf,
        /// Why, for a person.
        reason: String,
    },
}

/// A [`FileChange`], as a journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Absolute.
    pub path: PathBuf,
    /// The text that the change was made for.
    pub before: String,
    /// The text that takes its place.
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

/// Tells two states of a file apart, as far as accidents go. Before a file is written its whole text is compared.
pub fn fingerprint(text: &str) -> String {
    format!("{}-{:08x}", text.len(), crc32fast::hash(text.as_bytes()))
}

impl Journal {
    /// Starts the journal of a run in `folder`, which is made if need be, and removes those that are too old.
    ///
    /// # Errors
    /// It cannot be written, there is one of this id, or the id cannot be a file name.
    pub fn create(folder: &Path, header: &Header) -> Result<Journal, JournalError> {
        let path = folder.join(&header.id).with_extension(ENDING);
        let failed = |error| JournalError::Io(path.clone(), error);
        if !is_id(&header.id) {
            let error = io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` is no id", header.id));
            return Err(failed(error));
        }
        make(folder).map_err(failed)?;
        remove_old(folder, SystemTime::now());
        let lines = journal::Journal::create(&path, header)?;
        sync_folder(folder).map_err(failed)?;
        Ok(Journal { lines, id: header.id.clone(), damaged: 0 })
    }

    /// Opens the journal at `path`: what it is about, and what is done. Damaged entries are left out.
    ///
    /// # Errors
    /// It is not there, in use, of another version, or does not say what it is about.
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

    /// Adds an entry. When this returns it is on the disk.
    ///
    /// # Errors
    /// It cannot be written; the journal is then as it was.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        self.lines.append(entry)
    }

    /// What a person should know of it: that a part of it was lost.
    pub fn note(&self) -> Option<String> {
        let entries = match self.damaged {
            0 => return None,
            1 => "1 entry of the journal is".to_owned(),
            damaged => format!("{damaged} entries of the journal are"),
        };
        Some(format!("{entries} damaged and left out; what they held is done again"))
    }

    /// Where it lies.
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

    /// The newest journal in `folder` of a run in these workspace folders, unless another process has it open. A damaged one
    /// that does not name its folders is the answer where there is no other, so that [`Journal::open`] says what is wrong
    /// with it.
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

/// Makes the folder of the journals, which only their owner can read.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// What the first lines of a journal say of whose it is.
enum Head {
    /// It is of these workspace folders.
    Ours,
    /// It is of others, or another process has it open.
    Others,
    /// It does not say.
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

/// Whether a header names these workspace folders, whatever else it says.
fn names_roots(line: &[u8], roots: &[PathBuf]) -> bool {
    let Ok(roots) = serde_json::to_string(roots) else { return false };
    let wanted = format!("\"roots\":{roots}").into_bytes();
    line.windows(wanted.len()).any(|part| part == wanted)
}

/// The journals in a folder, and when each was written last.
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

/// Removes the journals that were not resumed.
fn remove_old(folder: &Path, now: SystemTime) {
    for (path, modified) in journals(folder) {
        if now.duration_since(modified).is_ok_and(|age| age > KEPT)
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!("an old journal stays: {}: {error}", path.display());
        }
    }
}

/// Whether it can name a file wherever it is put.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Makes a new name in a folder last.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file, and the file system sees to it by itself.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
