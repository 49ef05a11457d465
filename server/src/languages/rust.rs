//! Rust.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Conversion, Placeholders};
use super::imports::{ImportRules, Imports};
use super::names::{Names, Sharing, Spaces, Strings};
use super::scanner::{any, guarded};
use super::text::{RawStrings, Text};

/// Macros of the standard library that format `{name}`.
const FORMATS: &str = "print println eprint eprintln write writeln format format_args panic assert assert_eq assert_ne \
debug_assert debug_assert_eq debug_assert_ne todo unimplemented unreachable";

/// Rust.
pub(super) static LANGUAGE: Language = Language {
    id: "rust",
    aliases: "rs",
    extensions: "rs",
    file_names: "",
    interpreters: "rust-script",
    fence: "rust",
    family: "rust",
    folder_files: "mod.rs lib.rs",
    line_comment: Some("//"),
    layout: false,
    text: Text {
        raw_strings: RawStrings::Hashes,
        has_char_literals: true,
        opening_marks: &["=>"],
        continuing_words: "else",
        ..Text::LIKE_C
    },
    imports: Imports {
        nodes: "use_declaration extern_crate_declaration",
        rules: ImportRules::Rust,
        preamble: "inner_attribute_item shebang",
        modules: "mod_item",
        ..Imports::NONE
    },
    functions: "function_item function_signature_item macro_definition",
    containers: "impl_item trait_item mod_item struct_item enum_item union_item foreign_mod_item",
    blocks: "block declaration_list field_declaration_list enum_variant_list match_block",
    statement_lists: "",
    members: "field_initializer_list",
    names: "identifier type_identifier field_identifier shorthand_field_identifier",
    comments: "line_comment block_comment",
    attributes: "attribute_item inner_attribute_item",
    calls: "call_expression macro_invocation",
    modifiers: "pub default static async extern unsafe",
    doc_links: &[("[`", "`]")],
    tags: include_str!("queries/rust/tags.scm"),
    locals: include_str!("queries/rust/locals.scm"),
    resolution: Names {
        sharing: Sharing::Imports,
        spaces: Spaces::TypesAndMacros,
        type_leaf: "type_identifier",
        qualifying_field: "path",
        macros: ("macro_invocation", "token_tree"),
        strings: Strings { formats: FORMATS, ..Strings::NONE },
        ..Names::UNKNOWN
    },
    actions: Some(CodeActions {
        documentation: "a doc comment (`///`)",
        locals: ("let_declaration", "pattern"),
        failing: "unwrap expect",
        errors: "Return a `Result` with `?` where that fits, else handle the error in place. Do not panic.",
        stubs: ("macro_invocation", &["todo!", "unimplemented!"]),
        undocumented: "impl_item",
        conversions: &[
            Conversion {
                nodes: "for_expression",
                holds: &[],
                to: "an iterator chain",
                instruction: "Convert the loop to an iterator chain.",
            },
            Conversion {
                nodes: "while_expression loop_expression",
                holds: &[],
                to: "a `for` loop",
                instruction: "Convert the loop to a `for` loop over a range or iterator.",
            },
            Conversion {
                nodes: "match_expression",
                holds: &["_ =>", "None =>"],
                to: "`if let` or `let else`",
                instruction: "Convert the `match` to `if let` or `let ... else`.",
            },
        ],
        ..CodeActions::NONE
    }),
    placeholders: Placeholders {
        code: &["todo!(", "unimplemented!("],
        names: "todo unimplemented unreachable",
        ..Placeholders::NONE
    },
    ascii_only: false,
    grammar: guarded!(tree_sitter_rust::LANGUAGE, any),
    syntax: OnceLock::new(),
};
