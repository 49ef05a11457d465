//! Candidates: text that may be shown in addition to the window.

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
    /// The project's guidelines.
    Guidance,
    /// A use of the function around the cursor, where possible a call.
    Use,
    /// Recently edited code, or code that the working tree changes.
    Recent,
    /// Similar code in an open document.
    Open,
    /// Similar code elsewhere in the workspace.
    Similar,
    /// The declaration of a name near the cursor.
    Declaration,
    /// The declaration of a member that can be used at the cursor.
    Member,
}

impl Source {
    /// Its name, in one word.
    pub fn name(self) -> &'static str {
        match self {
            Source::Guidance => "guidance",
            Source::Use => "use",
            Source::Recent => "recent",
            Source::Open => "open",
            Source::Similar => "similar",
            Source::Declaration => "declaration",
            Source::Member => "member",
        }
    }

    /// Declarations and code have separate shares of the budget.
    pub fn is_declaration(self) -> bool {
        matches!(self, Source::Declaration | Source::Member)
    }
}

/// The origin of a candidate's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An open document.
    Document(DocumentId),
    /// An indexed file in this state.
    File(Stamp),
}

/// The text of a candidate.
#[derive(Debug, Clone)]
pub enum Body {
    /// A declaration.
    Declared(Arc<str>),
    /// Some lines, which may be widened or narrowed to paragraphs.
    Lines(Excerpt),
}

/// Lines of a text.
#[derive(Debug, Clone)]
pub struct Excerpt {
    /// The text, or the relevant part of it.
    pub text: Rope,
    /// Lines of the file before `text`.
    pub skipped: usize,
    /// The first line, counted in `text`.
    pub line: usize,
    /// The number of lines.
    pub height: usize,
}

/// A piece of text that may be shown.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The kind of candidate.
    pub source: Source,
    /// Its origin.
    pub origin: Origin,
    /// Its path on disk, if it has one.
    pub file: Option<Arc<Path>>,
    /// A short path for display.
    pub label: String,
    /// Its language.
    pub language: Option<&'static Language>,
    /// The type that a declaration is a member of.
    pub container: Option<Box<str>>,
    /// Its lines in its file, before it is cut.
    pub lines: Range<usize>,
    /// Its text.
    pub body: Body,
    /// See [`super::rank`].
    pub score: f32,
    /// The reason, as text.
    pub reason: String,
}

/// A path for display: its last three names, joined with `/`.
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
