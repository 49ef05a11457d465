//! Takes what removed files have left in the lists out again, a little with each change.
//!
//! Whoever removes a file would have to search long lists for it. So its items stay where they are, its chunks are
//! marked [`DEAD`], and readers pass over what is dead. When a quarter of all items may be dead, a sweep begins: it
//! goes through the lists word by word, and each change to the index takes it on by a multiple of what the change
//! has left, so that it is through before as much again has gathered. Then no list names what was dead when it began, and
//! those places can be given away again. No step of it reads more than [`MOST_ITEMS`], well below a millisecond.

use super::{DEAD, Index, TERM_BITS};

/// A sweep begins at a quarter of the live items and so many.
const DEAD_ITEMS: usize = 1 << 16;
/// A change takes the sweep on by so many items for each that it has left...
const PACE: usize = 16;
/// ...by so many at least...
const LEAST_ITEMS: usize = 1 << 13;
/// ...and so many at the most.
const MOST_ITEMS: usize = 1 << 17;
/// Looking at a word's lists costs as much as so many items.
const WORD_ITEMS: usize = 4;

/// How far the sweep is.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// Places that nothing names any more.
    pub free_files: Vec<u32>,
    pub free_chunks: Vec<u32>,
    /// Places that the running sweep will free.
    leaving_files: Vec<u32>,
    leaving_chunks: Vec<u32>,
    /// Places that the next sweep will free.
    waiting_files: Vec<u32>,
    waiting_chunks: Vec<u32>,
    /// Items that the waiting ones have left.
    left: usize,
    /// The word that a running sweep goes on with.
    next: Option<usize>,
}

impl Sweep {
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
    /// Takes a file out of everything but the lists; answers how many items it leaves there.
    pub(super) fn bury(&mut self, file: u32) -> usize {
        let Some(gone) = self.files[file as usize].take() else { return 0 };
        let Index { lists, chunks, count, sweep, .. } = self;
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
        sweep.left += items;
        sweep.waiting_files.push(file);
        sweep.waiting_chunks.extend(&gone.chunks);
        items
    }

    /// Goes on with the sweep after a change that has left so many items.
    pub(super) fn sweep_on(&mut self, left: usize) {
        if !self.sweep.is_running() {
            if self.sweep.left < self.count.items / 4 + DEAD_ITEMS {
                return;
            }
            self.sweep.begin();
        }
        let mut items = (left * PACE).clamp(LEAST_ITEMS, MOST_ITEMS);
        while let Some(word) = self.sweep.next {
            if word >= self.lists.len() {
                self.sweep.next = None;
                self.sweep.free_files.append(&mut self.sweep.leaving_files);
                self.sweep.free_chunks.append(&mut self.sweep.leaving_chunks);
                return;
            }
            let read = self.sweep_word(word) + WORD_ITEMS;
            self.sweep.next = Some(word + 1);
            match items.checked_sub(read) {
                Some(rest) => items = rest,
                None => return,
            }
        }
    }

    /// Answers how many items it has read.
    fn sweep_word(&mut self, word: usize) -> usize {
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
