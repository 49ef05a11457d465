//! All ranked declarations for a cursor, regardless of the budget, so that ranking can be evaluated separately.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::candidate::Body;
use super::lines::Lines;
use super::repository::{self, Surroundings};
use super::{Budget, CursorView, Sources, similar};
use crate::documents::Document;

/// A ranked declaration.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Its path on disk.
    pub file: Arc<Path>,
    /// The lines that it shows, counted from 0: the first of a function, all of a type shown whole.
    pub lines: Range<usize>,
    /// Its text.
    pub text: Arc<str>,
    /// Its score.
    pub score: f32,
    /// The reason, as text.
    pub reason: String,
}

/// The ranked declarations of the index at a cursor, without a previous context.
pub fn declarations(
    document: &Document,
    cursor: usize,
    sources: &Sources,
    budget: Budget,
    count: &dyn Fn(&str) -> usize,
) -> Vec<Declared> {
    let lines = Lines { text: &document.text, count };
    let view = CursorView::of(None, document, &lines, cursor, budget, Some(sources.index));
    let surroundings = Surroundings {
        document,
        focus: &view.focus,
        near: &view.near,
        shown: &view.shown,
        above: &lines.slice(view.window.above.start..cursor),
        height: similar::height(budget.snippets),
    };
    let mut candidates = repository::candidates(&surroundings, sources);
    candidates.retain(|candidate| candidate.source.is_declaration());
    // A stable sort, as in the selection of a context.
    candidates.sort_by(|one, other| other.score.total_cmp(&one.score));
    let declared = |candidate: super::candidate::Candidate| {
        let (file, lines) = (candidate.file?, candidate.lines);
        let Body::Declared(text) = candidate.body else { return None };
        Some(Declared { file, lines, text, score: candidate.score, reason: candidate.reason })
    };
    candidates.into_iter().filter_map(declared).collect()
}
