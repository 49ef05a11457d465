//! Why a draft is refused.

/// Why a draft was refused, worded for users and for the model's second attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The answer contains no code, or contains invisible characters.
    #[error("The answer contains no code.")]
    NoCode,
    /// The answer was cut off.
    #[error("The answer was cut off.")]
    Endless,
    /// The draft's range is not in the text, or cuts a character, or is larger than a completion's may be.
    #[error("The range of the edit is not in the document.")]
    NoSuchPlace,
    /// The text is unchanged, except for white space.
    #[error("It changes nothing.")]
    Unchanged,
    /// There would be more syntax errors than before.
    #[error("Line {line} has a syntax error: `{text}`.")]
    Syntax {
        /// Counted from 1, in the answer.
        line: usize,
        /// The line.
        text: String,
    },
    /// The code around the item would change its meaning: a superfluous bracket, or code that belongs elsewhere.
    #[error(
        "It changes code outside the item. Close every bracket and block that the item opens, and no others."
    )]
    Outside,
    /// Text above or below the item that is not part of it.
    #[error("It adds `{0}` outside the item. Write only the item.")]
    Beside(String),
    /// A definition that is elsewhere in the file.
    #[error("It repeats `{0}`, which is already in the file.")]
    Repeats(String),
    /// A new function or type where the instruction asks for none.
    #[error("It adds `{0}`, which the instruction does not ask for.")]
    Adds(String),
    /// The item has another name than before.
    #[error("It no longer defines `{0}`.")]
    Undefines(String),
    /// A placeholder instead of code.
    #[error("It leaves out code: `{0}`. Write all of it.")]
    Abbreviated(String),
    /// The lines to fix are unchanged.
    #[error("It does not change line {line}, where the problem is.")]
    LeavesThePlace {
        /// Counted from 1, in the document.
        line: usize,
    },
}

impl Rejection {
    /// The kind of the problem, without names and lines, for statistics.
    pub fn kind(&self) -> &'static str {
        match self {
            Rejection::NoCode => "no code",
            Rejection::Endless => "endless",
            Rejection::NoSuchPlace => "no such place",
            Rejection::Unchanged => "unchanged",
            Rejection::Syntax { .. } => "syntax",
            Rejection::Outside => "outside",
            Rejection::Beside(_) => "beside",
            Rejection::Repeats(_) => "repeats",
            Rejection::Adds(_) => "adds",
            Rejection::Undefines(_) => "undefines",
            Rejection::Abbreviated(_) => "abbreviated",
            Rejection::LeavesThePlace { .. } => "place left",
        }
    }

    /// Whether the answer was complete code of the language, and only the item.
    pub fn parses(&self) -> bool {
        !matches!(
            self,
            Rejection::NoCode
                | Rejection::Endless
                | Rejection::NoSuchPlace
                | Rejection::Syntax { .. }
                | Rejection::Outside
                | Rejection::Beside(_)
        )
    }
}
