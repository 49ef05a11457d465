//! The cursor context.

use super::strings::LongString;
use crate::documents::Document;
use crate::languages::Language;
use crate::syntax::ancestors;

/// Lines above and below the cursor's line that the rules compare an answer with.
const LINES: usize = 24;
/// Bytes of one line that are used.
const LINE_BYTES: usize = 4096;

/// A cursor and the text around it.
#[derive(Debug)]
pub(super) struct CursorContext<'a> {
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
    /// The cursor is between `<` and `>` of a type.
    pub angles: bool,
    /// The cursor's line has opened a bracket before the cursor that it does not close there.
    pub has_open_bracket: bool,
    /// The multi-line string that the cursor is in.
    pub string: Option<LongString>,
    /// See [`CursorContext::quote`].
    pub quote: Option<char>,
    in_words: bool,
    crlf: bool,
}

impl<'a> CursorContext<'a> {
    /// `None` if `cursor` is not in the text, or inside a character.
    pub fn new(document: &'a Document, cursor: usize) -> Option<CursorContext<'a>> {
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
        Some(CursorContext {
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

    /// The quote that is open at the cursor, as far as its line shows; the first character that closes a multi-line
    /// string.
    pub fn quote(&self) -> Option<char> {
        self.quote
    }

    /// Whether a text that replaces `covered` bytes ends in a multi-line string, with text or the closing mark after
    /// it: its last line break is part of the string.
    pub fn ends_in_string(&self, covered: usize) -> bool {
        self.string.is_some() && covered == 0 && !self.right.trim().is_empty()
    }

    /// The document's language.
    pub fn language(&self) -> Option<&'static Language> {
        self.document.language
    }

    /// Whether the document is prose.
    pub fn is_prose(&self) -> bool {
        self.language().is_none_or(|language| language.text.is_prose)
    }

    /// Whether brackets and quotes come in pairs here.
    pub fn has_brackets(&self) -> bool {
        self.language().is_some_and(|language| language.text.has_brackets)
    }

    /// Whether the cursor is in a comment or a string, where prose may follow.
    pub fn in_words(&self) -> bool {
        self.in_words
    }

    /// The document's line break.
    pub fn line_break(&self) -> &'static str {
        if self.crlf { "\r\n" } else { "\n" }
    }

    /// The white space at the start of the cursor's line.
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

/// Whether a position is in a comment or a string, where prose may follow.
pub(crate) fn in_words(document: &Document, cursor: usize) -> bool {
    let Some(tree) = document.tree() else { return false };
    ancestors(tree, cursor.saturating_sub(1)..cursor)
        .iter()
        .any(|node| ["comment", "string", "char_literal"].iter().any(|kind| node.kind().contains(kind)))
}

/// The text of a range, cut inwards to whole characters.
fn whole(document: &Document, start: usize, end: usize) -> String {
    let text = &document.text;
    let mut first = text.byte_to_char(start);
    if text.char_to_byte(first) < start {
        first += 1;
    }
    text.slice(first..text.byte_to_char(end).max(first)).to_string()
}

/// The white space at the start of a line.
pub(super) fn leading(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Whether a line ends in a single backslash: it escapes the line break after it.
pub(crate) fn is_continued(line: &str) -> bool {
    let line = line.trim_end_matches(['\n', '\r']);
    line.strip_suffix('\\').is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
}

/// Whether a character may be part of a name.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
