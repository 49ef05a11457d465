//! The only place where a draft becomes an edit.

use crate::answer::Draft;
use crate::documents::{Document, DocumentId};

/// A verified change of one document, bound to the version and the text that it was made for. Only [`verify`]
/// makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    document: DocumentId,
    version: i32,
    range: std::ops::Range<usize>,
    old: String,
    new: String,
}

impl Edit {
    /// The document it is for.
    pub fn document(&self) -> &DocumentId {
        &self.document
    }

    /// The version it was made for.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// Bytes of that version that it replaces.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.range.clone()
    }

    /// The text of the range before the edit.
    pub fn old(&self) -> &str {
        &self.old
    }

    /// The text of the range after it.
    pub fn new_text(&self) -> &str {
        &self.new
    }
}

/// Makes an edit of a draft, or says why not.
pub fn verify(_document: &Document, _draft: &Draft) -> Option<Edit> {
    unreachable!()
}
