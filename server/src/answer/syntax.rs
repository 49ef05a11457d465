//! The parser decides last: an answer ends where the unit that it completes ends, and adds no syntax errors.

use tree_sitter::Tree;

use super::brackets;
use super::cursor_context::CursorContext;
use super::joined::Joined;
use super::unit;
use crate::documents::{Change, Document};
use crate::syntax::ancestors;

/// A text that adds more errors than this cannot be repaired by cutting its end.
const HOPELESS: usize = 8;

/// A text at the cursor, parsed.
struct Tried {
    joined: Joined,
    after: Document,
    errors: usize,
}

/// The first of the ways to join that makes sense, up to the end of the unit that it completes and without new syntax
/// errors. A text that leaves the document without errors is parsed once, and once more if it is cut; any other is cut
/// at brackets without a partner, and then by lines. Only an unfinished line is shortened by words: a whole one that
/// does not fit is of another language, or of none.
pub(super) fn choose(ways: Vec<Joined>, place: &CursorContext, finished: bool) -> Option<Joined> {
    let Some(tree) = place.document.tree() else {
        let mut joined = ways.into_iter().next()?;
        brackets::balance(&mut joined, place, finished);
        joined.trim_end(place);
        return joined.or_nothing();
    };
    let before = errors(tree);
    let (mut first, mut best): (Option<Joined>, Option<Tried>) = (None, None);
    for way in ways {
        let Some(tried) = Tried::of(way, place) else { continue };
        if tried.errors == 0 {
            match tried.unit(before, place) {
                Some(unit) if unit.errors == 0 => return Some(unit.joined),
                unit => first = first.or(unit.map(|unit| unit.joined)),
            }
        } else if best.as_ref().is_none_or(|best| tried.errors < best.errors) {
            best = Some(tried);
        }
    }
    if first.is_some() {
        return first;
    }
    let best = best?;
    if best.errors < before {
        return best.unit(before, place).map(|unit| unit.joined);
    }
    let mut joined = best.joined.clone();
    brackets::balance(&mut joined, place, finished);
    let tried = if joined.text == best.joined.text { best } else { Tried::of(joined, place)? };
    if tried.errors <= before {
        return tried.unit(before, place).map(|unit| unit.joined);
    }
    tried.shorter(before, place, finished)
}

impl Tried {
    /// `None` if there is no text.
    fn of(mut joined: Joined, place: &CursorContext) -> Option<Tried> {
        joined.drop_separator(place);
        joined.trim_end(place);
        let joined = joined.or_nothing()?;
        let range = place.cursor..place.cursor + joined.covered;
        let change = Change::Splice { range, text: joined.text.clone() };
        let after = place.document.apply(place.document.version, &[change]);
        let errors = after.tree().map_or(0, errors);
        Some(Tried { joined, after, errors })
    }

    /// The same up to an offset in its text, if that is shorter.
    fn up_to(&self, end: usize, place: &CursorContext) -> Option<Tried> {
        let mut shorter = self.joined.clone();
        shorter.cut(end);
        Tried::of(shorter, place).filter(|shorter| shorter.joined.text.len() < self.joined.text.len())
    }

    /// One unit of a text that fits.
    fn unit(self, before: usize, place: &CursorContext) -> Option<Tried> {
        let end = unit::end(&self.after, &self.joined.text, place);
        let chosen = if end < self.joined.text.len() { self.until(end, before, place)? } else { self };
        chosen.joins_what_follows(place).then_some(chosen)
    }

    /// The text up to the end of its unit. The closing of a block after it is kept if the document needs it, and
    /// omitted if the document has it.
    fn until(self, end: usize, before: usize, place: &CursorContext) -> Option<Tried> {
        let most = before.max(self.errors);
        let closing = end + closing_lines(&self.joined.text[end..]);
        let shorter = self.up_to(end, place);
        if closing > end && shorter.as_ref().is_none_or(|shorter| shorter.errors > self.errors) {
            let closed =
                if closing < self.joined.text.len() { self.up_to(closing, place) } else { Some(self) };
            if let Some(closed) = closed
                && closed.errors < shorter.as_ref().map_or(usize::MAX, |shorter| shorter.errors)
            {
                return Some(closed);
            }
        }
        let shorter = shorter?;
        if shorter.errors <= most {
            return Some(shorter);
        }
        let mut balanced = shorter.joined;
        brackets::balance(&mut balanced, place, true);
        Tried::of(balanced, place).filter(|balanced| balanced.errors <= most)
    }

    /// A beginning of a text that does not fit, if that fits.
    fn shorter(self, before: usize, place: &CursorContext, finished: bool) -> Option<Joined> {
        if self.errors > before + HOPELESS {
            return None;
        }
        let text = &self.joined.text;
        let wrong =
            self.after.tree().and_then(|tree| first_error(tree, place.cursor)).unwrap_or(place.cursor);
        let wrong = text.floor_char_boundary(wrong.saturating_sub(place.cursor).min(text.len()));
        let unit = unit::end(&self.after, text, place);
        let mut ends = Vec::new();
        if unit <= wrong {
            ends.push(unit);
        }
        ends.extend(text[..wrong].rfind('\n'));
        let start = text.len() - text.trim_start().len();
        match text[start..].find('\n') {
            Some(line) => ends.push(start + line),
            None if !finished => ends.extend(shorter_line(text)),
            None => {}
        }
        ends.dedup();
        ends.retain(|&end| end < text.len());
        let tried = ends.into_iter().take(2).filter_map(|end| self.up_to(end, place));
        tried
            .filter(|tried| tried.errors <= before)
            .find_map(|tried| tried.unit(before, place))
            .map(|unit| unit.joined)
    }

    /// Whether the rest of the cursor's line belongs to the same statement as before: two statements on one line did
    /// not join, unless the model has written them so.
    fn joins_what_follows(&self, place: &CursorContext) -> bool {
        let right = &place.right[self.joined.covered..];
        let space = right.len() - right.trim_start().len();
        let text = self.joined.text.trim_end();
        let may_end = text.ends_with(|c: char| c.is_alphanumeric() || "_;)]}\"'`".contains(c));
        let is_proven = self.joined.is_proven;
        if is_proven || !right.contains(char::is_alphanumeric) || text.contains('\n') || !may_end {
            return true;
        }
        let begins = |document: &Document, at: usize| {
            let (Some(tree), Some(language)) = (document.tree(), document.language) else { return false };
            let path = ancestors(tree, at..at + 1);
            (1..path.len()).any(|depth| {
                path[depth].start_byte() == at
                    && path[depth].is_named()
                    && language.holds_statements(path[depth - 1], path[0])
            })
        };
        let before = place.cursor + self.joined.covered + space;
        let now = place.cursor + self.joined.text.len() + space;
        !begins(&self.after, now) || begins(place.document, before)
    }
}

/// The number of error nodes in a tree: text that fits nowhere, or a missing token.
pub(crate) fn errors(tree: &Tree) -> usize {
    let mut count = 0;
    each_error(tree, |_, _| {
        count += 1;
        true
    });
    count
}

/// Where the first error begins that ends after an offset.
fn first_error(tree: &Tree, from: usize) -> Option<usize> {
    let mut first = None;
    each_error(tree, |start, end| {
        if end >= from && start >= from {
            first = Some(start);
        }
        first.is_none()
    });
    first
}

/// Calls `visit` with start and end of each error in order, until it returns false.
fn each_error(tree: &Tree, mut visit: impl FnMut(usize, usize) -> bool) {
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if (node.is_error() || node.is_missing()) && !visit(node.start_byte(), node.end_byte()) {
            return;
        }
        if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// The length of the first lines that only close blocks. The text may begin at the end of a line.
fn closing_lines(text: &str) -> usize {
    let closes = |word: &str| matches!(word, "end" | "fi" | "done" | "esac") || word.starts_with("</");
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        let only_closes =
            line.split_whitespace().all(|word| closes(word) || word.chars().all(|c| ")]};,".contains(c)));
        if !only_closes {
            break;
        }
        length += line.len();
    }
    if text[..length].trim().is_empty() { 0 } else { length }
}

/// The beginning of a single line without the last word or the last punctuation.
fn shorter_line(text: &str) -> Option<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let text = text.trim_end();
    let end = match text.ends_with(is_word) {
        true => text.trim_end_matches(is_word).len(),
        false => text.trim_end_matches(|c| !is_word(c)).len(),
    };
    (end > 0).then_some(end)
}
