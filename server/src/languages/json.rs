//! JSON.

use std::sync::OnceLock;

use super::Language;
use super::actions::Placeholders;
use super::imports::Imports;
use super::names::Names;
use super::scanner::{any, guarded};
use super::text::Text;

/// JSON.
pub(super) static LANGUAGE: Language = Language {
    id: "json",
    aliases: "jsonc json5 jsonl",
    extensions: "json jsonc json5 jsonl ndjson geojson webmanifest ipynb",
    file_names: "composer.lock .prettierrc .eslintrc .babelrc",
    interpreters: "",
    fence: "json",
    family: "json",
    folder_files: "",
    line_comment: None,
    layout: false,
    text: Text { is_data: true, holds_secrets: true, ..Text::LIKE_C },
    imports: Imports::NONE,
    functions: "",
    containers: "object array",
    blocks: "object array",
    statement_lists: "",
    members: "",
    names: "",
    comments: "comment",
    attributes: "",
    calls: "",
    modifiers: "",
    doc_links: &[],
    tags: include_str!("queries/json/tags.scm"),
    locals: "",
    resolution: Names::UNKNOWN,
    actions: None,
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_json::LANGUAGE, any),
    syntax: OnceLock::new(),
};
