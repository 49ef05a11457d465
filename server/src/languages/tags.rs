//! A language's tag query, ready to run on single nodes.
//!
//! The queries in `queries/` are in the standard form: `@definition.KIND` around `@name`. They also use `@scope` (what
//! gives members their container without being a definition), `@container` (the same, named in the definition itself),
//! `@declarator` (what C declares, instead of `@name`), `@body` (if the grammar has no field of that name), `@doc`
//! (documentation inside the definition), `@reference` (a string, the names in which are used) and `@import`,
//! `@import.path`, `@import.name`.
//!
//! Every pattern starts with a node of one kind. A walk over the tree that runs the query only at such nodes takes half
//! the time of the query over the whole tree.

use serde::{Deserialize, Serialize};
use tree_sitter::{Language as Grammar, Query};

use super::{Language, holds};

/// The kind of a symbol; the names are those of tree-sitter's tag queries where they have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SymbolKind {
    /// A function outside of types.
    Function,
    /// A function of a type.
    Method,
    /// A class, struct, enumeration, union, alias: a name for values.
    Class,
    /// An interface, trait or protocol.
    Interface,
    /// A module, namespace or package.
    Module,
    /// A macro.
    Macro,
    /// A constant or static.
    Constant,
    /// A member of a type that is not a function: a field, a variant, a property.
    Field,
}

/// A compiled tag query, and the facts about each kind of node that a walk over a tree needs.
pub struct Tags {
    /// The query.
    pub query: Query,
    /// The meaning of its captures, in the query's order.
    pub captures: Vec<Capture>,
    /// [`Language::doc_links`]
    pub doc_links: &'static [(&'static str, &'static str)],
    /// By kind id.
    steps: Vec<Step>,
}

/// The meaning of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capture {
    /// `@definition.KIND`
    Definition(SymbolKind),
    /// `@name` of a definition or scope.
    Name,
    /// `@scope`
    Scope,
    /// `@container`
    Container,
    /// `@declarator`: in C, around the name.
    Declarator,
    /// `@body`
    Body,
    /// `@doc`
    Doc,
    /// `@reference`: text whose names are used.
    Reference,
    /// `@import`
    Import,
    /// `@import.path`
    Path,
    /// `@import.name`
    Brought,
    /// `@import.relative`: a path that starts from the file's own folder without a leading `.`.
    RelativePath,
    /// `@import.tree`: a Rust use-tree.
    UseTree,
    /// `@import.module`: a Rust module in a file of its own.
    UseModule,
    /// Used by a predicate.
    Other,
}

/// The action of a walk at a node.
#[derive(Debug, Clone, Copy, Default)]
pub struct Step {
    /// Run the query here.
    pub starts: bool,
    /// One of [`Language::names`].
    pub name: bool,
    /// One of [`Language::comments`].
    pub comment: bool,
    /// Has no children: a keyword, or a name.
    pub leaf: bool,
    /// May separate a definition from its comment: an attribute.
    pub attribute: bool,
    /// May separate them too, and is part of the definition's declaration: a decorator.
    pub decorator: bool,
}

impl Tags {
    pub(super) fn new(language: &Language, grammar: &Grammar) -> Tags {
        // A test compiles each query.
        let query = Query::new(grammar, language.tags).expect("the query fits its grammar");
        let starts: Vec<&str> = (0..query.pattern_count())
            .map(|pattern| start_kind(&language.tags[query.start_byte_for_pattern(pattern)..]))
            .collect();
        let captures = query.capture_names().iter().map(|name| Capture::named(name)).collect();
        let mut steps = vec![Step::default(); grammar.node_kind_count()];
        for (id, step) in (0u16..).zip(&mut steps) {
            let Some(kind) = grammar.node_kind_for_id(id) else { continue };
            if !grammar.node_kind_is_named(id) {
                step.leaf = grammar.node_kind_is_visible(id);
                continue;
            }
            *step = Step {
                starts: starts.contains(&kind),
                name: holds(language.names, kind),
                comment: holds(language.comments, kind),
                leaf: kind.ends_with("identifier") && holds(language.names, kind),
                attribute: kind == "attribute_item",
                decorator: kind == "decorator",
            };
        }
        Tags { query, captures, doc_links: language.doc_links, steps }
    }

    /// The action at a node of this kind.
    pub fn step(&self, kind_id: u16) -> Step {
        self.steps.get(usize::from(kind_id)).copied().unwrap_or_default()
    }
}

impl Capture {
    fn named(name: &str) -> Capture {
        match name {
            "definition.function" => Capture::Definition(SymbolKind::Function),
            "definition.method" => Capture::Definition(SymbolKind::Method),
            "definition.class" => Capture::Definition(SymbolKind::Class),
            "definition.interface" => Capture::Definition(SymbolKind::Interface),
            "definition.module" => Capture::Definition(SymbolKind::Module),
            "definition.macro" => Capture::Definition(SymbolKind::Macro),
            "definition.constant" => Capture::Definition(SymbolKind::Constant),
            "definition.field" => Capture::Definition(SymbolKind::Field),
            "name" => Capture::Name,
            "scope" => Capture::Scope,
            "container" => Capture::Container,
            "declarator" => Capture::Declarator,
            "body" => Capture::Body,
            "doc" => Capture::Doc,
            "reference" => Capture::Reference,
            "import" => Capture::Import,
            "import.path" => Capture::Path,
            "import.relative" => Capture::RelativePath,
            "import.name" => Capture::Brought,
            "import.tree" => Capture::UseTree,
            "import.module" => Capture::UseModule,
            _ => Capture::Other,
        }
    }
}

/// The kind of the node that a pattern starts with.
fn start_kind(pattern: &str) -> &str {
    let inside = pattern.trim_start_matches(|c: char| c == '(' || c.is_whitespace());
    let end = inside.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inside.len());
    &inside[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::languages::ALL;

    #[test]
    fn every_query_fits_its_grammar_and_uses_known_captures() {
        for row in ALL {
            let grammar = row.grammar();
            let query = Query::new(grammar, row.tags).unwrap_or_else(|error| panic!("{row:?}: {error}"));
            for name in query.capture_names() {
                let is_known =
                    Capture::named(name) != Capture::Other || ["constructor", "self"].contains(name);
                assert!(is_known || name.starts_with('_'), "{row:?}: @{name}");
            }
        }
    }

    #[test]
    fn every_pattern_starts_with_one_kind_of_node() {
        for row in ALL {
            let query = &row.tags().query;
            for pattern in 0..query.pattern_count() {
                let kind = start_kind(&row.tags[query.start_byte_for_pattern(pattern)..]);
                let id = row.grammar().id_for_node_kind(kind, true);
                assert_ne!(id, 0, "{row:?}: pattern {pattern} starts with {kind:?}");
            }
        }
    }

    #[test]
    fn names_and_comments_are_kinds_of_the_grammar() {
        for row in ALL {
            for kind in row.names.split_ascii_whitespace().chain(row.comments.split_ascii_whitespace()) {
                assert_ne!(row.grammar().id_for_node_kind(kind, true), 0, "{row:?}: {kind}");
            }
        }
    }
}
