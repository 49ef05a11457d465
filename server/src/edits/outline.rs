//! What stands outside of an item must stay what it is. Brackets that do not match, or an answer that goes on with the
//! next function, show in the syntax tree: nodes around the item begin or end elsewhere, or are of another kind.

use std::ops::Range;

use tree_sitter::Node;

use super::Refusal;
use crate::answer;
use crate::documents::Document;
use crate::repository::facts::{Item, items};

/// A document and a place in it.
pub(super) type Part<'a> = (&'a Document, &'a Range<usize>);

/// Longer lines are shown up to here.
const SHOWN: usize = 120;

/// Holds an item after a rewrite against the one before: no new syntax error, the same nodes around it, no definition
/// that stands elsewhere.
pub(super) fn same_outside(before: Part, after: Part) -> Result<(), Refusal> {
    let (Some(old), Some(new)) = (before.0.tree(), after.0.tree()) else { return Ok(()) };
    let inside =
        |(_, range): Part, node: Node| range.start < node.end_byte() && node.start_byte() < range.end;
    let errors_inside = |part: Part| error_nodes(part).into_iter().filter(|node| inside(part, *node)).count();
    if answer::errors(new) > answer::errors(old) || errors_inside(after) > errors_inside(before) {
        return Err(first_error(after.0, after.1));
    }
    if around(before) != around(after) {
        return Err(Refusal::Outside);
    }
    repeats(before, after).map_or(Ok(()), |name| Err(Refusal::Repeats(name)))
}

/// The first syntax error in a place, or else the first behind it, which it has caused.
pub(super) fn first_error(document: &Document, range: &Range<usize>) -> Refusal {
    let errors = error_nodes((document, range));
    let error = errors.iter().find(|node| node.end_byte() >= range.start).or(errors.first());
    let first = document.text.byte_to_line(range.start);
    let row = error.map_or(first, |node| node.start_position().row.max(first));
    let row = row.min(document.text.byte_to_line(range.end.min(document.text.len_bytes())));
    let text = document.text.line(row).to_string();
    let text = text.trim();
    Refusal::Syntax { line: row - first + 1, text: text[..text.floor_char_boundary(SHOWN)].to_owned() }
}

fn error_nodes<'d>((document, _): Part<'d>) -> Vec<Node<'d>> {
    let mut errors = Vec::new();
    let Some(tree) = document.tree() else { return errors };
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            errors.push(node);
        }
        if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return errors;
            }
        }
    }
}

/// The nodes around an item, the outermost first: those that begin in front of it with their starts, and those that
/// end behind it with the distance of their ends from the text's.
fn around<'d>((document, range): Part<'d>) -> [Vec<(&'d str, usize)>; 2] {
    let (mut front, mut back) = (Vec::new(), Vec::new());
    let Some(tree) = document.tree() else { return [front, back] };
    let length = document.text.len_bytes();
    let mut node = tree.root_node().descendant_for_byte_range(range.start, range.end);
    while let Some(outer) = node {
        if outer.start_byte() < range.start {
            front.push((outer.kind(), outer.start_byte()));
        }
        if outer.end_byte() > range.end {
            back.push((outer.kind(), length - outer.end_byte()));
        }
        node = outer.parent();
    }
    [front, back]
}

/// A definition of the new item that the file has elsewhere, and that the old item did not have.
fn repeats(before: Part, after: Part) -> Option<String> {
    let defined = |(document, range): Part| -> (Vec<Item>, Vec<Item>) {
        items_of(document)
            .into_iter()
            .partition(|item| range.start <= item.bytes.start && item.bytes.end <= range.end)
    };
    let head = |document: &Document, item: &Item| {
        let start = document.text.byte_to_line(item.bytes.start);
        let end = item.body.as_ref().map_or(item.bytes.end, |body| body.start);
        let text = document.text.byte_slice(document.text.line_to_byte(start)..end.max(item.bytes.start));
        text.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (old, _) = defined(before);
    let (new, elsewhere) = defined(after);
    let known = |item: &Item| old.iter().any(|old| old.name == item.name && old.container == item.container);
    let is_again = |item: &Item| {
        elsewhere.iter().any(|other| {
            (&other.name, &other.container, other.kind) == (&item.name, &item.container, item.kind)
                && head(after.0, other) == head(after.0, item)
        })
    };
    new.into_iter().find(|item| item.kind.is_some() && !known(item) && is_again(item)).map(|item| item.name)
}

/// The items of a document.
pub(super) fn items_of(document: &Document) -> Vec<Item> {
    let (Some(language), Some(tree)) = (document.language, document.tree()) else { return Vec::new() };
    items(&document.text.to_string(), language, tree)
}
