//! PHP.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Conversion, Placeholders};
use super::imports::{ImportRules, Imports};
use super::names::Names;
use super::scanner::{any, guarded};
use super::text::Text;

/// PHP.
pub(super) static LANGUAGE: Language = Language {
    id: "php",
    aliases: "",
    extensions: "php phtml php3 php4 php5 phps",
    file_names: "",
    interpreters: "php",
    fence: "php",
    family: "php",
    folder_files: "",
    line_comment: Some("//"),
    layout: false,
    text: Text { continuing_words: "else elseif catch finally", ..Text::LIKE_C },
    imports: Imports {
        nodes: "namespace_use_declaration",
        rules: ImportRules::Php,
        preamble: "php_tag",
        ..Imports::NONE
    },
    functions: "function_definition method_declaration anonymous_function",
    containers: "class_declaration interface_declaration trait_declaration enum_declaration \
        namespace_definition",
    blocks: "compound_statement declaration_list enum_declaration_list switch_block match_block",
    statement_lists: "",
    members: "case_statement default_statement",
    names: "name",
    comments: "comment",
    attributes: "attribute_list",
    calls: "function_call_expression member_call_expression nullsafe_member_call_expression scoped_call_expression",
    modifiers: "static public protected private abstract final readonly",
    doc_links: &[("{@see ", "}"), ("{@link ", "}")],
    tags: include_str!("queries/php/tags.scm"),
    locals: "",
    resolution: Names::UNKNOWN,
    actions: Some(CodeActions {
        documentation: "a PHPDoc comment (`/** */`)",
        locals: ("assignment_expression", "left"),
        untyped: &[("simple_parameter", "type")],
        types: "types for parameters and the result",
        handled: "try_statement",
        errors: "Catch the exceptions that can occur, each by its own type, and throw something that says what failed.",
        stubs: ("throw_expression", &["not implemented", "todo"]),
        conversions: &[Conversion {
            nodes: "switch_statement",
            holds: &[],
            to: "`match`",
            instruction: "Convert the `switch` to a `match` expression.",
        }],
        ..CodeActions::NONE
    }),
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_php::LANGUAGE_PHP, any),
    syntax: OnceLock::new(),
};
