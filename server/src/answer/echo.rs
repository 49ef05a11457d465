//! The model repeats the text before the cursor.

use super::cursor_context::{CursorContext, is_word};

/// A shorter text may be repeated for good reason: `a` after `a`, `1` after `1`.
const TELLING: usize = 3;

/// The text without what it repeats of the lines above the cursor and of the cursor's line, and without white space
/// that is already there.
pub(super) fn strip<'t>(text: &'t str, place: &CursorContext) -> &'t str {
    let text = repeated_lines(text, place).unwrap_or_else(|| repeated_left(text, place.left.trim_start()));
    if place.left.trim().is_empty() {
        // Blank lines before the first word. [`super::indentation`] decides about indentation that is already there.
        let start = text.len() - text.trim_start().len();
        let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
        &text[line..]
    } else if place.left.ends_with([' ', '\t']) {
        text.trim_start_matches([' ', '\t'])
    } else {
        text
    }
}

/// The text after the last lines above the cursor, if it begins with them.
fn repeated_lines<'t>(text: &'t str, place: &CursorContext) -> Option<&'t str> {
    let left = place.left.trim();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    (1..=place.above.len().min(lines.len())).rev().find_map(|count| {
        let above = &place.above[place.above.len() - count..];
        let same = above.iter().zip(&lines).all(|(above, line)| above.trim() == line.trim());
        let telling =
            above.iter().any(|line| line.trim().len() > TELLING && line.contains(char::is_alphanumeric));
        if !same || !telling {
            return None;
        }
        let rest = &text[lines[..count].iter().map(|line| line.len()).sum()..];
        let behind = rest.trim_start_matches([' ', '\t']).strip_prefix(left)?;
        Some(if left.is_empty() { rest } else { behind })
    })
}

/// The text after the cursor's line, or after the word that the cursor is in, if it begins with that.
fn repeated_left<'t>(text: &'t str, left: &str) -> &'t str {
    let start = text.trim_start();
    let telling = left.trim_end().len() > TELLING && left.contains(char::is_alphanumeric);
    if telling && let Some(rest) = start.strip_prefix(left.trim_end()) {
        // `let x` is not repeated by `let xs`, nor `except` by ` exceptions`.
        let is_behind_space = left.ends_with(' ') || text.starts_with(' ');
        let cut_word = left.trim_end().ends_with(is_word) && rest.starts_with(is_word) && is_behind_space;
        if !cut_word {
            return rest;
        }
    }
    if let Some(rest) = repeated_assignment(start, left.trim_end()) {
        return rest;
    }
    let word = &left[left.trim_end_matches(is_word).len()..];
    match text.strip_prefix(word) {
        Some(rest) if word.len() >= TELLING && rest.starts_with(is_word) => rest,
        _ => text,
    }
}

/// The text after each repeated `name =`, where the line before the cursor ends with it.
fn repeated_assignment<'t>(text: &'t str, left: &str) -> Option<&'t str> {
    let name = left.strip_suffix('=')?.trim_end();
    // `a.b = b = c` assigns twice.
    let name = &name[name.trim_end_matches(|c| is_word(c) || c == '.').len()..];
    let next = |text: &'t str| text.trim_start().strip_prefix(name)?.trim_start().strip_prefix('=');
    let mut rest = next(text).filter(|rest| !name.is_empty() && !rest.starts_with('='))?;
    while let Some(more) = next(rest).filter(|rest| !rest.starts_with('=')) {
        rest = more;
    }
    Some(rest.trim_start_matches([' ', '\t']))
}
