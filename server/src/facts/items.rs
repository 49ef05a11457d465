//! The items of one text with their ranges: the units of a rewrite.

use std::ops::Range;

use tree_sitter::Tree;

use super::signature::first_line_of_item;
use super::tags::Definition;
use super::{SymbolKind, tags};
use crate::languages::Language;

/// The number of preceding definitions that are searched for one that ends on a definition's first line.
const NEAR: usize = 64;

/// A definition with its comments and attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name: `parse`, `Shape`.
    pub name: String,
    /// Its kind; `None` for a scope of members, such as an `impl`.
    pub kind: Option<SymbolKind>,
    /// The name of the enclosing item.
    pub container: Option<String>,
    /// Its bytes: from the first non-blank on the first line of its comments and attributes, to the end of
    /// its last line.
    pub bytes: Range<usize>,
    /// Bytes of its body, brackets included.
    pub body: Option<Range<usize>>,
    /// Its depth of nesting in other items; 0 at the top level.
    pub depth: usize,
}

/// The items of a text, in the order of the text, outer before inner. Fields, and definitions that share their lines with
/// other code, are left out.
pub fn items(text: &str, language: &'static Language, tree: &Tree) -> Vec<Item> {
    let tagged = tags::read(text, language.tags(), tree);
    let lines = line_starts(text);
    let text_of = |bytes: Range<usize>| text.get(bytes).unwrap_or("").trim().to_owned();
    let mut items: Vec<Item> = Vec::new();
    // The ends of the enclosing items.
    let mut open = Vec::new();
    // A definition that begins where another one ends, or ends where another one begins, on the same line.
    let apart = |one: &Definition, other: &Definition| {
        one.bytes.end <= other.bytes.start || other.bytes.end <= one.bytes.start
    };
    let shares = |place: usize| {
        let one = &tagged.definitions[place];
        let near = |other: &&Definition| {
            other.lines.start < one.lines.end
                && one.lines.start < other.lines.end
                && other.kind != Some(SymbolKind::Field)
        };
        // In the order of the text, nearby definitions have adjacent indices.
        let following =
            tagged.definitions[place + 1..].iter().take_while(|other| other.lines.start < one.lines.end);
        let before = tagged.definitions[..place].iter().rev().take(NEAR);
        following.chain(before).filter(near).any(|other| apart(one, other))
    };
    for (place, definition) in tagged.definitions.iter().enumerate() {
        let is_part = matches!(definition.kind, Some(SymbolKind::Field)) || shares(place);
        let first = first_line_of_item(&tagged, definition) as usize;
        let (Some(&start), false) = (lines.get(first), is_part) else { continue };
        let end = lines.get(definition.lines.end as usize).copied().unwrap_or(text.len());
        let whole = text.get(start..end).unwrap_or("");
        // A byte order mark is not part of the first item.
        let text_starts = |c: char| !c.is_whitespace() && c != '\u{feff}';
        let start = start + whole.find(text_starts).unwrap_or(whole.len());
        let end = end - (whole.len() - whole.trim_end().len());
        if start >= end {
            continue;
        }
        while open.last().is_some_and(|&outer: &usize| outer <= start) {
            open.pop();
        }
        items.push(Item {
            name: text_of(definition.name.clone()),
            kind: definition.kind,
            container: tagged.container(definition).map(text_of),
            depth: open.len(),
            bytes: start..end,
            body: definition.body.clone(),
        });
        open.push(end);
    }
    items
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}
