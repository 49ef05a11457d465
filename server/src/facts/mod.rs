//! What one file says, as far as other files may want to know it: definitions, references, imports, and its text in
//! searchable chunks. Made from one text alone, so that files can be read in any order and in parallel.

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

/// What one file says. Equal texts at equal paths have equal facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The language's [id](Language::id); empty for plain text.
    pub language: Box<str>,
    /// Bytes of the text.
    pub bytes: u32,
    /// Lines of the text.
    pub lines: u32,
    /// Every different word of `references` and `chunks`, once; these name it by its place in this list.
    pub words: Vec<Box<str>>,
    /// What is defined, in the order of the text.
    pub symbols: Vec<Symbol>,
    /// Where names that are defined elsewhere, or nearby, are used: in the order of the text.
    pub references: Vec<Reference>,
    /// What is brought in from other files.
    pub imports: Vec<Import>,
    /// The whole text in pieces for search.
    pub chunks: Vec<Chunk>,
    /// What the file says of its project, if it is a manifest (`Cargo.toml`, `tsconfig.json`, `go.mod`).
    pub manifest: Option<Manifest>,
}

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbol {
    /// As it is used: `parse`, `Shape`.
    pub name: Box<str>,
    /// What it is.
    pub kind: SymbolKind,
    /// The name of the item around it: of the type for a method, of the module for a function in one.
    pub container: Option<Box<str>>,
    /// Its lines, the first counted from 0; comment and attributes above it are not among them.
    pub lines: Range<u32>,
    /// How one declares it, as it stands in the text, without its body; small types whole. Bounded.
    pub signature: Box<str>,
    /// The first paragraph of its documentation, as it stands in the text, comment marks included; bounded.
    pub doc: Box<str>,
}

/// A use of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Place of the name in [`Facts::words`].
    pub word: u32,
    /// Counted from 0.
    pub line: u32,
}

/// What one import says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The module or file as the language writes it, quotes and brackets excepted: `crate::shape::Shape`,
    /// `..models.user`, `./shape`, `fmt`, `stdio.h`. Of a Rust use-tree each leaf is an import, `a::*` is `a` without
    /// names, and `mod a;` is `self::a`; Ruby's `require_relative "a"` is `./a`.
    pub path: Box<str>,
    /// Names that it brings in, as the file goes on to use them; empty where it does not say.
    pub names: Vec<Box<str>>,
    /// Counted from 0.
    pub line: u32,
}

/// A piece of a text for search: an item, or some lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its lines, the first counted from 0.
    pub lines: Range<u32>,
    /// Terms (see [`terms`]) by their place in [`Facts::words`], and how often each occurs.
    pub terms: Vec<(u32, u16)>,
}

/// A name that is used.
struct Name {
    /// Where it stands.
    pub bytes: Range<usize>,
    /// Counted from 0.
    pub line: u32,
}

/// Reads a text. `tree` is its syntax tree where somebody has one already. Of a text that is too large, binary or not
/// to be parsed in time, less is known.
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

/// What a text imports: [`Facts::imports`] alone.
pub fn imported(text: &str, language: &'static Language, tree: &Tree) -> Vec<Import> {
    imports::gather(tags::read(text, language.tags(), tree).imports, text)
}

/// What a text defines, in the order of the text: [`Facts::symbols`] alone.
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
    let said = |bytes: Range<usize>| {
        text.get(bytes).unwrap_or("").trim_matches([' ', '\t', '\r', '\n', ':', '"', '\''])
    };
    let symbol = |(at, definition): (usize, &tags::Definition)| {
        Some(Symbol {
            name: said(definition.name.clone()).into(),
            kind: definition.kind?,
            container: tagged.container(definition).map(|name| said(name).into()),
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
        // One letter is a parameter or a loop's counter, and a receiver is everywhere.
        let says_nothing = word.len() < 2 || matches!(word, "self" | "this" | "cls");
        (!says_nothing).then(|| Reference { word: vocabulary.number(word), line: name.line })
    };
    tagged.names.iter().filter_map(reference).collect()
}

#[cfg(test)]
mod tests;
