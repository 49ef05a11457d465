//! All declarations that a cursor's context might show, the best first, whatever the budget holds: so that ranking can
//! be judged by itself.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::candidate::Body;
use super::lines::Lines;
use super::repository::{self, Surroundings};
use super::{Budget, CursorView, Sources, similar};
use crate::documents::Document;

/// A declaration in its place of a ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Where it lies on disk.
    pub file: Arc<Path>,
    /// The lines that it shows, counted from 0: of a function the first, of a type shown whole all.
    pub lines: Range<usize>,
    /// What it shows.
    pub text: Arc<str>,
    /// How much speaks for it.
    pub score: f32,
    /// Why, in words.
    pub reason: String,
}

/// The declarations of the index that speak for themselves at a cursor nobody was at before.
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
    // Equals stay as they were found, as they do when a context is chosen.
    candidates.sort_by(|one, other| other.score.total_cmp(&one.score));
    let declared = |candidate: super::candidate::Candidate| {
        let (file, lines) = (candidate.file?, candidate.lines);
        let Body::Declared(text) = candidate.body else { return None };
        Some(Declared { file, lines, text, score: candidate.score, reason: candidate.reason })
    };
    candidates.into_iter().filter_map(declared).collect()
}
