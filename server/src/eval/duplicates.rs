//! Lines that occur more than once in a corpus: a model can restore them by copying, without understanding.

use std::hash::{Hash, Hasher};
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHasher};

use super::corpus::Corpus;

/// The number of occurrences of each line in a corpus, trimmed.
#[derive(Debug)]
pub struct Duplicates(FxHashMap<u64, u32>);

impl Duplicates {
    /// Counts all lines.
    pub fn of(corpus: &Corpus) -> Duplicates {
        let mut counts: FxHashMap<u64, u32> = FxHashMap::default();
        for line in corpus.files.iter().flat_map(|file| file.text.lines()) {
            *counts.entry(key(line)).or_default() += 1;
        }
        Duplicates(counts)
    }

    /// Whether all lines in a range of a file occur elsewhere in the corpus, too.
    pub fn holds(&self, text: &str, range: &Range<usize>) -> bool {
        let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at);
        let lines = text[start..end].lines().filter(|line| !line.trim().is_empty());
        lines.map(key).all(|line| self.0.get(&line).is_some_and(|&count| count > 1))
    }
}

fn key(line: &str) -> u64 {
    let mut hasher = FxHasher::default();
    line.trim().hash(&mut hasher);
    hasher.finish()
}
