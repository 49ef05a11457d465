//! Walks over the syntax of a range.

use std::ops::Range;

use tree_sitter::Node;

use crate::documents::Document;
use crate::facts::{Item, items};

/// A document and a range in it.
pub(super) type Part<'a> = (&'a Document, &'a Range<usize>);

/// Calls `visit` with all nodes of a document, the outer before the inner; the children of a node are skipped if it
/// returns false.
pub(super) fn walk<'d>(document: &'d Document, mut visit: impl FnMut(Node<'d>) -> bool) {
    walk_with_parents(document, |node, _| visit(node));
}

/// [`walk`] that knows each node's parent: `Node::parent` walks down from the root for each of them.
fn walk_with_parents<'d>(document: &'d Document, mut visit: impl FnMut(Node<'d>, Option<Node<'d>>) -> bool) {
    let Some(tree) = document.tree() else { return };
    let mut cursor = tree.walk();
    let mut parents = Vec::new();
    loop {
        let node = cursor.node();
        if visit(node, parents.last().copied()) && cursor.goto_first_child() {
            parents.push(node);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
            parents.pop();
        }
    }
}

/// Calls `visit` with the nodes that share a byte with a range.
pub(super) fn each<'d>((document, range): Part<'d>, mut visit: impl FnMut(Node<'d>)) {
    walk(document, |node| {
        let is_near = node.start_byte() < range.end && range.start < node.end_byte();
        if is_near {
            visit(node);
        }
        is_near
    });
}

/// Calls `visit` with the nodes in a range.
pub(super) fn each_inside<'d>(part: Part<'d>, mut visit: impl FnMut(Node<'d>)) {
    each_inside_with_parent(part, |node, _| visit(node));
}

/// Calls `visit` with the nodes in a range, and the parent of each.
pub(super) fn each_inside_with_parent<'d>(
    (document, range): Part<'d>,
    mut visit: impl FnMut(Node<'d>, Option<Node<'d>>),
) {
    walk_with_parents(document, |node, parent| {
        if range.start <= node.start_byte() && node.end_byte() <= range.end {
            visit(node, parent);
        }
        node.start_byte() < range.end && range.start < node.end_byte()
    });
}

/// Whether a node is a comment.
pub(super) fn is_comment(document: &Document, node: Node) -> bool {
    document.language.is_some_and(|language| is_one_of(language.comments, node.kind()))
}

/// Whether a node is an attribute, decorator or annotation.
pub(super) fn is_attribute(document: &Document, node: Node) -> bool {
    document.language.is_some_and(|language| language.role(node).attribute)
}

/// Whether a space-separated list of kinds contains a kind.
pub(super) fn is_one_of(kinds: &str, kind: &str) -> bool {
    kinds.split_ascii_whitespace().any(|one| one == kind)
}

/// The text of a node.
pub(super) fn text(document: &Document, node: Node) -> String {
    document.text.byte_slice(node.byte_range()).to_string()
}

/// The text with each run of white space replaced by one space.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The items of a document.
pub(super) fn items_of(document: &Document) -> Vec<Item> {
    let (Some(language), Some(tree)) = (document.language, document.tree()) else { return Vec::new() };
    items(&document.text.to_string(), language, tree)
}

/// The top-level items in a range.
pub(super) fn top_items((document, range): Part) -> Vec<Item> {
    let mut all = items_of(document);
    all.retain(|item| range.start <= item.bytes.start && item.bytes.end <= range.end);
    let top = all.iter().map(|item| item.depth).min();
    all.retain(|item| Some(item.depth) == top);
    all
}

/// Whether an instruction mentions a name, as a whole word.
pub(super) fn mentions(instruction: &str, name: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    !name.is_empty()
        && instruction.match_indices(name).any(|(at, _)| {
            !instruction[..at].ends_with(in_word) && !instruction[at + name.len()..].starts_with(in_word)
        })
}
