//! Lua.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Placeholders};
use super::imports::{ImportRules, Imports};
use super::names::Names;
use super::scanner::{any, guarded};
use super::text::{RawStrings, Text};

/// Lua.
pub(super) static LANGUAGE: Language = Language {
    id: "lua",
    aliases: "",
    extensions: "lua rockspec",
    file_names: "",
    interpreters: "lua luajit",
    fence: "lua",
    family: "lua",
    folder_files: "",
    line_comment: Some("--"),
    layout: false,
    text: Text {
        raw_strings: RawStrings::LongBrackets,
        block_comment: Some(("--[[", "]]")),
        opening_words: "do then else begin loop try ensure rescue repeat",
        heading_words: "def class module if unless elsif while until case function",
        continuing_words: "else elseif end until then do",
        ..Text::CODE
    },
    imports: Imports { rules: ImportRules::Lua, ..Imports::NONE },
    functions: "function_declaration function_definition",
    containers: "",
    blocks: "block table_constructor",
    statement_lists: "",
    members: "",
    names: "identifier",
    comments: "comment",
    attributes: "attribute",
    calls: "function_call",
    modifiers: "local",
    doc_links: &[],
    tags: include_str!("queries/lua/tags.scm"),
    locals: "",
    resolution: Names::UNKNOWN,
    actions: Some(CodeActions {
        documentation: "an annotation comment (`---`)",
        errors: "Use `pcall` or check what each call returns, and return `nil` and a message on failure.",
        stubs: (
            "function_call",
            &["error(\"todo", "error(\"not implemented", "error('todo", "error('not implemented"],
        ),
        ..CodeActions::NONE
    }),
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_lua::LANGUAGE, any),
    syntax: OnceLock::new(),
};
