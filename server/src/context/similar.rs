//! Similar code: windows of open documents, and chunks of the workspace found by search.

use std::ops::Range;
use std::sync::Arc;

use ropey::Rope;

use super::candidate::{Body, Candidate, Excerpt, Origin, Source, label};
use super::focus::Focus;
use super::scope::Scope;
use super::words::{FileWords, WordSet};
use super::{Sources, rank};
use crate::documents::Document;
use crate::languages::Language;
use crate::repository::index::FileId;

/// A lower similarity is noise.
pub const LEAST_SIMILARITY: f32 = 0.05;
/// The most candidates of one open document.
const MOST_PER_FILE: usize = 3;
/// The limits of the search: chunks found, chunks compared with the text near the cursor, and files read for that.
const MOST_HITS: usize = 40;
const MOST_CLOSE: usize = 12;
const MOST_READ: usize = 8;

/// The lines of a window; fewer if the budget is small.
const MOST_LINES: usize = 50;
const FEWEST_LINES: usize = 12;
/// An estimate of the tokens per line of code, to size windows.
const TOKENS_PER_LINE: usize = 12;

/// The lines of a window, given the token budget of all snippets.
pub fn height(budget: usize) -> usize {
    (budget / 3 / TOKENS_PER_LINE).clamp(FEWEST_LINES, MOST_LINES)
}

/// Lines of a file that are similar to those near the cursor.
#[derive(Debug, Clone)]
pub struct SimilarLines {
    /// The file.
    pub file: FileId,
    /// Its lines, counted from 0.
    pub lines: Range<u32>,
    /// 0 to 1.
    pub similarity: f32,
}

/// The most similar windows of open documents.
pub fn in_open(others: &[(&Arc<Document>, &Arc<FileWords>)], near: &WordSet) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (document, file) in others {
        for found in file.most_similar(near, LEAST_SIMILARITY, MOST_PER_FILE) {
            let edited = document
                .edited_lines()
                .iter()
                .any(|lines| lines.start < found.line + file.height && found.line < lines.end);
            candidates.push(Candidate {
                source: if edited { Source::Recent } else { Source::Open },
                origin: Origin::Document(document.id.clone()),
                file: document.path.as_deref().map(Into::into),
                label: document.label(),
                language: document.language,
                container: None,
                lines: found.line..found.line + file.height,
                body: Body::Lines(Excerpt {
                    text: document.text.clone(),
                    skipped: 0,
                    line: found.line,
                    height: file.height,
                }),
                score: found.score * if edited { rank::EDITED } else { 1.0 },
                reason: if edited {
                    "similar code in an open file, recently edited".to_owned()
                } else {
                    "similar code in an open file".to_owned()
                },
            });
        }
    }
    candidates
}

/// The chunks of other files, and of this file unless `is_shown`, that are most similar to the text near the cursor.
pub fn in_index(
    scope: &Scope,
    focus: &Focus,
    near: &WordSet,
    sources: &Sources,
    height: usize,
    is_shown: &dyn Fn(&Range<u32>) -> bool,
) -> (Vec<Candidate>, Vec<SimilarLines>) {
    let index = scope.index;
    let is_open = |file: FileId| {
        Some(file) != scope.own
            && sources.open.iter().any(|document| document.path.as_deref() == Some(index.path(file)))
    };
    let wanted = |file: FileId, lines: &Range<u32>| {
        scope.shares_language(file) && !is_open(file) && !(Some(file) == scope.own && is_shown(lines))
    };
    let (mut candidates, mut alike) = (Vec::new(), Vec::new());
    let mut texts: Vec<(FileId, Option<Arc<str>>)> = Vec::new();
    let hits = index.search(&focus.terms(), MOST_HITS, &wanted);
    let best = hits.first().map_or(1.0, |hit| hit.score);
    for (place, hit) in hits.into_iter().enumerate() {
        let similarity = (hit.score / best).powi(2) / 2.0;
        alike.push(SimilarLines { file: hit.file, lines: hit.lines.clone(), similarity });
        if place >= MOST_CLOSE {
            continue;
        }
        let known = texts.iter().position(|(file, _)| *file == hit.file);
        if known.is_none() && texts.len() == MOST_READ {
            continue;
        }
        let at = known.unwrap_or_else(|| {
            texts.push((hit.file, (sources.text)(hit.file)));
            texts.len() - 1
        });
        let Some(text) = &texts[at].1 else { continue };
        let path = index.path(hit.file);
        let language = Language::of_path(path);
        let chunk = Rope::from(lines_of(text, &hit.lines));
        let words = FileWords::new(&chunk, language, height);
        let Some(found) = words.most_similar(near, LEAST_SIMILARITY, 1).pop() else { continue };
        candidates.push(Candidate {
            source: Source::Similar,
            origin: Origin::File(index.stamp(hit.file)),
            file: Some(path.into()),
            label: label(path),
            language,
            container: None,
            lines: hit.lines.start as usize + found.line..hit.lines.end as usize,
            body: Body::Lines(Excerpt {
                text: chunk,
                skipped: hit.lines.start as usize,
                line: found.line,
                height,
            }),
            score: found.score,
            reason: "similar code".to_owned(),
        });
    }
    (candidates, alike)
}

/// Some lines of a text.
pub fn lines_of<'t>(text: &'t str, lines: &Range<u32>) -> &'t str {
    let mut starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let start = starts.nth(lines.start as usize).unwrap_or(text.len());
    let height = lines.end.saturating_sub(lines.start) as usize;
    let end = if height == 0 { start } else { starts.nth(height - 1).unwrap_or(text.len()) };
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole() {
        let text = "a\nb\r\nc";
        assert_eq!(lines_of(text, &(0..1)), "a\n");
        assert_eq!(lines_of(text, &(1..3)), "b\r\nc");
        assert_eq!(lines_of(text, &(2..9)), "c");
        assert_eq!(lines_of(text, &(5..9)), "");
        assert_eq!(lines_of(text, &(1..1)), "");
    }
}
