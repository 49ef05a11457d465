//! Java.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Conversion, Placeholders};
use super::imports::{ImportRules, Imports};
use super::names::{BareMembers, Names, Sharing};
use super::scanner::{any, guarded};
use super::text::Text;

/// Java.
pub(super) static LANGUAGE: Language = Language {
    id: "java",
    aliases: "",
    extensions: "java",
    file_names: "",
    interpreters: "",
    fence: "java",
    family: "java",
    folder_files: "",
    line_comment: Some("//"),
    layout: false,
    text: Text {
        triple_quotes: &["\"\"\""],
        has_char_literals: true,
        continuing_words: "else catch finally",
        ..Text::LIKE_C
    },
    imports: Imports {
        nodes: "import_declaration",
        rules: ImportRules::Java,
        clauses: "package_declaration",
        ..Imports::NONE
    },
    functions: "method_declaration constructor_declaration compact_constructor_declaration \
        static_initializer",
    containers: "class_declaration interface_declaration enum_declaration record_declaration \
        annotation_type_declaration",
    blocks: "block constructor_body class_body interface_body enum_body annotation_type_body switch_block",
    statement_lists: "",
    members: "switch_block_statement_group",
    names: "identifier type_identifier",
    comments: "line_comment block_comment",
    attributes: "annotation marker_annotation",
    calls: "method_invocation explicit_constructor_invocation",
    modifiers: "default static public protected private abstract final sealed synchronized",
    doc_links: &[("{@link ", "}"), ("{@linkplain ", "}")],
    tags: include_str!("queries/java/tags.scm"),
    locals: include_str!("queries/java/locals.scm"),
    resolution: Names { sharing: Sharing::Namespace, bare_members: BareMembers::All, ..Names::UNKNOWN },
    actions: Some(CodeActions {
        documentation: "a Javadoc comment (`/** */`)",
        locals: ("variable_declarator", "name"),
        handled: "try_statement try_with_resources_statement",
        errors: "Catch the exceptions that can occur, each by its own type, and throw something that says what failed.",
        stubs: ("throw_statement", &["unsupportedoperationexception", "not implemented"]),
        conversions: &[
            Conversion {
                nodes: "for_statement enhanced_for_statement",
                holds: &[],
                to: "a stream",
                instruction: "Convert the loop to a stream.",
            },
            Conversion {
                nodes: "object_creation_expression",
                holds: &["@Override"],
                to: "a lambda",
                instruction: "Convert the anonymous class to a lambda.",
            },
        ],
        ..CodeActions::NONE
    }),
    placeholders: Placeholders { code: &["UnsupportedOperationException"], ..Placeholders::NONE },
    ascii_only: false,
    grammar: guarded!(tree_sitter_java::LANGUAGE, any),
    syntax: OnceLock::new(),
};
