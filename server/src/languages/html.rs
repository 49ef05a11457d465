//! HTML.

use std::sync::OnceLock;

use super::Language;
use super::actions::Placeholders;
use super::imports::Imports;
use super::names::Names;
use super::scanner::{any, guarded};
use super::text::Text;

/// HTML.
pub(super) static LANGUAGE: Language = Language {
    id: "html",
    aliases: "htm xhtml vue-html",
    extensions: "html htm xhtml",
    file_names: "",
    interpreters: "",
    fence: "html",
    family: "html",
    folder_files: "",
    line_comment: None,
    layout: false,
    text: Text {
        has_long_strings: false,
        block_comment: Some(("<!--", "-->")),
        has_brackets: false,
        ..Text::CODE
    },
    imports: Imports::NONE,
    functions: "",
    containers: "element script_element style_element",
    blocks: "",
    statement_lists: "",
    members: "",
    names: "",
    comments: "comment",
    attributes: "attribute",
    calls: "",
    modifiers: "",
    doc_links: &[],
    tags: include_str!("queries/html/tags.scm"),
    locals: "",
    resolution: Names::UNKNOWN,
    actions: None,
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_html::LANGUAGE, any),
    syntax: OnceLock::new(),
};
