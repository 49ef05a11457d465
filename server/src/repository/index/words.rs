//! The table of distinct words: a number for each word, and its text in one arena.
//!
//! Words are never removed from memory; unused ones are dropped when the index is saved. The table is split into shards,
//! so that the one that has to grow while a file is added is small.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

/// Power of two.
const SHARDS: usize = 64;
/// Longer words are data and never queried.
pub(super) const LONGEST: usize = 128;
const VACANT: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct WordTable {
    texts: WordTexts,
    shards: Box<[Shard]>,
}

/// The words by their numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct WordTexts {
    arena: String,
    /// The end of each word in `arena`.
    ends: Vec<u32>,
}

/// Open addressing with linear probing: hash and word.
#[derive(Debug, Clone, Default)]
struct Shard {
    slots: Box<[(u32, u32)]>,
    used: usize,
}

impl Default for WordTable {
    fn default() -> WordTable {
        WordTable { texts: WordTexts::default(), shards: vec![Shard::default(); SHARDS].into_boxed_slice() }
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
        let (shard, hash) = place(word);
        let slots = &self.shards[shard].slots;
        let mut at = hash as usize & slots.len().wrapping_sub(1);
        loop {
            match slots.get(at)? {
                (_, VACANT) => return None,
                &(known, number) if known == hash && self.text(number) == word => return Some(number),
                _ => at = (at + 1) & (slots.len() - 1),
            }
        }
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
        let (shard, hash) = place(word);
        self.shards[shard].insert(hash, number);
        Some(number)
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        let slots: usize = self.shards.iter().map(|shard| size_of_val(&*shard.slots)).sum();
        self.texts.arena.capacity() + self.texts.ends.capacity() * size_of::<u32>() + slots
    }
}

/// Shard and hash.
fn place(word: &str) -> (usize, u32) {
    let hash = FxBuildHasher.hash_one(word);
    ((hash >> 58) as usize % SHARDS, hash as u32)
}

impl Shard {
    fn insert(&mut self, hash: u32, number: u32) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            let grown = vec![(0, VACANT); (self.slots.len() * 2).max(16)].into_boxed_slice();
            let old = std::mem::replace(&mut self.slots, grown);
            for (hash, number) in old.into_iter().filter(|(_, number)| *number != VACANT) {
                self.put(hash, number);
            }
        }
        self.used += 1;
        self.put(hash, number);
    }

    fn put(&mut self, hash: u32, number: u32) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at].1 != VACANT {
            at = (at + 1) & mask;
        }
        self.slots[at] = (hash, number);
    }
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
