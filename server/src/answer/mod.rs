//! From the model's text to a draft that fits into the document. Whatever the model says, this never fails: text
//! that makes no sense is no draft.

use crate::documents::Document;

/// Text for the cursor's place, not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Byte range of the document that the text takes the place of; within the cursor's line, starting at or
    /// before the cursor and ending at or behind it.
    pub range: std::ops::Range<usize>,
    /// What stands there afterwards.
    pub text: String,
}

/// The draft of a completion at byte offset `cursor`: fences and chatter gone, the overlap with what follows
/// removed, duplicated and repeated lines dropped, brackets balanced, cut at the end of the syntax node, indented
/// like its surroundings. `finished`: the model has ended its answer; else the last line may be half.
pub fn completion(_document: &Document, _cursor: usize, _text: &str, _finished: bool) -> Option<Draft> {
    unreachable!()
}
