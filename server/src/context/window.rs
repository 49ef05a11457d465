//! The window of a document that a prompt shows, cached between keystrokes.

use std::ops::Range;

use ropey::Rope;

use super::items::{imports, items_in};
use super::lines::Lines;
use super::{Budget, Window, edit_region};
use crate::documents::Document;

/// The limits of [`Window::scopes`]: their number, and the bytes of each.
const MOST_SCOPES: usize = 4;
const MOST_SCOPE_BYTES: usize = 240;

/// A smaller edit region is extended upwards for the comparison with other files.
const NEAR_BYTES: usize = 1500;

/// A window and the text that it was made for, without the cursor.
#[derive(Debug, Clone)]
pub struct CachedWindow {
    text: Rope,
    budget: Budget,
    imports: Option<Range<usize>>,
    scopes: Vec<Range<usize>>,
    above_start: usize,
    edit_region: Range<usize>,
    after_end: usize,
    /// The start of the text that other files are compared with.
    near_start: usize,
    /// An upper bound of the edit region's tokens.
    edit_region_tokens: usize,
}

impl CachedWindow {
    /// The window for this text and cursor: the previous one with adjusted offsets if it is still valid, else a new one;
    /// and whether it is new.
    pub fn next(
        previous: Option<&CachedWindow>,
        document: &Document,
        lines: &Lines,
        cursor: usize,
        budget: Budget,
    ) -> (CachedWindow, bool) {
        match previous.and_then(|previous| previous.reused(document, lines, cursor, budget)) {
            Some(window) => (window, false),
            None => (CachedWindow::jump(previous, document, lines, cursor, budget), true),
        }
    }

    /// The text of all parts of the window.
    pub fn shown_text(&self, lines: &Lines) -> String {
        let shown = std::iter::once(self.above_start..self.after_end);
        let parts = self.imports.iter().chain(&self.scopes).cloned().chain(shown);
        parts.map(|range| lines.slice(range)).collect()
    }

    /// The edit region, and for a small one the lines just above it.
    pub fn near(&self) -> Range<usize> {
        self.near_start..self.edit_region.end
    }

    /// The window of a cursor in the edit region.
    pub fn window(&self, lines: &Lines, cursor: usize) -> Window {
        let below = lines.end(cursor).min(self.edit_region.end);
        let line = lines.slice(cursor..below);
        let tail = cursor + line.trim_end_matches(['\n', '\r']).len();
        Window {
            imports: self.imports.clone(),
            scopes: self.scopes.clone(),
            above: self.above_start..self.edit_region.start,
            before: self.edit_region.start..cursor,
            tail: cursor..tail,
            rest: below..self.edit_region.end,
            after: self.edit_region.end..self.after_end,
        }
    }

    /// This window with offsets of the new text, if the cursor and the changes leave it valid.
    fn reused(
        &self,
        document: &Document,
        lines: &Lines,
        cursor: usize,
        budget: Budget,
    ) -> Option<CachedWindow> {
        if self.budget != budget {
            return None;
        }
        let (old, new) = (&self.text, lines.text);
        let mut window = CachedWindow { text: new.clone(), ..self.clone() };
        if !new.is_instance(old) {
            let (old_length, new_length) = (old.len_bytes(), new.len_bytes());
            let moved = |byte: usize| (byte + new_length).checked_sub(old_length);
            let same_up_to = |byte: usize| same(old, 0..byte, new, 0..byte);
            let same_from = |byte: usize| {
                moved(byte).is_some_and(|start| same(old, byte..old_length, new, start..new_length))
            };
            if same_up_to(self.edit_region.start) && same_from(self.edit_region.end) {
                window.edit_region.end = moved(self.edit_region.end)?;
                window.after_end = moved(self.after_end)?;
                let cut = !Lines { text: old, count: lines.count }.at_start(self.edit_region.end);
                if window.edit_region.end < window.edit_region.start
                    || !(cut || lines.at_start(window.edit_region.end))
                {
                    return None;
                }
                window.edit_region_tokens +=
                    most_tokens_added(old, &self.edit_region, new, &window.edit_region);
            } else if same_from(self.above_start) {
                window.above_start = moved(self.above_start)?;
                window.edit_region = moved(self.edit_region.start)?..moved(self.edit_region.end)?;
                window.after_end = moved(self.after_end)?;
                window.near_start = moved(self.near_start)?;
                window.find_imports_and_scopes(document, lines);
            } else if !same_up_to(self.after_end) {
                return None;
            }
        }
        let at_end =
            cursor == window.edit_region.end && (cursor == new.len_bytes() || !lines.at_start(cursor));
        if !window.edit_region.contains(&cursor) && !at_end {
            return None;
        }
        if window.edit_region_tokens > budget.edit_region {
            if !lines.fits(window.edit_region.clone(), budget.edit_region) {
                return None;
            }
            window.edit_region_tokens = lines.tokens(window.edit_region.clone());
        }
        Some(window)
    }

    fn jump(
        previous: Option<&CachedWindow>,
        document: &Document,
        lines: &Lines,
        cursor: usize,
        budget: Budget,
    ) -> CachedWindow {
        let edit_region = edit_region::choose(document, lines, cursor, budget.edit_region);
        let mut window = CachedWindow {
            text: lines.text.clone(),
            budget,
            imports: None,
            scopes: Vec::new(),
            above_start: edit_region.start,
            after_end: edit_region.end,
            near_start: edit_region.start,
            edit_region_tokens: lines.tokens(edit_region.clone()),
            edit_region,
        };
        // A part of an overlong line has no useful context around it.
        if lines.at_start(window.edit_region.start) {
            window.above_start = window.choose_above(previous, document, lines);
        }
        if lines.at_start(window.edit_region.end) {
            window.after_end = window.choose_after(document, lines);
        }
        if window.edit_region.len() < NEAR_BYTES {
            let start = lines.start(window.edit_region.end.saturating_sub(NEAR_BYTES));
            window.near_start = start.clamp(window.above_start, window.edit_region.start);
        }
        window.find_imports_and_scopes(document, lines);
        window
    }

    /// The tokens of the budget for `above` that imports and scopes do not use.
    fn above_budget(&self, imports: Option<&Range<usize>>, lines: &Lines) -> usize {
        let imports = imports.map_or(0, |imports| lines.tokens(imports.clone()));
        self.budget.above.saturating_sub(imports + self.scopes_budget())
    }

    fn scopes_budget(&self) -> usize {
        self.budget.above / 8
    }

    /// The imports, cut to a third of the budget.
    fn imports_within_budget(&self, document: &Document, lines: &Lines) -> Option<Range<usize>> {
        let imports = imports(document, lines)?;
        let end = lines.take_down(imports.start, self.budget.above / 3, |line| line < imports.end);
        (end > imports.start).then_some(imports.start..end)
    }

    fn choose_above(&self, previous: Option<&CachedWindow>, document: &Document, lines: &Lines) -> usize {
        let end = self.edit_region.start;
        let imports = self.imports_within_budget(document, lines);
        let budget = self.above_budget(imports.as_ref(), lines);
        if lines.fits(0..end, budget) {
            return 0;
        }
        // The previous start is kept while it fits, so that the prompt's prefix is unchanged.
        let previous = previous.map(|previous| (previous.above_start, &previous.text));
        if let Some((start, text)) = previous
            && start < end
            && same(text, 0..start, lines.text, 0..start)
            && lines.at_start(start)
            && lines.fits(start..end, budget)
            && !lines.fits(start..end, budget / 4)
        {
            return start;
        }
        // The rest of the budget is for the next functions, before the start has to move again.
        let start = lines.take_up(end, budget / 5 * 3, |_| true);
        let half = start + (end - start) / 2;
        let items = items_in(document, lines, start..end);
        let item = items.iter().map(|item| item.lines.start).find(|&item| item >= start && item <= half);
        item.map_or_else(|| lines.good_start(start..end), |item| self.with_comments(item, start, lines))
    }

    /// The first of the lines directly above an item with its indentation: comments, attributes, decorators.
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
        let start = self.edit_region.end;
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
        let around = items_in(document, lines, self.edit_region.start..self.edit_region.start + 1);
        let above = around.iter().filter(|item| item.lines.start < self.above_start);
        self.scopes = above
            .filter(|item| item.lines.end > self.edit_region.start)
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

/// Whether two ranges have the same text; `false` for ranges outside their text.
fn same(old: &Rope, old_range: Range<usize>, new: &Rope, new_range: Range<usize>) -> bool {
    match (old.get_byte_slice(old_range), new.get_byte_slice(new_range)) {
        (Some(old), Some(new)) => old == new,
        _ => false,
    }
}

/// An upper bound: a change adds at most one token per new byte, and may split the tokens at its edges.
fn most_tokens_added(old: &Rope, old_region: &Range<usize>, new: &Rope, new_region: &Range<usize>) -> usize {
    const BROKEN_AT_EDGES: usize = 8;
    let slices = (old.get_byte_slice(old_region.clone()), new.get_byte_slice(new_region.clone()));
    let (Some(old), Some(new)) = slices else { return new_region.len() };
    let equal = |a: ropey::iter::Bytes, b: ropey::iter::Bytes| a.zip(b).take_while(|(a, b)| a == b).count();
    let prefix = equal(old.bytes(), new.bytes());
    let backwards = (old.bytes_at(old.len_bytes()).reversed(), new.bytes_at(new.len_bytes()).reversed());
    let suffix = equal(backwards.0, backwards.1).min(old.len_bytes().min(new.len_bytes()) - prefix);
    new.len_bytes() - prefix - suffix + BROKEN_AT_EDGES
}
