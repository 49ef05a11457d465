//! Selects the snippets: the best candidates that fit the budget, without duplicates, in a choice that rarely changes.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::Snippet;
use super::candidate::{Body, Candidate, Excerpt, Origin, Source};
use super::lines::Lines;
use super::rank;
use super::words::WordSet;
use crate::documents::Document;
use crate::repository::index::Index;

/// The most pieces of code and the most declarations that are shown.
const MOST_CODE: usize = 8;
const MOST_DECLARATIONS: usize = 24;
/// The lower bound of similarity to the text near the cursor.
use super::similar::LEAST_SIMILARITY;
/// More similar text makes a model repeat it (llama.vim's ring has the same bound).
const MOST_SIMILARITY: f32 = 0.5;
/// Text is redundant if the window contains more than this share of its words.
const MOST_SHOWN: f32 = 0.9;
/// Two pieces of code that are more similar are duplicates.
const SAME: f32 = 0.9;
/// A declaration takes at most the budget divided by this; a longer one is truncated.
const DECLARATION_PART: usize = 5;
/// The tokens of a snippet's heading without its path: `From`, a colon, two fences.
const HEADING: usize = 8;
/// Marks truncated text.
const ELLIPSIS: &str = "…\n";

/// The inputs of a selection.
pub struct Query<'a> {
    /// The words near the cursor; empty if they are too few to compare with.
    pub near: &'a WordSet,
    /// The words of the whole window.
    pub shown: &'a WordSet,
    /// The other open documents.
    pub others: &'a [Arc<Document>],
    /// The files of the workspace, if they may be used.
    pub index: Option<&'a Index>,
    /// The path of the cursor's document.
    pub own: Option<&'a Path>,
    /// The most tokens of all snippets.
    pub budget: usize,
    /// The tokenizer.
    pub count: &'a dyn Fn(&str) -> usize,
}

/// The selected snippets, in the order of the prompt.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    chosen: Vec<Chosen>,
}

/// A selected snippet, with the data to decide whether it stays.
#[derive(Debug, Clone)]
struct Chosen {
    snippet: Snippet,
    origin: Origin,
    words: WordSet,
}

/// A candidate during selection.
struct Ranked {
    rank: f32,
    /// Its index in the previous selection.
    place: Option<usize>,
    piece: Piece,
}

enum Piece {
    Ready(Chosen),
    Uncut(Candidate),
}

impl Selection {
    /// The snippets, in the order of the prompt.
    pub fn snippets(&self) -> Vec<Snippet> {
        self.chosen.iter().map(|chosen| chosen.snippet.clone()).collect()
    }

    /// Whether all snippets are still up to date and may be shown.
    pub fn holds(&self, query: &Query) -> bool {
        self.chosen.iter().all(|chosen| chosen.holds(query))
    }

    /// Selects among `candidates`: first the previous snippets that are still good, in their order, then new ones.
    pub fn next(previous: &Selection, candidates: Vec<Candidate>, query: &Query) -> Selection {
        let mut ranked: Vec<Ranked> = Vec::new();
        for candidate in candidates {
            match candidate.body {
                Body::Declared(ref text) => {
                    let text = shortened(text, query);
                    let place = previous.place_of(candidate.file.as_deref(), &text);
                    let rank = candidate.score * if place.is_some() { rank::HYSTERESIS } else { 1.0 };
                    ranked.push(Ranked {
                        rank,
                        place,
                        piece: Piece::Ready(Chosen::declared(candidate, text)),
                    });
                }
                Body::Lines(_) => {
                    ranked.push(Ranked {
                        rank: candidate.score,
                        place: None,
                        piece: Piece::Uncut(candidate),
                    });
                }
            }
        }
        for (place, chosen) in previous.chosen.iter().enumerate() {
            let is_again = ranked.iter().any(|ranked| ranked.place == Some(place));
            if is_again || !chosen.holds(query) {
                continue;
            }
            let mut chosen = chosen.clone();
            chosen.snippet.score = match chosen.snippet.source {
                source if source.is_declaration() => chosen.snippet.score * rank::DECAY,
                // Without words to compare with, nothing changes.
                _ if query.near.is_empty() => chosen.snippet.score,
                _ => query.near.jaccard(&chosen.words),
            };
            ranked.push(Ranked {
                rank: chosen.snippet.score * rank::HYSTERESIS,
                place: Some(place),
                piece: Piece::Ready(chosen),
            });
        }
        // Ties: previous snippets first, then the order of the candidates.
        ranked.sort_by(|a, b| {
            let place = |ranked: &Ranked| ranked.place.unwrap_or(usize::MAX);
            b.rank.total_cmp(&a.rank).then(place(a).cmp(&place(b)))
        });
        let mut choice = Choice { previous, query, left: query.budget, taken: Vec::new() };
        let (mut declarations, mut code): (Vec<_>, Vec<_>) =
            ranked.into_iter().partition(|ranked| ranked.piece.source().is_declaration());
        choice.take(&mut code, rank::CODE_SHARE, MOST_CODE);
        choice.take(&mut declarations, rank::DECLARATIONS_SHARE, MOST_DECLARATIONS);
        choice.take(&mut code, 1.0, MOST_CODE);
        choice.take(&mut declarations, 1.0, MOST_DECLARATIONS);
        Selection { chosen: choice.in_order() }
    }

    fn place_of(&self, file: Option<&Path>, text: &str) -> Option<usize> {
        self.chosen
            .iter()
            .position(|chosen| chosen.snippet.file.as_deref() == file && *chosen.snippet.text == *text)
    }
}

impl Piece {
    fn source(&self) -> Source {
        match self {
            Piece::Ready(chosen) => chosen.snippet.source,
            Piece::Uncut(candidate) => candidate.source,
        }
    }
}

/// A selection in progress.
struct Choice<'a> {
    previous: &'a Selection,
    query: &'a Query<'a>,
    left: usize,
    taken: Vec<Taken>,
}

struct Taken {
    place: Option<usize>,
    chosen: Chosen,
}

impl Choice<'_> {
    /// Takes the first of `ranked`, all of one kind, that fit into the `share` of the budget. Candidates that do not fit
    /// stay in `ranked`.
    fn take(&mut self, ranked: &mut Vec<Ranked>, share: f32, most: usize) {
        let cap = (self.query.budget as f32 * share) as usize;
        let mut rest = Vec::new();
        for next in ranked.drain(..) {
            let declared = next.piece.source().is_declaration();
            let same_kind = || {
                self.taken
                    .iter()
                    .map(|taken| &taken.chosen.snippet)
                    .filter(|snippet| snippet.source.is_declaration() == declared)
            };
            let spent: usize = same_kind().map(|snippet| snippet.tokens).sum();
            let available = cap.saturating_sub(spent).min(self.left);
            // With too few tokens left, the rest is not measured.
            if same_kind().count() == most || available < self.query.budget / 32 + HEADING {
                rest.push(next);
                continue;
            }
            let (mut place, piece) = (next.place, next.piece);
            let mut chosen = match &piece {
                Piece::Ready(chosen) => chosen.clone(),
                Piece::Uncut(candidate) => match cut(candidate, available, self.query) {
                    Some(chosen) => chosen,
                    None => {
                        rest.push(Ranked { rank: next.rank, place, piece });
                        continue;
                    }
                },
            };
            place = place
                .or_else(|| self.previous.place_of(chosen.snippet.file.as_deref(), &chosen.snippet.text));
            if !self.is_new(&chosen, place) {
                continue;
            }
            chosen.snippet.tokens = self.tokens(&chosen);
            if chosen.snippet.tokens <= available {
                self.left -= chosen.snippet.tokens;
                self.taken.push(Taken { place, chosen });
            } else {
                rest.push(Ranked { rank: next.rank, place, piece });
            }
        }
        *ranked = rest;
    }

    /// Whether a piece has text that neither the window nor another piece has.
    fn is_new(&self, next: &Chosen, place: Option<usize>) -> bool {
        let mut taken = self.taken.iter();
        if next.snippet.source.is_declaration() {
            return !taken
                .any(|taken| place.is_some() && taken.place == place || next.is_declared_by(&taken.chosen));
        }
        let useful = self.query.near.is_empty()
            || (LEAST_SIMILARITY..=MOST_SIMILARITY).contains(&self.query.near.jaccard(&next.words))
            || next.snippet.source == Source::Use;
        useful
            && next.words.covered_by(self.query.shown) <= MOST_SHOWN
            && !taken.any(|taken| next.overlaps(&taken.chosen) || next.repeats(&taken.chosen))
    }

    /// The tokens of a piece, its heading included: declarations of one file share it.
    fn tokens(&self, chosen: &Chosen) -> usize {
        let count = self.query.count;
        let snippet = &chosen.snippet;
        let shares = snippet.source.is_declaration()
            && self.taken.iter().any(|taken| {
                taken.chosen.snippet.source.is_declaration() && taken.chosen.snippet.path == snippet.path
            });
        let heading = if shares { 0 } else { count(&snippet.path) + HEADING };
        let container = snippet.container.as_deref().map_or(0, |container| count(container) + 2);
        heading + container + count(&snippet.text)
    }

    /// The previous snippets in their order; then code, the best first; then declarations by file.
    fn in_order(self) -> Vec<Chosen> {
        let mut files: Vec<&str> = Vec::new();
        let mut keys = Vec::new();
        for (order, taken) in self.taken.iter().enumerate() {
            let snippet = &taken.chosen.snippet;
            let key = if let Some(place) = taken.place {
                (0, place, 0)
            } else if !snippet.source.is_declaration() {
                (1, order, 0)
            } else {
                let known = files.iter().position(|file| *file == snippet.path);
                let file = known.unwrap_or_else(|| {
                    files.push(&snippet.path);
                    files.len() - 1
                });
                (2, file, snippet.lines.start)
            };
            keys.push(key);
        }
        let mut chosen: Vec<_> = keys.into_iter().zip(self.taken).collect();
        chosen.sort_by_key(|(key, _)| *key);
        chosen.into_iter().map(|(_, taken)| taken.chosen).collect()
    }
}

impl Chosen {
    fn declared(candidate: Candidate, text: Arc<str>) -> Chosen {
        let lines = candidate.lines.clone();
        Chosen::new(candidate, text, lines, WordSet::default())
    }

    fn new(candidate: Candidate, text: Arc<str>, lines: Range<usize>, words: WordSet) -> Chosen {
        let Candidate { source, origin, file, label, language, container, score, reason, .. } = candidate;
        let snippet =
            Snippet { source, path: label, file, language, container, lines, text, score, reason, tokens: 0 };
        Chosen { snippet, origin, words }
    }

    /// Whether its text is unchanged and may be shown.
    fn holds(&self, query: &Query) -> bool {
        match &self.origin {
            Origin::Document(id) => query.others.iter().any(|document| {
                let text = &document.text;
                let most = text.len_lines();
                let byte = |line: usize| text.line_to_byte(line.min(most));
                let lines = &self.snippet.lines;
                document.id == *id
                    && text
                        .get_byte_slice(byte(lines.start)..byte(lines.end))
                        .is_some_and(|text| text == *self.snippet.text)
            }),
            Origin::File(stamp) => {
                let (Some(index), Some(path)) = (query.index, self.snippet.file.as_deref()) else {
                    return false;
                };
                // The cursor's file changes with each key; its declarations are checked when they are selected again.
                index.file(path).is_some_and(|file| query.own == Some(path) || index.stamp(file) == *stamp)
            }
        }
    }

    fn is_of(&self, other: &Chosen) -> bool {
        match (&self.snippet.file, &other.snippet.file) {
            (Some(own), Some(other)) => own == other,
            _ => self.origin == other.origin,
        }
    }

    fn overlaps(&self, other: &Chosen) -> bool {
        let (own, others) = (&self.snippet.lines, &other.snippet.lines);
        !other.snippet.source.is_declaration()
            && self.is_of(other)
            && own.start < others.end
            && others.start < own.end
    }

    fn repeats(&self, other: &Chosen) -> bool {
        !other.snippet.source.is_declaration() && self.words.jaccard(&other.words) > SAME
    }

    /// Whether the other piece contains this declaration.
    fn is_declared_by(&self, other: &Chosen) -> bool {
        if other.snippet.source.is_declaration() {
            return self.snippet.text == other.snippet.text
                && self.snippet.container == other.snippet.container;
        }
        self.is_of(other) && other.snippet.lines.contains(&self.snippet.lines.start)
    }
}

/// A declaration, truncated to its part of the budget.
fn shortened(text: &Arc<str>, query: &Query) -> Arc<str> {
    let most = query.budget / DECLARATION_PART;
    // No tokenizer makes more tokens than bytes.
    if text.len() <= most || (query.count)(text) <= most {
        return text.clone();
    }
    let mut left = most.saturating_sub(2);
    let fitting = text.split_inclusive('\n').take_while(|line| {
        let tokens = (query.count)(line);
        let fits = tokens <= left;
        left = left.saturating_sub(tokens);
        fits
    });
    let kept: String = fitting.collect();
    if kept.is_empty() { text.clone() } else { (kept + ELLIPSIS).into() }
}

/// An excerpt as it is shown: widened to whole paragraphs if they end nearby and fit `tokens`, else narrowed to some.
fn cut(candidate: &Candidate, tokens: usize, query: &Query) -> Option<Chosen> {
    let Body::Lines(Excerpt { text, skipped, line, height }) = &candidate.body else { return None };
    let (line, height) = (*line, *height);
    let lines = Lines { text, count: query.count };
    let tokens = tokens.saturating_sub((query.count)(&candidate.label) + HEADING);
    let most = text.len_lines();
    let start_of = |line: usize| text.line_to_byte(line.min(most));
    let window = start_of(line)..start_of(line + height);
    let narrow_start = lines.good_start(window.clone());
    let narrow = narrow_start..lines.good_end(narrow_start..window.end);
    let (first, last) = (start_of(line.saturating_sub(height / 2)), start_of(line + height + height / 2));
    let wide_start = lines.paragraph_start(first..window.start).unwrap_or(narrow.start);
    let wide = wide_start..lines.paragraph_end(window.end..last).unwrap_or(narrow.end);
    let Range { start, end } =
        [wide, narrow].into_iter().find(|range| !range.is_empty() && lines.fits(range.clone(), tokens))?;
    let shown: Arc<str> = lines.slice(start..end).into();
    let words = WordSet::of(&shown, candidate.language);
    let numbers = skipped + text.byte_to_line(start)..skipped + text.byte_to_line(end - 1) + 1;
    Some(Chosen::new(candidate.clone(), shown, numbers, words))
}
