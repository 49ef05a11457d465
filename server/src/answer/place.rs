//! What stands around a cursor.

use super::strings::LongString;
use crate::documents::Document;
use crate::languages::Language;
use crate::syntax::ancestors;

/// Lines above and below the cursor's that the rules compare an answer with.
const LINES: usize = 24;
/// Bytes of one line that are looked at.
const LINE_BYTES: usize = 4096;

/// A cursor with the text around it.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub document: &'a Document,
    /// Byte offset.
    pub cursor: usize,
    /// The cursor's line up to the cursor.
    pub left: String,
    /// The cursor's line from the cursor on, without its line break.
    pub right: String,
    /// Lines above, the nearest last; without line breaks.
    pub above: Vec<String>,
    /// Lines below, the nearest first; without line breaks.
    pub below: Vec<String>,
    /// The cursor stands between `<` and `>` of a type.
    pub angles: bool,
    /// The cursor's line has opened a bracket before the cursor that it does not close there.
    pub has_open_bracket: bool,
    /// The string over several lines that the cursor is in.
    pub string: Option<LongString>,
    /// See [`Place::quote`].
    pub quote: Option<char>,
    in_words: bool,
    crlf: bool,
}

impl<'a> Place<'a> {
    /// `None` where `cursor` is not a place of the text.
    pub fn new(document: &'a Document, cursor: usize) -> Option<Place<'a>> {
        let text = &document.text;
        let char = text.try_byte_to_char(cursor).ok()?;
        if text.char_to_byte(char) != cursor {
            return None;
        }
        let number = text.byte_to_line(cursor);
        let line = |number: usize| {
            let start = text.line_to_byte(number);
            let end = text.line_to_byte(number + 1).min(start + LINE_BYTES);
            whole(document, start, end).trim_end_matches(['\n', '\r']).to_owned()
        };
        let start = text.line_to_byte(number).max(cursor.saturating_sub(LINE_BYTES));
        let end = text.line_to_byte(number + 1).min(cursor + LINE_BYTES);
        let right = whole(document, cursor, end);
        let first = text.line(if number > 0 { number - 1 } else { 0 });
        let crlf = first.len_chars() > 1 && first.slice(first.len_chars() - 2..) == "\r\n";
        Some(Place {
            document,
            cursor,
            left: whole(document, start, cursor),
            right: right.trim_end_matches(['\n', '\r']).to_owned(),
            above: (number.saturating_sub(LINES)..number).map(line).collect(),
            below: (number + 1..text.len_lines().min(number + 1 + LINES)).map(line).collect(),
            angles: false,
            has_open_bracket: false,
            string: LongString::at(document, cursor),
            quote: None,
            in_words: in_words(document, cursor),
            crlf,
        })
    }

    /// The quote that is open at the cursor, as far as its line shows; the first mark that closes a string over several
    /// lines.
    pub fn quote(&self) -> Option<char> {
        self.quote
    }

    /// Whether a text that takes the place of `covered` bytes ends in a string over several lines, with text or the closing
    /// mark behind it: its last line break is part of the string.
    pub fn ends_in_string(&self, covered: usize) -> bool {
        self.string.is_some() && covered == 0 && !self.right.trim().is_empty()
    }

    /// The document's language.
    pub fn language(&self) -> Option<&'static Language> {
        self.document.language
    }

    /// Whether prose is what the document is made of.
    pub fn is_prose(&self) -> bool {
        self.language().is_none_or(|language| language.text.is_prose)
    }

    /// Whether brackets and quotes come in pairs here.
    pub fn has_brackets(&self) -> bool {
        self.language().is_some_and(|language| language.text.has_brackets)
    }

    /// Whether the cursor stands in a comment or a string, where prose may follow.
    pub fn in_words(&self) -> bool {
        self.in_words
    }

    /// How lines end.
    pub fn line_break(&self) -> &'static str {
        if self.crlf { "\r\n" } else { "\n" }
    }

    /// The white space that the cursor's line starts with.
    pub fn indent(&self) -> &str {
        leading(&self.left)
    }

    /// The nearest line above that is not blank.
    pub fn line_above(&self) -> Option<&str> {
        self.above.iter().rev().map(String::as_str).find(|line| !line.trim().is_empty())
    }

    /// The nearest line below that is not blank.
    pub fn line_below(&self) -> Option<&str> {
        self.below.iter().map(String::as_str).find(|line| !line.trim().is_empty())
    }
}

/// Whether a place is in a comment or a string, where prose may follow.
pub(crate) fn in_words(document: &Document, cursor: usize) -> bool {
    let Some(tree) = document.tree() else { return false };
    ancestors(tree, cursor.saturating_sub(1)..cursor)
        .iter()
        .any(|node| ["comment", "string", "char_literal"].iter().any(|kind| node.kind().contains(kind)))
}

/// The text between two places, cut inwards to whole characters.
fn whole(document: &Document, start: usize, end: usize) -> String {
    let text = &document.text;
    let mut first = text.byte_to_char(start);
    if text.char_to_byte(first) < start {
        first += 1;
    }
    text.slice(first..text.byte_to_char(end).max(first)).to_string()
}

/// The white space that a line starts with.
pub(super) fn leading(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Whether a line ends in a backslash that stands alone: it takes the meaning of the line break behind it.
pub(crate) fn is_continued(line: &str) -> bool {
    let line = line.trim_end_matches(['\n', '\r']);
    line.strip_suffix('\\').is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
}

/// Whether a character may be part of a name.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
