//! Open documents: immutable, versioned snapshots of text with a syntax tree.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use ropey::Rope;
use tree_sitter::Tree;

use crate::languages::Language;

/// Names a document for as long as it is open: the client's URI, opaque to everything but `lsp`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId(pub Arc<str>);

/// One version of a document. Never changes; a change makes a new one that shares most of its memory.
#[derive(Debug, Clone)]
pub struct Document {
    /// Who it is.
    pub id: DocumentId,
    /// Where it lies on disk, if it does.
    pub path: Option<PathBuf>,
    /// The client's version number.
    pub version: i32,
    /// The text, exactly as the client has it: CRLF, BOM and all.
    pub text: Rope,
    /// `None`: plain text without a tree (an unknown language, or more than 2 MB).
    pub language: Option<&'static Language>,
}

/// One step from a version of a document to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The whole text anew.
    Replace(String),
    /// The bytes of `range` (of the text before this step) become `text`.
    Splice {
        /// Byte offsets on character boundaries.
        range: Range<usize>,
        /// What stands there afterwards.
        text: String,
    },
}

/// The documents that the client has open.
#[derive(Debug, Default)]
pub struct Documents {}

impl Document {
    /// The document as the client opened it. `language_id` is the client's name for the language; the path's
    /// extension decides where it says nothing known.
    pub fn open(
        _id: DocumentId,
        _path: Option<PathBuf>,
        _language_id: &str,
        _version: i32,
        _text: &str,
    ) -> Document {
        unreachable!()
    }

    /// The next version. Costs what the change costs: the tree is only told of it and parsed when asked for.
    pub fn apply(&self, _version: i32, _changes: &[Change]) -> Document {
        unreachable!()
    }

    /// The syntax tree of exactly this text, parsed on first use, incrementally where an older tree is known.
    pub fn tree(&self) -> Option<&Tree> {
        unreachable!()
    }
}

impl Documents {
    /// Opens or replaces a document.
    pub fn open(&self, _document: Document) {}

    /// Applies changes in order; returns the new snapshot, or `None` for a document that is not open.
    pub fn change(&self, _id: &DocumentId, _version: i32, _changes: &[Change]) -> Option<Arc<Document>> {
        unreachable!()
    }

    /// Forgets a document.
    pub fn close(&self, _id: &DocumentId) {}

    /// The latest snapshot.
    pub fn get(&self, _id: &DocumentId) -> Option<Arc<Document>> {
        unreachable!()
    }

    /// All open documents, the most recently opened or edited first.
    pub fn recent(&self) -> Vec<Arc<Document>> {
        unreachable!()
    }
}
