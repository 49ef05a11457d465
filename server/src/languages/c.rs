//! C.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Placeholders};
use super::imports::{ImportRules, Imports};
use super::names::{Names, Sharing, Spaces};
use super::scanner::{any, guarded};
use super::text::{Backslash, Text};

/// C.
pub(super) static LANGUAGE: Language = Language {
    id: "c",
    aliases: "",
    extensions: "c h",
    file_names: "",
    interpreters: "",
    fence: "c",
    family: "c",
    folder_files: "",
    line_comment: Some("//"),
    layout: false,
    text: Text {
        backslash: Backslash::ContinuesCommands,
        has_char_literals: true,
        has_directives: true,
        continuing_words: "else",
        ..Text::LIKE_C
    },
    imports: Imports {
        nodes: "preproc_include",
        rules: ImportRules::C,
        preamble: "preproc_call",
        guards: "preproc_ifdef preproc_if",
        ..Imports::NONE
    },
    functions: "function_definition",
    containers: "struct_specifier union_specifier enum_specifier linkage_specification",
    blocks: "compound_statement field_declaration_list enumerator_list declaration_list",
    statement_lists: "",
    members: "case_statement",
    names: "identifier type_identifier field_identifier",
    comments: "comment",
    attributes: "attribute_declaration attribute_specifier",
    calls: "call_expression",
    modifiers: "static extern inline constexpr",
    doc_links: &[],
    tags: include_str!("queries/c/tags.scm"),
    locals: include_str!("queries/c/locals.scm"),
    resolution: Names {
        sharing: Sharing::Includes,
        spaces: Spaces::Types,
        type_leaf: "type_identifier",
        types_have_own_leaf: true,
        has_prototypes: true,
        ..Names::UNKNOWN
    },
    actions: Some(CodeActions {
        documentation: "a documentation comment (`/** */`)",
        locals: ("init_declarator", "declarator"),
        failing: "malloc calloc realloc fopen fread fwrite fgets open read write close socket strdup pthread_create",
        errors: "Check what each call returns, and report a failure to the caller as the rest of the code does.",
        stubs: ("call_expression", &["not implemented", "assert(0", "assert(false"]),
        ..CodeActions::NONE
    }),
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_c::LANGUAGE, any),
    syntax: OnceLock::new(),
};
