//! What is worth showing the model: candidates, ranked, under a budget. Pure: no file is read here.

use std::ops::Range;
use std::sync::Arc;

use crate::documents::Document;

/// What a completion shows the model.
#[derive(Debug, Clone)]
pub struct Context {
    /// The text around the cursor.
    pub window: Window,
    /// Text from elsewhere, in an order that stays the same from keystroke to keystroke.
    pub snippets: Vec<Snippet>,
}

/// The part of the cursor's own document that is shown, as byte ranges of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The document's imports where `before` does not already hold them.
    pub imports: Option<Range<usize>>,
    /// Ends at the cursor; starts at a syntactic boundary that moves only in jumps.
    pub before: Range<usize>,
    /// What follows, from the next syntactic boundary behind the cursor, so that typing does not move it.
    pub after: Range<usize>,
}

/// A piece of another text.
#[derive(Debug, Clone, PartialEq)]
pub struct Snippet {
    /// For the reader: a path relative to the workspace, with `/`.
    pub path: String,
    /// Whole lines.
    pub text: Arc<str>,
    /// Similarity to the cursor's surroundings, 0 to 1.
    pub score: f32,
}

/// The most tokens that each part of a context may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// For [`Window::before`] with [`Window::imports`].
    pub before: usize,
    /// For [`Window::after`].
    pub after: usize,
    /// For all snippets together.
    pub snippets: usize,
}

/// Keeps what makes the next keystroke's context cheap and its order stable; one per document being edited.
#[derive(Debug, Default)]
pub struct Contexts {}

impl Contexts {
    /// The context of a cursor. `others` are the open documents but this one, the most recent first; `count`
    /// counts tokens.
    pub fn gather(
        &self,
        _document: &Document,
        _cursor: usize,
        _others: &[Arc<Document>],
        _budget: Budget,
        _count: &dyn Fn(&str) -> usize,
    ) -> Context {
        unreachable!()
    }
}
