//! Functions, classes and imports of a document, as whole lines.

use std::ops::Range;

use tree_sitter::TreeCursor;

use super::lines::Lines;
use crate::documents::Document;
use crate::languages::Language;

/// The number of nodes, from the start of the text, that are searched for imports.
const MOST_NODES_BEFORE_IMPORTS: usize = 2000;

/// A function or a container of more than one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its lines, from the start of the first to the end of the last.
    pub lines: Range<usize>,
    /// Bytes before it on its first line.
    pub column: usize,
    /// Whether it is a function; else a container.
    pub function: bool,
}

/// The items that overlap `region`, outer ones before inner ones; empty without a syntax tree.
pub fn items_in(document: &Document, lines: &Lines, region: Range<usize>) -> Vec<Item> {
    let mut items = Vec::new();
    if let (Some(language), Some(tree)) = (document.language, document.tree()) {
        collect(language, lines, &mut tree.walk(), &region, &mut items);
    }
    items
}

fn collect(
    language: &Language,
    lines: &Lines,
    cursor: &mut TreeCursor,
    region: &Range<usize>,
    items: &mut Vec<Item>,
) {
    // A loop instead of recursion, because the nesting depth of a source file has no bound.
    let mut depth = 0;
    loop {
        let node = cursor.node();
        let role = language.role(node);
        let rows = node.end_position().row - node.start_position().row;
        if (role.function || role.container) && rows > 0 && depth > 0 {
            let start = lines.start(node.start_byte());
            // Nodes such as Python's blocks may end after the line break of their last line.
            let last = node.end_byte().saturating_sub(1).max(node.start_byte());
            items.push(Item {
                lines: start..lines.end(last),
                column: node.start_byte() - start,
                function: role.function,
            });
        }
        let worth_entering = node.start_byte() < region.end && node.end_byte() > region.start;
        if worth_entering && cursor.goto_first_child_for_byte(region.start).is_some() {
            depth += 1;
            continue;
        }
        loop {
            if depth == 0 {
                return;
            }
            if cursor.goto_next_sibling() && cursor.node().start_byte() < region.end {
                break;
            }
            cursor.goto_parent();
            depth -= 1;
        }
    }
}

/// The lines of the first group of imports.
pub fn imports(document: &Document, lines: &Lines) -> Option<Range<usize>> {
    let language = document.language.filter(|language| !language.imports.nodes.is_empty())?;
    let mut cursor = document.tree()?.walk();
    let mut left = MOST_NODES_BEFORE_IMPORTS;
    while !language.role(cursor.node()).import {
        left = left.checked_sub(1)?;
        if !cursor.goto_first_child() {
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return None;
                }
            }
        }
    }
    let start = lines.start(cursor.node().start_byte());
    let mut end = cursor.node().end_byte();
    while cursor.goto_next_sibling() {
        let node = cursor.node();
        if language.role(node).import {
            end = node.end_byte();
        } else if node.end_position().row > node.start_position().row && !node.is_extra() {
            // One-line declarations such as `mod a;` may occur between imports; anything larger ends the group.
            break;
        }
    }
    Some(start..lines.end(end.saturating_sub(1).max(start)))
}
