//! A small model that has nothing more to write repeats itself.

use super::cursor_context::CursorContext;

/// The number of near-equal lines in a row that counts as repetition.
const EQUAL_LINES: usize = 5;
/// The least similarity of near-equal lines: 1 minus the edit distance's share of the longer line.
const NEAR: f64 = 0.9;
/// A tail of this many equal pieces is cut to one.
const EQUAL_PIECES: usize = 6;
/// The shortest piece.
const PIECE: usize = 3;
/// The longest piece that is searched for.
const LONGEST_PIECE: usize = 200;
/// Characters of each line that are compared.
const COMPARED: usize = 200;

/// The text up to where it starts to repeat itself, and whether it is complete up to there.
pub(super) fn cut<'t>(text: &'t str, finished: bool, place: &CursorContext) -> (&'t str, bool) {
    let (text, finished) = match repeated_lines(text) {
        Some(end) => (&text[..end], true),
        None => (text, finished),
    };
    match repeated_tail(text) {
        // Code that is only repetition makes no sense.
        Some(tail) if !place.is_prose() && text[..tail.start].trim().is_empty() => ("", finished),
        Some(tail) => (&text[..tail.end], finished),
        None => (text, finished),
    }
}

/// The end of the first of [`EQUAL_LINES`] near-equal lines.
fn repeated_lines(text: &str) -> Option<usize> {
    let mut run = 1;
    let mut first_end = 0;
    let mut before = "";
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if near(line, before) {
            run += 1;
        } else {
            run = 1;
            first_end = at;
        }
        if run == EQUAL_LINES {
            return Some(first_end);
        }
        before = line;
    }
    None
}

/// Whether two lines are nearly the same.
pub(super) fn near(a: &str, b: &str) -> bool {
    let short = |line: &str| line.chars().take(COMPARED).collect::<String>();
    // Brackets on lines of their own repeat in all code.
    a.contains(char::is_alphanumeric)
        && (a == b || strsim::normalized_levenshtein(&short(a), &short(b)) >= NEAR)
}

/// The first piece where the text ends with [`EQUAL_PIECES`] equal ones: `(.{3,}?)\1{5,}`.
fn repeated_tail(text: &str) -> Option<std::ops::Range<usize>> {
    let trimmed = text.trim_end();
    let bytes = trimmed.as_bytes();
    let piece = (PIECE..=LONGEST_PIECE.min(bytes.len() / EQUAL_PIECES)).find(|&piece| {
        let tail = &bytes[bytes.len() - piece * EQUAL_PIECES..];
        // A ruled line in a comment is one character repeated, and intended.
        let ruled = tail.iter().all(|&byte| byte == tail[0] && byte.is_ascii_punctuation());
        !ruled && tail[piece..] == tail[..tail.len() - piece]
    })?;
    let mut start = bytes.len() - piece;
    while start >= piece && bytes[start - piece..start] == bytes[start..start + piece] {
        start -= piece;
    }
    // Equal pieces of bytes may begin inside a character, but not all of them alike.
    Some(trimmed.floor_char_boundary(start)..trimmed.floor_char_boundary(start + piece))
}
