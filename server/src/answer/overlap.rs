//! The model repeats what already follows the cursor.

use std::ops::Range;

use super::brackets::unmatched;
use super::cursor_context::{CursorContext, is_word, leading};
use super::joined::Joined;
use super::repetition::near;

/// A shorter line below the cursor does not prove that the answer repeats it.
const TELLING: usize = 3;
/// The number of lines compared with those below.
const COMPARED: usize = 3;
/// Above this similarity to the lines below, the answer is not shown.
const SAME: f64 = 0.95;

/// The text up to where it repeats the lines below the cursor; `None` where it does from the start. A line with words
/// ends it, and so do lines up to its end. They must have the same depth as those below: the
/// lines that end a block may well follow it again.
pub(super) fn drop_repeated_below<'t>(text: &'t str, place: &CursorContext) -> Option<&'t str> {
    let left = place.left.trim();
    let solid = |line: &&str| !line.trim().is_empty();
    let below: Vec<&str> = place.below.iter().map(String::as_str).filter(solid).collect();
    let Some(next) = below.first() else { return Some(text) };
    let telling = next.trim().len() > TELLING && next.contains(char::is_alphanumeric);
    let mut lines = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        lines.push((at, line.trim_end()));
        at += line.len();
    }
    let first = format!("{}{}", place.left, lines.first().map_or("", |&(_, line)| line));
    let same = |number: usize, below: &str| match number {
        0 => first.trim() == below.trim(),
        _ => lines[number].1 == below.trim_end(),
    };
    for number in 0..lines.len() {
        let before = &text[..lines[number].0];
        if telling && same(number, next) {
            return (!before.trim().is_empty()).then_some(before);
        }
        // The end of the answer is the start of the text below.
        let rest: Vec<usize> =
            (number..lines.len()).filter(|&line| !lines[line].1.trim().is_empty()).collect();
        let repeats =
            rest.len() <= below.len() && rest.iter().zip(&below).all(|(&line, below)| same(line, below));
        // So is a line that leaves the block where the text below leaves it.
        let leaves = left.is_empty()
            && leading(lines[number].1).len() < place.left.len()
            && !lines[number].1.trim().is_empty()
            && same(number, next);
        let opens = lines[number].1.trim() == "{" && same(number, next);
        if number > 0 && (leaves || opens || !rest.is_empty() && rest[0] == number && repeats) {
            return (!before.trim().is_empty()).then_some(before);
        }
    }
    (!is_like_next(text, place)).then_some(text)
}

/// Whether the text is nearly equal to the lines below the cursor: then it more likely repeats them than adds
/// something. A text that ends its line as the cursor's line ends is that line.
pub(super) fn is_like_next(text: &str, place: &CursorContext) -> bool {
    let solid = |line: &&str| !line.trim().is_empty();
    let said: Vec<&str> = text.lines().filter(solid).take(COMPARED).map(str::trim).collect();
    let below = place.below.iter().map(String::as_str).filter(solid);
    let below: Vec<&str> = below.map(str::trim).take(said.len()).collect();
    let (said, below) = (said.join("\n"), below.join("\n"));
    let right = place.right.trim();
    let is_this_line =
        !right.is_empty() && text.lines().next().is_some_and(|line| line.trim().ends_with(right));
    place.left.trim().is_empty()
        && !is_this_line
        && said.len() > 2 * TELLING
        && near(&said, &below)
        && strsim::normalized_levenshtein(&said, &below) >= SAME
}

/// The text before the line below the cursor, if it contains that line in full, at the same depth. Called before the
/// text is reindented: text that counts from the document's margin does so throughout.
pub(super) fn up_to_next<'t>(text: &'t str, place: &CursorContext) -> &'t str {
    let Some(next) = place.line_below().map(str::trim_end) else { return text };
    if next.trim().len() <= TELLING || !next.contains(char::is_alphanumeric) {
        return text;
    }
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == next && !text[..at].trim().is_empty() {
            return &text[..at];
        }
        at += line.len();
    }
    text
}

/// The ways in which the text joins the rest of the cursor's line, the likeliest first: a tail that is already there is
/// omitted, or replaced where the text continues after it. None where the two do not join.
pub(super) fn ways(text: &str, place: &CursorContext) -> Vec<Joined> {
    let right = place.right.trim_end();
    let rest = right.trim_start();
    let space = right.len() - rest.len();
    let Some(first) = rest.chars().next() else {
        // The document closes the string on a line below, or the text does.
        let in_string =
            place.string.as_ref().and_then(|string| string.end(text)).map(|(end, _)| &text[..end]);
        return in_string.into_iter().chain([text]).map(Joined::plain).collect();
    };
    let line = &text[..text.find('\n').unwrap_or(text.len())];
    let has_words = rest.contains(char::is_alphanumeric);
    let mut ends = [line.trim_end(), text.trim_end()].into_iter().filter_map(|said| {
        let is_telling = rest.len() > 1 || ";,:={)]}>\"'`".contains(first);
        let before = said.strip_suffix(rest).filter(|_| has_words || is_telling)?;
        (!cuts_word(before, rest)).then(|| Joined::proven(before))
    });
    if matches!(first, ')' | ']' | '}') || place.angles && first == '>' || place.quote() == Some(first) {
        let closing = before_closing(text, rest, space, place);
        // Punctuation alone may close what the text has opened itself.
        let mut ways: Vec<_> = ends.next().into_iter().collect();
        let are_marks = rest.chars().all(|c| ")]}>;,:?'\"` ".contains(c));
        let closes_less = |end: &Joined| surplus(end, place) < surplus(&closing, place);
        let is_first = are_marks && !ways.first().is_some_and(closes_less);
        ways.insert(if is_first { 0 } else { ways.len() }, closing);
        ways.push(Joined::plain(if has_words { line } else { text }));
        return ways;
    }
    if let Some(end) = ends.next() {
        return vec![end];
    }
    let inside = line
        .match_indices(rest)
        .map(|(at, _)| at)
        .filter(|&at| !cuts_word(&line[..at], rest) && !cuts_word(rest, &line[at + rest.len()..]))
        // A single bracket is the one after the cursor only where it ends the line, unlike that of `${a}`.
        .find(|&at| has_words || !opens_more(rest) || line[at + rest.len()..].trim().is_empty());
    if let Some(at) = inside {
        if opens_more(rest) {
            return vec![Joined::plain(&text[..at])];
        }
        if has_words && rest.len() > 1 && !wants_operand(line) {
            return vec![Joined::over(line.trim_end(), right.len(), at..at + rest.len(), true)];
        }
    }
    // Text cannot be inserted between several lines and a word.
    let text = if has_words { line } else { text };
    let least = if place.in_words() { TELLING } else { 1 };
    if let Some(length) = overlap(text.trim_end(), rest, least) {
        let text = text.trim_end();
        return vec![Joined::plain(&text[..text.len() - length])];
    }
    // The rest of a name, and then the existing text in another form.
    let name = text.len() - text.trim_start_matches(is_word).len();
    let goes_on =
        name > 0 && matches!(first, '(' | '[' | '{' | '"' | '\'') && text[name..].starts_with(first);
    let whole = (place.in_words() || joins(text, rest, space > 0, place)).then_some(text);
    whole.into_iter().chain(goes_on.then(|| &text[..name])).map(Joined::plain).collect()
}

/// Brackets that the cursor's line closes and does not open, with the text in it.
fn surplus(joined: &Joined, place: &CursorContext) -> usize {
    let (mut open, mut surplus) = (0usize, 0);
    for text in [&place.left, joined.text.as_str(), &place.right[joined.covered..]] {
        for c in text.chars() {
            match c {
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' if open > 0 => open -= 1,
                ')' | ']' | '}' => surplus += 1,
                _ => {}
            }
        }
    }
    surplus
}

/// Before punctuation that closes what is open at the cursor: where the text closes it too, it meets that punctuation.
fn before_closing(text: &str, right: &str, space: usize, place: &CursorContext) -> Joined {
    let mut met: Option<Range<usize>> = None;
    let mut in_one = true;
    let mut limit = text.len();
    let mut said = 0;
    for (at, closing) in unmatched(text, place) {
        let mut rest = right[said..].trim_start();
        // What both have between two brackets, such as `?` in `)? }`.
        let between = met.as_ref().map_or("", |met| text[met.end..at].trim());
        let is_said_too = !between.is_empty()
            && rest.strip_prefix(between).is_some_and(|rest| rest.trim_start().starts_with(closing));
        if is_said_too {
            rest = rest[between.len()..].trim_start();
        }
        if rest.starts_with(closing) {
            let so_far = met.get_or_insert(at..at);
            in_one &= so_far.end == at || between.is_empty() || is_said_too;
            so_far.end = at + closing.len_utf8();
            said = right.len() - rest.len() + closing.len_utf8();
        } else if met.is_some() {
            if !rest.is_empty() {
                limit = at;
            }
            break;
        }
    }
    let text = &text[..limit];
    let Some(mut met) = met else {
        // Before a quote a comma is text.
        let ends_list = right.starts_with([')', ']', '}']);
        return Joined::plain(if ends_list { without_comma(text) } else { text });
    };
    let common = match common(&text[met.end..], &right[said..]) {
        length if met.end + length == text.trim_end().len() || said + length == right.len() => length,
        // Both continue differently, possibly after the same character.
        _ => usize::from(text[met.end..].starts_with(';') && right[said..].starts_with(';')),
    };
    met.end += common;
    said += common;
    let (goes_on, rest) = (&text[met.end..], right[said..].trim());
    let ends = goes_on.trim().is_empty();
    // Both contain what belongs to the bracket: `[a](b)` before `](c)`.
    let is_same = |c: char| matches!(c, '(' | '[' | '{') && rest.starts_with(c);
    // The lines below close what the line opens after the cursor.
    let stays = ends && in_one
        || opens_more(right)
        || goes_on.starts_with(is_same)
        || !ends
            && rest.contains(|c: char| c.is_alphanumeric() || "([{".contains(c))
            && goes_on.contains([';', '\n']);
    if stays {
        return Joined::plain(&text[..met.start]);
    }
    let text = match text.trim_end().strip_suffix(rest) {
        Some(before) if !rest.is_empty() && before.len() >= met.end => before,
        _ => text,
    };
    Joined::over(text, space + said, met, in_one)
}

/// An answer that was cut after a comma: before a closing bracket nothing follows.
fn without_comma(text: &str) -> &str {
    match text.trim_end().strip_suffix(',') {
        Some(before) if !text.contains('\n') => before,
        _ => text,
    }
}

/// The longest end of `text` that `right` begins with, of whole words: `least` letters or more, or a separator.
fn overlap(text: &str, right: &str, least: usize) -> Option<usize> {
    (1..=right.len().min(text.len()))
        .rev()
        .filter(|&length| right.is_char_boundary(length) && text.is_char_boundary(text.len() - length))
        .find(|&length| {
            let (before, said) = text.split_at(text.len() - length);
            let closes = said.contains([')', ']', '}', '>']);
            let separates = said.contains([',', ';']) && said.chars().all(|c| matches!(c, ',' | ';' | ' '));
            said == &right[..length]
                && !closes
                && (separates || said.chars().filter(|c| c.is_alphanumeric()).count() >= least)
                && !cuts_word(before, said)
                && !cuts_word(said, &right[length..])
        })
}

/// Whether one word spans the boundary between two texts.
fn cuts_word(before: &str, behind: &str) -> bool {
    before.ends_with(is_word) && behind.starts_with(is_word) && !ends_in_escape(before)
}

/// Whether a text ends with an escape in a string: `\n`, `\xef`, `\u00e9`, `\033`. Its letters are not a word.
fn ends_in_escape(text: &str) -> bool {
    let Some((before, escape)) = text.rsplit_once('\\') else { return false };
    let is_escaped = before.chars().rev().take_while(|&c| c == '\\').count() % 2 == 1;
    let (kind, digits) = escape.split_at(escape.chars().next().map_or(0, char::len_utf8));
    let are_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    !is_escaped
        && match kind {
            "x" => digits.len() == 2 && are_hexadecimal,
            "u" => digits.len() == 4 && are_hexadecimal,
            "U" => digits.len() == 8 && are_hexadecimal,
            _ if escape.bytes().all(|byte| matches!(byte, b'0'..=b'7')) => escape.len() <= 3,
            _ => digits.is_empty(),
        }
}

/// Whether a text may directly precede another that it does not know. The parser decides in the end.
fn joins(text: &str, right: &str, spaced: bool, place: &CursorContext) -> bool {
    let trimmed = text.trim_end();
    let spaced = spaced || trimmed.len() < text.len();
    let (Some(last), Some(first)) = (trimmed.chars().next_back(), right.chars().next()) else { return true };
    let begins = is_word(first) || "([{\"'`".contains(first);
    match last {
        _ if cuts_word(text, right) => place.left.ends_with(is_word) && text.chars().all(is_word),
        ';' | '{' | '}' => !right.contains(char::is_alphanumeric) || place.has_open_bracket,
        ')' | ']' | '"' | '\'' | '`' => spaced && is_word(first) || !begins,
        _ => true,
    }
}

/// Length of the common prefix in bytes.
fn common(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum()
}

/// Whether a line ends in an operator that an operand must follow.
fn wants_operand(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with(['=', '+', '-', '*', '/', '%', '&', '|', '^', '<', ',', '.'])
        || line.ends_with(" :")
        || line.ends_with(" ?")
}

/// Whether the last bracket of a line opens something.
fn opens_more(line: &str) -> bool {
    line.trim_end().ends_with(['(', '[', '{'])
}
