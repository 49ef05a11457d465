//! What may be shown besides the window, before it is decided what is.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ropey::Rope;

use crate::documents::DocumentId;
use crate::languages::Language;
use crate::repository::index::Stamp;

/// Why a piece of text is a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The project's own guidance.
    Guidance,
    /// A place that uses what is being written.
    Call,
    /// Code in a place that was edited lately, or that the working tree changes.
    Recent,
    /// Similar code in an open document.
    Open,
    /// Similar code elsewhere in the workspace.
    Similar,
    /// How something is declared that is named near the cursor.
    Declaration,
    /// How a member of a type is declared that is at hand near the cursor.
    Member,
}

impl Source {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Source::Guidance => "guidance",
            Source::Call => "call",
            Source::Recent => "recent",
            Source::Open => "open",
            Source::Similar => "similar",
            Source::Declaration => "declaration",
            Source::Member => "member",
        }
    }

    /// Declarations have one share of the budget, code the other.
    pub fn is_declaration(self) -> bool {
        matches!(self, Source::Declaration | Source::Member)
    }
}

/// Where the text of a candidate was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In an open document.
    Document(DocumentId),
    /// In a file of the index in this state.
    File(Stamp),
}

/// The text of a candidate.
#[derive(Debug, Clone)]
pub enum Body {
    /// A declaration.
    Declared(Arc<str>),
    /// Some lines, which may be widened or narrowed to what can be read by itself.
    Lines(Excerpt),
}

/// Lines of a text.
#[derive(Debug, Clone)]
pub struct Excerpt {
    /// The text, or the part of it that matters.
    pub text: Rope,
    /// Lines of the file in front of `text`.
    pub skipped: usize,
    /// The first line, counted in `text`.
    pub line: usize,
    /// How many.
    pub height: usize,
}

/// A piece of text that may be shown.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Why.
    pub source: Source,
    /// Where it was read.
    pub origin: Origin,
    /// Where that lies on disk, if it does.
    pub file: Option<Arc<Path>>,
    /// For the reader: the last names of its path.
    pub label: String,
    /// Its language.
    pub language: Option<&'static Language>,
    /// The type that a declaration is a member of.
    pub container: Option<Box<str>>,
    /// Its lines in its file, as far as they are known before it is cut.
    pub lines: Range<usize>,
    /// What would be shown.
    pub body: Body,
    /// See [`super::rank`].
    pub score: f32,
    /// Why, in words.
    pub reason: String,
}

/// A path for a reader: its last three names with `/`.
pub fn label(path: &Path) -> String {
    let names: Vec<_> = path
        .components()
        .filter_map(|component| match component {
            std::path::Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        })
        .collect();
    names[names.len().saturating_sub(3)..].join("/")
}
