//! TypeScript with JSX.

use std::sync::OnceLock;

use super::Language;
use super::actions::Placeholders;
use super::javascript::TEXT;
use super::scanner::{any, guarded};
use super::typescript::{ACTIONS, IMPORTS, NAMES};

/// TypeScript with JSX.
pub(super) static LANGUAGE: Language = Language {
    id: "typescriptreact",
    aliases: "tsx",
    extensions: "tsx",
    file_names: "",
    interpreters: "",
    fence: "tsx",
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
    grammar: guarded!(tree_sitter_typescript::LANGUAGE_TSX, any),
    syntax: OnceLock::new(),
};
