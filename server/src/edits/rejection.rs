//! Why a draft is no edit.

/// Why a draft was refused, in words for users and for the model's second try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The answer holds no code, or invisible characters.
    #[error("The answer contains no code.")]
    NoCode,
    /// The answer was cut off.
    #[error("The answer was cut off.")]
    Endless,
    /// The draft's range is not in the text, or cuts a character, or is larger than a completion's may be.
    #[error("The range of the edit is not in the document.")]
    NoSuchPlace,
    /// The text stays as it is, but for white space.
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
    /// What stands around the item would mean something else: a bracket too many, or code that belongs elsewhere.
    #[error(
        "It changes code outside the item. Close every bracket and block that the item opens, and no others."
    )]
    Outside,
    /// Text that is no part of the item, above or below it.
    #[error("It adds `{0}` outside the item. Write only the item.")]
    Beside(String),
    /// A definition that stands elsewhere in the file.
    #[error("It repeats `{0}`, which is already in the file.")]
    Repeats(String),
    /// A new function or type where none was asked for.
    #[error("It adds `{0}`, which the instruction does not ask for.")]
    Adds(String),
    /// The item has another name than before.
    #[error("It no longer defines `{0}`.")]
    Undefines(String),
    /// A comment in the place of code.
    #[error("It leaves out code: `{0}`. Write all of it.")]
    Abbreviated(String),
    /// The place that was to be mended stays as it is.
    #[error("It does not change line {line}, where the problem is.")]
    LeavesThePlace {
        /// Counted from 1, in the document.
        line: usize,
    },
}

impl Rejection {
    /// What is wrong, without names and lines: for counting.
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

    /// Whether the answer was code of the language, whole, and in its place.
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
