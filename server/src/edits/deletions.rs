//! What a rewrite deletes of an item: names, statements, definitions, what precedes them, imports. A small model forgets code,
//! and an instruction may ask for a deletion; the user decides which of the two it is. Deletions are shown with the
//! edit; if they exceed what the action implies, the edit asks for confirmation. An answer is refused if it is not a
//! version of the item, or has a placeholder such as "the rest stays as it was" instead of code.

use std::fmt;
use std::path::Path;

use rustc_hash::FxHashSet;
use tree_sitter::Node;

use super::nodes::{self, Part, mentions, top_items};
use super::{Policy, Rejection, abbreviations, heading};
use crate::facts::{self, Import, SymbolKind};
use crate::messages;

/// How much an action is expected to delete; for more, the user is asked to confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionAllowance {
    /// No name and no statement: the action only adds.
    Nothing,
    /// A third of the names and of the statements, and half of all words: the action changes code. Half of the names if
    /// the item is hardly shorter than before: it was rephrased, and nothing was forgotten.
    Some,
    /// Three quarters of the names, and three quarters of the statements unless half of the names stay: the action
    /// removes or rephrases code.
    Much,
}

/// What a rewrite deletes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeletedContent {
    /// Names that no longer occur, in the order of the text, except those that the instruction mentions.
    pub names: Vec<String>,
    /// Number of different names before.
    pub of_names: usize,
    /// Decrease in the number of statements.
    pub statements: usize,
    /// Number of statements before.
    pub of_statements: usize,
    /// Decrease in the number of words: names, numbers, strings.
    pub words: usize,
    /// Number of words before.
    pub of_words: usize,
}

/// Names that are shown.
const SHOWN: usize = 6;
/// Where deletions are expected, this many names or statements always are: they are a large part of a small item.
const FEW: usize = 2;
/// The same for words.
const FEW_WORDS: usize = 12;

/// What a rewrite deletes that its instruction does not mention.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deletions {
    /// Definitions with another name: the old one, and the new.
    pub renamed: Vec<(String, String)>,
    /// Deleted definitions.
    pub definitions: Vec<String>,
    /// Comments, attributes and modifiers that preceded a definition.
    pub heading: Vec<String>,
    /// Deleted imports, if the item has fewer than before.
    pub imports: Vec<String>,
    /// Names, statements and words.
    pub loss: DeletedContent,
    /// It exceeds what an action of this kind implies: the user should confirm it.
    pub is_unexpected: bool,
}

impl Deletions {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        let Deletions { renamed, definitions, heading, imports, loss, is_unexpected: _ } = self;
        let lists = [definitions, heading, imports];
        renamed.is_empty() && lists.iter().all(|list| list.is_empty()) && !loss.is_notable()
    }
}

impl fmt::Display for Deletions {
    /// For users: ``renames `a` to `b`; deletes `c`, and 1 of 3 statements``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> =
            self.renamed.iter().map(|(old, new)| format!("renames `{old}` to `{new}`")).collect();
        let quoted = |names: &[String]| {
            let shown =
                names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            match names.len().saturating_sub(SHOWN) {
                0 => shown,
                more => format!("{shown} and {more} more"),
            }
        };
        if !self.definitions.is_empty() {
            parts.push(format!("no longer defines {}", quoted(&self.definitions)));
        }
        if !self.heading.is_empty() {
            parts.push(format!("deletes {} in front of it", quoted(&self.heading)));
        }
        if !self.imports.is_empty() {
            parts.push(format!("no longer imports {}", quoted(&self.imports)));
        }
        if self.loss.is_notable() {
            parts.push(format!("deletes {}", self.loss));
        }
        f.write_str(&parts.join("; "))
    }
}

impl DeletedContent {
    /// Whether it is worth showing.
    fn is_notable(&self) -> bool {
        !self.names.is_empty() || self.statements > 0 || self.words > FEW_WORDS
    }

    /// Whether the action implies this much.
    fn is_within(&self, may_delete: DeletionAllowance) -> bool {
        let DeletedContent { names, of_names, statements, of_statements, words, of_words } = self;
        let (names, statements, words) = (names.len(), *statements, *words);
        match may_delete {
            DeletionAllowance::Nothing => names == 0 && statements == 0 && words <= FEW_WORDS,
            DeletionAllowance::Some => {
                let is_as_long = statements == 0 && words <= FEW_WORDS;
                (names <= FEW || names * 3 <= *of_names || is_as_long && names * 2 <= *of_names)
                    && (statements <= FEW && statements < *of_statements || statements * 3 <= *of_statements)
                    && (words <= FEW_WORDS || words * 2 <= *of_words)
            }
            DeletionAllowance::Much => {
                (names <= FEW || names * 4 <= of_names * 3)
                    && (statements * 4 <= of_statements * 3 || names * 2 <= *of_names)
            }
        }
    }
}

impl fmt::Display for DeletedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.names.is_empty() {
            let shown: Vec<_> = self.names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
            let more = self.names.len().saturating_sub(SHOWN);
            write!(f, "{}", shown.join(", "))?;
            if more > 0 {
                write!(f, " and {}", messages::counted(more, "more name"))?;
            }
        }
        let mut and = if self.names.is_empty() { "" } else { ", and " };
        if self.statements > 0 {
            write!(f, "{and}{} of {}", self.statements, messages::counted(self.of_statements, "statement"))?;
            and = ", ";
        }
        if self.words * 2 > self.of_words || self.statements == 0 && self.names.is_empty() {
            write!(f, "{and}{} of {}", self.words, messages::counted(self.of_words, "word"))?;
        }
        Ok(())
    }
}

/// What a rewrite deletes of an item.
///
/// # Errors The new text is not a version of the item, leaves code out, or adds what must not be added.
pub(super) fn deletions(before: Part, after: Part, policy: &Policy) -> Result<Deletions, Rejection> {
    let loss = loss(before, after, policy.instruction);
    let (renamed, definitions) = definitions(before, after, policy, &loss)?;
    let is_less = !loss.names.is_empty() || loss.statements > 0 || loss.words > 0;
    abbreviations::check(before, after, policy.instruction, is_less)?;
    let heading = heading::lost(before, after, policy.instruction);
    let imports = imports(before, after);
    // What is reported as part of these is not reported again.
    let mut loss = loss;
    loss.names.retain(|name| {
        let is_named = |(old, _): &(String, String)| mentions(old, name);
        !renamed.iter().any(is_named) && !heading.iter().chain(&imports).any(|gone| mentions(gone, name))
    });
    // An action that removes code may remove the imports that it needed.
    let keeps_imports = imports.is_empty() || policy.may_delete == DeletionAllowance::Much;
    let keeps_items = renamed.is_empty() && definitions.is_empty() && heading.is_empty();
    let is_unexpected = !keeps_items || !keeps_imports || !loss.is_within(policy.may_delete);
    Ok(Deletions { renamed, definitions, heading, imports, loss, is_unexpected })
}

/// The imports that are missing from an item with fewer of them. With as many as before they were replaced.
fn imports(before: Part, after: Part) -> Vec<String> {
    let of = |(document, range): Part| {
        let text = document.text.byte_slice(range.clone()).to_string();
        let path = document.path.as_deref().unwrap_or(Path::new(""));
        facts::read(path, &text, document.language, None).imports
    };
    let old = of(before);
    if old.is_empty() {
        return Vec::new();
    }
    let new = of(after);
    let is_gone =
        |import: &&Import| new.len() < old.len() && new.iter().all(|other| other.path != import.path);
    old.iter().filter(is_gone).map(|import| import.path.to_string()).collect()
}

/// Definitions with another name, and deleted ones.
type Gone = (Vec<(String, String)>, Vec<String>);

/// The top-level definitions of the item that are deleted. It must still be the same item, with no more definitions
/// than before if none may be added.
fn definitions(before: Part, after: Part, policy: &Policy, loss: &DeletedContent) -> Result<Gone, Rejection> {
    let defined = |part: Part| -> Vec<(String, Option<String>)> {
        let mut all = top_items(part);
        // A heading is prose.
        if part.0.language.is_some_and(|language| language.names.is_empty()) {
            all.retain(|item| item.kind.is_none());
        }
        // Next to other definitions a constant is a detail.
        if all.len() > 1 {
            all.retain(|item| item.kind != Some(SymbolKind::Constant));
        }
        all.into_iter().map(|item| (item.name, item.container)).collect()
    };
    let (old, new) = (defined(before), defined(after));
    let gone: Vec<_> = old.iter().filter(|definition| !new.contains(definition)).collect();
    let added: Vec<_> = new.iter().filter(|definition| !old.contains(definition)).collect();
    if let Some((name, _)) = added.first().filter(|_| !policy.may_add_items && new.len() > old.len()) {
        return Err(Rejection::Adds(name.clone()));
    }
    let is_spoken_of = |(name, container): &(String, Option<String>)| {
        mentions(policy.instruction, name)
            || container.as_ref().is_some_and(|container| mentions(policy.instruction, container))
    };
    let (mut renamed, mut definitions) = (Vec::new(), Vec::new());
    for (place, definition) in gone.into_iter().enumerate() {
        let other = added.get(place);
        // An item without the name and most of the old names is another item.
        let is_kept = loss.names.len() * 2 <= loss.of_names;
        match other {
            Some(other) if is_spoken_of(definition) && is_spoken_of(other) => {}
            Some(other) if is_spoken_of(definition) || is_kept => {
                let label = |(name, container): &(String, Option<String>)| match container {
                    Some(container) if definition.0 == other.0 => format!("{container}.{name}"),
                    _ => name.clone(),
                };
                renamed.push((label(definition), label(other)));
            }
            None if is_spoken_of(definition) || !new.is_empty() => definitions.push(definition.0.clone()),
            _ => return Err(Rejection::Undefines(definition.0.clone())),
        }
    }
    Ok((renamed, definitions))
}

/// What a rewrite deletes.
fn loss(before: Part, after: Part, instruction: &str) -> DeletedContent {
    let (old, new) = (Content::of(before), Content::of(after));
    let left: FxHashSet<&str> = new.names.iter().map(String::as_str).collect();
    let mut seen = FxHashSet::default();
    let different: Vec<&String> = old.names.iter().filter(|name| seen.insert(name.as_str())).collect();
    let placeholders = before.0.language.map_or("", |language| language.placeholders.names);
    let is_kept = |name: &str| {
        // A name that was unused, or a placeholder for future code.
        name == "_"
            || left.contains(name)
            || left.contains(name.trim_start_matches('_'))
            || nodes::is_one_of(placeholders, name)
    };
    let lost = different.iter().filter(|name| !is_kept(name) && !mentions(instruction, name));
    DeletedContent {
        names: lost.map(|name| name.to_string()).collect(),
        of_names: different.len(),
        statements: old.statements.saturating_sub(new.statements),
        of_statements: old.statements,
        words: old.words.saturating_sub(new.words),
        of_words: old.words,
    }
}

/// The content of an item.
#[derive(Default)]
struct Content {
    /// In the order of the text.
    names: Vec<String>,
    /// The children of blocks; where there are no functions, of sections or tables.
    statements: usize,
    /// Leaves other than punctuation: names, numbers, strings.
    words: usize,
}

impl Content {
    fn of(part: Part) -> Content {
        let (document, _) = part;
        let mut content = Content::default();
        let Some(language) = document.language else { return content };
        let is_name = |node: Node| nodes::is_one_of(language.names, node.kind());
        let root = document.tree().map(|tree| tree.root_node());
        nodes::each_inside_with_parent(part, |node, parent| {
            if !node.is_named() || node.is_extra() {
                return;
            }
            // A command's name has a leaf of its own.
            if is_name(node) && !node.named_child(0).is_some_and(is_name) {
                content.names.push(nodes::text(document, node));
            }
            content.words += usize::from(node.named_child_count() == 0);
            let holds = |parent: Node| {
                root.is_some_and(|root| language.holds_statements(parent, root))
                    || language.functions.is_empty() && language.role(parent).container
            };
            content.statements += usize::from(parent.is_some_and(holds));
        });
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{Document, DocumentId};

    /// What the second text deletes of the first.
    fn lost(language: &str, old: &str, new: &str, instruction: &str) -> DeletedContent {
        let open = |text: &str| Document::open(DocumentId("a".into()), None, language, 1, text);
        loss((&open(old), &(0..old.len())), (&open(new), &(0..new.len())), instruction)
    }

    #[test]
    fn names_statements_and_words_are_counted() {
        let old = "fn f(a: A) {\n    let b = g(a, 1);\n    h(b, \"x\");\n}\n";
        let loss = lost("rust", old, "fn f(a: A) {\n    g(a, 1);\n}\n", "Drop `h`.");
        assert_eq!((loss.names.as_slice(), loss.of_names), (&["b".to_owned()][..], 6), "`h` is spoken of");
        assert_eq!((loss.statements, loss.of_statements), (1, 3));
        assert!(loss.words > 2 && loss.words < loss.of_words);
        assert_eq!(lost("rust", old, old, "").names, Vec::<String>::new());
        let same = lost("rust", "fn f(_a: A) { todo!() }", "fn f(a: A) { g(a) }", "");
        assert_eq!(same.names, Vec::<String>::new());
    }

    #[test]
    fn commands_of_a_shell_and_entries_of_a_table_count() {
        let loss = lost("shellscript", "f() {\n    make\n    ninja\n}\n", "f() {\n    make\n}\n", "");
        assert_eq!((loss.names.as_slice(), loss.statements), (&["ninja".to_owned()][..], 1));
        assert_eq!(lost("toml", "[a]\nb = 1\nc = 2\n", "[a]\nb = 1\n", "").statements, 1);
    }

    #[test]
    fn deletions_are_described_in_words() {
        let names: Vec<String> = (0..8).map(|number| format!("n{number}")).collect();
        let loss =
            DeletedContent { names, of_names: 9, statements: 2, of_statements: 5, words: 1, of_words: 40 };
        assert_eq!(
            loss.to_string(),
            "`n0`, `n1`, `n2`, `n3`, `n4`, `n5` and 2 more names, and 2 of 5 statements"
        );
        let loss = DeletedContent { words: 13, of_words: 19, ..DeletedContent::default() };
        assert_eq!(loss.to_string(), "13 of 19 words");
    }
}
