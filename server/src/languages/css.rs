//! CSS.

use std::sync::OnceLock;

use super::Language;
use super::actions::Placeholders;
use super::imports::Imports;
use super::names::Names;
use super::scanner::{any, guarded};
use super::text::Text;

/// CSS.
pub(super) static LANGUAGE: Language = Language {
    id: "css",
    aliases: "",
    extensions: "css",
    file_names: "",
    interpreters: "",
    fence: "css",
    family: "css",
    folder_files: "",
    line_comment: None,
    layout: false,
    text: Text::LIKE_C,
    imports: Imports { nodes: "import_statement", ..Imports::NONE },
    functions: "",
    containers: "rule_set media_statement supports_statement keyframes_statement at_rule",
    blocks: "block keyframe_block_list",
    statement_lists: "",
    members: "",
    names: "class_name id_name",
    comments: "comment",
    attributes: "",
    calls: "call_expression",
    modifiers: "",
    doc_links: &[],
    tags: include_str!("queries/css/tags.scm"),
    locals: "",
    resolution: Names::UNKNOWN,
    actions: None,
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_css::LANGUAGE, any),
    syntax: OnceLock::new(),
};
