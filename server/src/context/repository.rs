//! All candidates from the workspace for a cursor.

use std::borrow::Cow;
use std::ops::Range;

use super::candidate::Candidate;
use super::evidence::Evidence;
use super::focus::{Focus, Use, uses};
use super::resolve::Resolver;
use super::scope::Scope;
use super::words::WordSet;
use super::{Sources, calls, declarations, members, recent, similar};
use crate::documents::Document;
use crate::repository::index::Definition;

/// The lines around the cursor whose names are looked up.
const REACH: usize = 400;

/// What candidates are searched for.
pub struct Surroundings<'a> {
    /// The cursor's document.
    pub document: &'a Document,
    /// The focus of the cursor.
    pub focus: &'a Focus,
    /// The words near it; empty if they are too few to compare with.
    pub near: &'a WordSet,
    /// The text of the whole window.
    pub shown: &'a str,
    /// The text before the cursor.
    pub above: &'a str,
    /// The number of lines in a window of similar code.
    pub height: usize,
}

/// The candidates of the index and of the background.
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
        // The index of the cursor's file may be out of date; the text decides whether the lines are visible.
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
    let resolver = Resolver::new(&scope, focus, above);
    let is_visible = |definition: &Definition| {
        let Definition { file, symbol } = *definition;
        let first = || symbol.signature.lines().find(|line| line.contains(&*symbol.name));
        Some(file) == scope.own && first().is_some_and(|line| shown.contains(line.trim()))
    };
    let mut evidence = Evidence::new(&scope, &is_visible);
    declarations::named(&mut evidence, &resolver, focus);
    declarations::imported(&mut evidence, &scope, shown);
    members::receiver(&mut evidence, &scope, focus, above);
    members::enclosing(&mut evidence, &scope, focus);
    declarations::in_file(&mut evidence, &scope, &resolver, focus, (&uses, from));
    declarations::of_counterpart(&mut evidence, &scope);
    declarations::in_similar(&mut evidence, &scope, &alike);
    evidence.weigh_names(&focus.terms());
    declarations::in_signatures(&mut evidence, &scope);
    candidates.extend(evidence.candidates());
    candidates
}
