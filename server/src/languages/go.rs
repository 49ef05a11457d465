//! Go.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Conversion, Placeholders};
use super::imports::{ImportRules, Imports};
use super::names::{Names, Sharing};
use super::scanner::{any, guarded};
use super::text::{RawStrings, Text};

/// Go.
pub(super) static LANGUAGE: Language = Language {
    id: "go",
    aliases: "golang",
    extensions: "go",
    file_names: "",
    interpreters: "",
    fence: "go",
    family: "go",
    folder_files: "",
    line_comment: Some("//"),
    layout: false,
    text: Text {
        raw_strings: RawStrings::Backticks,
        has_char_literals: true,
        has_backtick_strings: true,
        continuing_words: "else",
        ..Text::LIKE_C
    },
    imports: Imports {
        nodes: "import_declaration",
        rules: ImportRules::Go,
        clauses: "package_clause",
        ..Imports::NONE
    },
    functions: "function_declaration method_declaration func_literal",
    containers: "type_declaration",
    blocks: "block field_declaration_list interface_type",
    statement_lists: "statement_list",
    members: "literal_value",
    names: "identifier type_identifier field_identifier package_identifier",
    comments: "comment",
    attributes: "",
    calls: "call_expression",
    modifiers: "",
    doc_links: &[],
    tags: include_str!("queries/go/tags.scm"),
    locals: include_str!("queries/go/locals.scm"),
    resolution: Names { sharing: Sharing::Folder, ..Names::UNKNOWN },
    actions: Some(CodeActions {
        documentation: "a doc comment (`//`) that begins with the name",
        locals: ("short_var_declaration", "left"),
        failing: "panic",
        errors: "Return an `error`, wrapped with `fmt.Errorf` and `%w`. Do not panic and do not drop an error.",
        stubs: ("call_expression", &["panic(\"todo", "panic(\"not implemented", "panic(\"unimplemented"]),
        conversions: &[Conversion {
            nodes: "for_statement",
            holds: &[":= 0;"],
            to: "a `range` loop",
            instruction: "Convert the loop to a `for ... range` loop.",
        }],
        ..CodeActions::NONE
    }),
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_go::LANGUAGE, any),
    syntax: OnceLock::new(),
};
