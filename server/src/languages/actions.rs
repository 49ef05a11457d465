//! What code actions look for in the trees of a language, and how they name it to the model.

/// What the built-in code actions look for. Node kinds are separated by spaces.
pub struct CodeActions {
    /// How something is documented, in the words of an instruction.
    pub documentation: &'static str,
    /// Containers that have no documentation of their own: Rust's `impl`.
    pub undocumented: &'static str,
    /// Nodes that declare a local variable, and the field with its name.
    pub locals: (&'static str, &'static str),
    /// Parameters that have no type, where a language can have some with and some without: node kinds, and the field
    /// that is missing ("" where the kind alone says so).
    pub untyped: &'static [(&'static str, &'static str)],
    /// How types are added, in the words of an instruction.
    pub types: &'static str,
    /// Nodes in which errors are handled.
    pub handled: &'static str,
    /// Calls that are known to fail; where it is empty, any call may.
    pub failing: &'static str,
    /// How errors are handled, in the words of an instruction.
    pub errors: &'static str,
    /// Nodes that take the place of a body that is not written yet, and texts of which one is in them, in lower case.
    pub stubs: (&'static str, &'static [&'static str]),
    /// Other forms of the language that code can be converted to.
    pub conversions: &'static [Conversion],
}

impl CodeActions {
    /// No fact is known; rows name what they have.
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

/// A conversion: the same in another form of the language, offered where the tree shows such a node.
pub struct Conversion {
    /// Node kinds, separated by spaces.
    pub nodes: &'static str,
    /// The text of the node holds one of these, where there is one.
    pub holds: &'static [&'static str],
    /// What it becomes, behind "Convert to".
    pub to: &'static str,
    /// What the model is asked to do.
    pub instruction: &'static str,
}

/// What a model writes in the place of code that it leaves out.
pub struct Placeholders {
    /// Text of such code: `todo!(`. White space aside.
    pub code: &'static [&'static str],
    /// Names in it, separated by spaces: losing them loses nothing.
    pub names: &'static str,
    /// Node kinds of statements that do nothing, and the keyword of the first: `pass`.
    pub statements: (&'static str, &'static str),
}

impl Placeholders {
    /// The language has none of its own.
    pub(super) const NONE: Placeholders = Placeholders { code: &[], names: "", statements: ("", "") };
}
