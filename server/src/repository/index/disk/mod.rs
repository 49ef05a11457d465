//! The index on disk, so that only changed files are read again at the next start.
//!
//! ```text
//! magic, what made it, length and checksum of the rest
//! roots, words              only those that a file holds
//! blocks of files           each with its length in front, so that they are decoded in parallel
//! ```
//! A file that is damaged, was made by another version, or belongs to other folders is as if it were not there. Lists
//! are not saved: they follow from the files. What came from an editor is not saved either.

mod record;

use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

use self::record::{Numbers, Record};
use super::entry::Entry;
use super::words::WordTable;
use super::{Index, Snapshot};
use crate::files::{self, Unreadable};

const MAGIC: [u8; 8] = *b"phi-ls\x00i";
/// Magic, and what made it.
const MAKER_END: usize = 8 + 4;
/// Then length and checksum.
const HEADER: usize = MAKER_END + 8 + 4;
/// A larger file is not ours.
const MOST_BYTES: u64 = 1 << 30;
/// So many files are encoded and decoded at a time.
const BLOCK: usize = 128;
/// Indexes that have not been saved for so long are removed.
const KEPT: Duration = Duration::from_secs(60 * 24 * 60 * 60);
const ENDING: &str = "index";

/// Where the index of these workspace folders is kept, below the folder of all of them.
pub fn file(folder: &Path, roots: &[PathBuf]) -> PathBuf {
    let mut hash = crc32fast::Hasher::new();
    for root in in_order(roots) {
        hash.update(root.as_os_str().as_encoded_bytes());
        hash.update(b"\0");
    }
    folder.join(format!("{:08x}.{ENDING}", hash.finalize()))
}

/// Saves an index at `path`, in place of what is there; readable by this user alone. Files outside of `roots`, and
/// such whose path is no Unicode, are left out. Indexes beside it that are long out of use are removed.
///
/// # Errors
/// Where the folder or the file cannot be written; what was there before is then still there.
pub fn save(snapshot: &Snapshot, roots: &[PathBuf], path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Private to the user, as temporary files are.
    let mut file = tempfile::Builder::new().prefix(".saving-").suffix(ENDING).tempfile_in(folder)?;
    write(&mut io::BufWriter::new(file.as_file_mut()), snapshot, &in_order(roots))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    remove_old(folder);
    Ok(())
}

fn write(out: &mut (impl Write + Seek), snapshot: &Snapshot, roots: &[PathBuf]) -> io::Result<()> {
    let entries = snapshot.entries.iter().filter_map(|entry| Some((place(entry, roots)?, &**entry)));
    let entries: Vec<_> = entries.collect();
    let numbers = Numbers::of(entries.iter().map(|(_, entry)| *entry), &snapshot.words);

    out.write_all(&[0; HEADER])?;
    let mut body = Body { out, hash: crc32fast::Hasher::new(), length: 0 };
    let names: Vec<_> = roots.iter().map(|root| root.to_string_lossy()).collect();
    body.write(&encode(&(names, numbers.texts(&snapshot.words)))?)?;
    for block in entries.chunks(BLOCK) {
        let records: Vec<_> =
            block.iter().map(|(place, entry)| Record::of(*place, entry, &numbers)).collect();
        body.write(&encode(&records)?)?;
    }
    let Body { out, hash, length } = body;
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&header(length, hash.finalize()))?;
    out.flush()
}

/// Loads what [`save`] has saved of these roots; `None` where there is nothing that can be used.
pub fn load(path: &Path, roots: &[PathBuf]) -> Option<Index> {
    match read(path).and_then(|bytes| decode(&bytes, &in_order(roots))) {
        Ok(index) => Some(index),
        Err(reason) => {
            tracing::debug!("{} is not used: {reason}", path.display());
            None
        }
    }
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    #[error("it is no index, or one of another version")]
    Foreign,
    #[error("it is the index of other folders")]
    OtherRoots,
    #[error("it is damaged")]
    Damaged,
}

impl From<postcard::Error> for Unusable {
    fn from(_: postcard::Error) -> Unusable {
        Unusable::Damaged
    }
}

/// What of a file follows the header.
struct Body<W: Write> {
    out: W,
    hash: crc32fast::Hasher,
    length: u64,
}

impl<W: Write> Body<W> {
    /// Writes a part with its length in front.
    fn write(&mut self, part: &[u8]) -> io::Result<()> {
        let length = u32::try_from(part.len()).map_err(io::Error::other)?.to_le_bytes();
        for bytes in [&length, part] {
            self.hash.update(bytes);
            self.out.write_all(bytes)?;
            self.length += bytes.len() as u64;
        }
        Ok(())
    }
}

fn encode(part: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    postcard::to_allocvec(part).map_err(io::Error::other)
}

fn header(length: u64, checksum: u32) -> Vec<u8> {
    [&MAGIC[..], &maker().to_le_bytes(), &length.to_le_bytes(), &checksum.to_le_bytes()].concat()
}

/// Changes whenever this program may read something else out of the same text, or write it down in another way: a hash of
/// the sources that do so, made by `build.rs`.
fn maker() -> u32 {
    crc32fast::hash(concat!(env!("CARGO_PKG_VERSION"), " ", env!("PHI_LS_READERS")).as_bytes())
}

fn read(path: &Path) -> Result<Vec<u8>, Unusable> {
    match files::bytes(path, MOST_BYTES) {
        Ok(bytes) => Ok(bytes),
        Err(Unreadable::Io(error)) => Err(error.into()),
        Err(_) => Err(Unusable::Foreign),
    }
}

fn decode(bytes: &[u8], roots: &[PathBuf]) -> Result<Index, Unusable> {
    let (head, body) = bytes.split_at_checked(HEADER).ok_or(Unusable::Foreign)?;
    if head[..MAKER_END] != header(0, 0)[..MAKER_END] {
        return Err(Unusable::Foreign);
    }
    if head != header(body.len() as u64, crc32fast::hash(body)) {
        return Err(Unusable::Damaged);
    }
    let mut parts = parts(body)?.into_iter();
    let preface = parts.next().ok_or(Unusable::Damaged)?;
    let (names, texts): (Vec<&str>, Vec<&str>) = postcard::from_bytes(preface)?;
    if !roots.iter().map(|root| root.to_string_lossy()).eq(names) {
        return Err(Unusable::OtherRoots);
    }
    let mut words = WordTable::default();
    for (number, text) in (0..).zip(texts) {
        // Each once, or numbers would not agree.
        if words.intern(text) != Some(number) {
            return Err(Unusable::Damaged);
        }
    }
    let blocks: Result<Vec<_>, Unusable> = parts
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|block| {
            let records: Vec<Record> = postcard::from_bytes(block)?;
            let entries = records.into_iter().map(|record| record.into_entry(roots, &words));
            entries.collect::<Option<Vec<_>>>().ok_or(Unusable::Damaged)
        })
        .collect();
    let mut index = Index { words, ..Index::default() };
    for entry in blocks?.into_iter().flatten() {
        index.insert(Arc::new(entry));
    }
    Ok(index)
}

/// The parts of a body, each with its length in front.
fn parts(mut body: &[u8]) -> Result<Vec<&[u8]>, Unusable> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = body.split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        let (part, rest) = rest.split_at_checked(length).ok_or(Unusable::Damaged)?;
        parts.push(part);
        body = rest;
    }
    if body.is_empty() { Ok(parts) } else { Err(Unusable::Damaged) }
}

/// The innermost root that a file lies in, and its path below; `None` for what is not saved.
fn place<'a>(entry: &'a Entry, roots: &[PathBuf]) -> Option<(u32, &'a str)> {
    if entry.stamp.modified == 0 {
        return None;
    }
    let below = |root: &PathBuf| entry.path.strip_prefix(root).ok()?.to_str();
    let places = (0..).zip(roots).filter_map(|(root, folder)| Some((root, below(folder)?)));
    places.min_by_key(|(_, below)| below.len()).filter(|(_, below)| is_below(Path::new(below)))
}

/// Whether a path leads below a folder that it is joined to, and nowhere else.
fn is_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_))) && path.file_name().is_some()
}

fn in_order(roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut roots = roots.to_owned();
    roots.sort();
    roots.dedup();
    roots
}

/// Nothing depends on it: what cannot be removed stays.
fn remove_old(folder: &Path) {
    let now = SystemTime::now();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let age =
            entry.metadata().and_then(|metadata| metadata.modified()).map(|then| now.duration_since(then));
        let is_ours = path.as_os_str().as_encoded_bytes().ends_with(ENDING.as_bytes());
        if is_ours && age.is_ok_and(|age| age.is_ok_and(|age| age > KEPT)) {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests;
