//! C++.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Conversion, Placeholders};
use super::imports::{ImportRules, Imports};
use super::names::{BareMembers, Names, Sharing};
use super::scanner::{any, guarded};
use super::text::{Backslash, Text};

/// C++.
pub(super) static LANGUAGE: Language = Language {
    id: "cpp",
    aliases: "c++ cxx cuda-cpp objective-cpp",
    extensions: "cc cpp cxx c++ hh hpp hxx h++ ipp inl tpp ino cu cuh",
    file_names: "",
    interpreters: "",
    fence: "cpp",
    family: "c",
    folder_files: "",
    line_comment: Some("//"),
    layout: false,
    text: Text {
        backslash: Backslash::ContinuesCommands,
        has_char_literals: true,
        has_directives: true,
        continuing_words: "else catch",
        ..Text::LIKE_C
    },
    imports: Imports {
        nodes: "preproc_include using_declaration",
        rules: ImportRules::C,
        preamble: "preproc_call",
        guards: "preproc_ifdef preproc_if",
        ..Imports::NONE
    },
    functions: "function_definition",
    containers: "class_specifier struct_specifier union_specifier enum_specifier namespace_definition \
        linkage_specification",
    blocks: "compound_statement field_declaration_list enumerator_list declaration_list",
    statement_lists: "",
    members: "case_statement",
    names: "identifier type_identifier field_identifier namespace_identifier",
    comments: "comment",
    attributes: "attribute_declaration attribute_specifier",
    calls: "call_expression",
    modifiers: "static public protected private override virtual final extern template inline constexpr",
    doc_links: &[],
    tags: concat!(include_str!("queries/cpp/tags.scm"), include_str!("queries/c/tags.scm")),
    locals: concat!(include_str!("queries/cpp/locals.scm"), include_str!("queries/c/locals.scm")),
    resolution: Names {
        sharing: Sharing::Includes,
        bare_members: BareMembers::Fields,
        has_prototypes: true,
        ..Names::UNKNOWN
    },
    actions: Some(CodeActions {
        documentation: "a documentation comment (`/** */`)",
        locals: ("init_declarator", "declarator"),
        failing: "malloc calloc realloc fopen fread fwrite fgets open read write close socket strdup pthread_create",
        errors: "Check what each call returns, and report a failure to the caller as the rest of the code does.",
        stubs: ("call_expression", &["not implemented", "assert(0", "assert(false"]),
        conversions: &[Conversion {
            nodes: "for_statement",
            holds: &[],
            to: "a range-based `for` loop",
            instruction: "Convert the loop to a range-based `for` loop.",
        }],
        ..CodeActions::NONE
    }),
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_cpp::LANGUAGE, any),
    syntax: OnceLock::new(),
};
