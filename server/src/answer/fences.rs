//! Markdown fences around code, and the chatter of a model that was trained to chat.

use super::cursor_context::CursorContext;

/// How a line begins that comments on the code. Lower-case.
const OPENINGS: [&str; 17] = [
    "sure",
    "certainly",
    "of course",
    "okay",
    "here is",
    "here's",
    "here are",
    "below is",
    "the following",
    "to complete",
    "to implement",
    "i'll",
    "i have",
    "let's",
    "this is the",
    "the missing part",
    "the missing code",
];
/// How a line begins that explains the code above it.
const CLOSINGS: [&str; 16] = [
    "this ",
    "these ",
    "the ",
    "note",
    "explanation",
    "in this",
    "in the",
    "here ",
    "i ",
    "you ",
    "please",
    "let me",
    "hope",
    "make sure",
    "remember",
    "as you",
];

/// What a comment says about the task instead of the code: words of the prompt. Lower-case.
const PLACEHOLDERS: [&str; 3] = ["missing code", "missing part", "your code here"];

/// The code in `text`, and whether it is complete. `None` if there is only chatter.
pub(super) fn code<'t>(text: &'t str, place: &CursorContext, finished: bool) -> Option<(&'t str, bool)> {
    if place.is_prose() {
        let (text, ended) = until_closed(text, place);
        return Some((text, finished || ended));
    }
    let (text, fenced) = unfence(text);
    if place.in_words() {
        return Some((text, finished || fenced));
    }
    let text = if fenced { text } else { without_opening(text)? };
    let text = without_placeholder(text, place);
    let (text, ended) = without_closing(text);
    Some((text, finished || fenced || ended))
}

/// The text after a first line that is a comment on the task.
fn without_placeholder<'t>(text: &'t str, place: &CursorContext) -> &'t str {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let mark = place.language().and_then(|language| language.line_comment);
    let is_comment =
        place.left.trim().is_empty() && mark.is_some_and(|mark| line.trim_start().starts_with(mark));
    let line = line.to_lowercase();
    if is_comment && PLACEHOLDERS.iter().any(|words| line.contains(words)) { rest } else { text }
}

/// The code of a chat answer: the content of its longest fenced block, or all of it without an opening and a closing
/// paragraph. `None` if there is only chatter. `in_code`: the code may contain fences in its documentation; then only
/// one around the whole answer is removed.
pub(super) fn whole(text: &str, in_code: bool) -> Option<&str> {
    if in_code {
        let text = text.trim_matches('\n');
        let inner =
            fence(text, 0).filter(|opening| opening.start == 0).map_or(text, |opening| &text[opening.end..]);
        let last = inner.rfind('\n').map_or(0, |at| at + 1);
        let closing = inner[last..].trim();
        let closes =
            inner.len() < text.len() && closing.len() >= 3 && closing.bytes().all(|byte| byte == b'`');
        let code = if closes { &inner[..last] } else { inner };
        return (!code.trim().is_empty()).then_some(code);
    }
    let mut blocks = Vec::new();
    let mut from = 0;
    // Code that begins before an indented fence contains it: documentation with an example.
    if let Some(first) = fence(text, 0)
        && text[first.start..].starts_with([' ', '\t'])
        && text[..first.start].lines().any(|line| !line.trim().is_empty() && !is_prose(line))
    {
        return whole(text, true);
    }
    while let Some(opening) = fence(text, from) {
        let before = &text[from..opening.start];
        // In the open turn a bare fence ends the answer.
        if blocks.is_empty()
            && opening.bare
            && !before.lines().all(|line| line.trim().is_empty() || is_prose(line))
        {
            blocks.push(before);
            break;
        }
        let closing = fence(text, opening.end);
        blocks.push(&text[opening.end..closing.as_ref().map_or(text.len(), |closing| closing.start)]);
        let Some(closing) = closing else { break };
        from = closing.end;
    }
    let code = match blocks.into_iter().max_by_key(|block| block.len()) {
        Some(block) => block,
        None => without_closing(without_opening(text)?).0,
    };
    (!code.trim().is_empty()).then_some(code)
}

/// The content of a fence, and whether the fence is closed.
fn unfence(text: &str) -> (&str, bool) {
    let Some(first) = fence(text, 0) else { return (text, false) };
    let before = &text[..first.start];
    let opens = before.lines().all(|line| line.trim().is_empty() || is_prose(line));
    // In the open turn a bare fence ends the answer; a chat answer has one that opens.
    let another = fence(text, first.end);
    if !opens || first.bare && !before.trim().is_empty() && another.is_none() {
        return (&text[..first.start], true);
    }
    match another {
        Some(last) => (&text[first.end..last.start], true),
        None => (&text[first.end..], false),
    }
}

struct Fence {
    start: usize,
    /// After its line break.
    end: usize,
    /// It has no language.
    bare: bool,
}

/// The first fence at or after the line that starts at `from`.
fn fence(text: &str, from: usize) -> Option<Fence> {
    let mut start = from;
    for line in text[from..].split_inclusive('\n') {
        let end = start + line.len();
        if let Some(info) = line.trim().strip_prefix("```")
            && info.chars().all(|c| c.is_alphanumeric() || "+-#_.`".contains(c))
        {
            return Some(Fence { start, end, bare: info.is_empty() });
        }
        start = end;
    }
    None
}

/// In Markdown, fences belong to the text; one that closes a fence which was never opened ends the answer.
fn until_closed<'t>(text: &'t str, place: &CursorContext) -> (&'t str, bool) {
    let is_fence = |line: &&str| line.trim_start().starts_with("```");
    let above = place.document.text.byte_slice(..place.cursor).to_string();
    let mut open = above.lines().filter(is_fence).count() % 2 == 1;
    let mut from = 0;
    while let Some(fence) = fence(text, from) {
        if fence.bare && !open {
            return (&text[..fence.start], true);
        }
        open = !open;
        from = fence.end;
    }
    (text, false)
}

fn without_opening(text: &str) -> Option<&str> {
    let start = text.trim_start();
    let line = start.lines().next().unwrap_or_default();
    let lower = line.to_ascii_lowercase();
    let speaks = OPENINGS.iter().any(|opening| lower.starts_with(opening))
        && line.ends_with([':', '.', '!'])
        && line.split_whitespace().count() > 2
        && is_prose(line);
    if !speaks {
        return Some(text);
    }
    let rest = start[line.len()..].trim_start_matches('\n');
    (!rest.trim().is_empty()).then(|| without_opening(rest)).flatten()
}

/// The text up to a paragraph at the left margin that explains it.
fn without_closing(text: &str) -> (&str, bool) {
    let mut at = 0;
    let mut after_blank = false;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if after_blank && explains(line) && !in_string_or_comment(&text[..start]) {
            return (&text[..start], true);
        }
        after_blank = line.trim().is_empty();
    }
    (text, false)
}

/// Whether a line at the left margin begins an explanation.
fn explains(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    lower.starts_with("###")
        || CLOSINGS.iter().any(|closing| lower.starts_with(closing))
            && line.split_whitespace().count() > 3
            && is_prose(line.trim_end())
}

/// Whether a string or comment over several lines is open at the end of the text.
fn in_string_or_comment(text: &str) -> bool {
    text.matches("\"\"\"").count() % 2 == 1 || text.rfind("/*") > text.rfind("*/")
}

/// Whether a line is a sentence rather than code.
fn is_prose(line: &str) -> bool {
    let line = line.trim();
    let words = line.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count();
    line.starts_with(|c: char| c.is_alphabetic() || matches!(c, '*' | '#'))
        && words > 1
        && !line.contains([';', '{', '}', '='])
        && line.ends_with(|c: char| c.is_alphanumeric() || ".:!?,*`".contains(c))
}
