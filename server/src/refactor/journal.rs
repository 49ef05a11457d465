//! What one run of a refactoring has done so far, on disk, so that a crash or a cancelled run costs nothing that was
//! finished.
//!
//! A file of lines: the version, the header, then one entry after the other, each as JSON behind its checksum. An entry is
//! on the disk when [`Journal::append`] returns. A crash can leave a last line that is not whole; it counts as never
//! written. A line that is not what was written is left out: what it held is done again.
//! Journals hold source text, so only their owner can read them, they are removed when their run is done, and those that
//! nobody came back to are removed after [`KEPT`].

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{FileChange, Plan};
use crate::files;

#[cfg(test)]
mod tests;

/// What the first line says. Another number is another form.
const VERSION: u32 = 2;
const ENDING: &str = "jsonl";
/// A run that was not resumed for so long is given up.
pub const KEPT: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// A larger file is no journal of ours: about a thousand files of half a megabyte, before and after.
const BYTES: u64 = 1 << 30;
/// Of the header's line, to find the journals of a workspace: a plan of a hundred thousand sites is shorter.
const HEADER_BYTES: u64 = 64 << 20;

/// The journal of one run, open to be added to. No other process has it open meanwhile.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    id: String,
    /// Bytes of whole lines.
    length: u64,
    /// Lines that were left out.
    damaged: usize,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    phi_ls_journal: u32,
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
    Withheld {
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

/// Why a journal cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system says so.
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    Io(PathBuf, io::Error),
    /// Another version of phi-ls wrote it.
    #[error(
        "{path} was written by another version of phi-ls (form {found}, this one reads {VERSION}): \
         resume with that version, or delete the file to begin anew",
        path = .path.display()
    )]
    OtherVersion {
        /// Where it lies.
        path: PathBuf,
        /// The form that it says it has.
        found: u32,
    },
    /// It is not what was written.
    #[error("{path}: line {line} is damaged ({problem}): delete the file to begin anew", path = .path.display())]
    Damaged {
        /// Where it lies.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Another process goes on with the same run.
    #[error("{path} is in use: another phi-ls is working on this refactoring", path = .0.display())]
    InUse(PathBuf),
}

/// Tells two states of a file apart, as far as accidents go. Before a file is written its whole text is compared.
pub fn fingerprint(text: &str) -> String {
    format!("{}-{:08x}", text.len(), crc32fast::hash(text.as_bytes()))
}

impl Journal {
    /// Begins the journal of a run in `folder`, which is made if need be, and removes those that are too old.
    ///
    /// # Errors
    /// It cannot be written, there is one of this id, or the id cannot be a file name.
    pub fn create(folder: &Path, header: &Header) -> io::Result<Journal> {
        if !is_id(&header.id) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` is no id", header.id)));
        }
        make(folder)?;
        remove_old(folder, SystemTime::now());
        let path = folder.join(&header.id).with_extension(ENDING);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        file.try_lock()?;
        let mut journal = Journal { file, path, id: header.id.clone(), length: 0, damaged: 0 };
        // Whatever the form of the rest: other versions read it, too.
        journal.line(serde_json::to_vec(&Version { phi_ls_journal: VERSION })?)?;
        journal.line(summed(header)?)?;
        sync_folder(folder)?;
        Ok(journal)
    }

    /// Goes on with the journal at `path`: what it was about, and what is done. Entries that are damaged are left out.
    ///
    /// # Errors
    /// It is not there, in use, of another version, or does not say what it was about.
    pub fn open(path: &Path) -> Result<(Journal, Header, Vec<Entry>), JournalError> {
        let failed = |error| JournalError::Io(path.to_owned(), error);
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        let damaged = |line: usize, problem: String| JournalError::Damaged {
            path: path.to_owned(),
            line: line + 1,
            problem,
        };
        if bytes.len() as u64 > BYTES {
            return Err(damaged(0, format!("the file has more than {} MB", BYTES >> 20)));
        }
        let mut lines = bytes.split_inclusive(|&byte| byte == b'\n');
        let version: Version =
            parse(lines.next().unwrap_or_default()).map_err(|problem| damaged(0, problem))?;
        if version.phi_ls_journal != VERSION {
            return Err(JournalError::OtherVersion { path: path.to_owned(), found: version.phi_ls_journal });
        }
        let header: Header =
            entry(lines.next().unwrap_or_default()).map_err(|problem| damaged(1, problem))?;
        if !is_id(&header.id) {
            return Err(damaged(1, "the id is no id".to_owned()));
        }
        let mut entries = Vec::new();
        let mut damaged = 0;
        let mut length = bytes.len();
        for (number, line) in lines.enumerate() {
            match entry(line) {
                Ok(entry) => entries.push(entry),
                // As a crash leaves it.
                Err(_) if !line.ends_with(b"\n") => length -= line.len(),
                Err(problem) => {
                    tracing::warn!("{}: line {} is left out: {problem}", path.display(), number + 3);
                    damaged += 1;
                }
            }
        }
        let (id, length) = (header.id.clone(), length as u64);
        let mut journal = Journal { file, path: path.to_owned(), id, length, damaged };
        journal.cut().map_err(failed)?;
        Ok((journal, header, entries))
    }

    /// Adds an entry. When this returns it is on the disk.
    ///
    /// # Errors
    /// It cannot be written; the journal is then as it was.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        self.line(summed(entry)?)
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
        &self.path
    }

    /// The id of its run.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Removes it: its run is done, and its texts are nobody's business any more.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    /// The newest journal in `folder` of a run in these workspace folders, unless that run is in hand elsewhere. Of one
    /// that is damaged nobody knows whose it is, unless it names these folders still: it is the answer where there is no
    /// other, so that [`Journal::open`] says what is wrong with it.
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

    fn line(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.length += line.len() as u64,
            // Half a line must not have a whole one after it.
            Err(_) => self.cut()?,
        }
        written
    }

    /// Drops what follows the last whole line.
    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length)).map(drop)
    }
}

impl Drop for Journal {
    /// A process that is being started by another thread has the file open too, for a moment, and would keep the lock.
    fn drop(&mut self) {
        let _ = self.file.unlock();
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

/// What a line says, if it is whole.
fn parse<T: for<'a> Deserialize<'a>>(line: &[u8]) -> Result<T, String> {
    let line = line.strip_suffix(b"\n").ok_or("it is not whole")?;
    serde_json::from_slice(line).map_err(|problem| problem.to_string())
}

/// A line with its checksum in front.
fn summed(what: &impl Serialize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(what)?;
    let mut line = format!("{:08x} ", crc32fast::hash(&json)).into_bytes();
    line.extend(json);
    Ok(line)
}

/// What such a line says, if it is what was written.
fn entry<T: for<'a> Deserialize<'a>>(line: &[u8]) -> Result<T, String> {
    let whole = line.strip_suffix(b"\n").ok_or("it is not whole")?;
    let sum = whole.get(..8).and_then(|sum| u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok());
    match whole.get(9..) {
        Some(json) if whole[8] == b' ' && sum == Some(crc32fast::hash(json)) => parse(&line[9..]),
        _ => Err("its checksum is not that of its text".to_owned()),
    }
}

/// What the first lines of a journal say of whose it is.
enum Head {
    /// It is of these workspace folders.
    Ours,
    /// It is of others, or in hand elsewhere.
    Others,
    /// It does not say.
    Damaged,
}

fn header(path: &Path, roots: &[PathBuf]) -> Head {
    let Ok((file, _)) = files::open(path) else { return Head::Others };
    if file.try_lock_shared().is_err() {
        return Head::Others;
    }
    let mut lines = BufReader::new((&file).take(HEADER_BYTES));
    let mut line = || {
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line).map(|_| line).unwrap_or_default()
    };
    // One of another version is found too: whoever opens it is told what to do.
    let (version, line) = (parse::<Version>(&line()), line());
    let header = version.and_then(|_| entry::<Header>(&line).or_else(|_| parse(&line)));
    // As when a journal is dropped.
    let _ = file.unlock();
    match header {
        Ok(header) if header.roots == roots => Head::Ours,
        Ok(_) => Head::Others,
        Err(_) if names_roots(&line, roots) => Head::Ours,
        Err(_) => Head::Damaged,
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

/// Removes the journals that nobody came back to.
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
