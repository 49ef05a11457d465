//! Multi-line strings: docstrings, template literals, raw strings, here-documents.

use tree_sitter::Node;

use crate::documents::Document;
use crate::languages::text::RawStrings;
use crate::syntax::ancestors;

/// Substrings of the node kinds of delimited strings.
const STRINGS: [&str; 4] = ["string", "template_literal", "heredoc", "nowdoc"];
/// Bytes of a string that are searched for its opening mark.
const OPENING: usize = 64;

/// A multi-line string that is open at a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LongString {
    /// The mark that ends it: `"""`, a backquote, `"#`. Empty where only the lines show it.
    pub closing: String,
    /// A backslash escapes the character after it.
    pub has_escapes: bool,
}

impl LongString {
    /// The string at byte offset `cursor` that may continue on the next lines: its opening mark shows this, or it began
    /// on a line above. None in code that a string contains.
    pub(crate) fn at(document: &Document, cursor: usize) -> Option<LongString> {
        if document.language.is_none_or(|language| !language.text.has_long_strings) {
            return None;
        }
        let tree = document.tree()?;
        let path = ancestors(tree, cursor.saturating_sub(1)..cursor);
        let mut string = None;
        for &node in path.iter().rev() {
            let kind = node.kind();
            if string.is_none() && ["interpolation", "substitution"].iter().any(|code| kind.contains(code)) {
                return None;
            }
            if is_string(node) {
                string = Some(node);
            } else if string.is_some() || node.is_error() {
                break;
            }
        }
        let found = string.and_then(|string| LongString::of(document, string, cursor));
        found.or_else(|| {
            tree.root_node().has_error().then(|| LongString::never_closed(document, cursor)).flatten()
        })
    }

    /// Where the string with this closing mark ends in `text`, and where the mark ends.
    pub(crate) fn end(&self, text: &str) -> Option<(usize, usize)> {
        if self.closing.is_empty() {
            return None;
        }
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            if rest.starts_with(&self.closing) {
                return Some((at, at + self.closing.len()));
            }
            at += c.len_utf8();
            if c == '\\' && self.has_escapes {
                at += text[at..].chars().next().map_or(0, char::len_utf8);
            } else if self.closing == "`" && rest.starts_with("${") {
                at += code_in(&rest[1..]);
            }
        }
        None
    }

    fn of(document: &Document, string: Node, cursor: usize) -> Option<LongString> {
        let range = string.byte_range();
        let text = document.text.byte_slice(range.clone());
        let head: String = text.chars().take(OPENING).collect();
        let marks = head.trim_start_matches(|c: char| c.is_ascii_alphabetic() || matches!(c, '$' | '@'));
        let prefix = &head[..head.len() - marks.len()];
        let raw = document.language.map_or(RawStrings::None, |language| language.text.raw_strings);
        let closing = closing(raw, prefix, marks);
        let has_escapes = raw == RawStrings::None || closing.is_none();
        let is_closed = range.end <= cursor
            && closing.as_ref().is_some_and(|(opening, closing)| {
                range.len() >= prefix.len() + opening + closing.len() && text.to_string().ends_with(closing)
            });
        let begins_above = document.text.byte_to_line(range.start) < document.text.byte_to_line(cursor);
        match closing {
            Some((opening, closing)) if !is_closed && cursor >= range.start + prefix.len() + opening => {
                Some(LongString { closing, has_escapes })
            }
            None if begins_above && range.end > cursor => {
                let has_quotes = !string.kind().contains("heredoc");
                let quote = marks.chars().next().filter(|c| has_quotes && matches!(c, '"' | '\''));
                Some(LongString { closing: quote.map_or(String::new(), String::from), has_escapes })
            }
            _ => None,
        }
    }

    /// A triple-quoted string that the document does not close: its tree has no node for it.
    fn never_closed(document: &Document, cursor: usize) -> Option<LongString> {
        let language = document.language?;
        if language.text.triple_quotes.is_empty() {
            return None;
        }
        let text = document.text.byte_slice(..cursor).to_string();
        let mut open: Option<&str> = None;
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            let quotes = language.text.triple_quotes.iter().find(|quotes| rest.starts_with(**quotes));
            let length = match (open, quotes) {
                (Some(_), _) if c == '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                (Some(closing), Some(quotes)) if closing == *quotes => {
                    open = None;
                    quotes.len()
                }
                (Some(closing), _) if closing.len() == 1 && (c == '\n' || rest.starts_with(closing)) => {
                    open = None;
                    1
                }
                (Some(_), _) => c.len_utf8(),
                (None, Some(quotes)) => {
                    open = Some(quotes);
                    quotes.len()
                }
                (None, _) if language.line_comment.is_some_and(|mark| rest.starts_with(mark)) => {
                    rest.find('\n').unwrap_or(rest.len())
                }
                (None, _) => {
                    open = match c {
                        '"' => Some("\""),
                        '\'' => Some("'"),
                        _ => None,
                    };
                    c.len_utf8()
                }
            };
            rest = &rest[length.min(rest.len())..];
        }
        let closing = open.filter(|closing| closing.len() == 3)?;
        Some(LongString { closing: closing.to_owned(), has_escapes: true })
    }
}

/// Whether a node is a string or a piece of one.
fn is_string(node: Node) -> bool {
    let kind = node.kind();
    STRINGS.iter().any(|string| kind.contains(string)) && !kind.contains("concatenated")
}

/// The length of the mark that opens a string over several lines, and the mark that closes it.
fn closing(raw: RawStrings, prefix: &str, marks: &str) -> Option<(usize, String)> {
    for quotes in ["\"\"\"", "'''", "`"] {
        if marks.starts_with(quotes) {
            return Some((quotes.len(), quotes.to_owned()));
        }
    }
    let count = |text: &str, mark: char| text.chars().take_while(|&c| c == mark).count();
    if raw == RawStrings::Hashes && prefix.ends_with('r') {
        let hashes = count(marks, '#');
        return marks[hashes..].starts_with('"').then(|| (hashes + 1, format!("\"{}", "#".repeat(hashes))));
    }
    if raw == RawStrings::LongBrackets
        && let Some(marks) = marks.strip_prefix('[')
    {
        let equal = count(marks, '=');
        return marks[equal..].starts_with('[').then(|| (equal + 2, format!("]{}]", "=".repeat(equal))));
    }
    None
}

/// The bytes of `{…}` at the start of a text.
fn code_in(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}
