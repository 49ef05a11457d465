//! TypeScript.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Placeholders};
use super::imports::{ImportRules, Imports};
use super::javascript::{CONVERSIONS, TEXT};
use super::names::{Names, Sharing, Spaces};
use super::scanner::{any, guarded};

/// What code actions look for, with JSX and without.
pub(super) const ACTIONS: CodeActions = CodeActions {
    documentation: "a TSDoc comment (`/** */`)",
    locals: ("variable_declarator", "name"),
    untyped: &[("required_parameter", "type"), ("optional_parameter", "type")],
    types: "types for parameters and the result",
    handled: "try_statement",
    errors: "Catch what can be thrown or rejected, and throw or return something that says what failed.",
    stubs: ("throw_statement", &["not implemented", "unimplemented", "todo"]),
    conversions: CONVERSIONS,
    ..CodeActions::NONE
};

/// How imports are written, with JSX and without.
pub(super) const IMPORTS: Imports = Imports {
    nodes: "import_statement import_alias",
    rules: ImportRules::JavaScript,
    preamble: "hash_bang_line",
    directives: "expression_statement",
    ..Imports::NONE
};

/// How names are resolved, with JSX and without.
pub(super) const NAMES: Names = Names {
    sharing: Sharing::Imports,
    defining_leaves: "shorthand_property_identifier_pattern",
    spaces: Spaces::Interfaces,
    type_leaf: "type_identifier",
    ..Names::UNKNOWN
};

/// TypeScript.
pub(super) static LANGUAGE: Language = Language {
    id: "typescript",
    aliases: "ts",
    extensions: "ts mts cts",
    file_names: "",
    interpreters: "deno ts-node tsx",
    fence: "typescript",
    family: "ecmascript",
    folder_files: "index.ts index.js index.tsx index.d.ts mod.ts",
    line_comment: Some("//"),
    layout: false,
    text: TEXT,
    imports: IMPORTS,
    functions: "function_declaration generator_function_declaration method_definition function_expression \
        generator_function arrow_function function_signature method_signature \
        abstract_method_signature",
    containers: "class_declaration abstract_class_declaration class interface_declaration enum_declaration \
        internal_module module",
    blocks: "statement_block class_body switch_body interface_body enum_body object_type",
    statement_lists: "",
    members: "object switch_case switch_default",
    names: "identifier type_identifier property_identifier private_property_identifier \
        shorthand_property_identifier",
    comments: "comment",
    attributes: "decorator",
    calls: "call_expression",
    modifiers: "export default static async public protected private abstract override readonly get set",
    doc_links: &[("{@link ", "}"), ("{@linkcode ", "}"), ("{@linkplain ", "}")],
    tags: concat!(include_str!("queries/ecmascript/tags.scm"), include_str!("queries/typescript/tags.scm")),
    locals: concat!(
        include_str!("queries/typescript/locals.scm"),
        include_str!("queries/ecmascript/locals.scm")
    ),
    resolution: NAMES,
    actions: Some(ACTIONS),
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_typescript::LANGUAGE_TYPESCRIPT, any),
    syntax: OnceLock::new(),
};
