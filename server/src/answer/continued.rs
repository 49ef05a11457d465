//! Lines that a backslash at their end continues on the next line.

use std::borrow::Cow;

use super::cursor_context::{CursorContext, is_continued, leading};
use super::indentation::deeper;
use crate::languages::text::Backslash;

/// The text on the next line, where such a backslash is before the cursor.
pub(super) fn in_next_line<'t>(text: &'t str, place: &CursorContext) -> Cow<'t, str> {
    let start = text.trim_start();
    let space = &text[..text.len() - start.len()];
    let is_behind = is_continued(&place.left) && place.right.trim().is_empty() && !place.in_words();
    if !is_behind || start.is_empty() || space.contains('\n') {
        return Cow::Borrowed(text);
    }
    // Before another character a backslash escapes that character, as in `\;`. In an unknown language even a letter may
    // be escaped.
    let is_known = place.language().is_some_and(|language| language.text.backslash != Backslash::Nothing);
    let begins_word = start.starts_with(|c: char| c.is_alphanumeric() || "-_$\"'./".contains(c));
    let goes_on = begins_word || ["&&", "|"].iter().any(|operator| start.starts_with(operator));
    if !(is_known && goes_on || space.len() > 1) {
        return Cow::Borrowed(text);
    }
    if space.len() > 1 {
        return Cow::Owned(format!("\n{text}"));
    }
    let second = start.lines().nth(1).map(leading).filter(|_| start.lines().next().is_some_and(is_continued));
    let indent = match second {
        Some(second) => second.to_owned(),
        None if continues_above(place) => place.indent().to_owned(),
        None => deeper(place.indent(), place),
    };
    Cow::Owned(format!("\n{indent}{start}"))
}

/// The text without a trailing backslash that would continue it on an unrelated line, and without the operator before
/// that backslash.
pub(super) fn without_open_end<'t>(text: &'t str, place: &CursorContext) -> &'t str {
    let (above, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
    let has_commands =
        place.language().is_none_or(|language| language.text.backslash == Backslash::ContinuesCommands);
    if !has_commands || !is_continued(last) || !place.right.trim().is_empty() || place.in_words() {
        return text;
    }
    let (indent, is_continuing) = match text.trim_end().contains('\n') {
        true => (leading(last), above.lines().next_back().is_some_and(is_continued)),
        false => (place.indent(), continues_above(place)),
    };
    let least = indent.len() + usize::from(!is_continuing);
    let next = place.below.first().filter(|line| !line.trim().is_empty());
    if next.is_some_and(|next| leading(next).len() >= least) {
        return text;
    }
    let mut text = text.trim_end().trim_end_matches('\\').trim_end();
    for operator in ["&&", "||", "|"] {
        text = text.strip_suffix(operator).unwrap_or(text).trim_end();
    }
    text
}

/// Whether the cursor's line continues the one above.
fn continues_above(place: &CursorContext) -> bool {
    place.above.last().is_some_and(|line| is_continued(line))
}
