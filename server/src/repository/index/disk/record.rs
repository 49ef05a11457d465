//! The record of one file in an index on disk.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::is_below;
use crate::facts::Manifest;
use crate::facts::{Import, Symbol};
use crate::repository::index::Stamp;
use crate::repository::index::entry::{Chunks, Entry, Uses, places};
use crate::repository::index::words::{WordTable, WordTexts};

/// An [`Entry`] with a path relative to a root. Words are numbered as in the index file.
#[derive(Serialize, Deserialize)]
pub(super) struct Record<'a> {
    root: u32,
    path: &'a str,
    stamp: Stamp,
    language: u32,
    bytes: u32,
    lines: u32,
    symbols: Cow<'a, [Symbol]>,
    imports: Cow<'a, [Import]>,
    manifest: Option<Cow<'a, Manifest>>,
    use_words: Vec<u32>,
    use_ends: Cow<'a, [u32]>,
    use_lines: Cow<'a, [u32]>,
    chunks: u32,
    terms: u32,
    #[serde(borrow)]
    chunk_bytes: Cow<'a, [u8]>,
}

/// New numbers for the words that the saved files use, in the order of the old ones.
pub(super) struct Numbers {
    /// The old numbers of the used words.
    new: Vec<u32>,
    held: Vec<u32>,
}

impl Numbers {
    pub fn of<'a>(entries: impl Iterator<Item = &'a Entry>, words: &WordTexts) -> Numbers {
        let mut is_held = vec![false; words.len()];
        for entry in entries {
            let tables = entry.names.iter().chain(&entry.containers).map(|(word, _)| word);
            for &word in tables.chain(&entry.uses.words).chain([&entry.language]) {
                is_held[word as usize] = true;
            }
            entry.chunks.each(|_, terms| terms.for_each(|(word, _)| is_held[word as usize] = true));
        }
        let held: Vec<_> = (0..).zip(&is_held).filter(|(_, held)| **held).map(|(word, _)| word).collect();
        let mut new = vec![0; words.len()];
        (0..).zip(&held).for_each(|(number, &word)| new[word as usize] = number);
        Numbers { new, held }
    }

    /// The words, in the order of their new numbers.
    pub fn texts<'a>(&self, words: &'a WordTexts) -> Vec<&'a str> {
        self.held.iter().map(|&word| words.text(word)).collect()
    }

    fn of_word(&self, word: u32) -> u32 {
        self.new[word as usize]
    }
}

impl<'a> Record<'a> {
    pub fn of((root, path): (u32, &'a str), entry: &'a Entry, numbers: &Numbers) -> Record<'a> {
        let mut chunks = Chunks::writer();
        let mut terms = Vec::new();
        entry.chunks.each(|head, own| {
            terms.clear();
            terms.extend(own.map(|(word, often)| (numbers.of_word(word), often)));
            chunks.push(head.start, head.end, &terms);
        });
        let chunks = chunks.finish();
        Record {
            root,
            path,
            stamp: entry.stamp,
            language: numbers.of_word(entry.language),
            bytes: entry.bytes,
            lines: entry.lines,
            symbols: Cow::Borrowed(&entry.symbols),
            imports: Cow::Borrowed(&entry.imports),
            manifest: entry.manifest.as_deref().map(Cow::Borrowed),
            use_words: entry.uses.words.iter().map(|&word| numbers.of_word(word)).collect(),
            use_ends: Cow::Borrowed(&entry.uses.ends),
            use_lines: Cow::Borrowed(&entry.uses.lines),
            chunks: chunks.count,
            terms: chunks.terms,
            chunk_bytes: Cow::Owned(chunks.bytes.into()),
        }
    }

    /// The entry; `None` if the record is inconsistent, or its path leads out of the roots.
    pub fn into_entry(self, roots: &[PathBuf], words: &WordTable) -> Option<Entry> {
        let root = roots.get(self.root as usize).filter(|_| is_below(Path::new(self.path)))?;
        let uses = Uses {
            words: self.use_words.into(),
            ends: self.use_ends.into_owned().into(),
            lines: self.use_lines.into_owned().into(),
        };
        let chunks =
            Chunks { bytes: self.chunk_bytes.into_owned().into(), count: self.chunks, terms: self.terms };
        let is_sound =
            (self.language as usize) < words.len() && uses.is_sound(words) && chunks.is_sound(words);
        is_sound.then(|| Entry {
            path: root.join(self.path).into(),
            stamp: self.stamp,
            language: self.language,
            bytes: self.bytes,
            lines: self.lines,
            names: places(&self.symbols, |symbol| words.get(&symbol.name)),
            containers: places(&self.symbols, |symbol| words.get(symbol.container.as_deref()?)),
            symbols: self.symbols.into_owned().into(),
            imports: self.imports.into_owned().into(),
            manifest: self.manifest.map(|manifest| Box::new(manifest.into_owned())),
            uses,
            chunks,
        })
    }
}

impl Uses {
    /// Whether the loaded data is consistent.
    fn is_sound(&self, words: &WordTable) -> bool {
        self.words.iter().all(|&word| (word as usize) < words.len())
            && self.words.is_sorted_by(|a, b| a < b)
            && self.words.len() == self.ends.len()
            && self.ends.is_sorted()
            && self.ends.last().copied().unwrap_or_default() as usize == self.lines.len()
    }
}

impl Chunks {
    /// Whether the loaded data is consistent.
    fn is_sound(&self, words: &WordTable) -> bool {
        let mut known = true;
        let read = self.each(|_, terms| known &= terms.all(|(word, _)| (word as usize) < words.len()));
        read.is_some() && known
    }
}
