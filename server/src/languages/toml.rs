//! TOML.

use std::sync::OnceLock;

use super::Language;
use super::actions::Placeholders;
use super::imports::Imports;
use super::names::Names;
use super::scanner::{any, guarded};
use super::text::Text;

/// TOML.
pub(super) static LANGUAGE: Language = Language {
    id: "toml",
    aliases: "",
    extensions: "toml",
    file_names: "Cargo.lock poetry.lock uv.lock Pipfile",
    interpreters: "",
    fence: "toml",
    family: "toml",
    folder_files: "",
    line_comment: Some("#"),
    layout: false,
    text: Text { triple_quotes: &["\"\"\"", "'''"], holds_secrets: true, ..Text::CODE },
    imports: Imports::NONE,
    functions: "",
    containers: "table table_array_element",
    blocks: "array inline_table",
    statement_lists: "",
    members: "table table_array_element",
    names: "",
    comments: "comment",
    attributes: "",
    calls: "",
    modifiers: "",
    doc_links: &[],
    tags: include_str!("queries/toml/tags.scm"),
    locals: "",
    resolution: Names::UNKNOWN,
    actions: None,
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_toml_ng::LANGUAGE, any),
    syntax: OnceLock::new(),
};
