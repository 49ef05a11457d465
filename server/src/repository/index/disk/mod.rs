//! The index on disk, so that only changed files are read again at the next start.
//!
//! ```text
//! magic, fingerprint of the program, length and checksum of the rest
//! roots, words              only the words that a file uses
//! blocks of files           each with a length prefix, so that they are decoded in parallel
//! ```
//! A file that is damaged, was written by another version, or belongs to other folders is ignored. Lists are not saved:
//! they are derived from the files. Texts of open documents are not saved either.

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
/// Magic and fingerprint.
const MAKER_END: usize = 8 + 4;
/// Then length and checksum.
const HEADER: usize = MAKER_END + 8 + 4;
/// A larger file is not an index.
const MOST_BYTES: u64 = 1 << 30;
/// The number of files that are encoded and decoded together.
const BLOCK: usize = 128;
/// Indexes that have not been saved for this long are removed.
const KEPT: Duration = Duration::from_secs(60 * 24 * 60 * 60);
const ENDING: &str = "index";

/// The path of the index of these workspace folders, below the folder of all indexes.
pub fn file(folder: &Path, roots: &[PathBuf]) -> PathBuf {
    let mut hash = crc32fast::Hasher::new();
    for root in in_order(roots) {
        hash.update(root.as_os_str().as_encoded_bytes());
        hash.update(b"\0");
    }
    folder.join(format!("{:08x}.{ENDING}", hash.finalize()))
}

/// Saves an index at `path`, replacing an existing one; readable only by this user. Files outside of `roots`, and files
/// whose path is not Unicode, are left out. Old indexes in the same folder are removed.
///
/// # Errors
/// The folder or the file cannot be written; an existing index is then unchanged.
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

/// Loads the index of these roots that [`save`] wrote; `None` if there is no usable one.
pub fn load(path: &Path, roots: &[PathBuf]) -> Option<Index> {
    match read(path).and_then(|bytes| decode(&bytes, &in_order(roots))) {
        Ok(index) => Some(index),
        Err(reason) => {
            tracing::debug!("{} is ignored: {reason}", path.display());
            None
        }
    }
}

/// Why an index file is ignored.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    #[error("it is not an index, or was written by another version")]
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

/// The part of a file after the header.
struct Body<W: Write> {
    out: W,
    hash: crc32fast::Hasher,
    length: u64,
}

impl<W: Write> Body<W> {
    /// Writes a part with a length prefix.
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

/// Changes whenever this program may derive other facts from the same text, or encode them differently: a hash of the
/// sources that do so, computed by `build.rs`.
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
        // Duplicates would shift the numbers.
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

/// The parts of a body, each with a length prefix.
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

/// The innermost root that contains a file, and its relative path; `None` for a file that is not saved.
fn place<'a>(entry: &'a Entry, roots: &[PathBuf]) -> Option<(u32, &'a str)> {
    if entry.stamp.modified == 0 {
        return None;
    }
    let below = |root: &PathBuf| entry.path.strip_prefix(root).ok()?.to_str();
    let places = (0..).zip(roots).filter_map(|(root, folder)| Some((root, below(folder)?)));
    places.min_by_key(|(_, below)| below.len()).filter(|(_, below)| is_below(Path::new(below)))
}

/// Whether a path stays below the folder that it is joined to.
fn is_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_))) && path.file_name().is_some()
}

fn in_order(roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut roots = roots.to_owned();
    roots.sort();
    roots.dedup();
    roots
}

/// Best effort: errors are ignored.
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
