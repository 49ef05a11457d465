//! Ruby.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Conversion, Placeholders};
use super::imports::{ImportRules, Imports};
use super::names::Names;
use super::scanner::{guarded, ruby};
use super::text::{Backslash, Text};

/// Ruby.
pub(super) static LANGUAGE: Language = Language {
    id: "ruby",
    aliases: "rb",
    extensions: "rb rake gemspec ru podspec",
    file_names: "Rakefile Gemfile Guardfile Vagrantfile Podfile Fastfile Brewfile",
    interpreters: "ruby jruby",
    fence: "ruby",
    family: "ruby",
    folder_files: "",
    line_comment: Some("#"),
    layout: false,
    text: Text {
        backslash: Backslash::Continues,
        opening_words: "do then else begin loop try ensure rescue repeat",
        heading_words: "def class module if unless elsif while until case function",
        continuing_words: "else elsif rescue ensure end until then do when",
        ..Text::CODE
    },
    imports: Imports { rules: ImportRules::Ruby, ..Imports::NONE },
    functions: "method singleton_method",
    containers: "class module singleton_class",
    blocks: "body_statement do_block block then",
    statement_lists: "",
    members: "hash block_body",
    names: "identifier constant",
    comments: "comment",
    attributes: "",
    calls: "call",
    modifiers: "",
    doc_links: &[],
    tags: include_str!("queries/ruby/tags.scm"),
    locals: "",
    resolution: Names::UNKNOWN,
    actions: Some(CodeActions {
        documentation: "a YARD comment (`#`)",
        locals: ("assignment", "left"),
        untyped: &[("identifier", ""), ("optional_parameter", ""), ("keyword_parameter", "")],
        types: "a YARD comment with `@param` and `@return` types",
        handled: "rescue",
        errors: "Rescue the errors that can occur, each by its own class, and raise or return something that says what failed.",
        stubs: ("call", &["raise notimplementederror", "raise \"not implemented"]),
        conversions: &[Conversion {
            nodes: "for while",
            holds: &[],
            to: "`each`",
            instruction: "Convert the loop to `each`, `map` or `select`, whichever says it best.",
        }],
        ..CodeActions::NONE
    }),
    placeholders: Placeholders {
        code: &["NotImplementedError"],
        names: "NotImplementedError",
        ..Placeholders::NONE
    },
    ascii_only: false,
    grammar: guarded!(tree_sitter_ruby::LANGUAGE, ruby),
    syntax: OnceLock::new(),
};
