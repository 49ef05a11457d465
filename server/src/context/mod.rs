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
///
/// The document is cut into a stable and a moving part, so that little of a prompt changes as one types or moves.
/// The *zone* is the function (or what stands between two functions, or some lines of a text without syntax)
/// that holds the cursor; it is kept for as long as the cursor and all changes stay in it.
///
/// ```text
/// imports ┐
/// scopes  │ the same bytes for as long as the zone is kept
/// above   │
/// after   ┘
/// rest      the zone's lines below the cursor's: the same bytes while one types on a line
/// before    the zone up to the cursor: grows as one types
/// ```
///
/// `above`, `before`, the end of the cursor's line, `rest` and `after` follow each other without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The document's imports where `above` does not already hold them.
    pub imports: Option<Range<usize>>,
    /// The first lines of classes, modules and functions around the cursor that begin above `above`, the
    /// outermost first.
    pub scopes: Vec<Range<usize>>,
    /// What stands above the zone, from an item boundary that moves only in jumps.
    pub above: Range<usize>,
    /// From the zone's start to the cursor.
    pub before: Range<usize>,
    /// From the line below the cursor's to the zone's end.
    pub rest: Range<usize>,
    /// What stands below the zone, down to the end of an item where the budget allows.
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
    /// For [`Window::imports`], [`Window::scopes`] and [`Window::above`].
    pub above: usize,
    /// For the zone: [`Window::before`], the end of the cursor's line and [`Window::rest`].
    pub zone: usize,
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
