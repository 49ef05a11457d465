//! From the model's text to a draft that fits into the document. This never fails, whatever the text: text that makes
//! no sense gives no draft.
//!
//! [`item`] makes the draft of a whole item. [`completion`] defines the order of the rules; each rule has a file. The
//! first ones use text alone, the last one uses the parser.

mod brackets;
mod continued;
mod cursor_context;
mod echo;
mod fences;
mod indentation;
mod item;
mod joined;
mod overlap;
mod repetition;
mod strings;
mod syntax;
mod unit;

#[cfg(test)]
mod tests;

pub(crate) use cursor_context::{in_words, is_continued};
pub use item::{item, item_with_imports};
pub(crate) use strings::LongString;
pub(crate) use syntax::errors;

use crate::documents::Document;
use cursor_context::CursorContext;

/// Bytes of a model's text that are used: longer ghost text is of no use.
const MOST_BYTES: usize = 4 * 1024;

/// Text for a range of the document, not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Byte range of the document that the text replaces; of a completion within the cursor's line, starting at or
    /// before the cursor and ending at or after it.
    pub range: std::ops::Range<usize>,
    /// The new text of the range.
    pub text: String,
}

/// The draft of a completion at byte offset `cursor`: fences, chatter and text that is already there removed,
/// duplicated and repeated lines dropped, brackets balanced, cut at the end of the unit that it completes, indented
/// like its surroundings. `finished`: the model has ended its answer; otherwise the last line may be incomplete.
pub fn completion(document: &Document, cursor: usize, text: &str, finished: bool) -> Option<Draft> {
    let place = context_at(document, cursor)?;
    let (text, finished) = readable(text, finished, MOST_BYTES, "")?;
    let (text, finished) = fences::code(&text, &place, finished)?;
    let text = echo::strip(text, &place);
    let (text, finished) = repetition::cut(text, finished, &place);
    let whole = whole_lines(text, finished);
    let finished = finished || whole.len() < text.len();
    let text = continued::in_next_line(overlap::up_to_next(whole, &place), &place);
    let text = indentation::fit(&text, &place);
    let text = overlap::drop_repeated_below(&text, &place)?;
    let joined = syntax::choose(overlap::ways(text, &place), &place, finished)?;
    let covered = joined.covered;
    let text = tidy(&joined.text, &place, covered);
    let text = continued::without_open_end(&text, &place);
    let range = cursor..cursor + covered;
    let is_new = !text.trim().is_empty() && text != &place.right[..covered];
    is_new.then(|| Draft { range, text: text.to_owned() })
}

/// The cursor context; `None` if the cursor is not in the text.
fn context_at(document: &Document, cursor: usize) -> Option<CursorContext<'_>> {
    let mut place = CursorContext::new(document, cursor)?;
    brackets::complete(&mut place);
    Some(place)
}

/// Where in a completion's text you continue typing: on the empty line of a block, or before the closing bracket that
/// the text has moved to a line of its own. `None`: after the text.
pub fn cursor(text: &str) -> Option<usize> {
    let is_blank = |line: &str| line.trim().is_empty();
    let mut at = 0;
    let mut lines = text.split_inclusive('\n').peekable();
    let mut before = "";
    while let Some(line) = lines.next() {
        let content = line.trim_end_matches(['\n', '\r']);
        let closes = lines.peek().is_some_and(|next| next.trim_start().starts_with(['}', ')', ']']));
        if closes && !content.is_empty() && is_blank(content) && before.trim_end().ends_with(['{', '(', '['])
        {
            return Some(at + content.len());
        }
        if at > 0 && lines.peek().is_none() && is_blank(content) {
            return Some(text[..at].trim_end_matches(['\n', '\r']).len());
        }
        before = line;
        at += line.len();
    }
    text.ends_with('\n').then(|| text.trim_end_matches(['\n', '\r']).len())
}

/// The text with `\n` for every line break, or nothing if it is not text: control characters, broken UTF-8, and marks
/// that make a reader see another order than the compiler (CVE-2021-42574). Characters that the `known` text has are
/// allowed. A very long text is cut.
fn readable(text: &str, finished: bool, most_bytes: usize, known: &str) -> Option<(String, bool)> {
    let end = text.floor_char_boundary(most_bytes);
    let finished = finished && end == text.len();
    let text = text[..end].replace("\r\n", "\n").replace('\r', "\n");
    let unreadable = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{fffd}' | '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let is_new = |c: char| unreadable(c) && !known.contains(c);
    (!text.contains(is_new)).then_some((text, finished))
}

/// Without the incomplete line at the end of an unfinished text, if whole lines precede it.
fn whole_lines(text: &str, finished: bool) -> &str {
    match text.trim_end().rfind('\n') {
        Some(end) if !finished && !text.ends_with('\n') && !text[..end].trim().is_empty() => &text[..end],
        _ => text,
    }
}

/// Without trailing white space, with the document's line breaks. A block that was opened and closed on the cursor's
/// line is closed on a line of its own; an empty one gets a line to write in.
fn tidy(text: &str, place: &CursorContext, covered: usize) -> String {
    let rest = place.right[covered..].trim_start();
    let text = if place.ends_in_string(covered) { text } else { text.trim_end_matches('\n') };
    let lines: Vec<&str> = text.split('\n').collect();
    let opens = |line: &str| line.trim_end().ends_with(['{', '(', '[']);
    let closes = |line: &str| line.trim_start().starts_with(['}', ')', ']']);
    let mut tidied: Vec<String> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let follows_opening = at > 0 && opens(lines[at - 1]);
        if follows_opening && closes(line) {
            tidied.push(indentation::deeper(cursor_context::leading(line), place));
        }
        // A space before the rest of the line is intended.
        let meant = at + 1 == lines.len() && !rest.is_empty();
        let for_cursor = follows_opening && line.trim().is_empty();
        tidied.push(match lines.get(at + 1).filter(|next| for_cursor && closes(next)) {
            Some(next) => indentation::deeper(cursor_context::leading(next), place),
            None => if meant { line } else { line.trim_end() }.to_owned(),
        });
    }
    let mut tidied = tidied.join(place.line_break());
    if text.starts_with('\n') && closes(rest) {
        tidied.truncate(tidied.trim_end().len());
        tidied += place.line_break();
        tidied += place.indent();
    }
    tidied
}
