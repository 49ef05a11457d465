//! What one file says, as far as other files may want to know it: definitions, references, imports, and its text in
//! searchable chunks. Made from one text alone, so that files can be read in any order and in parallel.

use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tree_sitter::Tree;

use super::imports::Manifest;
use crate::languages::Language;

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

/// What a symbol is; the names are those of tree-sitter's tag queries where these have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SymbolKind {
    /// A function that belongs to no type.
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
    /// A member of a type that is no function: a field, a variant, a property.
    Field,
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
    /// The module or file as the language writes it: `crate::shape::Shape`, `..models.user`, `./shape`, `fmt`.
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

/// Reads a text. `tree` is its syntax tree where somebody has one already.
pub fn read(_path: &Path, text: &str, language: Option<&'static Language>, _tree: Option<&Tree>) -> Facts {
    Facts {
        language: language.map_or("", |language| language.id).into(),
        bytes: text.len().try_into().unwrap_or(u32::MAX),
        lines: text.lines().count().try_into().unwrap_or(u32::MAX),
        ..Facts::default()
    }
}

/// The terms that a text is found by: names in lower case, and the words that they are made of
/// (`parseHTTPHeader`: `parsehttpheader`, `parse`, `http`, `header`).
pub fn terms(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| word.len() > 1)
        .map(str::to_lowercase)
}
