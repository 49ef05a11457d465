//! C#.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Conversion, Placeholders};
use super::imports::{ImportRules, Imports};
use super::names::{BareMembers, Names, Sharing};
use super::scanner::{any, guarded};
use super::text::Text;

/// C#.
pub(super) static LANGUAGE: Language = Language {
    id: "csharp",
    aliases: "c# cs c-sharp",
    extensions: "cs csx",
    file_names: "",
    interpreters: "dotnet-script",
    fence: "csharp",
    family: "csharp",
    folder_files: "",
    line_comment: Some("//"),
    layout: false,
    text: Text {
        triple_quotes: &["\"\"\""],
        has_char_literals: true,
        has_directives: true,
        continuing_words: "else catch finally",
        ..Text::LIKE_C
    },
    imports: Imports {
        nodes: "using_directive extern_alias_directive",
        rules: ImportRules::CSharp,
        preamble: "extern_alias_directive",
        ..Imports::NONE
    },
    functions: "method_declaration constructor_declaration destructor_declaration operator_declaration \
        conversion_operator_declaration property_declaration indexer_declaration \
        local_function_statement",
    containers: "class_declaration interface_declaration struct_declaration record_declaration \
        enum_declaration namespace_declaration",
    blocks: "block declaration_list enum_member_declaration_list accessor_list switch_body",
    statement_lists: "",
    members: "switch_section",
    names: "identifier",
    comments: "comment",
    attributes: "attribute_list global_attribute",
    calls: "invocation_expression",
    modifiers: "static async public protected private internal abstract override virtual sealed readonly extern unsafe partial get set",
    doc_links: &[("cref=\"", "\"")],
    tags: include_str!("queries/csharp/tags.scm"),
    locals: include_str!("queries/csharp/locals.scm"),
    resolution: Names {
        sharing: Sharing::Namespace,
        defining_leaves: "implicit_parameter",
        bare_members: BareMembers::All,
        ..Names::UNKNOWN
    },
    actions: Some(CodeActions {
        documentation: "an XML documentation comment (`///`)",
        locals: ("variable_declarator", "name"),
        handled: "try_statement",
        errors: "Catch the exceptions that can occur, each by its own type, and throw something that says what failed.",
        stubs: ("throw_statement throw_expression", &["notimplementedexception"]),
        conversions: &[Conversion {
            nodes: "foreach_statement for_statement",
            holds: &[],
            to: "a LINQ query",
            instruction: "Convert the loop to a LINQ query.",
        }],
        ..CodeActions::NONE
    }),
    placeholders: Placeholders {
        code: &["NotImplementedException"],
        names: "NotImplementedException",
        ..Placeholders::NONE
    },
    ascii_only: false,
    grammar: guarded!(tree_sitter_c_sharp::LANGUAGE, any),
    syntax: OnceLock::new(),
};
