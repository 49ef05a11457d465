//! YAML.

use std::sync::OnceLock;

use super::Language;
use super::actions::Placeholders;
use super::imports::Imports;
use super::names::Names;
use super::scanner::{any, guarded};
use super::text::Text;

/// YAML.
pub(super) static LANGUAGE: Language = Language {
    id: "yaml",
    aliases: "yml dockercompose github-actions-workflow",
    extensions: "yaml yml",
    file_names: ".clang-format .clang-tidy",
    interpreters: "",
    fence: "yaml",
    family: "yaml",
    folder_files: "",
    line_comment: Some("#"),
    layout: true,
    text: Text { has_long_strings: false, holds_secrets: true, ..Text::CODE },
    imports: Imports::NONE,
    functions: "",
    containers: "block_mapping_pair block_sequence_item",
    blocks: "block_mapping block_sequence",
    statement_lists: "",
    members: "",
    names: "",
    comments: "comment",
    attributes: "",
    calls: "",
    modifiers: "",
    doc_links: &[],
    tags: include_str!("queries/yaml/tags.scm"),
    locals: "",
    resolution: Names::UNKNOWN,
    actions: None,
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_yaml::LANGUAGE, any),
    syntax: OnceLock::new(),
};
