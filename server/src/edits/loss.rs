//! How much of an item a rewrite loses: names, statements, definitions. A small model forgets; it also writes "the rest
//! stays as it was" where the rest should be.

use std::fmt;

use rustc_hash::FxHashSet;
use tree_sitter::Node;

use super::nodes::{self, Part, mentions, top_items};
use super::{Refusal, Terms, abbreviations, heading};
use crate::repository::facts::SymbolKind;

/// How much may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drops {
    /// No name and no statement: what was asked for only adds.
    Nothing,
    /// A third of the names and of the statements, and half of all words: something is changed. Half of the names where
    /// the item is hardly shorter than before: something is said in another way, and nothing was forgotten.
    Some,
    /// Three quarters of the names, and three quarters of the statements unless half of the names stay: something is to
    /// be taken out, or said in another way.
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
    /// By how many words there are fewer: names, numbers, strings.
    pub words: usize,
    /// Words that there were.
    pub of_words: usize,
}

/// Names that are shown.
const SHOWN: usize = 6;
/// Up to so many lost names or statements are no loss where some may be lost: of a small item they are a large part.
const FEW: usize = 2;
/// The same of words.
const FEW_WORDS: usize = 12;

/// How words begin that ask for less than there was, or for something else in its place.
const DROPPING: [&str; 35] = [
    "remov",
    "delet",
    "drop",
    "strip",
    "eliminat",
    "simplif",
    "shorten",
    "extract",
    "inline",
    "inlining",
    "replac",
    "move",
    "moving",
    "split",
    "merg",
    "dedup",
    "renam",
    "clean",
    "rewrit",
    "convert",
    "migrat",
    "reduc",
    "collaps",
    "instead",
    "flatten",
    "combin",
    "consolidat",
    "refactor",
    "unus",
    "redundan",
    "without",
    "unnecessar",
    "turn",
    "transform",
    "factor",
];

/// The same, as whole words: others begin like them.
const DROPPING_WORDS: [&str; 3] = ["use", "using", "cut"];

/// Names that stand for code that somebody has yet to write.
const STANDING_IN: [&str; 5] =
    ["todo", "unimplemented", "unreachable", "NotImplementedError", "NotImplementedException"];

impl Drops {
    /// What an instruction in a user's own words lets go.
    pub fn asked_for(instruction: &str) -> Drops {
        let lower = instruction.to_lowercase();
        let asks = |word: &str| {
            DROPPING.iter().any(|beginning| word.starts_with(beginning)) || DROPPING_WORDS.contains(&word)
        };
        let mut words = lower.split(|c: char| !c.is_alphabetic());
        if words.any(asks) { Drops::Much } else { Drops::Some }
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
        let mut and = if self.names.is_empty() { "" } else { ", and " };
        if self.statements > 0 {
            write!(f, "{and}{} of {} statements", self.statements, self.of_statements)?;
            and = ", ";
        }
        if self.words * 2 > self.of_words || self.statements == 0 && self.names.is_empty() {
            write!(f, "{and}{} of {} words", self.words, self.of_words)?;
        }
        Ok(())
    }
}

/// Holds an item after a rewrite against the one before.
pub(super) fn acceptable(before: Part, after: Part, terms: &Terms) -> Result<(), Refusal> {
    definitions(before, after, terms)?;
    heading::check(before, after, terms.instruction)?;
    let loss = loss(before, after, terms.instruction);
    let is_less = !loss.names.is_empty() || loss.statements > 0 || loss.words > 0;
    abbreviations::check(before, after, terms.instruction, is_less)?;
    let (names, statements) = (loss.names.len(), loss.statements);
    let (of_names, of_statements) = (loss.of_names, loss.of_statements);
    let is_fine = match terms.drops {
        Drops::Nothing => names == 0 && statements == 0 && loss.words <= FEW_WORDS,
        Drops::Some => {
            let is_as_long = statements == 0 && loss.words <= FEW_WORDS;
            (names <= FEW || names * 3 <= of_names || is_as_long && names * 2 <= of_names)
                && (statements <= FEW && statements < of_statements || statements * 3 <= of_statements)
                && (loss.words <= FEW_WORDS || loss.words * 2 <= loss.of_words)
        }
        Drops::Much => {
            (names <= FEW || names * 4 <= of_names * 3)
                && (statements * 4 <= of_statements * 3 || names * 2 <= of_names)
        }
    };
    if is_fine { Ok(()) } else { Err(Refusal::Lost(loss)) }
}

/// What the item defines at its top must still be defined, and no more than that where nothing may be added.
fn definitions(before: Part, after: Part, terms: &Terms) -> Result<(), Refusal> {
    let defined = |part: Part| -> Vec<(String, Option<String>)> {
        let mut all = top_items(part);
        // A heading is prose.
        if part.0.language.is_some_and(|language| language.names.is_empty()) {
            all.retain(|item| item.kind.is_none());
        }
        // Beside others a constant is a detail.
        if all.len() > 1 {
            all.retain(|item| item.kind != Some(SymbolKind::Constant));
        }
        all.into_iter().map(|item| (item.name, item.container)).collect()
    };
    let (old, new) = (defined(before), defined(after));
    let added = new.iter().find(|definition| !old.contains(definition));
    // A name may go where the instruction speaks of it and of the one that comes, or where much may go.
    let is_asked = |name: &str| {
        mentions(terms.instruction, name)
            && (terms.drops == Drops::Much
                || added.is_some_and(|(name, _)| mentions(terms.instruction, name)))
    };
    let may_go = |(name, container): &(String, Option<String>)| {
        is_asked(name) || container.as_ref().is_some_and(|container| is_asked(container))
    };
    if let Some((name, _)) = old.iter().find(|definition| !new.contains(definition) && !may_go(definition)) {
        return Err(Refusal::Undefines(name.clone()));
    }
    match added {
        Some((name, _)) if !terms.may_add_items && new.len() > old.len() => Err(Refusal::Adds(name.clone())),
        _ => Ok(()),
    }
}

/// What a rewrite loses.
fn loss(before: Part, after: Part, instruction: &str) -> Loss {
    let (old, new) = (Content::of(before), Content::of(after));
    let left: FxHashSet<&str> = new.names.iter().map(String::as_str).collect();
    let mut seen = FxHashSet::default();
    let different: Vec<&String> = old.names.iter().filter(|name| seen.insert(name.as_str())).collect();
    let is_kept = |name: &str| {
        // What was not used yet, or stood for code that is to come.
        left.contains(name) || left.contains(name.trim_start_matches('_')) || STANDING_IN.contains(&name)
    };
    let lost = different.iter().filter(|name| !is_kept(name) && !mentions(instruction, name));
    Loss {
        names: lost.map(|name| name.to_string()).collect(),
        of_names: different.len(),
        statements: old.statements.saturating_sub(new.statements),
        of_statements: old.statements,
        words: old.words.saturating_sub(new.words),
        of_words: old.words,
    }
}

/// What an item holds.
#[derive(Default)]
struct Content {
    /// In the order of the text.
    names: Vec<String>,
    /// What stands directly in a block; where there are no functions, in a section or table.
    statements: usize,
    /// Leaves that are more than a mark: names, numbers, strings.
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

    /// What the second text loses of the first.
    fn lost(language: &str, old: &str, new: &str, instruction: &str) -> Loss {
        let open = |text: &str| Document::open(DocumentId("a".into()), None, language, 1, text);
        loss((&open(old), &(0..old.len())), (&open(new), &(0..new.len())), instruction)
    }

    #[test]
    fn an_instruction_says_how_much_may_go() {
        for much in
            ["Remove the log", "simplified, please", "Use `?`", "Renaming a to b", "turn it into a loop"]
        {
            assert_eq!(Drops::asked_for(much), Drops::Much, "{much}");
        }
        for some in ["Add a limit", "Because of users", "Fix the bug", "Document it", ""] {
            assert_eq!(Drops::asked_for(some), Drops::Some, "{some}");
        }
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
    fn a_loss_is_said_in_words() {
        let names: Vec<String> = (0..8).map(|number| format!("n{number}")).collect();
        let loss = Loss { names, of_names: 9, statements: 2, of_statements: 5, words: 1, of_words: 40 };
        assert_eq!(
            loss.to_string(),
            "`n0`, `n1`, `n2`, `n3`, `n4`, `n5` and 2 more names, and 2 of 5 statements"
        );
        let loss = Loss { words: 13, of_words: 19, ..Loss::default() };
        assert_eq!(loss.to_string(), "13 of 19 words");
    }
}
