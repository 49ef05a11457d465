//! Replacing a range of a rope, and the matching edit of a syntax tree.

use std::ops::Range;

use ropey::Rope;
use tree_sitter::{InputEdit, Point};

/// Clamps a range to the text and to character boundaries.
pub fn clamp(text: &Rope, range: &Range<usize>) -> Range<usize> {
    let boundary = |byte: usize| text.char_to_byte(text.byte_to_char(byte.min(text.len_bytes())));
    let start = boundary(range.start);
    start..boundary(range.end).max(start)
}

/// Replaces `range`, which must be clamped, with `inserted`.
pub fn splice(text: &mut Rope, range: &Range<usize>, inserted: &str) {
    let (start, end) = (text.byte_to_char(range.start), text.byte_to_char(range.end));
    text.remove(start..end);
    text.insert(start, inserted);
}

/// The position of a byte in tree-sitter's units: rows end with LF only, columns are bytes. `lone_crs` is the number of
/// line breaks in the text that ropey and LSP count, but tree-sitter does not.
pub fn point(text: &Rope, byte: usize, lone_crs: usize) -> Point {
    if lone_crs == 0 {
        let row = text.byte_to_line(byte);
        return Point { row, column: byte - text.line_to_byte(row) };
    }
    let mut point = Point { row: 0, column: 0 };
    for next in text.byte_slice(..byte).bytes() {
        point = match next {
            b'\n' => Point { row: point.row + 1, column: 0 },
            _ => Point { column: point.column + 1, ..point },
        };
    }
    point
}

/// The tree edit for a splice of `range`; the points are its start and end before the splice.
pub fn input_edit(
    range: &Range<usize>,
    [start_position, old_end_position]: [Point; 2],
    inserted: &str,
) -> InputEdit {
    let rows = inserted.bytes().filter(|&byte| byte == b'\n').count();
    let new_end_position = match inserted.rfind('\n') {
        Some(last) => Point { row: start_position.row + rows, column: inserted.len() - last - 1 },
        None => Point { column: start_position.column + inserted.len(), ..start_position },
    };
    InputEdit {
        start_byte: range.start,
        old_end_byte: range.end,
        new_end_byte: range.start + inserted.len(),
        start_position,
        old_end_position,
        new_end_position,
    }
}

/// The number of carriage returns in `range` without a line feed.
pub fn lone_crs(text: &Rope, range: Range<usize>) -> usize {
    let mut bytes = text.bytes_at(range.start);
    let mut left = range.len();
    let mut lone = 0;
    let mut after_cr = false;
    while left > 0 {
        let Some(byte) = bytes.next() else { break };
        left -= 1;
        lone += usize::from(after_cr && byte != b'\n');
        after_cr = byte == b'\r';
    }
    lone + usize::from(after_cr && bytes.next() != Some(b'\n'))
}
