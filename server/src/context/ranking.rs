//! All declarations that a cursor's context might show, the best first, whatever the budget holds: so that ranking can
//! be judged by itself.

use std::path::Path;
use std::sync::Arc;

use super::focus::{Around, Focus};
use super::lines::Lines;
use super::repository::{self, Surroundings};
use super::window::Frame;
use super::{Budget, FEWEST_WORDS, Sources, near, similar};
use crate::documents::Document;

/// A declaration in its place of a ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Where it lies on disk.
    pub file: Arc<Path>,
    /// Its first line, counted from 0.
    pub line: usize,
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
    let text = &document.text;
    let lines = Lines { text, count };
    let (frame, _) = Frame::next(None, document, &lines, cursor, budget);
    let window = frame.window(&lines, cursor);
    let file = document.path.as_deref().and_then(|path| sources.index.file(path));
    let around = Around::of(sources.index, file, text.byte_to_line(cursor));
    let focus = Focus::of(document, &lines, frame.near(), cursor, around);
    let near = Some(near(document, &lines, &frame, cursor)).filter(|near| near.len() >= FEWEST_WORDS);
    let surroundings = Surroundings {
        document,
        focus: &focus,
        near: &near.unwrap_or_default(),
        shown: &frame.shown_text(&lines),
        above: &lines.slice(window.above.start..cursor),
        height: similar::height(budget.snippets),
    };
    let mut candidates = repository::candidates(&surroundings, sources);
    candidates.retain(|candidate| candidate.source.is_declaration());
    // Equals stay as they were found, as they do when a context is chosen.
    candidates.sort_by(|one, other| other.score.total_cmp(&one.score));
    let declared = |candidate: super::candidate::Candidate| {
        let (file, line) = (candidate.file?, candidate.line);
        Some(Declared { file, line, score: candidate.score, reason: candidate.reason })
    };
    candidates.into_iter().filter_map(declared).collect()
}
