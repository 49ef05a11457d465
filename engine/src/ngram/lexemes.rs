//! Lexes text for the n-gram model: words, numbers, single punctuation marks and line breaks. Spaces within a line
//! separate lexemes and are not lexemes, so `a+b` and `a + b` are the same context.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// A lexeme, or the white space before one, is split after this many bytes, so that each step is bounded.
const MAX_BYTES: usize = 128;

/// The kind of a lexeme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits and `_` in a row.
    Word,
    /// Any other character that is not white space.
    Mark,
    /// A line break with the blank lines and the indentation after it.
    Newline,
}

/// One lexeme of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lexeme {
    pub kind: Kind,
    /// Byte offset of its first byte in the text that was lexed.
    pub start: usize,
    /// Byte offset after its last byte.
    pub end: usize,
}

/// The lexemes of `text` from byte `at` on; `at` is a lexeme's start.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    pub text: &'a str,
    pub at: usize,
}

/// The hash of a lexeme: its first byte and 24 hash bits. The key of a line break depends only on how the indentation
/// changes and whether lines are blank, so that a context matches at any depth. A hash collision is a false match,
/// which costs one vote: continuations are copied from the text, not from keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u32);

/// How a text indents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Tabs,
    Spaces(u8),
}

/// An indentation: whole steps of a [`Style`] and the spaces beyond them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Indent {
    pub steps: i32,
    pub spaces: i32,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Lexer { text, at: 0 }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Lexeme;

    fn next(&mut self) -> Option<Lexeme> {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        while at < bytes.len() && is_space(bytes[at]) && at - self.at < MAX_BYTES {
            at += 1;
        }
        let start = at;
        let first = *bytes.get(at)?;
        let kind = if first == b'\n' {
            // Up to the first character that is not white space, on whichever line.
            while at < bytes.len() && (is_space(bytes[at]) || bytes[at] == b'\n') && at - start < MAX_BYTES {
                at += 1;
            }
            Kind::Newline
        } else if is_word(bytes, at).is_some() {
            while at - start < MAX_BYTES
                && let Some(length) = is_word(bytes, at)
            {
                at += length;
            }
            Kind::Word
        } else {
            at += width(first);
            Kind::Mark
        };
        self.at = at;
        Some(Lexeme { kind, start, end: at })
    }
}

/// White space inside a line. A carriage return counts as such: before a line feed it belongs to the break.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

/// The bytes of the word character at `at`, if there is one. Every character beyond ASCII counts as a letter:
/// distinguishing CJK punctuation from ideographs makes no difference in code.
fn is_word(bytes: &[u8], at: usize) -> Option<usize> {
    let byte = *bytes.get(at)?;
    (byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80).then(|| width(byte))
}

/// Bytes of the character that starts with this byte.
fn width(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

impl Lexeme {
    pub fn text<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.end]
    }

    /// Whether a line break has blank lines in it.
    pub fn blank(&self, text: &str) -> bool {
        self.text(text).bytes().filter(|&byte| byte == b'\n').count() > 1
    }

    /// The indentation of the line after a line break.
    pub fn indentation<'a>(&self, text: &'a str) -> &'a str {
        let text = self.text(text);
        &text[text.rfind('\n').map_or(0, |at| at + 1)..]
    }
}

/// The keys of all lexemes of `text`, with `mark` called for each lexeme's number and start.
pub(super) fn keys(text: &str, mut mark: impl FnMut(usize, &Lexeme)) -> Vec<Key> {
    let mut keys = Vec::with_capacity(text.len() / 5);
    let mut width = leading(text).len();
    for lexeme in Lexer::new(text) {
        mark(keys.len(), &lexeme);
        keys.push(match lexeme.kind {
            Kind::Newline => {
                let before = std::mem::replace(&mut width, lexeme.indentation(text).len());
                Key::newline(lexeme.blank(text), width.cmp(&before))
            }
            Kind::Word | Kind::Mark => Key::of(lexeme.text(text)),
        });
    }
    keys
}

impl Key {
    fn of(text: &str) -> Key {
        let mut hasher = FxHasher::default();
        hasher.write(text.as_bytes());
        let hash = hasher.finish();
        Key(((hash ^ (hash >> 32)) as u32) << 8 | u32::from(text.as_bytes()[0]))
    }

    fn newline(blank: bool, change: std::cmp::Ordering) -> Key {
        let class = (2 + change as i32 + if blank { 4 } else { 0 }) as u32;
        Key((0x9e37_79b9_u32.wrapping_mul(class)) << 8 | u32::from(b'\n'))
    }

    /// The first byte of the lexeme.
    pub fn first(self) -> u8 {
        self.0 as u8
    }

    /// 16 bits of the hash.
    pub fn short(self) -> u16 {
        (self.0 >> 16) as u16
    }
}

/// The line that contains the byte before `end`, up to `end`.
pub(super) fn line_of(text: &str, end: usize) -> &str {
    &text[text[..end].rfind('\n').map_or(0, |at| at + 1)..end]
}

/// The white space at the start of `line`.
pub(super) fn leading(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

impl Style {
    /// The style of most lines that are indented deeper than the one before; `None` without such lines.
    pub fn of(text: &str) -> Option<Style> {
        let mut deeper = [0usize; 9];
        let mut before = "";
        // The first thousand lines are enough.
        for line in text.lines().filter(|line| !line.trim().is_empty()).take(1000) {
            let indent = leading(line);
            if indent.starts_with('\t') {
                deeper[0] += 1;
            } else if let Some(step @ 2..=8) = indent.len().checked_sub(before.len()) {
                deeper[step] += 1;
            }
            before = indent;
        }
        let (step, &count) = deeper.iter().enumerate().max_by_key(|&(_, &count)| count)?;
        match (step, count) {
            (_, 0) => None,
            (0, _) => Some(Style::Tabs),
            (step, _) => Some(Style::Spaces(step as u8)),
        }
    }

    /// Measures `white_space` at the start of a line in this style.
    pub fn measure(self, white_space: &str) -> Indent {
        let tabs = white_space.bytes().filter(|&byte| byte == b'\t').count() as i32;
        let spaces = white_space.bytes().filter(|&byte| byte == b' ').count() as i32;
        match self {
            Style::Tabs => Indent { steps: tabs, spaces },
            Style::Spaces(step) => {
                Indent { steps: tabs + spaces / i32::from(step), spaces: spaces % i32::from(step) }
            }
        }
    }

    /// Characters of an indentation; negative if the indentation is.
    pub fn width(self, indent: Indent) -> i32 {
        match self {
            Style::Tabs => indent.steps + indent.spaces,
            Style::Spaces(step) => indent.steps * i32::from(step) + indent.spaces,
        }
    }

    /// The white space of an indentation.
    pub fn write(self, indent: Indent, out: &mut String) {
        let tabs = if self == Style::Tabs { indent.steps.max(0) } else { 0 };
        out.extend(std::iter::repeat_n('\t', tabs as usize));
        out.extend(std::iter::repeat_n(' ', (self.width(indent) - tabs).max(0) as usize));
    }
}

impl std::ops::Add for Indent {
    type Output = Indent;
    fn add(self, other: Indent) -> Indent {
        Indent { steps: self.steps + other.steps, spaces: self.spaces + other.spaces }
    }
}

impl std::ops::Sub for Indent {
    type Output = Indent;
    fn sub(self, other: Indent) -> Indent {
        Indent { steps: self.steps - other.steps, spaces: self.spaces - other.spaces }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexemes(text: &str) -> Vec<&str> {
        Lexer::new(text).map(|lexeme| lexeme.text(text)).collect()
    }

    #[test]
    fn words_marks_and_breaks() {
        assert_eq!(
            lexemes("let x1 = a.é_b;\r\n\n  foo()"),
            ["let", "x1", "=", "a", ".", "é_b", ";", "\n\n  ", "foo", "(", ")"]
        );
        assert_eq!(lexemes("  \t "), [""; 0]);
        assert_eq!(lexemes(""), [""; 0]);
    }

    #[test]
    fn keys_ignore_depth_and_spacing() {
        let keys = |text| keys(text, |_, _| {});
        assert_eq!(keys("if x {\n    y();\n}"), keys("if x{\n  y ( );\n}"));
        assert_ne!(keys("a\n  b"), keys("a\nb"));
        assert_ne!(keys("a\nb"), keys("a\n\nb"));
    }

    #[test]
    fn styles() {
        assert_eq!(Style::of("a\n  b\n  c\nd\n  e"), Some(Style::Spaces(2)));
        assert_eq!(Style::of("a\n\tb\n\t\tc"), Some(Style::Tabs));
        assert_eq!(Style::of("a\nb"), None);
        let mut out = String::new();
        Style::Tabs.write(Style::Spaces(4).measure("          "), &mut out);
        assert_eq!(out, "\t\t  ");
        out.clear();
        // Negative spaces are subtracted from the steps.
        Style::Spaces(4).write(Indent { steps: 2, spaces: -2 }, &mut out);
        assert_eq!(out, "      ");
    }
}
