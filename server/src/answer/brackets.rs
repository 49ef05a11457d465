//! Brackets: where an answer closes what it did not open, and what it leaves open.

use std::ops::Range;

use tree_sitter::{Node, TreeCursor};

use super::cursor_context::{CursorContext, is_word, leading};
use super::joined::Joined;

/// Bytes before and after the cursor in which brackets are searched for where there is no tree.
const REACH: usize = 16 * 1024;
/// Nodes of a tree that are visited. A tree with more errors than that gives no evidence.
const MOST_NODES: usize = 50_000;
/// An answer that leaves more brackets open than this has derailed.
const MOST_CLOSED: usize = 6;

/// Records the brackets and quotes that are open at the cursor.
pub(super) fn complete(place: &mut CursorContext) {
    place.angles = place.right.trim_start().starts_with('>') && in_angles(place);
    place.has_open_bracket = leaves_open(&place.left, place);
    place.quote = match &place.string {
        Some(string) => string.closing.chars().next(),
        None => open_quote(&place.left, place),
    };
}

/// Cuts the text at a closing bracket without a partner in it or before it. A bracket that it leaves open is closed
/// where the document shows that it must be; otherwise the text is cut before it.
pub(super) fn balance(joined: &mut Joined, place: &CursorContext, finished: bool) {
    if !place.has_brackets() {
        return;
    }
    let covered = joined.covered;
    let mut around = None;
    let mut around = || around.get_or_insert_with(|| Around::of(place, covered)).clone();
    let mut needed = None;
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut end = joined.text.len();
    for (at, bracket) in brackets(&joined.text, place) {
        if let Some(closing) = closing_of(bracket) {
            open.push((at, closing));
        } else if open.last().is_some_and(|&(_, closing)| closing == bracket) {
            open.pop();
        } else {
            let needed = needed.get_or_insert_with(|| around().needed);
            let is_needed = open.is_empty() && needed.first() == Some(&bracket);
            if is_needed {
                needed.remove(0);
            } else if !joined.meets(at) {
                end = at;
                break;
            }
        }
    }
    if end < joined.text.len() {
        joined.cut(end);
    }
    open.retain(|&(at, _)| at < joined.text.len());
    if open.is_empty() {
        return;
    }
    // Brackets that the document already closes.
    for closing in around().surplus {
        if open.last().is_some_and(|&(_, open)| open == closing) {
            open.pop();
        }
    }
    let Some(&(first, _)) = open.first() else { return };
    let text = &joined.text;
    let at_end = place.right[joined.covered..].trim().is_empty();
    let deeper_below = place.line_below().is_some_and(|line| leading(line).len() > place.indent().len());
    let may_close = finished && at_end && !deeper_below && open.len() <= MOST_CLOSED;
    let innermost = open.last().map(|&(_, closing)| closing);
    if may_close && end == text.len() && may_stand_before(innermost, text, place) {
        joined.text = close(text.trim_end(), &open, place);
        return;
    }
    // Back to the last line at which nothing was open, or to the bracket.
    let line = text[..first].rfind('\n').unwrap_or(first);
    let line = text[..line].trim_end().len();
    joined.cut(line);
}

/// Whether this bracket may close after the text: not inside a string, and not where an operand is still expected.
fn may_stand_before(closing: Option<char>, text: &str, place: &CursorContext) -> bool {
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
fn close(text: &str, open: &[(usize, char)], place: &CursorContext) -> String {
    let mut text = text.to_owned();
    for &(at, closing) in open.iter().rev() {
        let line = text[..at].rfind('\n').map(|start| leading(&text[start + 1..]).to_owned());
        if closing == '}' || text[at..].contains('\n') {
            if at + 1 == text.len() {
                // The cursor's line; [`super::tidy`] indents it.
                text.push('\n');
            }
            text.push('\n');
            text.push_str(line.as_deref().unwrap_or(place.indent()));
        }
        text.push(closing);
    }
    text
}

/// What `text` closes and does not open, in order: brackets, and first the string that the cursor is in.
pub(super) fn unmatched(text: &str, place: &CursorContext) -> Vec<(usize, char)> {
    let mut found = Vec::new();
    let mut from = 0;
    if let Some(string) = &place.string {
        let Some((start, end)) = string.end(text) else { return found };
        found.extend(text[start..end].char_indices().map(|(at, mark)| (start + at, mark)));
        from = end;
    } else if let Some(quote) = place.quote() {
        if place.right.trim_start().starts_with('}') {
            // Code inside the string, as in `"a {b} c"`.
            let mut depth = 0;
            let end = text.char_indices().find(|&(_, c)| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                depth < 0
            });
            if let Some((at, _)) = end {
                found.push((at, '}'));
                from = at + 1;
            }
        }
        let mut escaped = false;
        let closing = text[from..].char_indices().find(|&(_, c)| {
            let closes = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        let Some((at, _)) = closing else { return found };
        found.push((from + at, quote));
        from += at + quote.len_utf8();
    }
    let mut open = Vec::new();
    let mut visit = |at: usize, bracket: char| match closing_of(bracket) {
        Some(closing) => open.push(closing),
        None if open.last() == Some(&bracket) => {
            open.pop();
        }
        None => found.push((from + at, bracket)),
    };
    if place.has_brackets() {
        scan(&text[from..], place, None, visit);
    } else {
        // In prose a quote may be an apostrophe.
        text.char_indices().filter(|&(_, c)| is_bracket(c)).for_each(|(at, c)| visit(at, c));
    }
    found
}

/// Whether the text before the cursor has opened the `<` of a type: it directly follows a name.
pub(super) fn in_angles(place: &CursorContext) -> bool {
    let mut depth = 0usize;
    let mut before = ' ';
    for c in place.left.chars() {
        match c {
            '<' if is_word(before) || before == ':' => depth += 1,
            '>' if !matches!(before, '-' | '=') => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = c;
    }
    depth > 0
}

/// How many brackets a line closes without opening them, and how many it leaves open.
pub(super) fn unpaired(line: &str, place: &CursorContext) -> (usize, usize) {
    let (mut closed, mut open) = (0, 0usize);
    scan(line, place, None, |_, bracket| match closing_of(bracket) {
        Some(_) => open += 1,
        None if open > 0 => open -= 1,
        None => closed += 1,
    });
    (closed, open)
}

/// Whether a text opens a bracket that it does not close.
pub(super) fn leaves_open(text: &str, place: &CursorContext) -> bool {
    let mut open = Vec::new();
    scan(text, place, None, |_, bracket| match closing_of(bracket) {
        Some(closing) => open.push(closing),
        None => {
            open.pop();
        }
    });
    !open.is_empty()
}

/// The brackets that the text around the cursor needs.
#[derive(Clone, Default)]
struct Around {
    /// Brackets that it opens and does not close, innermost first.
    needed: Vec<char>,
    /// Brackets that it closes and does not open.
    surplus: Vec<char>,
}

impl Around {
    fn of(place: &CursorContext, covered: usize) -> Around {
        let mut around = Around::default();
        let mut open: Vec<char> = Vec::new();
        let gap = place.cursor..place.cursor + covered;
        let Some((brackets, is_whole)) = document_brackets(place, &gap) else { return around };
        for (at, bracket) in brackets {
            if gap.contains(&at) {
                continue;
            }
            match (closing_of(bracket), at < place.cursor) {
                (Some(closing), _) => open.push(closing),
                // After the cursor, a bracket that matches only one further out shows that inner ones are missing.
                (None, false) if open.contains(&bracket) => {
                    while let Some(closing) = open.pop() {
                        if closing == bracket {
                            break;
                        }
                        around.needed.push(closing);
                    }
                }
                (None, false) => around.surplus.push(bracket),
                (None, true) => {
                    if open.last() == Some(&bracket) {
                        open.pop();
                    }
                }
            }
        }
        // Where the text was not read to its end, the rest may close what is still open.
        if is_whole {
            around.needed.extend(open.into_iter().rev());
        } else {
            around.surplus.clear();
        }
        around
    }
}

/// The brackets of the document, and whether these are all that matter. They come from its tree where it has one,
/// without those in strings and comments and those of whole nodes before or after `gap`, which are paired. `None` where
/// there are too many errors.
fn document_brackets(place: &CursorContext, gap: &Range<usize>) -> Option<(Vec<(usize, char)>, bool)> {
    if let Some(tree) = place.document.tree() {
        return Some((leaves(&mut tree.walk(), gap)?, true));
    }
    let text = &place.document.text;
    let length = text.len_bytes();
    let within = gap.start.saturating_sub(REACH)..(gap.end + REACH).min(length);
    let chars = text.byte_to_char(within.start)..text.byte_to_char(within.end);
    let from = text.char_to_byte(chars.start);
    let is_whole = within.start == 0 && within.end == length;
    let text = text.slice(chars).to_string();
    let found = brackets(&text, place).into_iter().map(|(at, bracket)| (from + at, bracket)).collect();
    Some((found, is_whole))
}

fn leaves(cursor: &mut TreeCursor, gap: &Range<usize>) -> Option<Vec<(usize, char)>> {
    let mut found = Vec::new();
    // A loop instead of recursion: hostile files have deep trees.
    for _ in 0..MOST_NODES {
        let node: Node = cursor.node();
        if node.child_count() == 0 {
            if !node.is_missing() && !node.is_named() {
                let bracket = node.kind().chars().find(|&c| is_bracket(c));
                found.extend(bracket.map(|bracket| (node.start_byte(), bracket)));
            }
        } else {
            let is_beside = node.end_byte() <= gap.start || gap.end <= node.start_byte();
            if (node.has_error() || !is_beside) && cursor.goto_first_child() {
                continue;
            }
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Some(found);
            }
        }
    }
    None
}

fn is_bracket(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | '{' | '}')
}

fn closing_of(bracket: char) -> Option<char> {
    match bracket {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        '<' => Some('>'),
        _ => None,
    }
}

/// The brackets of a text outside strings and comments, as far as this is visible without a parser.
fn brackets(text: &str, place: &CursorContext) -> Vec<(usize, char)> {
    let mut found = Vec::new();
    // The content of the string that the cursor is in is text.
    let (from, quote) = match &place.string {
        Some(string) => (string.end(text).map_or(text.len(), |(_, end)| end), None),
        None => (0, place.quote()),
    };
    scan(&text[from..], place, quote, |at, c| found.push((from + at, c)));
    found
}

/// The quote that is open at the end of a line.
pub(super) fn open_quote(line: &str, place: &CursorContext) -> Option<char> {
    scan(line, place, None, |_, _| {})
}

/// Calls `bracket` for each bracket outside strings and comments; returns the quote that is still open at the end.
fn scan(
    text: &str,
    place: &CursorContext,
    inside: Option<char>,
    mut bracket: impl FnMut(usize, char),
) -> Option<char> {
    if !place.has_brackets() {
        return None;
    }
    let comment = place.language().and_then(|language| language.line_comment);
    let block_comment = place.language().and_then(|language| language.text.block_comment);
    let mut quote = inside;
    let mut at = 0;
    let mut before = place.left.chars().next_back().unwrap_or(' ');
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let mut length = c.len_utf8();
        match quote {
            Some(_) if c == '\\' => length += rest[1..].chars().next().map_or(0, char::len_utf8),
            // Few strings span lines; a quote that seems to is more often an apostrophe or the like.
            Some(open) if c == open || c == '\n' && open != '`' => quote = None,
            Some(_) => {}
            None if block_comment.is_some_and(|(opening, _)| rest.starts_with(opening)) => {
                let end = block_comment.and_then(|(_, closing)| Some(rest.find(closing)? + closing.len()));
                length = end.unwrap_or(rest.len());
            }
            None if comment.is_some_and(|comment| rest.starts_with(comment)) => {
                length = rest.find('\n').unwrap_or(rest.len());
            }
            None if c == '\'' && place.language().is_some_and(|it| it.text.has_char_literals) => {
                length = char_literal(rest)
            }
            None if c == '"'
                || c == '\''
                || c == '`' && place.language().is_some_and(|it| it.text.has_backtick_strings) =>
            {
                quote = Some(c)
            }
            None if is_bracket(c) => bracket(at, c),
            None if place.angles && (c == '<' && (is_word(before) || before == ':')) => bracket(at, c),
            None if place.angles && c == '>' && !matches!(before, '-' | '=') => bracket(at, c),
            None => {}
        }
        before = c;
        at += length;
    }
    quote
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
