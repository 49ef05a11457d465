//! What in a language's tree is a sign that an action makes sense: a row per language.

use crate::syntax::is_one_of;

/// What to look for in the trees of a language. Node kinds are separated by spaces.
pub(super) struct Signs {
    /// Languages, by [id](crate::languages::Language::id).
    pub(super) languages: &'static str,
    /// How something is documented, in the words of an instruction.
    pub(super) documentation: &'static str,
    /// Nodes that declare a local variable, and the field with its name.
    pub(super) locals: (&'static str, &'static str),
    /// Parameters that have no type, where a language can have some with and some without: node kinds, and the field
    /// that is missing ("" where the kind alone says so).
    pub(super) untyped: &'static [(&'static str, &'static str)],
    /// How types are added, in the words of an instruction.
    pub(super) types: &'static str,
    /// Nodes in which errors are handled.
    pub(super) handled: &'static str,
    /// Calls that are known to fail; where it is empty, any call may.
    pub(super) failing: &'static str,
    /// How errors are handled, in the words of an instruction.
    pub(super) errors: &'static str,
    /// Nodes that stand for a body that is yet to be written, and texts of which one is in them, in lower case.
    pub(super) stubs: (&'static str, &'static [&'static str]),
}

/// All rows.
pub(super) const SIGNS: [Signs; 12] = [
    Signs {
        languages: "rust",
        documentation: "a doc comment (`///`)",
        locals: ("let_declaration", "pattern"),
        untyped: &[],
        types: "",
        handled: "",
        failing: "unwrap expect",
        errors: "Return a `Result` with `?` where that fits, else handle the error in place. Do not panic.",
        stubs: ("macro_invocation", &["todo!", "unimplemented!"]),
    },
    Signs {
        languages: "python",
        documentation: "a docstring",
        locals: ("assignment", "left"),
        untyped: &[("identifier", ""), ("default_parameter", "")],
        types: "type annotations for parameters and the result",
        handled: "try_statement",
        failing: "",
        errors: "Catch the exceptions that can occur, each by its own type, and raise or return something that says what failed.",
        stubs: ("raise_statement pass_statement ellipsis", &["notimplemented", "pass", "..."]),
    },
    Signs {
        languages: "javascript",
        documentation: "a JSDoc comment (`/** */`)",
        locals: ("variable_declarator", "name"),
        untyped: &[("identifier", ""), ("assignment_pattern", "")],
        types: "a JSDoc comment with `@param` and `@returns` types",
        handled: "try_statement",
        failing: "",
        errors: "Catch what can be thrown or rejected, and throw or return something that says what failed.",
        stubs: ("throw_statement", &["not implemented", "unimplemented", "todo"]),
    },
    Signs {
        languages: "typescript typescriptreact",
        documentation: "a TSDoc comment (`/** */`)",
        locals: ("variable_declarator", "name"),
        untyped: &[("required_parameter", "type"), ("optional_parameter", "type")],
        types: "types for parameters and the result",
        handled: "try_statement",
        failing: "",
        errors: "Catch what can be thrown or rejected, and throw or return something that says what failed.",
        stubs: ("throw_statement", &["not implemented", "unimplemented", "todo"]),
    },
    Signs {
        languages: "go",
        documentation: "a doc comment (`//`) that begins with the name",
        locals: ("short_var_declaration", "left"),
        untyped: &[],
        types: "",
        handled: "",
        failing: "panic",
        errors: "Return an `error`, wrapped with `fmt.Errorf` and `%w`. Do not panic and do not drop an error.",
        stubs: ("call_expression", &["panic(\"todo", "panic(\"not implemented", "panic(\"unimplemented"]),
    },
    Signs {
        languages: "java",
        documentation: "a Javadoc comment (`/** */`)",
        locals: ("variable_declarator", "name"),
        untyped: &[],
        types: "",
        handled: "try_statement try_with_resources_statement",
        failing: "",
        errors: "Catch the exceptions that can occur, each by its own type, and throw something that says what failed.",
        stubs: ("throw_statement", &["unsupportedoperationexception", "not implemented"]),
    },
    Signs {
        languages: "csharp",
        documentation: "an XML documentation comment (`///`)",
        locals: ("variable_declarator", "name"),
        untyped: &[],
        types: "",
        handled: "try_statement",
        failing: "",
        errors: "Catch the exceptions that can occur, each by its own type, and throw something that says what failed.",
        stubs: ("throw_statement throw_expression", &["notimplementedexception"]),
    },
    Signs {
        languages: "c cpp",
        documentation: "a documentation comment (`/** */`)",
        locals: ("init_declarator", "declarator"),
        untyped: &[],
        types: "",
        handled: "",
        failing: "malloc calloc realloc fopen fread fwrite fgets open read write close socket strdup pthread_create",
        errors: "Check what each call returns, and report a failure to the caller as the rest of the code does.",
        stubs: ("call_expression", &["not implemented", "assert(0", "assert(false"]),
    },
    Signs {
        languages: "ruby",
        documentation: "a YARD comment (`#`)",
        locals: ("assignment", "left"),
        untyped: &[("identifier", ""), ("optional_parameter", ""), ("keyword_parameter", "")],
        types: "a YARD comment with `@param` and `@return` types",
        handled: "rescue",
        failing: "",
        errors: "Rescue the errors that can occur, each by its own class, and raise or return something that says what failed.",
        stubs: ("call", &["raise notimplementederror", "raise \"not implemented"]),
    },
    Signs {
        languages: "php",
        documentation: "a PHPDoc comment (`/** */`)",
        locals: ("assignment_expression", "left"),
        untyped: &[("simple_parameter", "type")],
        types: "types for parameters and the result",
        handled: "try_statement",
        failing: "",
        errors: "Catch the exceptions that can occur, each by its own type, and throw something that says what failed.",
        stubs: ("throw_expression", &["not implemented", "todo"]),
    },
    Signs {
        languages: "lua",
        documentation: "an annotation comment (`---`)",
        locals: ("", ""),
        untyped: &[],
        types: "",
        handled: "",
        failing: "",
        errors: "Use `pcall` or check what each call returns, and return `nil` and a message on failure.",
        stubs: (
            "function_call",
            &["error(\"todo", "error(\"not implemented", "error('todo", "error('not implemented"],
        ),
    },
    Signs {
        languages: "shellscript",
        documentation: "a comment (`#`)",
        locals: ("", ""),
        untyped: &[],
        types: "",
        handled: "",
        failing: "",
        errors: "Check each command that can fail, write a message to stderr, and return a status that is not 0.",
        stubs: ("", &[]),
    },
];

/// The row of a language.
pub(super) fn of(language: &str) -> Option<&'static Signs> {
    SIGNS.iter().find(|row| is_one_of(row.languages, language))
}
