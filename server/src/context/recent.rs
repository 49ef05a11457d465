//! Changes of the working tree that are similar to the code near the cursor.

use std::ops::Range;

use ropey::Rope;

use super::candidate::{Body, Candidate, Excerpt, Origin, Source, label};
use super::scope::Scope;
use super::similar::{LEAST_SIMILARITY, lines_of};
use super::words::WordSet;
use super::{Sources, rank};
use crate::languages::Language;
use crate::repository::index::FileId;

/// The most files that are read, and the most changes in each.
const MOST_FILES: usize = 6;
const MOST_PLACES: usize = 4;
/// Lines shown around a change.
const AROUND: u32 = 5;
/// Only the beginning of a longer change is compared.
const LONGEST: u32 = 30;

/// The changed lines of files that are not open; those of open files are found as open documents.
pub fn changed(scope: &Scope, near: &WordSet, sources: &Sources, height: usize) -> Vec<Candidate> {
    let index = scope.index;
    let is_open =
        |file: FileId| sources.open.iter().any(|document| document.path.as_deref() == Some(index.path(file)));
    let mut files: Vec<(FileId, &Vec<Range<u32>>)> = sources
        .background
        .changes
        .files
        .iter()
        .filter_map(|(path, lines)| Some((index.file(path)?, lines)))
        .filter(|&(file, _)| Some(file) != scope.own && scope.shares_language(file) && !is_open(file))
        .collect();
    files.sort_by_key(|&(file, _)| (scope.distance(file, ""), index.path(file)));
    let mut candidates = Vec::new();
    for (file, changes) in files.into_iter().take(MOST_FILES) {
        let Some(text) = (sources.text)(file) else { continue };
        let path = index.path(file);
        let language = Language::of_path(path);
        for change in changes.iter().take(MOST_PLACES) {
            let start = change.start.saturating_sub(AROUND);
            let end = change.end.min(change.start.saturating_add(LONGEST)).saturating_add(AROUND);
            let lines = lines_of(&text, &(start..end));
            let score = near.jaccard(&WordSet::of(lines, language));
            if score < LEAST_SIMILARITY {
                continue;
            }
            candidates.push(Candidate {
                source: Source::Recent,
                origin: Origin::File(index.stamp(file)),
                file: Some(path.into()),
                label: label(path),
                language,
                container: None,
                lines: change.start as usize..change.end as usize,
                body: Body::Lines(Excerpt {
                    text: Rope::from(lines),
                    skipped: start as usize,
                    line: 0,
                    height: height.min((end - start) as usize),
                }),
                score: score * rank::EDITED,
                reason: "changed in the working tree".to_owned(),
            });
        }
    }
    candidates
}
