//! The syntax at a selection, which every action needs before it is offered.

use std::ops::Range;

use tree_sitter::Node;

use super::Problem;
use crate::documents::Document;
use crate::languages::Language;
use crate::rewrite::target::{self, Target, TargetKind};
use crate::syntax::is_one_of;

/// A selection in a document, and the code around it.
pub(crate) struct SelectionContext<'d> {
    pub(crate) document: &'d Document,
    pub(crate) language: &'static Language,
    /// The selection; empty for a cursor.
    pub(crate) selection: Range<usize>,
    /// The target of a rewrite of the selection.
    pub(crate) target: Option<Target>,
    /// The innermost function around the selection.
    pub(crate) function: Option<Target>,
    /// All items.
    pub(crate) items: Vec<Target>,
    /// The document's problems near the selection.
    pub(crate) problems: &'d [Problem],
}

/// The effective selection. One selected character is a cursor: Helix draws one that way.
pub fn meant(document: &Document, selection: Range<usize>) -> Range<usize> {
    let text = &document.text;
    let char = |byte: usize| text.byte_to_char(byte.min(text.len_bytes()));
    let (start, end) = (char(selection.start), char(selection.end));
    let start_byte = text.char_to_byte(start);
    if end <= start + 1 { start_byte..start_byte } else { start_byte..text.char_to_byte(end) }
}

impl<'d> SelectionContext<'d> {
    /// `None` for a document without syntax.
    pub(crate) fn of(
        document: &'d Document,
        selection: Range<usize>,
        problems: &'d [Problem],
    ) -> Option<SelectionContext<'d>> {
        let selection = meant(document, selection);
        let (language, _) = (document.language?, document.tree()?);
        let items = target::all(document);
        let around = |item: &&Target| {
            item.kind == TargetKind::Function
                && item.range.start <= selection.start
                && selection.end <= item.range.end
        };
        let function = items.iter().filter(around).min_by_key(|item| item.range.len()).cloned();
        let target = target::at(document, selection.clone());
        Some(SelectionContext { document, language, selection, target, function, items, problems })
    }

    /// The function around a cursor, or the selected statements in it.
    pub(crate) fn code(&self) -> Option<Target> {
        let target = self.target.clone()?;
        matches!(target.kind, TargetKind::Function | TargetKind::Statements).then_some(target)
    }

    /// The nodes in a range, each before its children.
    pub(crate) fn nodes(&self, range: &Range<usize>) -> Vec<Node<'d>> {
        self.nodes_and_parents(range).into_iter().map(|(node, _)| node).collect()
    }

    /// The same nodes, each with its parent: `Node::parent` walks down from the root for each of them.
    pub(crate) fn nodes_and_parents(&self, range: &Range<usize>) -> Vec<(Node<'d>, Option<Node<'d>>)> {
        let mut nodes = Vec::new();
        let Some(tree) = self.document.tree() else { return nodes };
        let mut cursor = tree.walk();
        let mut parents = Vec::new();
        loop {
            let node = cursor.node();
            let is_inside = range.start <= node.start_byte() && node.end_byte() <= range.end;
            if is_inside {
                nodes.push((node, parents.last().copied()));
            }
            let may_hold = node.start_byte() < range.end && range.start < node.end_byte();
            if may_hold && cursor.goto_first_child() {
                parents.push(node);
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return nodes;
                }
                parents.pop();
            }
        }
    }

    /// The name at or directly before the cursor, as a node.
    pub(crate) fn name(&self) -> Option<Node<'d>> {
        let at = self.selection.start;
        let root = self.document.tree()?.root_node();
        let near = [at..(at + 1).min(self.document.text.len_bytes()), at.saturating_sub(1)..at];
        let mut leaves =
            near.into_iter().filter_map(|range| root.descendant_for_byte_range(range.start, range.end));
        leaves.find(|node| node.child_count() == 0 && is_one_of(self.language.names, node.kind()))
    }

    /// The text of a node.
    pub(crate) fn text(&self, node: Node) -> String {
        self.document.text.byte_slice(node.byte_range()).to_string()
    }

    /// The lines of a range, counted from 0.
    pub(crate) fn lines(&self, range: &Range<usize>) -> Range<usize> {
        let text = &self.document.text;
        let end = range.end.min(text.len_bytes());
        text.byte_to_line(range.start.min(end))..text.byte_to_line(end) + 1
    }

    /// Whether a node shares a line with the selection.
    pub(crate) fn is_near(&self, node: Node) -> bool {
        let (near, lines) = (self.lines(&self.selection), self.lines(&node.byte_range()));
        near.start < lines.end && lines.start < near.end
    }
}
