//! Facts about the lines of a language, for use without a parser.

/// How text is written: comment marks, brackets, quotes, and the words that open and continue blocks. Lists of words
/// are separated by spaces.
pub struct Text {
    /// The text is prose: sentences, not statements.
    pub is_prose: bool,
    /// The text is data: the members that end an object are completed together.
    pub is_data: bool,
    /// A file named `secrets` contains secrets rather than code about them.
    pub holds_secrets: bool,
    /// What begins and ends a block comment.
    pub block_comment: Option<(&'static str, &'static str)>,
    /// Whether brackets and quotes are paired.
    pub has_brackets: bool,
    /// Whether `'x'` is a character, and a single `'` is not a quote: a lifetime, a label.
    pub has_char_literals: bool,
    /// Whether strings may be between backticks.
    pub has_backtick_strings: bool,
    /// Whether a line that begins with `#` at the margin is for the preprocessor, which does not count as indented.
    pub has_directives: bool,
    /// Whether a string may span lines.
    pub has_long_strings: bool,
    /// Triple quotes around strings that may span lines.
    pub triple_quotes: &'static [&'static str],
    /// Strings in which a backslash is an ordinary character.
    pub raw_strings: RawStrings,
    /// The meaning of a backslash at the end of a line.
    pub backslash: Backslash,
    /// What opens a block at the end of a line, besides `{`, and `:` in indentation-based languages.
    pub opening_marks: &'static [&'static str],
    /// Words that open a block at the end of a line.
    pub opening_words: &'static str,
    /// Words that open a block at the start of a line, unless the line closes it with `end`.
    pub heading_words: &'static str,
    /// Words that continue the statement above at its depth.
    pub continuing_words: &'static str,
}

/// Strings in which a backslash is an ordinary character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawStrings {
    /// There are none.
    None,
    /// Between backticks.
    Backticks,
    /// `r#"..."#`, with any number of `#`.
    Hashes,
    /// `[=[...]=]`, with any number of `=`.
    LongBrackets,
}

/// The meaning of a backslash at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backslash {
    /// Nothing.
    Nothing,
    /// It continues a statement on the next line.
    Continues,
    /// It continues a command or directive, except on the last line.
    ContinuesCommands,
}

impl Text {
    /// Code with brackets.
    pub(super) const CODE: Text = Text {
        is_prose: false,
        is_data: false,
        holds_secrets: false,
        block_comment: None,
        has_brackets: true,
        has_char_literals: false,
        has_backtick_strings: false,
        has_directives: false,
        has_long_strings: true,
        triple_quotes: &[],
        raw_strings: RawStrings::None,
        backslash: Backslash::Nothing,
        opening_marks: &[],
        opening_words: "",
        heading_words: "",
        continuing_words: "",
    };
    /// Code with C's comments: `/* */`.
    pub(super) const LIKE_C: Text = Text { block_comment: Some(("/*", "*/")), ..Text::CODE };
}
