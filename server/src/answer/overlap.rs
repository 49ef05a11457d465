//! The model says what follows the cursor already.

use super::brackets::first_unmatched;
use super::place::Place;
use super::repetition::near;

/// A shorter line below the cursor is no proof that the answer repeats it.
const TELLING: usize = 3;
/// So many lines are compared with those below.
const COMPARED: usize = 3;
/// How similar the answer and the lines below are, if the answer is not worth showing.
const SAME: f64 = 0.95;

/// The text up to where it runs into the lines below the cursor; `None` where it does from the start.
pub(super) fn drop_repeated_below<'t>(text: &'t str, place: &Place) -> Option<&'t str> {
    let Some(next) = place.line_below() else { return Some(text) };
    let next = next.trim();
    let left = place.left.trim();
    let telling = next.len() > TELLING && next.contains(char::is_alphanumeric);
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let line_start = at;
        at += line.len();
        let whole = if number == 0 { format!("{left}{}", line.trim_end()) } else { line.to_owned() };
        if telling && whole.trim() == next {
            let before = &text[..line_start];
            return (!before.trim().is_empty()).then_some(before);
        }
    }
    let solid = |line: &&str| !line.trim().is_empty();
    let said: Vec<&str> = text.lines().filter(solid).take(COMPARED).map(str::trim).collect();
    let below: Vec<&str> =
        place.below.iter().map(String::as_str).filter(solid).map(str::trim).take(said.len()).collect();
    let (said, below) = (said.join("\n"), below.join("\n"));
    let same = left.is_empty()
        && near(&said, &below)
        && said.len() > 2 * TELLING
        && strsim::normalized_levenshtein(&said, &below) >= SAME;
    (!same).then_some(text)
}

/// Settles the text with what stands behind the cursor on its line: the text without a tail that stands there
/// already, and how many bytes there the text replaces.
pub(super) fn settle_right<'t>(text: &'t str, place: &Place) -> (&'t str, usize) {
    let right = place.right.trim_end();
    if right.trim().is_empty() {
        // White space behind the cursor would end up behind the answer.
        return (text, 0);
    }
    let line_end = text.find('\n').unwrap_or(text.len());
    // What closes the bracket or the string that the cursor is in closes it here and there.
    if let Some(closing) = first_unmatched(text, place)
        && right.starts_with(&text[closing..closing + 1])
    {
        let tail = &text[closing..];
        // What the line opens behind the cursor, the lines below close.
        if right.starts_with(tail.trim_end()) || opens_more(right) {
            return (&text[..closing], 0);
        }
        let covered =
            if tail.starts_with(right) { right } else { closing_run(&right[..common(tail, right)]) };
        return (text, covered.len());
    }
    if text[..line_end].ends_with(right) && right.contains(char::is_alphanumeric) {
        return if line_end == text.len() {
            (&text[..line_end - right.len()], 0)
        } else {
            (text, right.len())
        };
    }
    // Text cannot stand between several lines and a word.
    let text = if right.contains(char::is_alphanumeric) { &text[..line_end] } else { text };
    let tail = text.trim_end();
    let overlap = (1..=right.len().min(tail.len()))
        .rev()
        .filter(|&length| right.is_char_boundary(length) && tail.is_char_boundary(tail.len() - length))
        .find(|&length| tail.ends_with(&right[..length]) && tells(&right[..length], length == right.len()));
    match overlap {
        Some(length) => (&text[..tail.len() - length], 0),
        None => (text, 0),
    }
}

/// Bytes that both begin with.
fn common(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum()
}

/// The closing brackets and quotes that a text begins with.
fn closing_run(text: &str) -> &str {
    &text[..text.len() - text.trim_start_matches([')', ']', '}', '"', '\'', '`']).len()]
}

/// Whether the last bracket of a line opens something.
fn opens_more(line: &str) -> bool {
    line.trim_end().ends_with(['(', '[', '{'])
}

/// Whether an overlap is no chance: a separator, all of the line's rest, or some letters.
fn tells(overlap: &str, whole: bool) -> bool {
    let closes = overlap.contains([')', ']', '}']);
    let separator = overlap.chars().all(|c| matches!(c, ';' | ',' | ' '));
    !closes
        && (separator && !overlap.trim().is_empty() || whole && overlap.len() > 1 || overlap.len() > TELLING)
}
