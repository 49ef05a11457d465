//! The index of all files: definitions and references by name, files by path, chunks by their terms.
//!
//! A file is replaced as a whole. The result of a query depends on the indexed files and not on the order in which they
//! were added; a property test checks that.
//!
//! ```text
//! words    every distinct word once, by number
//! lists    for each word: files that define it, have it as a container, use it; chunks that have it as a term
//! files    for each file its `Entry`: symbols, imports, and where in the file each word is defined and used
//! chunks   for each chunk its file, lines and length
//! ```
//! A query takes the files from the list, sorts them by path, and takes the lines from the entries. Items of removed files
//! are skipped, and removed from the lists later: see [`compact`].

mod compact;
pub mod disk;
mod entry;
mod lists;
mod search;
mod stats;
mod varint;
mod words;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

pub use self::stats::{IndexMemory, Stats};

use self::compact::Compaction;
use self::entry::Entry;
use self::lists::{ITEM_BITS, List, Pool};
use self::words::{WordTable, WordTexts};
use crate::facts::Manifest;
use crate::facts::{Facts, Import, Symbol};
use crate::languages::Language;

/// Identifies a file until it is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u32);

/// The version of a file on disk: equal stamps mean equal text, as far as the file system can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stamp {
    /// Nanoseconds since 1970; 0 for a text that came from an editor.
    pub modified: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// A definition and its file.
#[derive(Debug, Clone, Copy)]
pub struct Definition<'i> {
    /// Its file.
    pub file: FileId,
    /// The symbol.
    pub symbol: &'i Symbol,
}

/// A chunk that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its file.
    pub file: FileId,
    /// Its lines, counted from 0.
    pub lines: Range<u32>,
    /// BM25; comparable within one search.
    pub score: f32,
}

/// The index of all files of the workspace.
#[derive(Debug, Default)]
pub struct Index {
    words: WordTable,
    /// By word.
    lists: Vec<Lists>,
    pool: Pool,
    /// By [`FileId`].
    files: Vec<Option<File>>,
    chunks: Vec<Chunk>,
    by_path: BTreeMap<Arc<Path>, u32>,
    by_folder: FxHashMap<PathBuf, Vec<u32>>,
    by_name: FxHashMap<Box<str>, Vec<u32>>,
    /// The rank of each file among all paths; computed on demand.
    ranks: OnceLock<Vec<u32>>,
    count: Count,
    compaction: Compaction,
}

/// The files of an index at one time; see [`disk::save`].
#[derive(Debug)]
pub struct Snapshot {
    entries: Vec<Arc<Entry>>,
    words: WordTexts,
}

/// The occurrences of a word. Items of removed files are still in the lists, but not in the counts.
#[derive(Debug, Clone, Copy, Default)]
struct Lists {
    /// Files that define it.
    defined: List,
    /// Files with a definition whose container it is.
    members: List,
    /// Files with a reference to it.
    used: List,
    /// Chunks that have it as a term; the lowest [`TERM_BITS`] are the frequency.
    chunks: List,
    used_live: u32,
    chunks_live: u32,
}

/// The frequency of a term is capped at 15: beyond that it makes no difference to BM25.
const TERM_BITS: u32 = 4;
/// The bound on the number of chunks.
const CHUNKS: u32 = 1 << (ITEM_BITS - TERM_BITS);

#[derive(Debug)]
struct File {
    entry: Arc<Entry>,
    /// Indices into [`Index::chunks`], in the order of the text.
    chunks: Box<[u32]>,
}

#[derive(Debug, Clone, Copy)]
struct Chunk {
    /// [`DEAD`] if the file was removed.
    file: u32,
    start: u32,
    end: u32,
    /// The number of occurrences of its terms.
    length: u32,
}

const DEAD: u32 = u32::MAX;

/// Counts of live items.
#[derive(Debug, Default)]
struct Count {
    chunks: u32,
    /// Of all chunks together.
    length: u64,
    /// Items in lists.
    items: usize,
}

impl Index {
    /// Adds or replaces a file.
    pub fn replace(&mut self, path: &Path, stamp: Stamp, facts: Facts) -> FileId {
        let known = self.by_path.get_key_value(path).map(|(path, _)| path.clone());
        let path = known.unwrap_or_else(|| path.into());
        let entry = Entry::new(path, stamp, facts, &mut self.words);
        self.insert(Arc::new(entry))
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &Path) {
        if let Some(file) = self.by_path.remove(path) {
            self.unlink(file, path);
            let left = self.tombstone(file);
            self.compact(left);
        }
    }

    /// The file at a path.
    pub fn file(&self, path: &Path) -> Option<FileId> {
        self.by_path.get(path).copied().map(FileId)
    }

    /// All files, by path.
    pub fn files(&self) -> impl Iterator<Item = FileId> + '_ {
        self.by_path.values().copied().map(FileId)
    }

    /// The files directly in a folder.
    pub fn in_folder<'i>(&'i self, folder: &'i Path) -> impl Iterator<Item = FileId> + 'i {
        self.in_order(self.by_folder.get(folder).map_or(&[], |files| files))
    }

    /// The files of this name, in any folder.
    pub fn named<'i>(&'i self, name: &'i str) -> impl Iterator<Item = FileId> + 'i {
        self.in_order(self.by_name.get(name).map_or(&[], |files| files))
    }

    /// The path of a file.
    pub fn path(&self, file: FileId) -> &Path {
        &self.entry(file).path
    }

    /// The version of the file.
    pub fn stamp(&self, file: FileId) -> Stamp {
        self.entry(file).stamp
    }

    /// The [id](crate::languages::Language::id) of the file's language; empty for plain text.
    pub fn language(&self, file: FileId) -> &str {
        self.words.text(self.entry(file).language)
    }

    /// The file's language; `None` for plain text.
    pub fn language_of(&self, file: FileId) -> Option<&'static Language> {
        Language::with_id(self.language(file))
    }

    /// The number of lines of the file.
    pub fn lines(&self, file: FileId) -> u32 {
        self.entry(file).lines
    }

    /// The definitions of the file, in the order of its text.
    pub fn symbols(&self, file: FileId) -> &[Symbol] {
        &self.entry(file).symbols
    }

    /// The imports of the file.
    pub fn imports(&self, file: FileId) -> &[Import] {
        &self.entry(file).imports
    }

    /// The manifest, if the file is one.
    pub fn manifest(&self, file: FileId) -> Option<&Manifest> {
        self.entry(file).manifest.as_deref()
    }

    /// The names that a file uses, with their lines, in no particular order.
    pub fn uses(&self, file: FileId) -> impl Iterator<Item = (&str, &[u32])> {
        self.entry(file).uses.iter().map(|(word, lines)| (self.words.text(word), lines))
    }

    /// The definitions of a name, by file and line.
    pub fn definitions<'i>(&'i self, name: &'i str) -> impl Iterator<Item = Definition<'i>> + 'i {
        self.symbols_at(name, |lists| lists.defined, |entry| &entry.names)
    }

    /// The members of containers of this name, in all files.
    pub fn members<'i>(&'i self, container: &'i str) -> impl Iterator<Item = Definition<'i>> + 'i {
        self.symbols_at(container, |lists| lists.members, |entry| &entry.containers)
    }

    /// The uses of a name: file and line (counted from 0), in that order.
    pub fn references<'i>(&'i self, name: &'i str) -> impl Iterator<Item = (FileId, u32)> + 'i {
        let word = self.words.get(name);
        let used = word.map(|word| self.lists_of(word).used).unwrap_or_default();
        self.in_order(self.pool.items(&used)).flat_map(move |file| {
            let lines = word.map_or(&[][..], |word| self.entry(file).uses.of(word));
            lines.iter().map(move |&line| (file, line))
        })
    }

    /// The number of files that use a name; if none does, the number that have it as a [term](crate::facts::terms).
    pub fn frequency(&self, name: &str) -> usize {
        let used = self.words.get(name).map_or(0, |word| self.lists_of(word).used_live);
        if used > 0 {
            return used as usize;
        }
        let Some(term) = self.words.get(&name.to_lowercase()) else { return 0 };
        let list = self.lists_of(term).chunks;
        let chunks =
            self.pool.items(&list).iter().map(|posting| &self.chunks[(posting >> TERM_BITS) as usize]);
        // The chunks of one file are adjacent.
        let mut files: Vec<_> = chunks.map(|chunk| chunk.file).filter(|file| *file != DEAD).collect();
        files.dedup();
        files.len()
    }

    /// A snapshot of all files, to be saved without locking the index.
    pub fn snapshot(&self) -> Snapshot {
        let entries = self.by_path.values().filter_map(|&file| self.files[file as usize].as_ref());
        Snapshot { entries: entries.map(|file| file.entry.clone()).collect(), words: self.words.texts() }
    }

    fn entry(&self, file: FileId) -> &Entry {
        let file = self.files[file.0 as usize].as_ref();
        &file.expect("ids are dropped with the lock under which they were given").entry
    }

    fn lists_of(&self, word: u32) -> Lists {
        self.lists.get(word as usize).copied().unwrap_or_default()
    }

    fn symbols_at<'i>(
        &'i self,
        word: &str,
        list: fn(&Lists) -> List,
        table: fn(&Entry) -> &[(u32, u32)],
    ) -> impl Iterator<Item = Definition<'i>> + 'i {
        let word = self.words.get(word);
        let list = word.map(|word| list(&self.lists_of(word))).unwrap_or_default();
        self.in_order(self.pool.items(&list)).flat_map(move |file| {
            let entry = self.entry(file);
            let table = table(entry);
            let start = table.partition_point(|(other, _)| Some(*other) < word);
            let here = table[start..].iter().take_while(move |(other, _)| Some(*other) == word);
            here.map(move |&(_, place)| Definition { file, symbol: &entry.symbols[place as usize] })
        })
    }

    /// The live files among these, by path.
    fn in_order(&self, files: &[u32]) -> impl Iterator<Item = FileId> + use<> {
        let mut live: Vec<_> =
            files.iter().copied().filter(|&file| self.files[file as usize].is_some()).collect();
        if live.len() > 1 {
            let ranks = self.ranks();
            live.sort_unstable_by_key(|&file| ranks[file as usize]);
        }
        live.into_iter().map(FileId)
    }

    fn ranks(&self) -> &[u32] {
        self.ranks.get_or_init(|| {
            let mut ranks = vec![0; self.files.len()];
            (0..).zip(self.by_path.values()).for_each(|(rank, &file)| ranks[file as usize] = rank);
            ranks
        })
    }

    /// Adds an entry, whose words are numbers of `self.words`, in place of the one with the same path.
    fn insert(&mut self, entry: Arc<Entry>) -> FileId {
        self.lists.resize(self.words.len(), Lists::default());
        let path = entry.path.clone();
        let old = self.by_path.get(&path).copied();
        let mut left = 0;
        if let Some(old) = old {
            self.unlink(old, &path);
            left = self.tombstone(old);
        }
        let file = self.place(entry);
        self.by_path.insert(path.clone(), file);
        self.by_folder.entry(path.parent().unwrap_or(Path::new("")).to_owned()).or_default().push(file);
        if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            self.by_name.entry(name.into()).or_default().push(file);
        }
        match (old, self.ranks.get_mut()) {
            (Some(old), Some(ranks)) => {
                ranks.resize(self.files.len(), 0);
                ranks[file as usize] = ranks[old as usize];
            }
            _ => self.ranks = OnceLock::new(),
        }
        self.compact(left);
        FileId(file)
    }

    /// Adds an entry to the files and lists.
    fn place(&mut self, entry: Arc<Entry>) -> u32 {
        let file = self.compaction.free_files.pop().unwrap_or(self.files.len() as u32);
        let Index { lists, pool, .. } = self;
        for words in entry.names.chunk_by(|a, b| a.0 == b.0) {
            pool.push(&mut lists[words[0].0 as usize].defined, file);
        }
        for words in entry.containers.chunk_by(|a, b| a.0 == b.0) {
            pool.push(&mut lists[words[0].0 as usize].members, file);
        }
        for &word in &entry.uses.words {
            let lists = &mut lists[word as usize];
            pool.push(&mut lists.used, file);
            lists.used_live += 1;
        }
        let chunks = self.place_chunks(&entry, file);
        self.count.items += entry.items();
        let placed = Some(File { entry, chunks });
        match self.files.get_mut(file as usize) {
            Some(vacant) => *vacant = placed,
            None => self.files.push(placed),
        }
        file
    }

    fn place_chunks(&mut self, entry: &Entry, file: u32) -> Box<[u32]> {
        let mut places = Vec::with_capacity(entry.chunks.count as usize);
        let Index { lists, pool, chunks, count, compaction, .. } = self;
        entry.chunks.each(|head, terms| {
            let place = compaction.free_chunks.pop().unwrap_or(chunks.len() as u32);
            if place >= CHUNKS {
                return;
            }
            let mut length = 0;
            for (word, often) in terms {
                let lists = &mut lists[word as usize];
                pool.push(&mut lists.chunks, place << TERM_BITS | often.min((1 << TERM_BITS) - 1));
                lists.chunks_live += 1;
                length = often.saturating_add(length);
            }
            let chunk = Chunk { file, start: head.start, end: head.end, length };
            match chunks.get_mut(place as usize) {
                Some(vacant) => *vacant = chunk,
                None => chunks.push(chunk),
            }
            places.push(place);
            count.chunks += 1;
            count.length += u64::from(length);
        });
        places.into()
    }

    /// Removes a file from the tables by folder and by name.
    fn unlink(&mut self, file: u32, path: &Path) {
        fn leave(files: Option<&mut Vec<u32>>, file: u32) -> bool {
            files.is_some_and(|files| {
                if let Some(at) = files.iter().position(|other| *other == file) {
                    files.swap_remove(at);
                }
                files.is_empty()
            })
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        if leave(self.by_folder.get_mut(folder), file) {
            self.by_folder.remove(folder);
        }
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && leave(self.by_name.get_mut(name), file)
        {
            self.by_name.remove(name);
        }
    }
}

#[cfg(test)]
mod tests;
