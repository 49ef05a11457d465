//! How much of an item a rewrite loses: names, statements, definitions. A small model forgets; it also writes "the rest
//! stays as it was" where the rest should be.

use std::fmt;

use rustc_hash::FxHashSet;
use tree_sitter::Node;

use super::outline::{Part, items_of};
use super::{Refusal, Terms};
use crate::repository::facts::SymbolKind;

/// How much may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drops {
    /// No name and no statement: what was asked for only adds.
    Nothing,
    /// A third of the names and of the statements: something is changed.
    Some,
    /// Any name, and three quarters of the statements: something is to be taken out or put elsewhere.
    Much,
}

/// What a rewrite loses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loss {
    /// Names that occur no longer, in the order of the text; those that the instruction speaks of are not counted.
    pub names: Vec<String>,
    /// Different names that there were.
    pub of_names: usize,
    /// By how many there are fewer.
    pub statements: usize,
    /// Statements that there were.
    pub of_statements: usize,
}

/// Names that are shown.
const SHOWN: usize = 6;
/// Up to so many lost names or statements are no loss where some may be lost: of a small item they are a large part.
const FEW: usize = 2;

/// Words that ask for less than there was.
const DROPPING: [&str; 22] = [
    "remove",
    "delete",
    "drop",
    "strip",
    "eliminate",
    "simplify",
    "shorten",
    "extract",
    "inline",
    "replace",
    "move",
    "split",
    "merge",
    "deduplicate",
    "rename",
    "clean",
    "rewrite",
    "convert",
    "use",
    "migrate",
    "reduce",
    "collapse",
];

/// What stands in a comment in the place of code.
const ABBREVIATIONS: [&str; 15] = [
    "...",
    "…",
    "existing code",
    "rest of",
    "remaining",
    "unchanged",
    "omitted",
    "same as before",
    "as before",
    "your code here",
    "code here",
    "previous code",
    "implementation here",
    "other methods",
    "more code",
];

impl Drops {
    /// What an instruction in a user's own words lets go.
    pub fn asked_for(instruction: &str) -> Drops {
        let lower = instruction.to_lowercase();
        let mut words = lower.split(|c: char| !c.is_alphabetic());
        if words.any(|word| DROPPING.contains(&word)) { Drops::Much } else { Drops::Some }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.names.is_empty() {
            let shown: Vec<_> = self.names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
            let more = self.names.len().saturating_sub(SHOWN);
            write!(f, "{}", shown.join(", "))?;
            if more > 0 {
                write!(f, " and {more} more names")?;
            }
        }
        if self.statements > 0 {
            let and = if self.names.is_empty() { "" } else { ", and " };
            write!(f, "{and}{} of {} statements", self.statements, self.of_statements)?;
        }
        Ok(())
    }
}

/// Holds an item after a rewrite against the one before.
pub(super) fn acceptable(before: Part, after: Part, terms: &Terms) -> Result<(), Refusal> {
    abbreviated(before, after)?;
    definitions(before, after, terms)?;
    let loss = loss(before, after, terms.instruction);
    let (names, statements) = (loss.names.len(), loss.statements);
    let is_fine = match terms.drops {
        Drops::Nothing => names == 0 && statements == 0,
        Drops::Some => {
            (names <= FEW || names * 3 <= loss.of_names)
                && (statements <= FEW && statements < loss.of_statements
                    || statements * 3 <= loss.of_statements)
        }
        Drops::Much => statements * 4 <= loss.of_statements * 3,
    };
    if is_fine { Ok(()) } else { Err(Refusal::Lost(loss)) }
}

/// A comment that stands for code, where the old item has none like it.
fn abbreviated(before: Part, after: Part) -> Result<(), Refusal> {
    let comments = |(document, range): Part| -> Vec<String> {
        let mut comments = Vec::new();
        each_node((document, range), |node| {
            if document.language.is_some_and(|language| is_one_of(language.comments, node.kind())) {
                comments.push(document.text.byte_slice(node.byte_range()).to_string());
            }
        });
        comments
    };
    let old = comments(before).concat().to_lowercase();
    for comment in comments(after) {
        let lower = comment.to_lowercase();
        let words = lower.trim_matches(|c: char| !c.is_alphanumeric() && !".…".contains(c));
        let stands_for_code = |mark: &str| match mark {
            "..." | "…" => words.starts_with(mark) || words.ends_with(mark),
            mark => words.contains(mark) && words.len() < 80,
        };
        if ABBREVIATIONS.iter().any(|mark| stands_for_code(mark) && !old.contains(mark)) {
            return Err(Refusal::Abbreviated(comment.trim().chars().take(120).collect()));
        }
    }
    Ok(())
}

/// What the item defines at its top must still be defined, and no more than that where nothing may be added.
fn definitions(before: Part, after: Part, terms: &Terms) -> Result<(), Refusal> {
    let defined = |(document, range): Part| -> Vec<(String, Option<SymbolKind>)> {
        let mut all = items_of(document);
        all.retain(|item| range.start <= item.bytes.start && item.bytes.end <= range.end);
        let top = all.iter().map(|item| item.depth).min();
        all.retain(|item| Some(item.depth) == top && item.kind != Some(SymbolKind::Constant));
        all.into_iter().map(|item| (item.name, item.kind)).collect()
    };
    let (old, new) = (defined(before), defined(after));
    let has = |all: &[(String, Option<SymbolKind>)], name: &str| all.iter().any(|(other, _)| other == name);
    let gone = old.iter().find(|(name, _)| !has(&new, name) && !mentions(terms.instruction, name));
    if let Some((name, _)) = gone {
        return Err(Refusal::Undefines(name.clone()));
    }
    let added = new.iter().find(|(name, _)| !has(&old, name));
    match added {
        Some((name, _)) if !terms.may_add_items && new.len() > old.len() => Err(Refusal::Adds(name.clone())),
        _ => Ok(()),
    }
}

/// What a rewrite loses.
fn loss(before: Part, after: Part, instruction: &str) -> Loss {
    let (old, old_statements) = names_and_statements(before);
    let (new, new_statements) = names_and_statements(after);
    let left: FxHashSet<&str> = new.iter().map(String::as_str).collect();
    let mut seen = FxHashSet::default();
    let different: Vec<&String> = old.iter().filter(|name| seen.insert(name.as_str())).collect();
    let lost = different.iter().filter(|name| !left.contains(name.as_str()) && !mentions(instruction, name));
    Loss {
        names: lost.map(|name| name.to_string()).collect(),
        of_names: different.len(),
        statements: old_statements.saturating_sub(new_statements),
        of_statements: old_statements,
    }
}

/// Names in the order of the text, and how many statements there are: what stands directly in a block.
fn names_and_statements((document, range): Part) -> (Vec<String>, usize) {
    let (mut names, mut statements) = (Vec::new(), 0);
    let Some(language) = document.language else { return (names, statements) };
    each_node((document, range), |node| {
        let inside = range.start <= node.start_byte() && node.end_byte() <= range.end;
        if !inside || !node.is_named() {
            return;
        }
        if node.child_count() == 0 && is_one_of(language.names, node.kind()) {
            names.push(document.text.byte_slice(node.byte_range()).to_string());
        }
        let in_block = node.parent().is_some_and(|parent| language.holds_statements(parent));
        statements += usize::from(in_block && !node.is_extra());
    });
    (names, statements)
}

/// Calls `visit` with the nodes that share a byte with a place.
fn each_node((document, range): Part, mut visit: impl FnMut(Node)) {
    let Some(tree) = document.tree() else { return };
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let is_near = node.start_byte() < range.end && range.start < node.end_byte();
        if is_near {
            visit(node);
            if cursor.goto_first_child() {
                continue;
            }
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// Whether an instruction speaks of a name, as a whole word.
fn mentions(instruction: &str, name: &str) -> bool {
    instruction.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

fn is_one_of(kinds: &str, kind: &str) -> bool {
    kinds.split_ascii_whitespace().any(|one| one == kind)
}
