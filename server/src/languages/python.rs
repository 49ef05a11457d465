//! Python.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Conversion, Placeholders};
use super::imports::{ImportRules, Imports};
use super::names::{Names, Sharing, Strings};
use super::scanner::{any, guarded};
use super::text::{Backslash, Text};

/// Python.
pub(super) static LANGUAGE: Language = Language {
    id: "python",
    aliases: "py",
    extensions: "py pyi pyw",
    file_names: "SConstruct SConscript wscript",
    interpreters: "python pypy",
    fence: "python",
    family: "python",
    folder_files: "__init__.py",
    line_comment: Some("#"),
    layout: true,
    text: Text {
        backslash: Backslash::Continues,
        triple_quotes: &["\"\"\"", "'''"],
        continuing_words: "else elif except finally",
        ..Text::CODE
    },
    imports: Imports {
        nodes: "import_statement import_from_statement future_import_statement",
        rules: ImportRules::Python,
        directives: "expression_statement",
        ..Imports::NONE
    },
    functions: "function_definition",
    containers: "class_definition",
    blocks: "block",
    statement_lists: "",
    members: "dictionary",
    names: "identifier",
    comments: "comment",
    attributes: "decorator",
    calls: "call",
    modifiers: "async",
    doc_links: &[],
    tags: include_str!("queries/python/tags.scm"),
    locals: include_str!("queries/python/locals.scm"),
    resolution: Names {
        sharing: Sharing::Imports,
        separators: &["."],
        strings: Strings { exports: Some("__all__"), annotation: "type", ..Strings::NONE },
        ..Names::UNKNOWN
    },
    actions: Some(CodeActions {
        documentation: "a docstring",
        locals: ("assignment", "left"),
        untyped: &[("identifier", ""), ("default_parameter", "")],
        types: "type annotations for parameters and the result",
        handled: "try_statement",
        errors: "Catch the exceptions that can occur, each by its own type, and raise or return something that says what failed.",
        stubs: ("raise_statement pass_statement ellipsis", &["notimplemented", "pass", "..."]),
        conversions: &[
            Conversion {
                nodes: "for_statement",
                holds: &[".append(", ".add(", "+="],
                to: "a comprehension",
                instruction: "Convert the loop to a comprehension.",
            },
            Conversion {
                nodes: "binary_operator call",
                holds: &["\" %", "' %", ".format("],
                to: "an f-string",
                instruction: "Convert the string formatting to f-strings.",
            },
            Conversion {
                nodes: "call",
                holds: &["open("],
                to: "a `with` block",
                instruction: "Convert `open` to a `with` block that closes the file.",
            },
        ],
        ..CodeActions::NONE
    }),
    placeholders: Placeholders {
        code: &["NotImplementedError"],
        names: "NotImplementedError",
        statements: ("pass_statement ellipsis", "pass"),
    },
    ascii_only: false,
    grammar: guarded!(tree_sitter_python::LANGUAGE, any),
    syntax: OnceLock::new(),
};
