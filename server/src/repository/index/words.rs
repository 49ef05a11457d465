//! The table of distinct words: a number for each word, and its text in one arena.
//!
//! Words are never removed from memory; unused ones are dropped when the index is saved. The hash table is split into
//! shards, so that the one that grows while a file is added is small.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

const SHARDS: usize = 64;
/// Longer words are data and never queried.
pub(super) const LONGEST: usize = 128;

#[derive(Debug)]
pub(super) struct WordTable {
    texts: WordTexts,
    /// The numbers, by the hash of their text.
    shards: Box<[HashTable<u32>]>,
}

/// The words by their numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct WordTexts {
    arena: String,
    /// The end of each word in `arena`.
    ends: Vec<u32>,
}

impl Default for WordTable {
    fn default() -> WordTable {
        WordTable { texts: WordTexts::default(), shards: vec![HashTable::new(); SHARDS].into_boxed_slice() }
    }
}

impl WordTexts {
    /// The number of words: valid word numbers are below it.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of a word; empty for an unknown number.
    pub fn text(&self, word: u32) -> &str {
        let word = word as usize;
        let start = word.checked_sub(1).map_or(0, |before| self.ends.get(before).copied().unwrap_or(0));
        self.ends.get(word).map_or("", |&end| &self.arena[start as usize..end as usize])
    }
}

impl WordTable {
    /// The number of words: valid word numbers are below it.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// The text of a word; empty for an unknown number.
    pub fn text(&self, word: u32) -> &str {
        self.texts.text(word)
    }

    /// A copy of all words, without the hash table.
    pub fn texts(&self) -> WordTexts {
        self.texts.clone()
    }

    /// The number of a known word.
    pub fn get(&self, word: &str) -> Option<u32> {
        let hash = hash(word);
        self.shards[shard(hash)].find(hash, |&number| self.text(number) == word).copied()
    }

    /// The number of a word, a new one if it is unknown; `None` if the word is too long or the table is full.
    pub fn intern(&mut self, word: &str) -> Option<u32> {
        if let Some(known) = self.get(word) {
            return Some(known);
        }
        let end = u32::try_from(self.texts.arena.len() + word.len()).ok()?;
        // Lists use the highest bits of a number as flags.
        let number = u32::try_from(self.texts.len()).ok().filter(|&number| number < 1 << 31)?;
        if word.len() > LONGEST {
            return None;
        }
        self.texts.arena.push_str(word);
        self.texts.ends.push(end);
        let WordTable { texts, shards } = self;
        let new = hash(word);
        shards[shard(new)].insert_unique(new, number, |&known| hash(texts.text(known)));
        Some(number)
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        let tables: usize = self.shards.iter().map(HashTable::allocation_size).sum();
        self.texts.arena.capacity() + self.texts.ends.capacity() * size_of::<u32>() + tables
    }
}

fn hash(word: &str) -> u64 {
    FxBuildHasher.hash_one(word)
}

/// By bits that a table uses neither for the slot nor for its tag.
fn shard(hash: u64) -> usize {
    (hash >> 48) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_numbers() {
        let mut words = WordTable::default();
        assert_eq!((words.get("a"), words.text(0)), (None, ""));
        for n in 0..5000u32 {
            assert_eq!(words.intern(&format!("word{n}")), Some(n));
        }
        for n in 0..5000u32 {
            let word = format!("word{n}");
            assert_eq!((words.get(&word), words.intern(&word), words.text(n)), (Some(n), Some(n), &*word));
        }
        assert_eq!(words.intern(""), Some(5000));
        assert_eq!(words.text(5000), "");
        assert_eq!(words.intern(&"x".repeat(LONGEST + 1)), None);
        assert_eq!(words.len(), 5001);
    }
}
