//! Brackets: where an answer closes what it did not open, and what it leaves open.

use std::ops::Range;

use tree_sitter::{Node, TreeCursor};

use super::place::{Place, leading};

/// Bytes before and behind the cursor in which brackets are looked for.
const REACH: usize = 16 * 1024;
/// An answer that leaves more open than this has lost its way.
const MOST_CLOSED: usize = 6;

/// The text cut at a closing bracket without a partner in it or before it; what it leaves open is closed where
/// the document shows that it must be, and else cut back. `covered` bytes behind the cursor are replaced.
pub(super) fn balance(text: &str, place: &Place, covered: usize, finished: bool) -> String {
    if !place.has_brackets() {
        return text.to_owned();
    }
    let (mut needed, surplus) = around(place, covered);
    needed.reverse();
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut end = text.len();
    for (at, bracket) in brackets(text, place) {
        if let Some(closing) = closing_of(bracket) {
            open.push((at, closing));
        } else if open.last().is_some_and(|&(_, closing)| closing == bracket) {
            open.pop();
        } else if open.is_empty() && needed.last() == Some(&bracket) {
            needed.pop();
        } else {
            end = at;
            break;
        }
    }
    let text = &text[..end];
    open.retain(|&(at, _)| at < end);
    // Those that the document closes already.
    for closing in surplus {
        if open.last().is_some_and(|&(_, open)| open == closing) {
            open.pop();
        }
    }
    let Some(&(first, _)) = open.first() else { return text.to_owned() };
    let at_end = place.right[covered..].trim().is_empty();
    let deeper_below = place.line_below().is_some_and(|line| leading(line).len() > place.indent().len());
    let may_close = finished && at_end && !deeper_below && open.len() <= MOST_CLOSED;
    let innermost = open.last().map(|&(_, closing)| closing);
    if may_close && end == text.len() && may_stand_before(innermost, text, place) {
        return close(text.trim_end(), &open, place);
    }
    // Back to the last line at which nothing was open, or to the bracket.
    let line = text[..first].rfind('\n').unwrap_or(first);
    text[..line].trim_end().to_owned()
}

/// Whether this bracket may close behind the text: not within a string, and not where an operand is still to come.
fn may_stand_before(closing: Option<char>, text: &str, place: &Place) -> bool {
    let line = match text.rsplit_once('\n') {
        Some((_, last)) => last.to_owned(),
        None => place.left.clone() + text,
    };
    let ends = |c: char| {
        c.is_alphanumeric() || "_)]}\"'`;?!".contains(c) || matches!(c, ',' | '{') && closing == Some('}')
    };
    open_quote(&line, place).is_none() && text.trim_end().ends_with(ends)
}

/// Closes what is open: on the same line, or a block on a line of its own.
fn close(text: &str, open: &[(usize, char)], place: &Place) -> String {
    let mut text = text.to_owned();
    for &(at, closing) in open.iter().rev() {
        let line = text[..at].rfind('\n').map(|start| leading(&text[start + 1..]).to_owned());
        if closing == '}' || text[at..].contains('\n') {
            text.push('\n');
            text.push_str(line.as_deref().unwrap_or(place.indent()));
        }
        text.push(closing);
    }
    text
}

/// The first place in `text` that closes a bracket or a string which the cursor is in.
pub(super) fn first_unmatched(text: &str, place: &Place) -> Option<usize> {
    if let Some(quote) = open_quote(&place.left, place) {
        let mut escaped = false;
        return text.char_indices().find_map(|(at, c)| {
            let found = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            found.then_some(at)
        });
    }
    let mut open = Vec::new();
    brackets(text, place).into_iter().find_map(|(at, bracket)| match closing_of(bracket) {
        Some(closing) => {
            open.push(closing);
            None
        }
        None if open.last() == Some(&bracket) => {
            open.pop();
            None
        }
        None => Some(at),
    })
}

/// What the text around the cursor still needs: brackets that it opens and does not close, innermost first, and
/// those that it closes and does not open.
fn around(place: &Place, covered: usize) -> (Vec<char>, Vec<char>) {
    let length = place.document.text.len_bytes();
    let (start, end) = (place.cursor.saturating_sub(REACH), (place.cursor + covered + REACH).min(length));
    let mut open: Vec<char> = Vec::new();
    let mut needed = Vec::new();
    let mut surplus = Vec::new();
    let replaced = place.cursor..place.cursor + covered;
    for (at, bracket) in document_brackets(place, start..end, &replaced) {
        if replaced.contains(&at) {
            continue;
        }
        match (closing_of(bracket), at < place.cursor) {
            (Some(closing), _) => open.push(closing),
            // Behind the cursor a bracket that fits only one further out shows that inner ones are missing.
            (None, false) if open.contains(&bracket) => {
                while let Some(closing) = open.pop() {
                    if closing == bracket {
                        break;
                    }
                    needed.push(closing);
                }
            }
            (None, false) => surplus.push(bracket),
            (None, true) => {
                if open.last() == Some(&bracket) {
                    open.pop();
                }
            }
        }
    }
    // Where the text goes on, what is still open may be closed there.
    if end == length {
        needed.extend(open.into_iter().rev());
    }
    if start > 0 {
        surplus.clear();
    }
    (needed, surplus)
}

/// The brackets of the document in a range: of its tree where it has one, so that those in strings and comments do not
/// count, and without those of whole nodes in front of or behind `gap`, which come in pairs.
fn document_brackets(place: &Place, within: Range<usize>, gap: &Range<usize>) -> Vec<(usize, char)> {
    let mut found = Vec::new();
    match place.document.tree() {
        Some(tree) => leaves(&mut tree.walk(), &within, gap, &mut found),
        None => {
            let text = &place.document.text;
            let chars = text.byte_to_char(within.start)..text.byte_to_char(within.end);
            let from = text.char_to_byte(chars.start);
            let text = text.slice(chars).to_string();
            found = brackets(&text, place).into_iter().map(|(at, bracket)| (from + at, bracket)).collect();
        }
    }
    found
}

fn leaves(
    cursor: &mut TreeCursor,
    within: &Range<usize>,
    gap: &Range<usize>,
    found: &mut Vec<(usize, char)>,
) {
    let overlaps =
        |node: &Node, range: &Range<usize>| node.end_byte() > range.start && node.start_byte() < range.end;
    // A loop instead of recursion: deep trees are made on purpose.
    loop {
        let node: Node = cursor.node();
        let inside = overlaps(&node, within);
        if inside && node.child_count() == 0 && !node.is_missing() && !node.is_named() {
            let bracket = node.kind().chars().find(|&c| is_bracket(c));
            found.extend(bracket.map(|bracket| (node.start_byte(), bracket)));
        }
        let may_be_unpaired = node.has_error() || overlaps(&node, gap);
        if inside && may_be_unpaired && cursor.goto_first_child() {
            continue;
        }
        while node_is_past(cursor, within.end) || !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

fn node_is_past(cursor: &TreeCursor, end: usize) -> bool {
    cursor.node().start_byte() >= end
}

fn is_bracket(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | '{' | '}')
}

fn closing_of(bracket: char) -> Option<char> {
    match bracket {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        _ => None,
    }
}

/// The brackets of a text outside strings and comments, as well as one can tell without a parser.
fn brackets(text: &str, place: &Place) -> Vec<(usize, char)> {
    let mut found = Vec::new();
    scan(text, place, open_quote(&place.left, place), |at, c| found.push((at, c)));
    found
}

/// The quote that is open at the end of a line.
fn open_quote(line: &str, place: &Place) -> Option<char> {
    scan(line, place, None, |_, _| {})
}

/// Calls `bracket` for each bracket outside strings and comments; returns the quote that is still open at the end.
fn scan(
    text: &str,
    place: &Place,
    inside: Option<char>,
    mut bracket: impl FnMut(usize, char),
) -> Option<char> {
    if !place.has_brackets() {
        return None;
    }
    let comment = place.document.language.and_then(|language| language.line_comment);
    let mut quote = inside;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let mut length = c.len_utf8();
        match quote {
            Some(_) if c == '\\' => length += rest[1..].chars().next().map_or(0, char::len_utf8),
            // Only few strings go over a line's end; a quote that seems to is more often none.
            Some(open) if c == open || c == '\n' && open != '`' => quote = None,
            Some(_) => {}
            None if comment.is_some_and(|comment| rest.starts_with(comment)) => {
                length = rest.find('\n').unwrap_or(rest.len());
            }
            None if rest.starts_with("/*") => length = rest.find("*/").map_or(rest.len(), |end| end + 2),
            None if c == '\'' && has_char_literals(place.language()) => length = char_literal(rest),
            None if c == '"' || c == '\'' || c == '`' && has_template_strings(place.language()) => {
                quote = Some(c)
            }
            None if is_bracket(c) => bracket(at, c),
            None => {}
        }
        at += length;
    }
    quote
}

fn has_char_literals(language: &str) -> bool {
    matches!(language, "rust" | "c" | "cpp" | "csharp" | "java" | "go")
}

fn has_template_strings(language: &str) -> bool {
    matches!(language, "javascript" | "typescript" | "typescriptreact" | "go" | "shellscript")
}

/// The bytes of `'x'` or `'\n'`; one for the mark of a lifetime or a label.
fn char_literal(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_), Some((at, '\''))) => at + 1,
        (Some((_, c)), Some((at, '\'')), _) if c != '\\' => at + 1,
        _ => 1,
    }
}
