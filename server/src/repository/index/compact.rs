//! Incremental compaction: removes the items of removed files from the lists, a little with each change.
//!
//! Removing a file's items at once would need a search through long lists. So a removed file is tombstoned: its items stay,
//! its chunks are marked [`DEAD`], and readers skip them. When a quarter of all items may be dead, a compaction starts: it
//! visits the lists word by word. Each change of the index advances it by a multiple of the items that the change left, so
//! that it ends before as many new ones accumulate. Then no list contains an item that was dead at the start, and those
//! ids are reused. A step reads at most [`MOST_ITEMS`], which takes well below a millisecond.

use super::{DEAD, Index, TERM_BITS};

/// A compaction starts at a quarter of the live items plus this many.
const DEAD_ITEMS: usize = 1 << 16;
/// A change advances the compaction by this many items for each item that it left...
const PACE: usize = 16;
/// ...at least by this many...
const LEAST_ITEMS: usize = 1 << 13;
/// ...and at most by this many.
const MOST_ITEMS: usize = 1 << 17;
/// The cost of visiting a word's lists, in items.
const WORD_ITEMS: usize = 4;

/// The state of the compaction.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    /// Ids that no list contains.
    pub free_files: Vec<u32>,
    pub free_chunks: Vec<u32>,
    /// Ids that the running compaction will free.
    leaving_files: Vec<u32>,
    leaving_chunks: Vec<u32>,
    /// Ids that the next compaction will free.
    waiting_files: Vec<u32>,
    waiting_chunks: Vec<u32>,
    /// The dead items of the waiting ids.
    left: usize,
    /// The next word of a running compaction.
    next: Option<usize>,
}

impl Compaction {
    pub fn is_running(&self) -> bool {
        self.next.is_some()
    }

    pub fn begin(&mut self) {
        self.next = Some(0);
        self.left = 0;
        self.leaving_files = std::mem::take(&mut self.waiting_files);
        self.leaving_chunks = std::mem::take(&mut self.waiting_chunks);
    }
}

impl Index {
    /// Removes a file from everything except the lists; returns the number of items that it leaves there.
    pub(super) fn tombstone(&mut self, file: u32) -> usize {
        let Some(gone) = self.files[file as usize].take() else { return 0 };
        let Index { lists, chunks, count, compaction, .. } = self;
        gone.entry.uses.words.iter().for_each(|&word| lists[word as usize].used_live -= 1);
        let mut places = gone.chunks.iter();
        gone.entry.chunks.each(|_, terms| {
            let Some(&place) = places.next() else { return };
            terms.for_each(|(word, _)| lists[word as usize].chunks_live -= 1);
            count.chunks -= 1;
            count.length -= u64::from(chunks[place as usize].length);
            chunks[place as usize].file = DEAD;
        });
        let items = gone.entry.items();
        count.items -= items;
        compaction.left += items;
        compaction.waiting_files.push(file);
        compaction.waiting_chunks.extend(&gone.chunks);
        items
    }

    /// Advances the compaction after a change that left so many items.
    pub(super) fn compact(&mut self, left: usize) {
        if !self.compaction.is_running() {
            if self.compaction.left < self.count.items / 4 + DEAD_ITEMS {
                return;
            }
            self.compaction.begin();
        }
        let mut items = (left * PACE).clamp(LEAST_ITEMS, MOST_ITEMS);
        while let Some(word) = self.compaction.next {
            if word >= self.lists.len() {
                self.compaction.next = None;
                self.compaction.free_files.append(&mut self.compaction.leaving_files);
                self.compaction.free_chunks.append(&mut self.compaction.leaving_chunks);
                return;
            }
            let read = self.compact_word(word) + WORD_ITEMS;
            self.compaction.next = Some(word + 1);
            match items.checked_sub(read) {
                Some(rest) => items = rest,
                None => return,
            }
        }
    }

    /// Returns the number of items read.
    fn compact_word(&mut self, word: usize) -> usize {
        let Index { lists, pool, files, chunks, .. } = self;
        let lists = &mut lists[word];
        let mut read = 0;
        for list in [&mut lists.defined, &mut lists.members, &mut lists.used] {
            read += pool.items(list).len();
            pool.retain(list, |file| files[file as usize].is_some());
        }
        read += pool.items(&lists.chunks).len();
        pool.retain(&mut lists.chunks, |posting| chunks[(posting >> TERM_BITS) as usize].file != DEAD);
        read
    }
}
