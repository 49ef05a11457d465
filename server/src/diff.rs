//! Differences between two texts: the lines that change, the one span that changes, and unified diffs.
//!
//! Lines end at `\n` and keep what is in front of it, so that CRLF is neither lost nor made.

mod parse;
#[cfg(test)]
mod tests;
mod unified;

use std::ops::Range;

use ropey::Rope;
use similar::{Algorithm, DiffTag, capture_diff_slices};

pub use self::parse::new_lines;
pub use self::unified::{Hunk, hunks, unified, with_hunks};

/// Lines that become other lines, each counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Lines of the old text; an empty range where lines are only added.
    pub before: Range<usize>,
    /// Lines of the new text; an empty range where lines are only removed.
    pub after: Range<usize>,
}

/// The lines of a text with their line ends.
pub fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The changes between two texts, from top to bottom, with unchanged lines between them.
pub fn changes(before: &str, after: &str) -> Vec<Change> {
    let parts = capture_diff_slices(Algorithm::Myers, &lines(before), &lines(after));
    let changed = parts.iter().filter(|part| part.tag() != DiffTag::Equal);
    changed.map(|part| Change { before: part.old_range(), after: part.new_range() }).collect()
}

/// The one span from the first item that changes to the last.
pub fn span<T: PartialEq>(old: &[T], new: &[T]) -> Change {
    let front = common(old.iter(), new.iter());
    let back = common(old[front..].iter().rev(), new[front..].iter().rev());
    Change { before: front..old.len() - back, after: front..new.len() - back }
}

/// The one span of whole lines that makes `new` of `old`: the bytes that are replaced, where the old text begins at
/// `start`, and the text that replaces them.
pub fn changed_lines(start: usize, old: &str, new: &str) -> (Range<usize>, String) {
    let (old_lines, new_lines) = (lines(old), lines(new));
    let Change { before, after } = span(&old_lines, &new_lines);
    let bytes = |lines: &[&str]| lines.iter().map(|line| line.len()).sum::<usize>();
    let from = start + bytes(&old_lines[..before.start]);
    (from..from + bytes(&old_lines[before]), new_lines[after].concat())
}

/// The one span of characters that makes `new` of `old`: the bytes that are replaced, and the text that replaces them.
pub fn changed_bytes<'new>(old: &Rope, new: &'new str) -> (Range<usize>, &'new str) {
    let front = common(old.bytes(), new.bytes());
    let front = new.floor_char_boundary(front);
    let mut old_back = old.bytes_at(old.len_bytes());
    old_back.reverse();
    let longest = old.len_bytes().min(new.len()) - front;
    let back = common(old_back.take(longest), new.bytes().rev());
    let new_end = new.ceil_char_boundary(new.len() - back);
    (front..old.len_bytes() - (new.len() - new_end), &new[front..new_end])
}

/// How many items two sequences have in common at their beginnings.
fn common<T: PartialEq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}
