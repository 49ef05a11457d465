//! Shell scripts.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Conversion, Placeholders};
use super::imports::Imports;
use super::names::Names;
use super::scanner::{any, guarded};
use super::text::{Backslash, Text};

/// Shell scripts.
pub(super) static LANGUAGE: Language = Language {
    id: "shellscript",
    aliases: "bash sh zsh ksh shell",
    extensions: "sh bash zsh ksh bats ebuild",
    file_names: ".bashrc .bash_profile .bash_aliases .profile .zshrc .zprofile .zshenv PKGBUILD",
    interpreters: "sh bash zsh dash ksh ash",
    fence: "bash",
    family: "shellscript",
    folder_files: "",
    line_comment: Some("#"),
    layout: false,
    text: Text {
        backslash: Backslash::ContinuesCommands,
        holds_secrets: true,
        has_backtick_strings: true,
        opening_words: "do then else begin loop try ensure rescue repeat",
        continuing_words: "else elif then do fi done esac",
        ..Text::CODE
    },
    imports: Imports::NONE,
    functions: "function_definition",
    containers: "",
    blocks: "compound_statement do_group",
    statement_lists: "",
    members: "if_statement elif_clause else_clause case_item",
    names: "command_name variable_name",
    comments: "comment",
    attributes: "",
    calls: "command",
    modifiers: "export readonly local",
    doc_links: &[],
    tags: include_str!("queries/shellscript/tags.scm"),
    locals: "",
    resolution: Names::UNKNOWN,
    actions: Some(CodeActions {
        documentation: "a comment (`#`)",
        errors: "Check each command that can fail, write a message to stderr, and return a status that is not 0.",
        conversions: &[Conversion {
            nodes: "command_substitution",
            holds: &["`"],
            to: "`$( )`",
            instruction: "Convert backticks to `$( )`.",
        }],
        ..CodeActions::NONE
    }),
    placeholders: Placeholders::NONE,
    ascii_only: true,
    grammar: guarded!(tree_sitter_bash::LANGUAGE, any),
    syntax: OnceLock::new(),
};
