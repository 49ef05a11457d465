//! The facts of one file in compact form, with words by their numbers.

use std::path::Path;
use std::sync::Arc;

use super::Stamp;
use super::varint;
use super::words::WordTable;
use crate::facts::Manifest;
use crate::facts::{Chunk, Facts, Import, Reference, Symbol};

/// The facts of one file. Immutable, so that a snapshot can share it.
#[derive(Debug)]
pub(super) struct Entry {
    pub path: Arc<Path>,
    pub stamp: Stamp,
    /// The word that is the language's id.
    pub language: u32,
    pub bytes: u32,
    pub lines: u32,
    pub symbols: Box<[Symbol]>,
    pub imports: Box<[Import]>,
    pub manifest: Option<Box<Manifest>>,
    /// Name and index in `symbols`, sorted.
    pub names: Box<[(u32, u32)]>,
    /// Container and index in `symbols`, sorted.
    pub containers: Box<[(u32, u32)]>,
    pub uses: Uses,
    pub chunks: Chunks,
}

/// References by word.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Each once, sorted.
    pub words: Box<[u32]>,
    /// The end of each word's lines in `lines`.
    pub ends: Box<[u32]>,
    /// Sorted for each word.
    pub lines: Box<[u32]>,
}

/// Chunks with their terms, as varints: first line, number of lines, number of terms; then for each term, in order, the
/// difference of its word number from the previous one, and its frequency.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    pub bytes: Box<[u8]>,
    /// The number of chunks.
    pub count: u32,
    /// The number of terms of all chunks.
    pub terms: u32,
}

impl Entry {
    pub fn new(path: Arc<Path>, stamp: Stamp, facts: Facts, words: &mut WordTable) -> Entry {
        let Facts { language, bytes, lines, words: own, symbols, references, imports, chunks, manifest } =
            facts;
        let numbers: Vec<_> = own.iter().map(|word| words.intern(word)).collect();
        Entry {
            path,
            stamp,
            language: words.intern(&language).unwrap_or_default(),
            bytes,
            lines,
            names: places(&symbols, |symbol| words.intern(&symbol.name)),
            containers: places(&symbols, |symbol| words.intern(symbol.container.as_deref()?)),
            symbols: symbols.into(),
            imports: imports.into(),
            manifest: manifest.map(Box::new),
            uses: Uses::new(&references, &numbers),
            chunks: Chunks::new(&chunks, &numbers),
        }
    }

    /// The number of its items in the index's lists.
    pub fn items(&self) -> usize {
        self.names.len() + self.containers.len() + self.uses.words.len() + self.chunks.terms as usize
    }

    /// Bytes on the heap, without [`Entry::symbols`].
    pub fn memory(&self) -> usize {
        let import = |import: &Import| {
            let names: usize =
                import.names.iter().map(|name| size_of_val(name) + allocated(name.len())).sum();
            size_of_val(import) + allocated(import.path.len()) + names
        };
        let imports: usize = self.imports.iter().map(import).sum();
        let tables = size_of_val(&*self.names) + size_of_val(&*self.containers);
        size_of_val(self) + allocated(self.path.as_os_str().len()) + imports + tables + self.uses.memory()
    }

    /// Bytes on the heap of [`Entry::symbols`].
    pub fn memory_of_symbols(&self) -> usize {
        let symbol = |symbol: &Symbol| {
            let texts = [
                &*symbol.name,
                &*symbol.signature,
                &*symbol.doc,
                symbol.container.as_deref().unwrap_or_default(),
            ];
            size_of_val(symbol) + texts.into_iter().map(|text| allocated(text.len())).sum::<usize>()
        };
        self.symbols.iter().map(symbol).sum()
    }
}

/// The memory of an allocation: in steps of 16 bytes, 8 of them overhead.
fn allocated(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes + 8).next_multiple_of(16).max(32) }
}

/// The words of the symbols that have one, with the symbols' indices, sorted.
pub(super) fn places(symbols: &[Symbol], mut word: impl FnMut(&Symbol) -> Option<u32>) -> Box<[(u32, u32)]> {
    let mut places: Vec<_> =
        (0..).zip(symbols).filter_map(|(place, symbol)| Some((word(symbol)?, place))).collect();
    places.sort_unstable();
    places.into()
}

impl Uses {
    fn new(references: &[Reference], numbers: &[Option<u32>]) -> Uses {
        let number = |word: u32| numbers.get(word as usize).copied().flatten();
        let known = references.iter().filter_map(|reference| Some((number(reference.word)?, reference.line)));
        let mut pairs: Vec<_> = known.collect();
        pairs.sort_unstable();
        let groups = pairs.chunk_by(|a, b| a.0 == b.0);
        let mut end = 0;
        let (words, ends): (Vec<_>, Vec<_>) = groups
            .map(|group| {
                end += group.len() as u32;
                (group[0].0, end)
            })
            .unzip();
        Uses {
            words: words.into(),
            ends: ends.into(),
            lines: pairs.into_iter().map(|(_, line)| line).collect(),
        }
    }

    /// The lines that use a word, sorted.
    pub fn of(&self, word: u32) -> &[u32] {
        self.words.binary_search(&word).map_or(&[], |at| self.at(at))
    }

    /// Every word with its lines.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u32])> {
        self.words.iter().enumerate().map(|(at, &word)| (word, self.at(at)))
    }

    fn at(&self, at: usize) -> &[u32] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.lines[start as usize..self.ends[at] as usize]
    }

    fn memory(&self) -> usize {
        size_of_val(&*self.words) + size_of_val(&*self.ends) + size_of_val(&*self.lines)
    }
}

impl Chunks {
    fn new(chunks: &[Chunk], numbers: &[Option<u32>]) -> Chunks {
        let mut writer = Chunks::writer();
        let mut terms: Vec<(u32, u32)> = Vec::new();
        for chunk in chunks {
            terms.clear();
            let known = chunk.terms.iter().filter_map(|&(word, often)| {
                Some((numbers.get(word as usize).copied().flatten()?, u32::from(often.max(1))))
            });
            terms.extend(known);
            terms.sort_unstable();
            terms.dedup_by(|next, first| {
                let same = next.0 == first.0;
                first.1 = first.1.saturating_add(if same { next.1 } else { 0 });
                same
            });
            writer.push(chunk.lines.start, chunk.lines.end, &terms);
        }
        writer.finish()
    }

    pub fn writer() -> Writer {
        Writer { bytes: Vec::new(), count: 0, terms: 0 }
    }

    /// Calls `visit` with each chunk and its terms: word and frequency. `None` if the bytes are damaged, which can happen if
    /// they were loaded from disk.
    pub fn each(&self, mut visit: impl FnMut(Head, &mut Terms)) -> Option<()> {
        let mut bytes = &*self.bytes;
        let mut sum = 0u32;
        for _ in 0..self.count {
            let mut next = || varint::read(&mut bytes);
            let (start, lines, left) = (next()?, next()?, next()?);
            sum = sum.checked_add(left)?;
            let mut terms = Terms { bytes, left, word: 0 };
            visit(Head { start, end: start.checked_add(lines)? }, &mut terms);
            terms.by_ref().for_each(drop);
            if terms.left > 0 {
                return None;
            }
            bytes = terms.bytes;
        }
        (bytes.is_empty() && sum == self.terms).then_some(())
    }
}

/// The lines of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub start: u32,
    pub end: u32,
}

/// The terms of a chunk, sorted: word and frequency.
pub(super) struct Terms<'a> {
    bytes: &'a [u8],
    left: u32,
    word: u32,
}

impl Iterator for Terms<'_> {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<(u32, u32)> {
        if self.left == 0 {
            return None;
        }
        let word = self.word.checked_add(varint::read(&mut self.bytes)?)?;
        let often = varint::read(&mut self.bytes)?;
        self.left -= 1;
        self.word = word;
        Some((word, often))
    }
}

pub(super) struct Writer {
    bytes: Vec<u8>,
    count: u32,
    terms: u32,
}

impl Writer {
    /// Terms sorted by word, each once.
    pub fn push(&mut self, start: u32, end: u32, terms: &[(u32, u32)]) {
        for number in [start, end.saturating_sub(start), terms.len() as u32] {
            varint::write(&mut self.bytes, number);
        }
        let mut before = 0;
        for &(word, often) in terms {
            varint::write(&mut self.bytes, word - before);
            varint::write(&mut self.bytes, often);
            before = word;
        }
        self.count += 1;
        self.terms += terms.len() as u32;
    }

    pub fn finish(self) -> Chunks {
        Chunks { bytes: self.bytes.into(), count: self.count, terms: self.terms }
    }
}
