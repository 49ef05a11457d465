//! The facts of one file that other files need: definitions, references, imports, and its text in searchable chunks. They
//! depend on one text alone, so that files can be read in any order and in parallel.

mod chunks;
mod declarators;
mod imports;
mod items;
mod json;
mod manifest;
mod quoted;
mod signature;
mod tags;
mod terms;

use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tree_sitter::Tree;

pub use self::items::{Item, items};
pub use self::manifest::{Manifest, is_typescript, manifest};
use self::tags::Tagged;
use self::terms::Vocabulary;
pub use self::terms::terms;
use crate::languages::Language;
pub use crate::languages::SymbolKind;
use crate::syntax::{MAX_PARSED_BYTES, max_parse_time, parse_str};

/// The facts of one file. Equal texts at equal paths have equal facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The language's [id](Language::id); empty for plain text.
    pub language: Box<str>,
    /// Bytes of the text.
    pub bytes: u32,
    /// Lines of the text.
    pub lines: u32,
    /// Every distinct word of `references` and `chunks`, which refer to it by its index.
    pub words: Vec<Box<str>>,
    /// The definitions, in the order of the text.
    pub symbols: Vec<Symbol>,
    /// The uses of names, in the order of the text.
    pub references: Vec<Reference>,
    /// The imports.
    pub imports: Vec<Import>,
    /// The whole text in chunks for search.
    pub chunks: Vec<Chunk>,
    /// The manifest, if the file is one (`Cargo.toml`, `tsconfig.json`, `go.mod`).
    pub manifest: Option<Manifest>,
}

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbol {
    /// Its name: `parse`, `Shape`.
    pub name: Box<str>,
    /// Its kind.
    pub kind: SymbolKind,
    /// The name of the enclosing item: the type of a method, the module of a function.
    pub container: Option<Box<str>>,
    /// Its lines, counted from 0, without comments and attributes above it.
    pub lines: Range<u32>,
    /// Its signature as written, without the body; small types whole. Bounded.
    pub signature: Box<str>,
    /// The first paragraph of its documentation as written, comment markers included; bounded.
    pub doc: Box<str>,
}

/// A use of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The index of the name in [`Facts::words`].
    pub word: u32,
    /// Counted from 0.
    pub line: u32,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The module or file as written, without quotes and brackets: `crate::shape::Shape`,
    /// `..models.user`, `./shape`, `fmt`, `stdio.h`. Of a Rust use-tree each leaf is an import, `a::*` is `a` without
    /// names, and `mod a;` is `self::a`; Ruby's `require_relative "a"` is `./a`.
    pub path: Box<str>,
    /// The imported names, as the file uses them; empty if the import does not name any.
    pub names: Vec<Box<str>>,
    /// Counted from 0.
    pub line: u32,
}

/// A chunk of a text for search: an item, or some lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its lines, counted from 0.
    pub lines: Range<u32>,
    /// Terms (see [`terms`]) by their index in [`Facts::words`], with their frequencies.
    pub terms: Vec<(u32, u16)>,
}

/// A use of a name.
struct Name {
    /// Its bytes.
    pub bytes: Range<usize>,
    /// Counted from 0.
    pub line: u32,
}

/// Extracts the facts of a text. `tree` is its syntax tree, if it exists already. A text that is too large, binary or too
/// slow to parse has fewer facts.
pub fn read(path: &Path, text: &str, language: Option<&'static Language>, tree: Option<&Tree>) -> Facts {
    let mut facts = Facts {
        language: language.map_or("", |language| language.id).into(),
        bytes: text.len().try_into().unwrap_or(u32::MAX),
        lines: text.lines().count().try_into().unwrap_or(u32::MAX),
        ..Facts::default()
    };
    if text.len() > MAX_PARSED_BYTES || text.contains('\0') {
        return facts;
    }
    facts.manifest = manifest(path, text);
    let mut vocabulary = Vocabulary::default();
    let mut items = Vec::new();
    if let Some(language) = language {
        let parsed = match tree {
            Some(_) => None,
            None => parse_str(language, text, max_parse_time(text.len())),
        };
        if let Some(tree) = tree.or(parsed.as_ref()) {
            let tagged = tags::read(text, language.tags(), tree);
            facts.symbols = symbols(text, &tagged);
            facts.references = references(text, &tagged, &mut vocabulary);
            items = tagged
                .definitions
                .iter()
                .map(|item| signature::first_line_of_item(&tagged, item)..item.lines.end)
                .collect();
            facts.imports = imports::gather(tagged.imports, text);
        }
    }
    facts.chunks = chunks::tile(text, &items, language, &mut vocabulary);
    facts.words = vocabulary.into_words();
    facts
}

/// Only [`Facts::imports`] of a text.
pub fn imported(text: &str, language: &'static Language, tree: &Tree) -> Vec<Import> {
    imports::gather(tags::read(text, language.tags(), tree).imports, text)
}

/// Only [`Facts::symbols`] of a text.
pub fn definitions(text: &str, language: &'static Language, tree: &Tree) -> Vec<Symbol> {
    symbols(text, &tags::read(text, language.tags(), tree))
}

fn symbols(text: &str, tagged: &Tagged) -> Vec<Symbol> {
    let mut members = vec![Vec::new(); tagged.definitions.len()];
    for (at, definition) in tagged.definitions.iter().enumerate() {
        if let Some(parent) = definition.parent {
            members[parent].push(at);
        }
    }
    let text_of = |bytes: Range<usize>| {
        text.get(bytes).unwrap_or("").trim_matches([' ', '\t', '\r', '\n', ':', '"', '\''])
    };
    let symbol = |(at, definition): (usize, &tags::Definition)| {
        Some(Symbol {
            name: text_of(definition.name.clone()).into(),
            kind: definition.kind?,
            container: tagged.container(definition).map(|name| text_of(name).into()),
            lines: definition.lines.clone(),
            signature: signature::signature(text, tagged, at, &members[at]).into(),
            doc: signature::doc(text, tagged, definition).into(),
        })
    };
    tagged.definitions.iter().enumerate().filter_map(symbol).collect()
}

fn references(text: &str, tagged: &Tagged, vocabulary: &mut Vocabulary) -> Vec<Reference> {
    let reference = |name: &Name| {
        let word = text.get(name.bytes.clone())?;
        // One letter is a parameter or a loop counter, and a receiver occurs everywhere.
        let is_trivial = word.len() < 2 || matches!(word, "self" | "this" | "cls");
        (!is_trivial).then(|| Reference { word: vocabulary.number(word), line: name.line })
    };
    tagged.names.iter().filter_map(reference).collect()
}

#[cfg(test)]
mod tests;
