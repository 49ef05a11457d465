//! Finds the occurrences of a context in the source texts: suffix arrays over reversed lexeme sequences.
//!
//! The index is organised like a log-structured merge tree. A segment holds the positions of about [`SEGMENT`]
//! lexemes, sorted by the lexemes before them, nearest first. One binary search leads to the positions whose context
//! agrees longest with the cursor's; positions with a shorter agreement are their neighbours. A source that was just
//! added is in the memtable, which is unsorted and scanned: an open buffer changes with every keystroke, and reading
//! a few hundred kilobytes of keys costs less than sorting them again. When the memtable is full, its oldest sources
//! are sealed into a segment. So each sort is bounded by the size of one segment, and a source that does not change
//! is sorted once.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::lexemes::{Key, Lexer, Style, keys};
use crate::source::{Origin, SourceId};

/// Lexemes of one segment: sorting them takes some ten milliseconds, and 20 MB of source fill about fifty segments.
const SEGMENT: usize = 64 * 1024;
/// Lexemes of the memtable: scanning them takes about 100 microseconds.
const MEMTABLE: usize = 3 * SEGMENT;
/// Lexemes of context that decide the order of a segment, with 16 bits of each key.
const SORTED: usize = 8;
/// The most lexemes of context that are compared.
pub(super) const DEPTH: usize = 32;
/// Entries of one segment that a search examines in each direction. Entries further away have a shorter agreement.
const NEIGHBOURS: usize = 16;
/// Entries of one segment that a search skips because of their first byte, before it gives up.
const MAX_SKIPPED: usize = 1024;
/// The most occurrences that a search returns, those with the longest agreement first.
const MAX_OCCURRENCES: usize = 256;
/// A search ignores agreement shorter than the longest by more than this.
const SLACK: usize = 2;
/// The byte offset of every [`STRIDE`]-th lexeme of a source is stored; the lexemes between are lexed again.
const STRIDE: usize = 16;
/// The bytes of a larger text that are indexed.
const SOURCE_BYTES: usize = 8 << 20;

/// The source texts and their index.
#[derive(Debug)]
pub(super) struct Index {
    slots: Vec<Option<Source>>,
    free: Vec<Slot>,
    by_id: FxHashMap<SourceId, Slot>,
    /// From the least to the most recently added.
    by_age: BTreeMap<u64, Slot>,
    clock: u64,
    /// The sources that are in no segment, by age.
    memtable: BTreeMap<u64, Slot>,
    memtable_lexemes: usize,
    segments: FxHashMap<u32, Vec<Entry>>,
    next_segment: u32,
    bytes: usize,
    budget: usize,
}

/// Index into [`Index::slots`].
pub(super) type Slot = u32;

/// One source text.
#[derive(Debug)]
pub(super) struct Source {
    pub id: SourceId,
    pub text: Arc<str>,
    pub style: Style,
    /// When it was added: larger is later.
    age: u64,
    keys: Vec<Key>,
    /// Byte offset of every [`STRIDE`]-th lexeme.
    offsets: Vec<u32>,
    /// The segments that contain it; empty if it is in the memtable.
    segments: Vec<u32>,
}

/// A position in a segment: the number of the lexeme after the context (24 bits, see [`SOURCE_BYTES`]) and the first
/// byte of that lexeme.
#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: Slot,
    position_and_first: u32,
}

/// An occurrence of a context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occurrence {
    pub slot: Slot,
    /// Number of the lexeme after the context.
    pub position: usize,
    /// Lexemes of context that agree, at most [`DEPTH`].
    pub agreeing: usize,
}

impl Index {
    /// An empty index whose texts, keys and segments take at most `budget` bytes together.
    pub fn new(budget: usize) -> Self {
        Index {
            slots: Vec::new(),
            free: Vec::new(),
            by_id: FxHashMap::default(),
            by_age: BTreeMap::new(),
            clock: 0,
            memtable: BTreeMap::new(),
            memtable_lexemes: 0,
            segments: FxHashMap::default(),
            next_segment: 0,
            bytes: 0,
            budget,
        }
    }

    pub fn source(&self, slot: Slot) -> &Source {
        self.slots[slot as usize].as_ref().expect("memtable and segments contain only occupied slots")
    }

    /// All texts, the least recently added first.
    pub fn texts(&self) -> Vec<(SourceId, Arc<str>)> {
        let mut sources: Vec<&Source> = self.slots.iter().flatten().collect();
        sources.sort_by_key(|source| source.age);
        sources.iter().map(|source| (source.id, source.text.clone())).collect()
    }

    /// The most bytes that texts and index may take.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Bytes that texts and index take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn add_source(&mut self, id: SourceId, text: Arc<str>) {
        if self.by_id.get(&id).is_some_and(|&slot| self.source(slot).text == text) {
            return;
        }
        self.remove_source(id);
        self.clock += 1;
        let source = Source::new(id, text, self.clock);
        self.bytes += source.bytes();
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as Slot
        });
        self.by_id.insert(id, slot);
        self.by_age.insert(source.age, slot);
        self.memtable.insert(source.age, slot);
        self.memtable_lexemes += source.keys.len();
        self.slots[slot as usize] = Some(source);
        while self.bytes > self.budget {
            let Some((_, &oldest)) = self.by_age.first_key_value() else { break };
            self.remove_source(self.source(oldest).id);
        }
        while self.memtable_lexemes > MEMTABLE && self.memtable.len() > 1 {
            self.seal();
        }
    }

    pub fn remove_source(&mut self, id: SourceId) {
        let Some(slot) = self.by_id.remove(&id) else { return };
        let source = self.slots[slot as usize].take().expect("an id refers to an occupied slot");
        self.free.push(slot);
        self.bytes -= source.bytes();
        self.by_age.remove(&source.age);
        if self.memtable.remove(&source.age).is_some() {
            self.memtable_lexemes -= source.keys.len();
        }
        for segment in source.segments {
            let Some(entries) = self.segments.get_mut(&segment) else { continue };
            entries.retain(|entry| entry.slot != slot);
            if entries.len() < SEGMENT / 4 {
                self.unseal(segment);
            }
        }
    }

    /// Dissolves a segment that has become small: moves its sources back to the memtable.
    fn unseal(&mut self, segment: u32) {
        let entries = self.segments.remove(&segment).unwrap_or_default();
        let mut slots: Vec<Slot> = entries.iter().map(|entry| entry.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            let source = self.slots[slot as usize].as_mut().expect("a segment contains only occupied slots");
            self.memtable.insert(source.age, slot);
            self.memtable_lexemes += source.keys.len();
            // A long source also leaves its other segments: it is in segments as a whole or not at all.
            for other in std::mem::take(&mut source.segments) {
                if let Some(entries) = self.segments.get_mut(&other) {
                    entries.retain(|entry| entry.slot != slot);
                }
            }
        }
    }

    /// Moves the oldest sources of the memtable into segments: about one segment's worth of lexemes.
    fn seal(&mut self) {
        let mut entries = Vec::with_capacity(SEGMENT);
        while entries.len() < SEGMENT && self.memtable.len() > 1 {
            let Some((_, slot)) = self.memtable.pop_first() else { break };
            let count = self.source(slot).keys.len();
            self.memtable_lexemes -= count;
            let mut position = 0;
            while position < count {
                // A long source takes several segments.
                if entries.len() >= SEGMENT {
                    self.add_segment(&mut entries);
                }
                let end = count.min(position + SEGMENT - entries.len());
                let source =
                    self.slots[slot as usize].as_mut().expect("the memtable contains only occupied slots");
                source.segments.push(self.next_segment);
                entries.extend((position..end).map(|at| Entry {
                    slot,
                    position_and_first: (at as u32) << 8 | u32::from(source.keys[at].first()),
                }));
                position = end;
            }
        }
        self.add_segment(&mut entries);
    }

    /// Sorts `entries` into a new segment and leaves the vector empty.
    fn add_segment(&mut self, entries: &mut Vec<Entry>) {
        let mut entries = std::mem::take(entries);
        entries.sort_by_cached_key(|entry| self.order_of(entry));
        entries.shrink_to_fit();
        self.segments.insert(self.next_segment, entries);
        self.next_segment = self.next_segment.wrapping_add(1);
    }

    /// The occurrences of `context` (in text order), longest agreement first, later added sources first among equals.
    /// With `first`, only those whose next lexeme begins with this byte. Excludes the position `origin`.
    pub fn search(&self, context: &[Key], first: Option<u8>, origin: Option<Origin>) -> Vec<Occurrence> {
        let context = &context[context.len().saturating_sub(DEPTH)..];
        let mut occurrences: Vec<Occurrence> = Vec::new();
        let Some(&last) = context.last() else { return occurrences };
        // The cursor's own position would agree longer than all others.
        let own = origin.and_then(|origin| {
            let slot = *self.by_id.get(&origin.source)?;
            Some((slot, self.source(slot).position(origin.offset)))
        });
        let mut floor = 1;
        let mut keep = |slot: Slot, position: usize| {
            if own.is_some_and(|(own, near)| own == slot && (position == near || position == near + 1)) {
                return true;
            }
            let agreeing = agreement(&self.source(slot).keys[..position], context);
            if agreeing >= floor {
                floor = floor.max(agreeing.saturating_sub(SLACK));
                occurrences.push(Occurrence { slot, position, agreeing });
            }
            agreeing >= floor.min(SORTED)
        };
        for &slot in self.memtable.values() {
            for (at, pair) in self.source(slot).keys.windows(2).enumerate() {
                if pair[0] == last && first.is_none_or(|first| pair[1].first() == first) {
                    keep(slot, at + 1);
                }
            }
        }
        let target = order(context);
        for entries in self.segments.values() {
            let middle = entries.partition_point(|entry| self.order_of(entry) < target);
            let matches_first = |entry: &&Entry| first.is_none_or(|first| entry.first() == first);
            let mut visit = |entry: &Entry| keep(entry.slot, entry.position());
            // Agreement decreases with the distance from the middle, as far as the order of the segment tells: the
            // first entry with too little ends the search.
            let _ = entries[..middle]
                .iter()
                .rev()
                .take(MAX_SKIPPED)
                .filter(matches_first)
                .take(NEIGHBOURS)
                .all(&mut visit);
            let _ = entries[middle..]
                .iter()
                .take(MAX_SKIPPED)
                .filter(matches_first)
                .take(NEIGHBOURS)
                .all(&mut visit);
        }
        occurrences.retain(|occurrence| occurrence.agreeing >= floor);
        let rank = |found: &Occurrence| (found.agreeing, self.source(found.slot).age, found.position);
        occurrences.sort_unstable_by_key(|occurrence| std::cmp::Reverse(rank(occurrence)));
        occurrences.truncate(MAX_OCCURRENCES);
        occurrences
    }

    fn order_of(&self, entry: &Entry) -> u128 {
        order(&self.source(entry.slot).keys[..entry.position()])
    }
}

impl Entry {
    fn position(self) -> usize {
        (self.position_and_first >> 8) as usize
    }

    fn first(self) -> u8 {
        self.position_and_first as u8
    }
}

/// The last [`SORTED`] lexemes of a context as one number, the nearest in the highest bits.
fn order(context: &[Key]) -> u128 {
    let mut order = 0;
    for distance in 0..SORTED {
        let key = context.len().checked_sub(1 + distance).map_or(0, |at| context[at].short());
        order = order << 16 | u128::from(key);
    }
    order
}

/// The length of the longest common suffix.
fn agreement(a: &[Key], b: &[Key]) -> usize {
    a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

impl Source {
    fn new(id: SourceId, text: Arc<str>, age: u64) -> Source {
        let text = match text.len() > SOURCE_BYTES {
            true => Arc::from(&text[..text.floor_char_boundary(SOURCE_BYTES)]),
            false => text,
        };
        let mut offsets = Vec::with_capacity(text.len() / (4 * STRIDE) + 1);
        let keys = keys(&text, |number, lexeme| {
            if number % STRIDE == 0 {
                offsets.push(lexeme.start as u32);
            }
        });
        let style = Style::of(&text).unwrap_or(Style::Spaces(4));
        Source { id, text, style, age, keys, offsets, segments: Vec::new() }
    }

    /// Bytes of the text, of a key and an entry for each lexeme, and of the offsets.
    fn bytes(&self) -> usize {
        self.text.len()
            + self.keys.capacity() * size_of::<Key>()
            + self.keys.len() * size_of::<Entry>()
            + self.offsets.capacity() * size_of::<u32>()
            + size_of::<Source>()
    }

    /// The number of the lexeme that ends at byte `offset`, or of the first that ends after it.
    fn position(&self, offset: usize) -> usize {
        let stride = self.offsets.partition_point(|&at| at as usize <= offset).saturating_sub(1);
        let position = stride * STRIDE;
        position + self.lexemes(position).take_while(|lexeme| lexeme.end < offset).take(STRIDE).count()
    }

    /// The lexemes from number `position` on.
    pub fn lexemes(&self, position: usize) -> Lexer<'_> {
        let at = self.offsets.get(position / STRIDE).map_or(self.text.len(), |&at| at as usize);
        let mut lexer = Lexer { text: &self.text, at };
        for _ in 0..position % STRIDE {
            lexer.next();
        }
        lexer
    }
}
