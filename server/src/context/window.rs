//! The window of a document that a prompt shows, kept from keystroke to keystroke.

use std::ops::Range;

use ropey::Rope;

use super::items::{imports, items_in};
use super::lines::Lines;
use super::{Budget, Window, zone};
use crate::documents::Document;

/// Scopes are shown up to this depth, and this many bytes of each.
const MOST_SCOPES: usize = 4;
const MOST_SCOPE_BYTES: usize = 240;

/// A smaller zone says too little by itself about what one is at work on.
const NEAR_BYTES: usize = 1500;

/// A window and the text that it was made for, without the cursor.
#[derive(Debug, Clone)]
pub struct Frame {
    text: Rope,
    budget: Budget,
    imports: Option<Range<usize>>,
    scopes: Vec<Range<usize>>,
    above_start: usize,
    zone: Range<usize>,
    after_end: usize,
    /// Where the surroundings begin that other files are compared with.
    near_start: usize,
    /// The zone has no more tokens than this.
    zone_tokens: usize,
}

impl Frame {
    /// The frame for this text and cursor: the previous one, moved along, where it still serves, else another; and
    /// whether it is another.
    pub fn next(
        previous: Option<&Frame>,
        document: &Document,
        lines: &Lines,
        cursor: usize,
        budget: Budget,
    ) -> (Frame, bool) {
        match previous.and_then(|frame| frame.kept(document, lines, cursor, budget)) {
            Some(frame) => (frame, false),
            None => (Frame::jump(previous, document, lines, cursor, budget), true),
        }
    }

    /// All that the window shows of the document.
    pub fn shown_text(&self, lines: &Lines) -> String {
        let shown = std::iter::once(self.above_start..self.after_end);
        let parts = self.imports.iter().chain(&self.scopes).cloned().chain(shown);
        parts.map(|range| lines.slice(range)).collect()
    }

    /// The lines that one is at work on: the zone, and for a small one what is just above it.
    pub fn near(&self) -> Range<usize> {
        self.near_start..self.zone.end
    }

    /// The window of a cursor in the zone.
    pub fn window(&self, lines: &Lines, cursor: usize) -> Window {
        let below = lines.end(cursor).min(self.zone.end);
        let line = lines.slice(cursor..below);
        let tail = cursor + line.trim_end_matches(['\n', '\r']).len();
        Window {
            imports: self.imports.clone(),
            scopes: self.scopes.clone(),
            above: self.above_start..self.zone.start,
            before: self.zone.start..cursor,
            tail: cursor..tail,
            rest: below..self.zone.end,
            after: self.zone.end..self.after_end,
        }
    }

    /// This frame in the present text, if the cursor and the changes are where they disturb nothing.
    fn kept(&self, document: &Document, lines: &Lines, cursor: usize, budget: Budget) -> Option<Frame> {
        if self.budget != budget {
            return None;
        }
        let (old, new) = (&self.text, lines.text);
        let mut frame = Frame { text: new.clone(), ..self.clone() };
        if !new.is_instance(old) {
            let (old_length, new_length) = (old.len_bytes(), new.len_bytes());
            let moved = |byte: usize| (byte + new_length).checked_sub(old_length);
            let same_up_to = |byte: usize| same(old, 0..byte, new, 0..byte);
            let same_from = |byte: usize| {
                moved(byte).is_some_and(|start| same(old, byte..old_length, new, start..new_length))
            };
            if same_up_to(self.zone.start) && same_from(self.zone.end) {
                frame.zone.end = moved(self.zone.end)?;
                frame.after_end = moved(self.after_end)?;
                let cut = !Lines { text: old, count: lines.count }.at_start(self.zone.end);
                if frame.zone.end < frame.zone.start || !(cut || lines.at_start(frame.zone.end)) {
                    return None;
                }
                frame.zone_tokens += most_tokens_added(old, &self.zone, new, &frame.zone);
            } else if same_from(self.above_start) {
                frame.above_start = moved(self.above_start)?;
                frame.zone = moved(self.zone.start)?..moved(self.zone.end)?;
                frame.after_end = moved(self.after_end)?;
                frame.near_start = moved(self.near_start)?;
                frame.find_imports_and_scopes(document, lines);
            } else if !same_up_to(self.after_end) {
                return None;
            }
        }
        let at_end = cursor == frame.zone.end && (cursor == new.len_bytes() || !lines.at_start(cursor));
        if !frame.zone.contains(&cursor) && !at_end {
            return None;
        }
        if frame.zone_tokens > budget.zone {
            if !lines.fits(frame.zone.clone(), budget.zone) {
                return None;
            }
            frame.zone_tokens = lines.tokens(frame.zone.clone());
        }
        Some(frame)
    }

    fn jump(
        previous: Option<&Frame>,
        document: &Document,
        lines: &Lines,
        cursor: usize,
        budget: Budget,
    ) -> Frame {
        let zone = zone::choose(document, lines, cursor, budget.zone);
        let mut frame = Frame {
            text: lines.text.clone(),
            budget,
            imports: None,
            scopes: Vec::new(),
            above_start: zone.start,
            after_end: zone.end,
            near_start: zone.start,
            zone_tokens: lines.tokens(zone.clone()),
            zone,
        };
        // Beside a part of an endless line there is nothing worth showing.
        if lines.at_start(frame.zone.start) {
            frame.above_start = frame.choose_above(previous, document, lines);
        }
        if lines.at_start(frame.zone.end) {
            frame.after_end = frame.choose_after(document, lines);
        }
        if frame.zone.len() < NEAR_BYTES {
            let start = lines.start(frame.zone.end.saturating_sub(NEAR_BYTES));
            frame.near_start = start.clamp(frame.above_start, frame.zone.start);
        }
        frame.find_imports_and_scopes(document, lines);
        frame
    }

    /// Tokens of the budget for what is above that imports and scopes do not take.
    fn above_budget(&self, imports: Option<&Range<usize>>, lines: &Lines) -> usize {
        let imports = imports.map_or(0, |imports| lines.tokens(imports.clone()));
        self.budget.above.saturating_sub(imports + self.scopes_budget())
    }

    fn scopes_budget(&self) -> usize {
        self.budget.above / 8
    }

    /// Imports cut to a third of the budget.
    fn imports_within_budget(&self, document: &Document, lines: &Lines) -> Option<Range<usize>> {
        let imports = imports(document, lines)?;
        let end = lines.take_down(imports.start, self.budget.above / 3, |line| line < imports.end);
        (end > imports.start).then_some(imports.start..end)
    }

    fn choose_above(&self, previous: Option<&Frame>, document: &Document, lines: &Lines) -> usize {
        let end = self.zone.start;
        let imports = self.imports_within_budget(document, lines);
        let budget = self.above_budget(imports.as_ref(), lines);
        if lines.fits(0..end, budget) {
            return 0;
        }
        // The start of the window before stays while it serves, so that the leading part of the prompt does.
        let previous = previous.map(|frame| (frame.above_start, &frame.text));
        if let Some((start, text)) = previous
            && start < end
            && same(text, 0..start, lines.text, 0..start)
            && lines.at_start(start)
            && lines.fits(start..end, budget)
            && !lines.fits(start..end, budget / 4)
        {
            return start;
        }
        // What stays free is there for the next functions, before the start has to move again.
        let start = lines.take_up(end, budget / 5 * 3, |_| true);
        let half = start + (end - start) / 2;
        let items = items_in(document, lines, start..end);
        let item = items.iter().map(|item| item.lines.start).find(|&item| item >= start && item <= half);
        item.map_or_else(|| lines.good_start(start..end), |item| self.with_comments(item, start, lines))
    }

    /// The first of the lines directly above an item that are indented as it is: comments, attributes, decorators.
    fn with_comments(&self, item: usize, least: usize, lines: &Lines) -> usize {
        let indentation = lines.indentation(item);
        let mut start = item;
        while start > least
            && lines.above(start) >= least
            && lines.indentation(lines.above(start)) == indentation
        {
            start = lines.above(start);
        }
        start
    }

    fn choose_after(&self, document: &Document, lines: &Lines) -> usize {
        let start = self.zone.end;
        let end = lines.take_down(start, self.budget.after, |_| true);
        if end == lines.text.len_bytes() {
            return end;
        }
        let half = start + (end - start) / 2;
        let items = items_in(document, lines, start..end);
        let item = items.iter().map(|item| item.lines.end).filter(|&item| item <= end && item > half).max();
        item.unwrap_or_else(|| lines.good_end(start..end))
    }

    fn find_imports_and_scopes(&mut self, document: &Document, lines: &Lines) {
        self.imports = self
            .imports_within_budget(document, lines)
            .filter(|imports| imports.start < self.above_start)
            .map(|imports| imports.start..imports.end.min(self.above_start));
        let mut budget = self.scopes_budget();
        let around = items_in(document, lines, self.zone.start..self.zone.start + 1);
        let above = around.iter().filter(|item| item.lines.start < self.above_start);
        self.scopes = above
            .filter(|item| item.lines.end > self.zone.start)
            .map(|item| item.lines.start..lines.end(item.lines.start))
            .filter(|header| header.len() <= MOST_SCOPE_BYTES)
            .take_while(|header| {
                let tokens = lines.tokens(header.clone());
                let fits = tokens <= budget;
                budget = budget.saturating_sub(tokens);
                fits
            })
            .take(MOST_SCOPES)
            .collect();
    }
}

/// Whether two ranges hold the same text; `false` for ranges that are not in their text.
fn same(old: &Rope, old_range: Range<usize>, new: &Rope, new_range: Range<usize>) -> bool {
    match (old.get_byte_slice(old_range), new.get_byte_slice(new_range)) {
        (Some(old), Some(new)) => old == new,
        _ => false,
    }
}

/// A change adds a token for each byte that is new at most, and may break those at its edges.
fn most_tokens_added(old: &Rope, old_zone: &Range<usize>, new: &Rope, new_zone: &Range<usize>) -> usize {
    const BROKEN_AT_EDGES: usize = 8;
    let slices = (old.get_byte_slice(old_zone.clone()), new.get_byte_slice(new_zone.clone()));
    let (Some(old), Some(new)) = slices else { return new_zone.len() };
    let equal = |a: ropey::iter::Bytes, b: ropey::iter::Bytes| a.zip(b).take_while(|(a, b)| a == b).count();
    let prefix = equal(old.bytes(), new.bytes());
    let backwards = (old.bytes_at(old.len_bytes()).reversed(), new.bytes_at(new.len_bytes()).reversed());
    let suffix = equal(backwards.0, backwards.1).min(old.len_bytes().min(new.len_bytes()) - prefix);
    new.len_bytes() - prefix - suffix + BROKEN_AT_EDGES
}
