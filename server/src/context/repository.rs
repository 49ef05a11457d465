//! All candidates that the workspace has for a cursor.

use std::borrow::Cow;
use std::ops::Range;

use super::candidate::Candidate;
use super::evidence::Evidence;
use super::focus::{Focus, Use, uses};
use super::meaning::Meanings;
use super::scope::Scope;
use super::words::WordSet;
use super::{Sources, calls, declarations, members, recent, similar};
use crate::documents::Document;
use crate::repository::index::Definition;

/// Names of the own file are looked up so many lines around the cursor.
const REACH: usize = 400;

/// What candidates are looked for.
pub struct Surroundings<'a> {
    /// The cursor's document.
    pub document: &'a Document,
    /// What the cursor is about.
    pub focus: &'a Focus,
    /// The words near it; empty where they are too few to compare with.
    pub near: &'a WordSet,
    /// All that the window shows.
    pub shown: &'a str,
    /// What stands in front of the cursor.
    pub above: &'a str,
    /// Lines of a window of similar code.
    pub height: usize,
}

/// The candidates of the index and of what is known besides.
pub fn candidates(around: &Surroundings, sources: &Sources) -> Vec<Candidate> {
    let Surroundings { document, focus, near, shown, above, height } = *around;
    let most = document.text.len_lines();
    let from = focus.line.saturating_sub(REACH);
    let near_lines =
        document.text.line_to_byte(from)..document.text.line_to_byte((focus.line + REACH).min(most));
    let text = document.text.byte_slice(near_lines).to_string();
    let uses: Vec<Use> = uses(&text).collect();
    let scope = Scope::of(sources.index, document.path.as_deref(), document.language);
    let mut candidates = Vec::new();
    let mut alike = Vec::new();
    if !near.is_empty() {
        // An index of the cursor's own file may be a moment old; its text says whether the lines are in sight.
        let is_shown = |lines: &Range<u32>| {
            let most = document.text.len_lines();
            let line = |line: u32| document.text.line_to_byte((line as usize).min(most));
            let middle = line(lines.start + (lines.end.saturating_sub(lines.start)) / 2);
            let text: Cow<str> = document.text.line(document.text.byte_to_line(middle)).into();
            text.trim().is_empty() || shown.contains(text.trim())
        };
        let (found, hits) = similar::in_index(&scope, focus, near, sources, height, &is_shown);
        candidates.extend(found);
        alike = hits;
        candidates.extend(calls::sites(&scope, focus, near, sources));
        candidates.extend(recent::changed(&scope, near, sources, height));
    }
    let meanings = Meanings::new(&scope, focus, above);
    let is_in_sight = |definition: &Definition| {
        let Definition { file, symbol } = *definition;
        let first = || symbol.signature.lines().find(|line| line.contains(&*symbol.name));
        Some(file) == scope.own && first().is_some_and(|line| shown.contains(line.trim()))
    };
    let mut evidence = Evidence::new(&scope, &is_in_sight);
    declarations::named(&mut evidence, &meanings, focus);
    declarations::imported(&mut evidence, &scope, shown);
    members::receiver(&mut evidence, &scope, focus, above);
    members::enclosing(&mut evidence, &scope, focus);
    declarations::in_file(&mut evidence, &scope, &meanings, focus, (&uses, from));
    declarations::of_counterpart(&mut evidence, &scope);
    declarations::in_similar(&mut evidence, &scope, &alike);
    evidence.weigh_names(&focus.terms());
    declarations::in_signatures(&mut evidence, &scope);
    candidates.extend(evidence.candidates());
    candidates
}
