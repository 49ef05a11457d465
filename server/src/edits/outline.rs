//! Everything outside of an item must stay unchanged. Unbalanced brackets, an unclosed comment or string, or an answer
//! that continues with the next function show in the syntax tree: nodes outside of the item begin or end elsewhere, or
//! are of another kind.

use std::ops::Range;

use tree_sitter::Node;

use super::Rejection;
use super::nodes::{self, Part, items_of, one_line};
use crate::answer;
use crate::documents::Document;
use crate::facts::Item;
use crate::languages::Language;

/// Longer lines are truncated to this length.
const SHOWN: usize = 120;

/// Compares an item after a rewrite with the one before: no new syntax error, the same nodes outside of it, no
/// definition that is elsewhere in the file.
pub(super) fn same_outside(before: Part, after: Part) -> Result<(), Rejection> {
    let (Some(old), Some(new)) = (before.0.tree(), after.0.tree()) else { return Ok(()) };
    let inside =
        |(_, range): Part, node: Node| range.start < node.end_byte() && node.start_byte() < range.end;
    let errors_inside =
        |part: Part| error_nodes(part.0).into_iter().filter(|node| inside(part, *node)).count();
    let (old_errors, new_errors) = (answer::errors(old), answer::errors(new));
    if new_errors > old_errors || errors_inside(after) > errors_inside(before) {
        return Err(first_error(after.0, after.1));
    }
    // Fixing an error in the item may make sense of the text after it; nodes that existed before must still exist.
    let is_same = match new_errors == 0 && old_errors > 0 {
        true => keeps_items(before, after),
        false => outside(before) == outside(after),
    };
    if !is_same {
        return Err(Rejection::Outside);
    }
    repeats(before, after).map_or(Ok(()), |name| Err(Rejection::Repeats(name)))
}

/// Code next to an item is not part of it: an import, a statement. A range of statements may contain any.
pub(super) fn nothing_beside(before: Part, after: Part) -> Result<(), Rejection> {
    let is_item = |part: Part, node: &Node| {
        let items = nodes::top_items(part);
        let within = |item: &Item| item.bytes.start < node.end_byte() && node.start_byte() < item.bytes.end;
        items.iter().any(within) || nodes::is_comment(part.0, *node) || nodes::is_attribute(part.0, *node)
    };
    if !tops(before).iter().all(|node| is_item(before, node)) {
        return Ok(());
    }
    let is_foreign = |node: &Node| {
        let is_import = after.0.language.is_some_and(|language| language.role(*node).import);
        let is_statement = nodes::is_one_of("expression_statement call call_expression command", node.kind());
        (is_import || is_statement) && !is_item(after, node)
    };
    match tops(after).into_iter().find(is_foreign) {
        Some(node) => {
            Err(Rejection::Beside(one_line(&nodes::text(after.0, node)).chars().take(SHOWN).collect()))
        }
        None => Ok(()),
    }
}

/// The named nodes in a range that are in no other node in it except blocks.
fn tops<'d>((document, range): Part<'d>) -> Vec<Node<'d>> {
    let mut tops = Vec::new();
    let root = document.tree().map(|tree| tree.root_node());
    nodes::walk(document, |node| {
        let is_near = node.start_byte() < range.end && range.start < node.end_byte();
        let is_inside = range.start <= node.start_byte() && node.end_byte() <= range.end;
        // A block that the item fills still contains it.
        let holds = |(language, root): (&Language, Node)| language.holds_statements(node, root);
        let is_around = !is_inside || document.language.zip(root).is_some_and(holds);
        if !is_around && node.is_named() && !node.byte_range().is_empty() {
            tops.push(node);
        }
        is_near && is_around
    });
    tops
}

/// The first syntax error in a range, or else the first after it, which it has caused.
pub(super) fn first_error(document: &Document, range: &Range<usize>) -> Rejection {
    let errors = error_nodes(document);
    let error = errors.iter().find(|node| node.end_byte() >= range.start).or(errors.first());
    let first = document.text.byte_to_line(range.start);
    let row = error.map_or(first, |node| node.start_position().row.max(first));
    let row = row.min(document.text.byte_to_line(range.end.min(document.text.len_bytes())));
    let text = document.text.line(row).to_string();
    let text = text.trim();
    Rejection::Syntax { line: row - first + 1, text: text[..text.floor_char_boundary(SHOWN)].to_owned() }
}

fn error_nodes(document: &Document) -> Vec<Node<'_>> {
    let mut errors = Vec::new();
    nodes::walk(document, |node| {
        if node.is_error() || node.is_missing() {
            errors.push(node);
        }
        node.has_error()
    });
    errors
}

/// An end of a node: outside of the item as the distance from the nearer end of the text, or somewhere in the item.
#[derive(PartialEq, Eq)]
enum Bound {
    Above(usize),
    Inside,
    Below(usize),
}

/// The named nodes outside of the item, in the order of the text, the outer before the inner.
fn outside<'d>((document, range): Part<'d>) -> Vec<(&'d str, Bound, Bound)> {
    let length = document.text.len_bytes();
    // White space around the item may belong to either node.
    let front = document.text.bytes_at(range.start).reversed().take_while(u8::is_ascii_whitespace).count();
    let back = document.text.bytes_at(range.end).take_while(u8::is_ascii_whitespace).count();
    let near = range.start - front..range.end + back;
    let mut outside = Vec::new();
    nodes::walk(document, |node| {
        let start = match node.start_byte() {
            start if start < near.start => Bound::Above(start),
            start if start < range.end => Bound::Inside,
            start => Bound::Below(length - start),
        };
        let end = match node.end_byte() {
            end if end > near.end => Bound::Below(length - end),
            end if end > range.start => Bound::Inside,
            end => Bound::Above(end),
        };
        let is_inside = start == Bound::Inside && end == Bound::Inside;
        if node.is_named() && !is_inside && !node.byte_range().is_empty() {
            outside.push((node.kind(), start, end));
        }
        !is_inside
    });
    outside
}

/// Whether all items outside of the range are unchanged.
fn keeps_items(before: Part, after: Part) -> bool {
    let outside = |(document, range): Part| -> Vec<_> {
        let length = document.text.len_bytes();
        let place = |item: &Item| match item.bytes.start {
            start if start < range.start => start,
            start => length - start,
        };
        let apart = |item: &Item| item.bytes.end <= range.start || range.end <= item.bytes.start;
        items_of(document)
            .into_iter()
            .filter(apart)
            .map(|item| (place(&item), item.name, item.kind))
            .collect()
    };
    let new = outside(after);
    outside(before).iter().all(|item| new.contains(item))
}

/// A definition or import of the new item that the file has elsewhere, and that the old item did not have.
fn repeats(before: Part, after: Part) -> Option<String> {
    let within =
        |(_, range): Part, item: &Item| range.start <= item.bytes.start && item.bytes.end <= range.end;
    let old: Vec<String> = items_of(before.0)
        .iter()
        .filter(|item| within(before, item))
        .map(|item| head(before.0, item))
        .collect();
    let (new, elsewhere): (Vec<Item>, Vec<Item>) =
        items_of(after.0).into_iter().partition(|item| within(after, item));
    let is_again = |item: &Item| {
        let head_of_item = head(after.0, item);
        let is_same = |other: &Item| {
            // If the enclosing item is begun again, the copy contains itself.
            let is_around = other.bytes.start < item.bytes.start && item.bytes.end < other.bytes.end;
            other.name == item.name
                && other.kind.is_some()
                && (is_around || other.container == item.container && head(after.0, other) == head_of_item)
        };
        !old.contains(&head_of_item) && elsewhere.iter().any(is_same)
    };
    let again = new.iter().find(|item| item.kind.is_some() && is_again(item)).map(|item| item.name.clone());
    again.or_else(|| repeated_import(before, after))
}

/// The declaration of an item, without comments and attributes: two of one name may differ in their parameters.
fn head(document: &Document, item: &Item) -> String {
    let Some(body) = &item.body else { return item.name.clone() };
    let declared = item.bytes.start..body.start.max(item.bytes.start);
    let (mut head, mut passed_over) = (Vec::new(), 0);
    nodes::each_inside((document, &declared), |node| {
        if nodes::is_comment(document, node) || nodes::is_attribute(document, node) {
            passed_over = passed_over.max(node.end_byte());
        } else if node.child_count() == 0 && node.start_byte() >= passed_over {
            head.push(nodes::text(document, node));
        }
    });
    head.join(" ")
}

/// An import of the new item that is elsewhere in the file too, and was not in the old item.
fn repeated_import(before: Part, after: Part) -> Option<String> {
    let imports = |(document, range): Part| -> (Vec<String>, Vec<String>) {
        let (mut inside, mut elsewhere) = (Vec::new(), Vec::new());
        nodes::walk(document, |node| {
            let is_import = document.language.is_some_and(|language| {
                language.role(node).import || nodes::is_one_of(language.imports.clauses, node.kind())
            });
            if is_import {
                let is_inside = range.start <= node.start_byte() && node.end_byte() <= range.end;
                let list = if is_inside { &mut inside } else { &mut elsewhere };
                list.push(one_line(&nodes::text(document, node)));
            }
            !is_import
        });
        (inside, elsewhere)
    };
    let (old, _) = imports(before);
    let (new, elsewhere) = imports(after);
    new.into_iter()
        .find(|import| !old.contains(import) && elsewhere.contains(import))
        .map(|import| import.chars().take(SHOWN).collect())
}
