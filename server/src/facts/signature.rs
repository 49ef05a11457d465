//! How a definition is shown in other files: its signature without the body, and the first paragraph of its documentation.

use std::ops::Range;

use super::SymbolKind;
use super::tags::{Definition, LeadKind, Tagged};

/// The most bytes of a signature, without the ellipsis.
const LONGEST_SIGNATURE: usize = 600;

/// The most lines of a type that is shown whole.
const WHOLE_LINES: usize = 12;

/// The most lines of a constant that is shown with its value.
const VALUE_LINES: usize = 4;

/// The most bytes of a documentation.
const LONGEST_DOC: usize = 300;

/// Marks omitted text.
const ELLIPSIS: &str = "…";

/// The signature of the definition at `at`.
pub(super) fn signature(text: &str, tagged: &Tagged, at: usize, members: &[usize]) -> String {
    let definition = &tagged.definitions[at];
    let start = start_of_declaration(text, &definition.bytes);
    let whole = dedented(text, start..definition.bytes.end);
    let head = || match &definition.body {
        Some(body) => dedented(text, start..tagged.start_of_body(body, text).max(start)),
        None => first_line(&whole).to_owned(),
    };
    let declared = match definition.kind {
        Some(SymbolKind::Function | SymbolKind::Method) if definition.body.is_some() => head(),
        Some(SymbolKind::Module) => head(),
        Some(SymbolKind::Class | SymbolKind::Interface) => {
            if fits(&whole, WHOLE_LINES) {
                whole
            } else {
                with_members(text, tagged, head(), members)
            }
        }
        Some(SymbolKind::Constant) if !fits(&whole, VALUE_LINES) => {
            format!("{} {ELLIPSIS}", first_line(&whole))
        }
        _ => whole,
    };
    clip(&(decorators(text, tagged, definition) + &declared), LONGEST_SIGNATURE)
}

/// The first paragraph of a definition's documentation.
pub(super) fn doc(text: &str, tagged: &Tagged, definition: &Definition) -> String {
    if let Some(doc) = &definition.doc {
        return clip(first_paragraph(&dedented(text, doc.clone())), LONGEST_DOC);
    }
    let comments = tagged.leads(definition).filter(|lead| lead.kind == LeadKind::Comment);
    let (mut start, mut end) = (usize::MAX, 0);
    for comment in comments {
        // A comment above attributes belongs to the definition, too; the attributes are left out.
        if end == 0 {
            end = comment.bytes.end;
        } else if !text.get(comment.bytes.end..start).is_some_and(|between| between.trim().is_empty()) {
            break;
        }
        start = comment.bytes.start;
    }
    clip(first_paragraph(&dedented(text, start..end)), LONGEST_DOC)
}

/// The first line of a definition with its comments and attributes.
pub(super) fn first_line_of_item(tagged: &Tagged, definition: &Definition) -> u32 {
    tagged.leads(definition).last().map_or(definition.lines.start, |lead| lead.lines.start)
}

/// The start of the declaration that a definition is part of: words before it on its line (`export const`) are included.
fn start_of_declaration(text: &str, bytes: &Range<usize>) -> usize {
    let Some(words) = before_on_line(text, bytes.start).map(str::trim_start) else { return bytes.start };
    let are_words = words.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b' ');
    if are_words { bytes.start - words.len() } else { bytes.start }
}

/// The text before a position on its line; `None` if the line is too long.
fn before_on_line(text: &str, at: usize) -> Option<&str> {
    let near = text.get(text.floor_char_boundary(at.saturating_sub(200))..at)?;
    match near.rfind('\n') {
        Some(end) => Some(&near[end + 1..]),
        None => (near.len() == at).then_some(near),
    }
}

fn decorators(text: &str, tagged: &Tagged, definition: &Definition) -> String {
    let mut decorators: Vec<_> = tagged
        .leads(definition)
        .filter(|lead| lead.kind == LeadKind::Decorator)
        .map(|lead| first_line(text.get(lead.bytes.clone()).unwrap_or("")).to_owned() + "\n")
        .collect();
    decorators.reverse();
    decorators.concat()
}

/// A type that is too long to be shown whole: its header, and the lines with the names of its members.
fn with_members(text: &str, tagged: &Tagged, mut head: String, members: &[usize]) -> String {
    let mut last = None;
    for &member in members {
        let definition = &tagged.definitions[member];
        let start = definition.name.start - before_on_line(text, definition.name.start).map_or(0, str::len);
        // A line can have several members.
        if definition.kind.is_none() || last.replace(start) == Some(start) {
            continue;
        }
        let end = definition.body.as_ref().map_or(definition.bytes.end, |body| body.start);
        let line = first_line(text.get(start..end).unwrap_or("")).trim();
        if head.len() + line.len() + 5 > LONGEST_SIGNATURE {
            break;
        }
        head.push_str("\n    ");
        head.push_str(line);
    }
    head.push_str("\n    ");
    head.push_str(ELLIPSIS);
    head
}

fn fits(text: &str, most_lines: usize) -> bool {
    text.len() <= LONGEST_SIGNATURE && text.lines().nth(most_lines).is_none()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("").trim_end()
}

/// A part of a text, dedented by the indentation of its first line. A long part is truncated.
fn dedented(text: &str, bytes: Range<usize>) -> String {
    let Some(piece) = text.get(bytes.clone()) else { return String::new() };
    let piece = &piece[..piece.floor_char_boundary(4 * LONGEST_SIGNATURE)];
    let before = before_on_line(text, bytes.start).unwrap_or("");
    let indentation = &before[..before.len() - before.trim_start_matches([' ', '\t']).len()];
    let mut moved = String::with_capacity(piece.len());
    for line in piece.trim().lines() {
        if !moved.is_empty() {
            moved.push('\n');
        }
        moved.push_str(line.strip_prefix(indentation).unwrap_or(line.trim_start()).trim_end());
        if moved.len() > LONGEST_SIGNATURE {
            break;
        }
    }
    moved
}

/// A comment up to its first line without words, or with a tag (`@param`).
fn first_paragraph(comment: &str) -> &str {
    let mut end = 0;
    let mut has_words = false;
    for line in comment.split_inclusive('\n') {
        let has_text = line.contains(char::is_alphanumeric);
        let is_tag = line.trim_start_matches([' ', '\t', '*', '/', '-', '#']).starts_with(['@', '\\']);
        if has_words && (!has_text || is_tag) {
            break;
        }
        has_words |= has_text;
        end += line.len();
    }
    comment[..end].trim_end()
}

/// A text truncated to the bound, at the end of a line if possible.
fn clip(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let cut = &text[..text.floor_char_boundary(most)];
    let cut = cut.rfind('\n').filter(|&end| end > most / 2).map_or(cut, |end| &cut[..end]);
    format!("{} {ELLIPSIS}", cut.trim_end())
}
