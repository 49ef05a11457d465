//! The n-gram model: a copy model that continues text from its sources. It is not a neural model.
//!
//! Its sources ([`NgramModel::add_source`]) are the open buffers and the repository. It finds the occurrences whose
//! context agrees longest with the text before the cursor ([`index`]) and lets the text after them vote, lexeme by
//! lexeme ([`vote`]), until the occurrences disagree or the line ends. It is the unbounded n-gram model of
//! "Infini-gram" (arXiv 2401.17377) over words instead of tokens, with an escape probability as in prediction by
//! partial matching. It answers in about a millisecond, and returns nothing if its confidence is too low.

mod index;
mod lexemes;
mod shared;
mod vote;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::source::{Origin, SourceId};
use index::{DEPTH, Index};
use lexemes::{Kind, Lexeme, Lexer, Style, keys, line_of};
use vote::{Cursor, Partial};

pub use shared::Ngram;
pub use vote::Continuation;

/// The most bytes of source texts and index. An index takes about three times the bytes of its text, so this holds
/// some 40 MB of source. Beyond it the least recently added source is removed.
const BUDGET: usize = 160 << 20;
/// Bytes of the text before the cursor that are read; [`DEPTH`] lexemes of code take a tenth of it.
pub const TAIL: usize = 4096;

/// The source texts and their index. [`Ngram`] shares it between threads.
#[derive(Debug)]
pub struct NgramModel {
    index: Index,
}

/// Counts the lexemes of a text (words, punctuation marks, line breaks): the tokens of this model.
pub fn count(text: &str) -> usize {
    Lexer::new(text).count()
}

impl Default for NgramModel {
    fn default() -> Self {
        Self::new()
    }
}

impl NgramModel {
    /// A model without sources.
    pub fn new() -> Self {
        Self::with_budget(BUDGET)
    }

    /// A model whose texts and index take at most `bytes`.
    pub fn with_budget(bytes: usize) -> Self {
        NgramModel { index: Index::new(bytes) }
    }

    /// Adds a source. Replaces the text of a source with the same id; an unchanged text costs nothing. Takes time in
    /// proportion to the text (10,000 lines: 2.5 ms), and sometimes ten more milliseconds to seal a segment.
    pub fn add_source(&mut self, source: SourceId, text: Arc<str>) {
        self.index.add_source(source, text);
    }

    /// Removes a source.
    pub fn remove_source(&mut self, source: SourceId) {
        self.index.remove_source(source);
    }

    /// A model with the same sources and a new index, for after a panic that may have left this index inconsistent.
    /// Omits sources that cannot be indexed.
    pub(crate) fn rebuilt(&self) -> NgramModel {
        let (mut texts, budget) = (self.index.texts(), self.index.budget());
        loop {
            let mut new = NgramModel::with_budget(budget);
            let mut fails = |(source, text): &(SourceId, Arc<str>)| {
                catch_unwind(AssertUnwindSafe(|| new.add_source(*source, text.clone()))).is_err()
            };
            match texts.iter().position(&mut fails) {
                Some(failing) => drop(texts.remove(failing)),
                None => return new,
            }
        }
    }

    /// Bytes that sources and index take.
    pub fn bytes(&self) -> usize {
        self.index.bytes()
    }

    /// The most probable continuation of `tail`, the text before the cursor, in at most `max_tokens` lexemes; `None`
    /// if the confidence is too low. If the tail ends inside a word, the continuation begins with the rest of the
    /// word. `origin` is the cursor's own position in a source, which is excluded.
    pub fn continue_text(
        &self,
        tail: &str,
        origin: Option<Origin>,
        max_tokens: usize,
    ) -> Option<Continuation> {
        let from = tail.ceil_char_boundary(tail.len().saturating_sub(TAIL));
        let tail = &tail[from..];
        let mut lexemes: Vec<Lexeme> = Vec::new();
        let mut context = keys(tail, |_, lexeme| lexemes.push(*lexeme));
        let last = *lexemes.last()?;
        let style = Style::of(tail);
        let cursor = match last.kind {
            Kind::Word if last.end == tail.len() => {
                Cursor { partial: Partial::Word(last.text(tail)), line: line_of(tail, last.start), style }
            }
            Kind::Newline => {
                let partial = Partial::Line { blank: last.blank(tail), indentation: last.indentation(tail) };
                Cursor { partial, line: line_of(tail, last.start), style }
            }
            Kind::Word | Kind::Mark => {
                let partial = if last.end < tail.len() { Partial::Space } else { Partial::Nothing };
                Cursor { partial, line: line_of(tail, tail.len()), style }
            }
        };
        if matches!(cursor.partial, Partial::Word(_) | Partial::Line { .. }) {
            context.pop();
            lexemes.pop();
        }
        let occurrences = self.index.search(&context, cursor.partial.first(), origin);
        let strength = strengths(&lexemes);
        vote::vote(&self.index, &occurrences, &strength, &cursor, max_tokens)
    }
}

/// The strength of an agreement over the nearest 0, 1, 2... lexemes: a word is stronger evidence than a bracket.
fn strengths(context: &[Lexeme]) -> Vec<f32> {
    let mut strengths = vec![0.0];
    for lexeme in context.iter().rev().take(DEPTH) {
        strengths.push(strengths[strengths.len() - 1] + vote::strength(lexeme.kind));
    }
    strengths
}
