//! Markdown.

use std::sync::OnceLock;

use super::Language;
use super::actions::Placeholders;
use super::imports::Imports;
use super::names::Names;
use super::scanner::{guarded, markdown};
use super::text::Text;

/// Markdown.
pub(super) static LANGUAGE: Language = Language {
    id: "markdown",
    aliases: "md quarto",
    extensions: "md markdown mkd mdown mdx",
    file_names: "",
    interpreters: "",
    fence: "markdown",
    family: "markdown",
    folder_files: "",
    line_comment: None,
    layout: false,
    text: Text { has_long_strings: false, is_prose: true, has_brackets: false, ..Text::CODE },
    imports: Imports::NONE,
    functions: "",
    containers: "section",
    blocks: "list fenced_code_block",
    statement_lists: "",
    members: "section",
    names: "",
    comments: "",
    attributes: "",
    calls: "",
    modifiers: "",
    doc_links: &[],
    tags: include_str!("queries/markdown/tags.scm"),
    locals: "",
    resolution: Names::UNKNOWN,
    actions: None,
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_md::LANGUAGE, markdown),
    syntax: OnceLock::new(),
};
