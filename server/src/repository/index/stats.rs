//! The size of the index: counts and memory.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Chunk, File, Index, Lists};

/// Counts of the index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// All files together.
    pub all: Counts,
    /// By the [id](crate::languages::Language::id) of the language; plain text has an empty one.
    pub languages: BTreeMap<String, Counts>,
    /// Distinct search terms.
    pub terms: usize,
}

/// Counts of some files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Files.
    pub files: usize,
    /// Lines of text.
    pub lines: usize,
    /// Bytes of text.
    pub bytes: usize,
    /// Definitions.
    pub symbols: usize,
    /// Uses of names.
    pub references: usize,
    /// Imports.
    pub imports: usize,
    /// Chunks for search.
    pub chunks: usize,
}

/// An estimate of the heap memory of an index, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct IndexMemory {
    /// The distinct words and their hash table.
    pub words: usize,
    /// For each word, its files and chunks.
    pub lists: usize,
    /// Definitions with signature and documentation.
    pub symbols: usize,
    /// Chunks, and the terms of each.
    pub chunks: usize,
    /// Paths, imports, uses and tables of all files.
    pub files: usize,
}

impl IndexMemory {
    /// The sum.
    pub fn total(&self) -> usize {
        self.words + self.lists + self.symbols + self.chunks + self.files
    }
}

impl Index {
    /// Counts of the index.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for entry in self.files.iter().flatten().map(|file| &file.entry) {
            let own = Counts {
                files: 1,
                lines: entry.lines as usize,
                bytes: entry.bytes as usize,
                symbols: entry.symbols.len(),
                references: entry.uses.lines.len(),
                imports: entry.imports.len(),
                chunks: entry.chunks.count as usize,
            };
            let language = self.words.text(entry.language).to_owned();
            for counts in [&mut stats.all, stats.languages.entry(language).or_default()] {
                counts.add(own);
            }
        }
        stats.terms = self.lists.iter().filter(|lists| lists.chunks_live > 0).count();
        stats
    }

    /// An estimate of its memory.
    pub fn memory(&self) -> IndexMemory {
        let entries = || self.files.iter().flatten().map(|file| &file.entry);
        let terms: usize = entries().map(|entry| entry.chunks.bytes.len()).sum();
        let places: usize = self.files.iter().flatten().map(|file| size_of_val(&*file.chunks)).sum();
        let slots = self.files.capacity() * size_of::<Option<File>>();
        // Path, folder and name each have a table; the path's text itself is the entry's.
        let tables = entries().count() * 160;
        IndexMemory {
            words: self.words.memory(),
            lists: self.lists.capacity() * size_of::<Lists>() + self.pool.memory(),
            symbols: entries().map(|entry| entry.memory_of_symbols()).sum(),
            chunks: self.chunks.capacity() * size_of::<Chunk>() + places + terms,
            files: entries().map(|entry| entry.memory()).sum::<usize>() + slots + tables,
        }
    }
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.files += other.files;
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.symbols += other.symbols;
        self.references += other.references;
        self.imports += other.imports;
        self.chunks += other.chunks;
    }
}
