//! The most similar pieces of other open files, chosen so that the choice rarely changes.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Snippet;
use super::lines::Lines;
use super::words::{File, Words};
use crate::documents::{Document, DocumentId};

/// A window has up to this many lines; fewer where the budget holds less than two of them.
const MOST_LINES: usize = 50;
const FEWEST_LINES: usize = 12;
/// What a line of code takes, to size windows by.
const TOKENS_PER_LINE: usize = 12;
/// Candidates of one file, and snippets in all.
const MOST_PER_FILE: usize = 3;
const MOST_SNIPPETS: usize = 8;
/// Less than this is chance.
const LEAST_SIMILARITY: f32 = 0.05;
/// Text more similar than this to what one is writing makes a model repeat it (llama.vim's ring has the same bound).
const MOST_SIMILARITY: f32 = 0.5;
/// Text of which the window already shows so many words says nothing new.
const MOST_SHOWN: f32 = 0.9;
/// Two snippets more similar than this are one.
const SAME: f32 = 0.9;
/// A snippet in the prompt stays until another one is better by this factor: every change of the list runs the
/// prompt anew from there.
const STAYS: f32 = 1.3;
/// What was edited lately counts for more.
const EDITED: f32 = 1.1;
/// Too few words to compare with.
const FEWEST_WORDS: usize = 3;

/// The files that snippets come from, each read once per version.
#[derive(Debug, Default)]
pub struct Files(FxHashMap<DocumentId, Arc<File>>);

/// A snippet with what is needed to decide whether it stays.
#[derive(Debug, Clone)]
pub struct Chosen {
    document: DocumentId,
    range: Range<usize>,
    words: Words,
    tokens: usize,
    snippet: Snippet,
}

/// What snippets are chosen for.
pub struct Query<'a> {
    /// Words of the lines that one is at work on.
    pub near: Words,
    /// Words of all that the window shows.
    pub shown: Words,
    /// The open documents but this one, the most recent first.
    pub others: &'a [Arc<Document>],
    /// The most tokens for all together.
    pub budget: usize,
    /// The tokenizer.
    pub count: &'a dyn Fn(&str) -> usize,
}

/// A choice of snippets, in the order of the prompt.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    chosen: Vec<Chosen>,
    /// What it was chosen for.
    near: Words,
    budget: usize,
    files: Vec<Arc<File>>,
}

impl Selection {
    /// The snippets, in the order of the prompt.
    pub fn snippets(&self) -> Vec<Snippet> {
        self.chosen.iter().map(|chosen| chosen.snippet.clone()).collect()
    }

    /// The choice for `query`: the previous one as far as it still serves, in its order, then what is new.
    pub fn next(previous: &Selection, query: &Query, files: &mut Files) -> Selection {
        let height = (query.budget / 2 / TOKENS_PER_LINE).clamp(FEWEST_LINES, MOST_LINES);
        let documents: Vec<_> = query.others.iter().filter(|document| !document.is_binary()).collect();
        let read: Vec<_> = documents.iter().map(|document| files.read(document, height)).collect();
        let same_files = previous.files.len() == read.len()
            && previous.files.iter().zip(&read).all(|(old, new)| Arc::ptr_eq(old, new));
        if same_files && previous.near == query.near && previous.budget == query.budget {
            return previous.clone();
        }
        let mut selection =
            Selection { chosen: Vec::new(), near: query.near.clone(), budget: query.budget, files: read };
        if query.near.len() < FEWEST_WORDS {
            // Nothing to compare with, as on an empty line between two functions: no reason for a change either.
            selection.chosen = staying(previous, &documents).cloned().collect();
            return selection;
        }

        let mut candidates: Vec<Candidate> = staying(previous, &documents)
            .enumerate()
            .map(|(place, chosen)| {
                let mut chosen = chosen.clone();
                chosen.snippet.score = query.near.jaccard(&chosen.words);
                Candidate { rank: chosen.snippet.score * STAYS, place, source: Source::Chosen(chosen) }
            })
            .collect();
        for (document, file) in documents.iter().zip(&selection.files) {
            for found in file.most_similar(&query.near, LEAST_SIMILARITY, MOST_PER_FILE) {
                let edited = document
                    .edited_lines()
                    .iter()
                    .any(|lines| lines.start < found.line + height && found.line < lines.end);
                let rank = found.score * if edited { EDITED } else { 1.0 };
                let place = candidates.len();
                candidates.push(Candidate { rank, place, source: Source::Window(document, found.line) });
            }
        }
        // `place` makes equals stay in their order: those chosen before, then by recency.
        candidates.sort_by(|a, b| b.rank.total_cmp(&a.rank).then(a.place.cmp(&b.place)));
        selection.choose(candidates, height, query);
        selection
    }

    fn choose(&mut self, candidates: Vec<Candidate>, height: usize, query: &Query) {
        let mut left = query.budget;
        let mut chosen: Vec<(usize, bool, Chosen)> = Vec::new();
        for (order, candidate) in candidates.into_iter().take(MOST_SNIPPETS * 3).enumerate() {
            // What hardly holds a snippet is not worth measuring the rest for.
            if chosen.len() == MOST_SNIPPETS || left < query.budget / 8 {
                break;
            }
            let (is_new, next) = match candidate.source {
                Source::Chosen(chosen) => (false, Some(chosen)),
                Source::Window(document, line) => (true, cut(document, line, height, left, query)),
            };
            let Some(next) = next else { continue };
            let repeats = chosen.iter().any(|(.., other)| next.overlaps(other) || next.repeats(other));
            let useful = (LEAST_SIMILARITY..=MOST_SIMILARITY).contains(&next.snippet.score)
                && next.words.covered_by(&query.shown) <= MOST_SHOWN;
            if useful && !repeats && next.tokens <= left {
                left -= next.tokens;
                chosen.push((if is_new { order } else { candidate.place }, is_new, next));
            }
        }
        chosen.sort_by_key(|&(order, is_new, _)| (is_new, order));
        self.chosen = chosen.into_iter().map(|(.., chosen)| chosen).collect();
    }
}

struct Candidate<'a> {
    rank: f32,
    place: usize,
    source: Source<'a>,
}

enum Source<'a> {
    Chosen(Chosen),
    Window(&'a Document, usize),
}

impl Chosen {
    fn overlaps(&self, other: &Chosen) -> bool {
        self.document == other.document
            && self.range.start < other.range.end
            && other.range.start < self.range.end
    }

    fn repeats(&self, other: &Chosen) -> bool {
        self.words.jaccard(&other.words) > SAME
    }
}

/// The previous choice without snippets whose document is closed or no longer holds their text at their place.
fn staying<'a>(previous: &'a Selection, documents: &[&Arc<Document>]) -> impl Iterator<Item = &'a Chosen> {
    previous.chosen.iter().filter(|chosen| {
        documents.iter().find(|document| document.id == chosen.document).is_some_and(|document| {
            document
                .text
                .get_byte_slice(chosen.range.clone())
                .is_some_and(|text| text == *chosen.snippet.text)
        })
    })
}

/// A window as a snippet: widened to whole paragraphs where they end nearby and `tokens` hold them, else cut to some.
fn cut(document: &Document, line: usize, height: usize, tokens: usize, query: &Query) -> Option<Chosen> {
    let lines = Lines { text: &document.text, count: query.count };
    let most = document.text.len_lines();
    let start_of = |line: usize| document.text.line_to_byte(line.min(most));
    let window = start_of(line)..start_of(line + height);
    let narrow_start = lines.good_start(window.clone());
    let narrow = narrow_start..lines.good_end(narrow_start..window.end);
    let (first, last) = (start_of(line.saturating_sub(height / 2)), start_of(line + height + height / 2));
    let wide_start = lines.paragraph_start(first..window.start).unwrap_or(narrow.start);
    let wide = wide_start..lines.paragraph_end(window.end..last).unwrap_or(narrow.end);
    let Range { start, end } = [wide, narrow].into_iter().find(|range| lines.fits(range.clone(), tokens))?;
    let text: Arc<str> = lines.slice(start..end).into();
    let words = Words::of(&text, document.language);
    let score = query.near.jaccard(&words);
    let tokens = (query.count)(&text);
    let snippet = Snippet { path: document.label(), text, score };
    Some(Chosen { document: document.id.clone(), range: start..end, words, tokens, snippet })
}

impl Files {
    fn read(&mut self, document: &Document, height: usize) -> Arc<File> {
        let known = self.0.get(&document.id);
        if let Some(file) =
            known.filter(|file| file.height == height && file.text.is_instance(&document.text))
        {
            return file.clone();
        }
        let file = Arc::new(File::new(&document.text, document.language, height));
        self.0.insert(document.id.clone(), file.clone());
        file
    }

    /// Forgets files that are not open any more.
    pub fn retain(&mut self, open: &[Arc<Document>], current: &DocumentId) {
        self.0.retain(|id, _| id == current || open.iter().any(|document| document.id == *id));
    }
}
