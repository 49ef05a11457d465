//! A journal on disk: one JSON value per line, each with its checksum, so that work which is finished survives a crash.
//!
//! The first line names the format, the second says what the journal is about, all others are entries. A value is on the
//! disk when [`Journal::append`] returns. A crash can leave an incomplete last line; it counts as not written. A damaged
//! line is never read as another value. A journal is locked while it is open: one process at a time works with it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::files;

/// What the first line says. Another number is another format.
const VERSION: u32 = 2;
/// A larger file is not a journal: about a thousand files of half a megabyte, before and after.
const MAX_BYTES: u64 = 1 << 30;

/// A journal, open and locked.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    /// Bytes of whole lines.
    length: u64,
}

/// The whole lines of a journal behind the first, as they are on the disk.
#[derive(Debug)]
pub struct Lines {
    bytes: Vec<u8>,
    first: usize,
}

/// One line.
#[derive(Debug, Clone, Copy)]
pub struct Line<'j> {
    /// Counted from 1.
    pub number: usize,
    /// The byte of the journal at which it starts.
    pub start: u64,
    text: &'j [u8],
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system says so.
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    Io(PathBuf, io::Error),
    /// Another version of phi-ls wrote it.
    #[error(
        "{path} was written by another version of phi-ls (format {found}, this one reads {VERSION}): \
         resume with that version, or delete the file to start again",
        path = .path.display()
    )]
    OtherVersion {
        /// The journal.
        path: PathBuf,
        /// The format that it names.
        found: u32,
    },
    /// It is not what was written.
    #[error("{path}: line {line} is damaged ({problem}): delete the file to start again", path = .path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Another process has it open.
    #[error("{path} is in use by another phi-ls", path = .0.display())]
    InUse(PathBuf),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    phi_ls_journal: u32,
}

impl Journal {
    /// Starts a new journal about `subject`, which only its owner can read.
    ///
    /// # Errors
    /// There is a file at `path`, or it cannot be written.
    pub fn create(path: &Path, subject: &impl Serialize) -> Result<Journal, JournalError> {
        Journal::start(path, OpenOptions::new().create_new(true), subject)
    }

    /// Starts a journal about `subject` in place of the one that may be there.
    ///
    /// # Errors
    /// It cannot be written, or another process has the one that is there open.
    pub fn replace(path: &Path, subject: &impl Serialize) -> Result<Journal, JournalError> {
        Journal::start(path, OpenOptions::new().create(true).truncate(false), subject)
    }

    fn start(
        path: &Path,
        options: &mut OpenOptions,
        subject: &impl Serialize,
    ) -> Result<Journal, JournalError> {
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
        let mut journal = Journal::locked(path, options)?;
        // Every version reads this line, whatever the format of the rest.
        let version = serde_json::to_vec(&Version { phi_ls_journal: VERSION });
        let written = version.map_err(io::Error::from).and_then(|version| journal.write(version));
        let written = written.and_then(|()| journal.append(subject));
        written.map(|()| journal).map_err(|error| JournalError::Io(path.to_owned(), error))
    }

    /// Opens the journal at `path`, and reads its subject and its entries. The next entry follows the last whole line.
    ///
    /// # Errors
    /// It is not there, in use, of another version, or its subject cannot be read.
    pub fn open<S: DeserializeOwned>(path: &Path) -> Result<(Journal, S, Lines), JournalError> {
        let mut journal = Journal::locked(path, &mut OpenOptions::new())?;
        let damaged =
            |line: usize, problem: String| JournalError::Damaged { path: path.to_owned(), line, problem };
        let mut bytes = Vec::new();
        let read = Read::by_ref(&mut journal.file).take(MAX_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| JournalError::Io(path.to_owned(), error))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(damaged(1, format!("the file has more than {} MB", MAX_BYTES >> 20)));
        }
        // As a crash leaves it.
        bytes.truncate(bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1));
        journal.length = bytes.len() as u64;
        let mut lines = Lines { bytes, first: 0 };
        let version: Version = lines.pop_first(plain).map_err(|problem| damaged(1, problem))?;
        if version.phi_ls_journal != VERSION {
            return Err(JournalError::OtherVersion { path: path.to_owned(), found: version.phi_ls_journal });
        }
        let subject = lines.pop_first(checked).map_err(|problem| damaged(2, problem))?;
        Ok((journal, subject, lines))
    }

    fn locked(path: &Path, options: &mut OpenOptions) -> Result<Journal, JournalError> {
        let failed = |error| JournalError::Io(path.to_owned(), error);
        let file = options.read(true).write(true).open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
        }
        match file.try_lock() {
            Ok(()) => Ok(Journal { file, path: path.to_owned(), length: 0 }),
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Adds an entry. When this returns it is on the disk.
    ///
    /// # Errors
    /// It cannot be written; the journal is then as it was.
    pub fn append(&mut self, entry: &impl Serialize) -> io::Result<()> {
        let json = serde_json::to_vec(entry)?;
        let mut line = format!("{:08x} ", crc32fast::hash(&json)).into_bytes();
        line.extend(json);
        self.write(line)
    }

    /// Drops what follows this byte, at which a line starts.
    pub fn truncate(&mut self, length: u64) {
        self.length = length;
    }

    /// Where the journal is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the journal.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    fn write(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        self.cut()?;
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.length += line.len() as u64,
            // No line may follow half a line.
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
    /// A process that another thread starts has the file open for a moment, too, and would keep the lock.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl Lines {
    /// The lines from the first entry on.
    pub fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        let mut start = 0;
        let lines = self.bytes.split_inclusive(|&byte| byte == b'\n').enumerate().map(move |(at, text)| {
            let line = Line { number: at + 1, start, text };
            start += text.len() as u64;
            line
        });
        lines.skip(self.first)
    }

    fn pop_first<T>(&mut self, parse: fn(&[u8]) -> Result<T, String>) -> Result<T, String> {
        let parsed = parse(self.iter().next().map_or(&[], |line| line.text));
        self.first += 1;
        parsed
    }
}

impl Line<'_> {
    /// The value that was written.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, String> {
        checked(self.text)
    }
}

/// The subject of a journal that no process has open, and its text, without a lock that lasts; `None` where there is no
/// journal to look at. At most `bytes` are read. The subject of another version's journal is read as well where it can be.
pub fn subject<S: DeserializeOwned>(path: &Path, bytes: u64) -> Option<(Result<S, String>, Vec<u8>)> {
    let (file, _) = files::open(path).ok()?;
    file.try_lock_shared().ok()?;
    let mut lines = BufReader::new((&file).take(bytes));
    let mut line = || {
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line).map(|_| line).unwrap_or_default()
    };
    let (version, line) = (plain::<Version>(&line()), line());
    // As when a journal is dropped.
    let _ = file.unlock();
    Some((version.and_then(|_| checked(&line).or_else(|_| plain(&line))), line))
}

/// The value in a whole line.
fn plain<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let json = line.strip_suffix(b"\n").ok_or("it is not whole")?;
    serde_json::from_slice(json).map_err(|problem| problem.to_string())
}

/// The value in a whole line with a checksum.
fn checked<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let whole = line.strip_suffix(b"\n").ok_or("it is not whole")?;
    let sum = whole.get(..8).and_then(|sum| u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok());
    match whole.get(9..) {
        Some(json) if whole[8] == b' ' && sum == Some(crc32fast::hash(json)) => plain(&line[9..]),
        _ => Err("its checksum is not that of its text".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(lines: &Lines) -> Vec<(usize, Option<u32>)> {
        lines.iter().map(|line| (line.number, line.parse().ok())).collect()
    }

    #[test]
    fn entries_are_read_back_and_followed_by_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, &"subject").expect("created");
        journal.append(&1).expect("written");
        journal.append(&2).expect("written");
        drop(journal);
        assert!(Journal::create(&path, &"subject").is_err(), "there is one");
        let half = fs::read(&path).expect("readable").repeat(2);
        fs::write(&path, &half[..half.len() - 1]).expect("written");
        let (mut journal, subject, lines) = Journal::open::<String>(&path).expect("readable");
        assert_eq!(subject, "subject");
        let read = [(3, Some(1)), (4, Some(2)), (5, None), (6, None), (7, Some(1))];
        assert_eq!(entries(&lines), read, "another subject is no entry, and the last line is not whole");
        journal.truncate(lines.iter().nth(2).expect("the damaged line").start);
        journal.append(&3).expect("written");
        drop(journal);
        let (_, _, lines) = Journal::open::<String>(&path).expect("readable");
        assert_eq!(entries(&lines), [(3, Some(1)), (4, Some(2)), (5, Some(3))]);
    }

    #[test]
    fn a_journal_in_use_is_neither_opened_nor_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let journal = Journal::replace(&path, &1).expect("there is none yet");
        let before = fs::read(&path).expect("readable");
        for refused in [Journal::replace(&path, &2), Journal::open::<u32>(&path).map(|(journal, ..)| journal)]
        {
            assert!(matches!(refused, Err(JournalError::InUse(_))));
        }
        assert!(subject::<u32>(&path, 100).is_none());
        assert_eq!(fs::read(&path).expect("readable"), before);
        drop(journal);
        drop(Journal::replace(&path, &2).expect("replaced"));
        let (found, _) = subject::<u32>(&path, 100).expect("there is one");
        assert_eq!(found, Ok(2));
    }
}
