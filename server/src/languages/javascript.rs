//! JavaScript.

use std::sync::OnceLock;

use super::Language;
use super::actions::{CodeActions, Conversion, Placeholders};
use super::imports::{ImportRules, Imports};
use super::names::{Names, Sharing};
use super::scanner::{any, guarded};
use super::text::Text;

/// Line-level facts of JavaScript and TypeScript.
pub(super) const TEXT: Text =
    Text { has_backtick_strings: true, continuing_words: "else catch finally", ..Text::LIKE_C };

/// Conversions of JavaScript and TypeScript.
pub(super) const CONVERSIONS: &[Conversion] = &[
    Conversion {
        nodes: "call_expression",
        holds: &[".then(", ".catch("],
        to: "`async` and `await`",
        instruction: "Convert the promise chain to `async` and `await`.",
    },
    Conversion {
        nodes: "call_expression",
        holds: &["(err, ", "(error, ", "function(err", "function (err"],
        to: "`async` and `await`",
        instruction: "Convert the callback to `async` and `await`.",
    },
    Conversion {
        nodes: "for_statement for_in_statement",
        holds: &[],
        to: "an array method",
        instruction: "Convert the loop to `map`, `filter`, `reduce` or `for ... of`, whichever says it best.",
    },
    Conversion {
        nodes: "function_expression",
        holds: &[],
        to: "an arrow function",
        instruction: "Convert the function expression to an arrow function.",
    },
    Conversion {
        nodes: "variable_declaration",
        holds: &["var "],
        to: "`const` or `let`",
        instruction: "Convert `var` to `const`, or to `let` where the variable is assigned again.",
    },
    Conversion {
        nodes: "binary_expression",
        holds: &["\" +", "' +", "+ \"", "+ '"],
        to: "a template literal",
        instruction: "Convert the string concatenation to a template literal.",
    },
];

/// JavaScript.
pub(super) static LANGUAGE: Language = Language {
    id: "javascript",
    aliases: "javascriptreact js jsx",
    extensions: "js mjs cjs jsx",
    file_names: "Jakefile",
    interpreters: "node nodejs bun",
    fence: "javascript",
    family: "ecmascript",
    folder_files: "index.ts index.js index.tsx index.d.ts mod.ts",
    line_comment: Some("//"),
    layout: false,
    text: TEXT,
    imports: Imports {
        nodes: "import_statement",
        rules: ImportRules::JavaScript,
        preamble: "hash_bang_line",
        directives: "expression_statement",
        ..Imports::NONE
    },
    functions: "function_declaration generator_function_declaration method_definition function_expression \
        generator_function arrow_function",
    containers: "class_declaration class",
    blocks: "statement_block class_body switch_body",
    statement_lists: "",
    members: "object switch_case switch_default",
    names: "identifier property_identifier private_property_identifier shorthand_property_identifier",
    comments: "comment",
    attributes: "decorator",
    calls: "call_expression",
    modifiers: "export default static async get set",
    doc_links: &[("{@link ", "}"), ("{@linkcode ", "}"), ("{@linkplain ", "}")],
    tags: concat!(include_str!("queries/ecmascript/tags.scm"), include_str!("queries/javascript/tags.scm")),
    locals: concat!(
        include_str!("queries/javascript/locals.scm"),
        include_str!("queries/ecmascript/locals.scm")
    ),
    resolution: Names {
        sharing: Sharing::Imports,
        defining_leaves: "shorthand_property_identifier_pattern",
        ..Names::UNKNOWN
    },
    actions: Some(CodeActions {
        documentation: "a JSDoc comment (`/** */`)",
        locals: ("variable_declarator", "name"),
        untyped: &[("identifier", ""), ("assignment_pattern", "")],
        types: "a JSDoc comment with `@param` and `@returns` types",
        handled: "try_statement",
        errors: "Catch what can be thrown or rejected, and throw or return something that says what failed.",
        stubs: ("throw_statement", &["not implemented", "unimplemented", "todo"]),
        conversions: CONVERSIONS,
        ..CodeActions::NONE
    }),
    placeholders: Placeholders::NONE,
    ascii_only: false,
    grammar: guarded!(tree_sitter_javascript::LANGUAGE, any),
    syntax: OnceLock::new(),
};
