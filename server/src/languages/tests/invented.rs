//! A language that there is not: a row, and what follows from it everywhere without another line.

use std::sync::OnceLock;

use crate::languages::Language;
use crate::languages::actions::Placeholders;
use crate::languages::imports::Imports;
use crate::languages::names::Names;
use crate::languages::scanner::{any, guarded};
use crate::languages::text::Text;

/// Lua's grammar under another name.
pub(in crate::languages) static LANGUAGE: Language = Language {
    id: "invented",
    aliases: "inv",
    extensions: "invented",
    file_names: "Inventfile",
    interpreters: "invent",
    fence: "invented",
    family: "invented",
    folder_files: "",
    line_comment: Some("--"),
    layout: false,
    text: Text::CODE,
    imports: Imports::NONE,
    functions: "function_declaration function_definition",
    containers: "",
    blocks: "block table_constructor",
    statement_lists: "",
    members: "",
    names: "identifier",
    comments: "comment",
    attributes: "",
    calls: "function_call",
    modifiers: "local",
    doc_links: &[],
    tags: "(function_declaration name: (identifier) @name) @definition.function",
    resolution: Names::UNKNOWN,
    actions: None,
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_lua::LANGUAGE, any),
    syntax: OnceLock::new(),
};
