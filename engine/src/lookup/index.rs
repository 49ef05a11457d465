//! Where a context occurs in the remembered texts: suffix arrays over reversed lexeme sequences.
//!
//! A shelf holds the places of about [`SHELF`] lexemes sorted by what stands before them, nearest lexeme first, so
//! that one binary search leads to the places whose context agrees longest with the cursor's, and the places with
//! shorter agreement lie around them. A text that was just remembered lies on the desk, unsorted, and is scanned: an
//! open buffer changes with every keystroke, and reading a few hundred kilobytes of keys is cheaper than sorting
//! them anew. When the desk is full, the texts that lie there longest go to a shelf. Sorting is thus bounded by the
//! size of one shelf, and never repeated for a text that stays as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::lexemes::{Key, Lexer, Style, keys};
use crate::{Origin, SourceId};

/// Lexemes on one shelf: sorting so many takes some ten milliseconds, and 20 MB of source fill about fifty shelves.
const SHELF: usize = 64 * 1024;
/// Lexemes on the desk: scanning so many takes about 100 microseconds.
const DESK: usize = 3 * SHELF;
/// Lexemes of context that the order of a shelf tells apart, 16 bits of each key.
const SORTED: usize = 8;
/// Lexemes of context that are ever compared.
pub(super) const DEPTH: usize = 32;
/// Places that one shelf is asked for in each direction. Neighbours beyond agree no longer with the context.
const NEIGHBOURS: usize = 16;
/// Entries that are passed over for the first byte of a word begun, before a shelf has no more to say.
const PASSED_OVER: usize = 1024;
/// Places that a search returns, those with the longest agreement first.
const PLACES: usize = 256;
/// A search ignores agreement shorter than the longest by more than this.
const SLACK: usize = 2;
/// Every so many lexemes of a source the byte offset is kept; between them the text is lexed again.
const STRIDE: usize = 16;
/// Of a larger text only so much is remembered.
const SOURCE_BYTES: usize = 8 << 20;

/// The remembered texts.
#[derive(Debug)]
pub(super) struct Index {
    slots: Vec<Option<Source>>,
    free: Vec<Slot>,
    by_id: FxHashMap<SourceId, Slot>,
    /// From least to most recently remembered.
    by_age: BTreeMap<u64, Slot>,
    clock: u64,
    /// The part of `by_age` that lies on the desk, and its lexemes together.
    desk: BTreeMap<u64, Slot>,
    desk_lexemes: usize,
    shelves: FxHashMap<u32, Vec<Entry>>,
    next_shelf: u32,
    bytes: usize,
    budget: usize,
}

/// Number of a source in [`Index::slots`].
pub(super) type Slot = u32;

/// One remembered text.
#[derive(Debug)]
pub(super) struct Source {
    pub id: SourceId,
    pub text: Arc<str>,
    pub style: Style,
    /// When it was remembered: larger is later.
    age: u64,
    keys: Vec<Key>,
    /// Byte offset of every [`STRIDE`]-th lexeme.
    offsets: Vec<u32>,
    /// The shelves that it stands on; empty: on the desk.
    shelves: Vec<u32>,
}

/// A place in the order of a shelf: the number of the lexeme behind it (24 bits, see [`SOURCE_BYTES`]) and that
/// lexeme's first byte.
#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: Slot,
    position_and_first: u32,
}

/// An occurrence of a context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub slot: Slot,
    /// Number of the lexeme behind the context.
    pub position: usize,
    /// Lexemes of context that agree, at most [`DEPTH`].
    pub agreeing: usize,
}

impl Index {
    /// An empty index whose texts, keys and shelves take at most `budget` bytes together.
    pub fn new(budget: usize) -> Self {
        Index {
            slots: Vec::new(),
            free: Vec::new(),
            by_id: FxHashMap::default(),
            by_age: BTreeMap::new(),
            clock: 0,
            desk: BTreeMap::new(),
            desk_lexemes: 0,
            shelves: FxHashMap::default(),
            next_shelf: 0,
            bytes: 0,
            budget,
        }
    }

    pub fn source(&self, slot: Slot) -> &Source {
        self.slots[slot as usize].as_ref().expect("the desk and the shelves name only occupied slots")
    }

    /// All texts, the least recently remembered first.
    pub fn texts(&self) -> Vec<(SourceId, Arc<str>)> {
        let mut sources: Vec<&Source> = self.slots.iter().flatten().collect();
        sources.sort_by_key(|source| source.age);
        sources.iter().map(|source| (source.id, source.text.clone())).collect()
    }

    /// Bytes that everything remembered may take.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Bytes that everything remembered takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn remember(&mut self, id: SourceId, text: Arc<str>) {
        if self.by_id.get(&id).is_some_and(|&slot| self.source(slot).text == text) {
            return;
        }
        self.forget(id);
        self.clock += 1;
        let source = Source::new(id, text, self.clock);
        self.bytes += source.bytes();
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as Slot
        });
        self.by_id.insert(id, slot);
        self.by_age.insert(source.age, slot);
        self.desk.insert(source.age, slot);
        self.desk_lexemes += source.keys.len();
        self.slots[slot as usize] = Some(source);
        while self.bytes > self.budget {
            let Some((_, &oldest)) = self.by_age.first_key_value() else { break };
            self.forget(self.source(oldest).id);
        }
        while self.desk_lexemes > DESK && self.desk.len() > 1 {
            self.shelve();
        }
    }

    pub fn forget(&mut self, id: SourceId) {
        let Some(slot) = self.by_id.remove(&id) else { return };
        let source = self.slots[slot as usize].take().expect("an id names an occupied slot");
        self.free.push(slot);
        self.bytes -= source.bytes();
        self.by_age.remove(&source.age);
        if self.desk.remove(&source.age).is_some() {
            self.desk_lexemes -= source.keys.len();
        }
        for shelf in source.shelves {
            let Some(entries) = self.shelves.get_mut(&shelf) else { continue };
            entries.retain(|entry| entry.slot != slot);
            if entries.len() < SHELF / 4 {
                self.clear(shelf);
            }
        }
    }

    /// Takes a shelf down that has become nearly empty; what stood on it goes back to the desk.
    fn clear(&mut self, shelf: u32) {
        let entries = self.shelves.remove(&shelf).unwrap_or_default();
        let mut slots: Vec<Slot> = entries.iter().map(|entry| entry.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            let source = self.slots[slot as usize].as_mut().expect("a shelf names only occupied slots");
            self.desk.insert(source.age, slot);
            self.desk_lexemes += source.keys.len();
            // A long text leaves its other shelves too: it stands on shelves as a whole or not at all.
            for other in std::mem::take(&mut source.shelves) {
                if let Some(entries) = self.shelves.get_mut(&other) {
                    entries.retain(|entry| entry.slot != slot);
                }
            }
        }
    }

    /// Moves the sources that lie on the desk longest to shelves, about one shelf full.
    fn shelve(&mut self) {
        let mut entries = Vec::with_capacity(SHELF);
        while entries.len() < SHELF && self.desk.len() > 1 {
            let Some((_, slot)) = self.desk.pop_first() else { break };
            let count = self.source(slot).keys.len();
            self.desk_lexemes -= count;
            let mut position = 0;
            while position < count {
                // One long text takes several shelves.
                if entries.len() >= SHELF {
                    self.put_up(&mut entries);
                }
                let end = count.min(position + SHELF - entries.len());
                let source = self.slots[slot as usize].as_mut().expect("the desk names only occupied slots");
                source.shelves.push(self.next_shelf);
                entries.extend((position..end).map(|at| Entry {
                    slot,
                    position_and_first: (at as u32) << 8 | u32::from(source.keys[at].first()),
                }));
                position = end;
            }
        }
        self.put_up(&mut entries);
    }

    /// Makes a shelf of `entries` and leaves none.
    fn put_up(&mut self, entries: &mut Vec<Entry>) {
        let mut entries = std::mem::take(entries);
        entries.sort_by_cached_key(|entry| self.order_of(entry));
        entries.shrink_to_fit();
        self.shelves.insert(self.next_shelf, entries);
        self.next_shelf = self.next_shelf.wrapping_add(1);
    }

    /// Places that follow `context` (in the text's order), longest agreement first, later remembered sources first
    /// among equals. `first`: only places whose lexeme begins with this byte. `origin`: but not this place.
    pub fn search(&self, context: &[Key], first: Option<u8>, origin: Option<Origin>) -> Vec<Place> {
        let context = &context[context.len().saturating_sub(DEPTH)..];
        let mut places: Vec<Place> = Vec::new();
        let Some(&last) = context.last() else { return places };
        // Were the cursor's own place among them, no other would agree nearly as long.
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
                places.push(Place { slot, position, agreeing });
            }
            agreeing >= floor.min(SORTED)
        };
        for &slot in self.desk.values() {
            for (at, pair) in self.source(slot).keys.windows(2).enumerate() {
                if pair[0] == last && first.is_none_or(|first| pair[1].first() == first) {
                    keep(slot, at + 1);
                }
            }
        }
        let target = order(context);
        for entries in self.shelves.values() {
            let middle = entries.partition_point(|entry| self.order_of(entry) < target);
            let wanted = |entry: &&Entry| first.is_none_or(|first| entry.first() == first);
            let mut visit = |entry: &Entry| keep(entry.slot, entry.position());
            // Agreement shrinks with the distance from the middle, as far as the order tells it: the first place
            // with too little is the last.
            let _ = entries[..middle]
                .iter()
                .rev()
                .take(PASSED_OVER)
                .filter(wanted)
                .take(NEIGHBOURS)
                .all(&mut visit);
            let _ =
                entries[middle..].iter().take(PASSED_OVER).filter(wanted).take(NEIGHBOURS).all(&mut visit);
        }
        places.retain(|place| place.agreeing >= floor);
        let rank = |place: &Place| (place.agreeing, self.source(place.slot).age, place.position);
        places.sort_unstable_by_key(|place| std::cmp::Reverse(rank(place)));
        places.truncate(PLACES);
        places
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

/// Lexemes at the end of both that are equal.
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
        Source { id, text, style, age, keys, offsets, shelves: Vec::new() }
    }

    /// The text, a key and an entry for each lexeme, and the offsets.
    fn bytes(&self) -> usize {
        self.text.len()
            + self.keys.capacity() * size_of::<Key>()
            + self.keys.len() * size_of::<Entry>()
            + self.offsets.capacity() * size_of::<u32>()
            + size_of::<Source>()
    }

    /// The number of the lexeme that ends at byte `offset` or is the first to end behind it.
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
