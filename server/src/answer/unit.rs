//! The unit that an answer completes: a statement, a function, a member, an arm. What follows it is another unit.

use tree_sitter::Node;

use super::cursor_context::{CursorContext, leading};
use crate::documents::Document;
use crate::languages::Language;
use crate::syntax::ancestors;

/// Where in `text`, inserted at the cursor of `after`, the unit that it completes ends, up to the end of its line. An
/// empty block is filled; elsewhere one unit is enough.
pub(super) fn end(after: &Document, text: &str, place: &CursorContext) -> usize {
    let (Some(tree), Some(language)) = (after.tree(), after.language) else { return text.len() };
    let inserted = place.cursor..place.cursor + text.len();
    let start = place.cursor + text.len() - text.trim_start().len();
    let path = ancestors(tree, start..start + 1);
    if path.iter().any(Node::is_error) {
        return by_indentation(text, place);
    }
    let up_to = |byte: usize| match byte.checked_sub(place.cursor) {
        Some(end) if end < text.len() => {
            let rest = text.get(end..).unwrap_or_default();
            end + rest.find('\n').unwrap_or(rest.len())
        }
        _ => text.len(),
    };
    // From the innermost list of units outwards.
    for depth in (1..path.len()).rev() {
        let (list, unit) = (path[depth - 1], path[depth]);
        if !holds_units(list, path[0], language) || !unit.is_named() {
            continue;
        }
        // Data is completed: the members that end an object belong together.
        if language.text.is_data {
            if list.end_byte() > inserted.end {
                return text.len();
            }
            continue;
        }
        if unit.start_byte() < place.cursor {
            return up_to(unit.end_byte());
        }
        let members = Members::of(list, &inserted, language);
        if members.has_error {
            return text.len();
        }
        let fills =
            depth > 1 && !members.has_others && (!members.are_items || is_body(&path[..depth], language));
        if !fills {
            // A comment or an attribute belongs to what follows it.
            return members.first_end.map_or(text.len(), up_to);
        }
        if list.end_byte() > inserted.end {
            return text.len();
        }
    }
    text.len()
}

/// The end of the line before the first one that is less deep than the cursor's while no bracket is open: the fallback
/// where the parser makes no sense of the text.
fn by_indentation(text: &str, place: &CursorContext) -> usize {
    let here = place.indent().len();
    let (mut at, mut depth) = (0, 0i32);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let closes = line.trim_start().starts_with(['}', ')', ']', '.']) || line.trim() == "end";
        if number > 0 && depth <= 0 && !line.trim().is_empty() && leading(line).len() < here && !closes {
            return at;
        }
        depth += line.matches(['(', '[', '{']).count() as i32 - line.matches([')', ']', '}']).count() as i32;
        at += line.len();
    }
    text.len()
}

/// Whether the children of a node are units.
fn holds_units(node: Node, root: Node, language: &Language) -> bool {
    language.role(node).members || language.holds_statements(node, root)
}

/// Whether the last node of a path is the body of a function or of control flow, not that of a class.
fn is_body(path: &[Node], language: &Language) -> bool {
    let owner = path.iter().rev().nth(1);
    owner.is_some_and(|owner| !language.role(*owner).container)
}

/// The units in a list.
struct Members {
    /// Some of them existed before.
    has_others: bool,
    /// The first new one is a function, a class or the like.
    are_items: bool,
    /// Where the first new one ends.
    first_end: Option<usize>,
    has_error: bool,
}

impl Members {
    fn of(list: Node, inserted: &std::ops::Range<usize>, language: &Language) -> Members {
        let mut members = Members { has_others: false, are_items: false, first_end: None, has_error: false };
        let mut cursor = list.walk();
        for child in list.named_children(&mut cursor) {
            if is_preface(child, language) {
                continue;
            }
            let is_new = inserted.start <= child.start_byte() && child.end_byte() <= inserted.end;
            if !is_new {
                members.has_others = true;
            } else if members.first_end.is_none() {
                let role = language.role(child);
                members.first_end = Some(child.end_byte());
                members.are_items = role.function || role.container;
                members.has_error = child.is_error();
            }
        }
        members
    }
}

fn is_preface(node: Node, language: &Language) -> bool {
    let role = language.role(node);
    role.comment || role.attribute
}
