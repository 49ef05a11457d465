//! The edit region: the lines around the cursor in which typing and moving leave the rest of the prompt unchanged.

use std::ops::Range;

use super::items::{Item, items_in};
use super::lines::Lines;
use crate::documents::Document;

/// The text around the cursor that is searched for items, in bytes per token of the budget.
const BYTES_PER_TOKEN: usize = 8;

/// Chooses an edit region of at most three quarters of `budget`, so that it can grow: the outermost function around the
/// cursor that fits, or a small class, or else the lines around the cursor that belong to no other function.
pub fn choose(document: &Document, lines: &Lines, cursor: usize, budget: usize) -> Range<usize> {
    let line = lines.start(cursor)..lines.end(cursor);
    if !lines.fits(line.clone(), budget / 2) {
        return cut_line(lines, cursor, line, budget);
    }
    let reach = budget * BYTES_PER_TOKEN;
    let region = line.start.saturating_sub(reach)..line.end + reach;
    let (around, others): (Vec<_>, Vec<_>) =
        items_in(document, lines, region).into_iter().partition(|item| holds(document, lines, item, cursor));

    let with_line = |item: &Item| item.lines.start..item.lines.end.max(line.end);
    let fits = |item: &&Item, tokens| lines.fits(with_line(item), tokens);
    let function = around.iter().find(|item| item.function && fits(item, budget / 4 * 3));
    let item = function.or_else(|| around.iter().find(|item| !item.function && fits(item, budget / 2)));
    if let Some(item) = item {
        return with_line(item);
    }

    let innermost = around.last().map_or(0..lines.text.len_bytes(), with_line);
    let own =
        |start: usize| innermost.contains(&start) && !others.iter().any(|item| item.lines.contains(&start));
    let side = (budget / 8 * 3).saturating_sub(lines.tokens(line.clone()) / 2);
    let start = lines.take_up(line.start, side, own);
    let end = lines.take_down(line.end, side, own);
    // The end of a neighbour or of the enclosing item is a boundary. Where the budget ended, search for one.
    let start_is_natural = start == 0 || !own(lines.above(start));
    let end_is_natural = end == lines.text.len_bytes() || !own(end);
    let start = if start_is_natural { start } else { lines.good_start(start..line.start) };
    let end = if end_is_natural { end } else { lines.good_end(line.end..end) };
    start..end
}

/// Whether the cursor's line belongs to an item. In a language with significant indentation, a blank line below a
/// function belongs to it while the cursor is indented further than the function.
fn holds(document: &Document, lines: &Lines, item: &Item, cursor: usize) -> bool {
    if item.lines.contains(&cursor) || (cursor == item.lines.end && !lines.at_start(cursor)) {
        return true;
    }
    let start = lines.start(cursor);
    document.language.is_some_and(|language| language.layout)
        && item.lines.end <= start
        && cursor - start > item.column
        && lines.slice(item.lines.end..cursor).trim().is_empty()
}

/// A part of a line that exceeds the budget (minified code, data). It is cut by bytes, which need no search: a token has
/// at least one.
fn cut_line(lines: &Lines, cursor: usize, line: Range<usize>, budget: usize) -> Range<usize> {
    let boundary = |byte: usize| lines.text.char_to_byte(lines.text.byte_to_char(byte));
    boundary(cursor.saturating_sub(budget / 2).max(line.start))..boundary((cursor + budget / 4).min(line.end))
}
