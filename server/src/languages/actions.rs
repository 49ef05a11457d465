//! What code actions search for in the trees of a language, and the words for it in instructions.

/// What the built-in code actions search for. Node kinds are separated by spaces.
pub struct CodeActions {
    /// How definitions are documented, in the words of an instruction.
    pub documentation: &'static str,
    /// Containers that have no documentation of their own: Rust's `impl`.
    pub undocumented: &'static str,
    /// Nodes that declare a local variable, and the field with its name.
    pub locals: (&'static str, &'static str),
    /// Parameters without a type, if a language allows parameters with and without: node kinds, and the field that is
    /// missing ("" if the kind alone is sufficient).
    pub untyped: &'static [(&'static str, &'static str)],
    /// How types are added, in the words of an instruction.
    pub types: &'static str,
    /// Nodes in which errors are handled.
    pub handled: &'static str,
    /// Calls that can fail; if it is empty, any call may.
    pub failing: &'static str,
    /// How errors are handled, in the words of an instruction.
    pub errors: &'static str,
    /// Nodes that replace a body that is not written yet, and texts of which they contain one, in lower case.
    pub stubs: (&'static str, &'static [&'static str]),
    /// Other forms of the language that code can be converted to.
    pub conversions: &'static [Conversion],
}

impl CodeActions {
    /// Nothing is known; rows override what they have.
    pub(super) const NONE: CodeActions = CodeActions {
        documentation: "a comment",
        undocumented: "",
        locals: ("", ""),
        untyped: &[],
        types: "",
        handled: "",
        failing: "",
        errors: "",
        stubs: ("", &[]),
        conversions: &[],
    };
}

/// A conversion to another form of the language, offered where the tree has such a node.
pub struct Conversion {
    /// Node kinds, separated by spaces.
    pub nodes: &'static str,
    /// The text of the node contains one of these, if there are any.
    pub holds: &'static [&'static str],
    /// The new form, after "Convert to".
    pub to: &'static str,
    /// The instruction for the model.
    pub instruction: &'static str,
}

/// What a model writes instead of code that it leaves out.
pub struct Placeholders {
    /// Text of such code: `todo!(`. White space is ignored.
    pub code: &'static [&'static str],
    /// Names in it, separated by spaces: deleting them loses nothing.
    pub names: &'static str,
    /// Node kinds of statements that do nothing, and the keyword of the first: `pass`.
    pub statements: (&'static str, &'static str),
}

impl Placeholders {
    /// The language has none of its own.
    pub(super) const NONE: Placeholders = Placeholders { code: &[], names: "", statements: ("", "") };
}
