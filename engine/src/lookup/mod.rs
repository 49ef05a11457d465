//! The lookup model: it continues text from what other texts already say.
//!
//! It knows nothing but the texts it was given ([`Lookup::remember`]): the open buffers and the repository. It finds
//! the places whose context agrees longest with the text before the cursor ([`index`]) and lets what follows there
//! vote, lexeme by lexeme ([`vote`]), until the places disagree or the line ends. It is the unbounded n-gram model
//! of "Infini-gram" (arXiv 2401.17377) on words instead of tokens, with an escape probability as in prediction by
//! partial matching. It answers in about a millisecond and is silent when it is not sure.

mod index;
mod lexemes;
mod vote;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::{Origin, SourceId};
use index::{DEPTH, Index};
use lexemes::{Kind, Lexeme, Lexer, Style, keys};
use vote::{Cursor, Half};

/// Bytes that remembered texts and their index may take together. An index takes about three times the bytes of
/// its text, so this holds some 40 MB of source; beyond it the least recently remembered text is forgotten.
const BUDGET: usize = 160 << 20;
/// Bytes of the text before the cursor that are looked at; [`DEPTH`] lexemes of code take a tenth of it.
const TAIL: usize = 4096;

/// The texts remembered, ready to be continued from. Not shared between threads: the engine's thread owns it.
#[derive(Debug)]
pub struct Lookup {
    index: Index,
}

/// What most probably follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuation {
    /// Never empty; line breaks are `\n`, indentation follows the cursor's line.
    pub text: String,
    /// The estimated probability that exactly this follows, 0 to 1.
    pub confidence: f32,
    /// Lexemes that the text consists of: the model's tokens, as [`count`] counts them.
    pub tokens: usize,
}

/// Words, marks and line breaks in a text: what the lookup model takes for tokens.
pub fn count(text: &str) -> usize {
    Lexer::new(text).count()
}

impl Default for Lookup {
    fn default() -> Self {
        Self::new()
    }
}

impl Lookup {
    /// A model that has seen nothing yet.
    pub fn new() -> Self {
        Self::with_budget(BUDGET)
    }

    /// A model whose texts and index take at most `bytes`.
    pub fn with_budget(bytes: usize) -> Self {
        Lookup { index: Index::new(bytes) }
    }

    /// Continues from this text from now on. The same id again replaces the text; the same text again costs
    /// nothing. Takes time in proportion to the text (10,000 lines: 2.5 ms), and now and then some ten milliseconds to
    /// sort older ones.
    pub fn remember(&mut self, source: SourceId, text: Arc<str>) {
        self.index.remember(source, text);
    }

    /// Takes a text back.
    pub fn forget(&mut self, source: SourceId) {
        self.index.forget(source);
    }

    /// A model with the same texts and nothing else of this one, which a panic may have left half changed. A text that
    /// cannot be taken in is left out.
    pub(crate) fn made_anew(&self) -> Lookup {
        let (mut texts, budget) = (self.index.texts(), self.index.budget());
        loop {
            let mut new = Lookup::with_budget(budget);
            let mut fails = |(source, text): &(SourceId, Arc<str>)| {
                catch_unwind(AssertUnwindSafe(|| new.remember(*source, text.clone()))).is_err()
            };
            match texts.iter().position(&mut fails) {
                Some(failing) => drop(texts.remove(failing)),
                None => return new,
            }
        }
    }

    /// Bytes that the remembered texts and their index take.
    pub fn bytes(&self) -> usize {
        self.index.bytes()
    }

    /// What most probably follows `tail`, the text before the cursor, in at most `max_tokens` lexemes; `None` when
    /// unsure. Where the tail ends inside a word, the rest of the word comes first. `origin` is the cursor's own
    /// place among the remembered texts: what stands behind it there is no evidence.
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
                Cursor { half: Half::Word(last.text(tail)), line: line_of(tail, last.start), style }
            }
            Kind::Newline => {
                let half = Half::Line { blank: last.blank(tail), indentation: last.indentation(tail) };
                Cursor { half, line: line_of(tail, last.start), style }
            }
            Kind::Word | Kind::Mark => {
                let half = if last.end < tail.len() { Half::Space } else { Half::Nothing };
                Cursor { half, line: line_of(tail, tail.len()), style }
            }
        };
        if matches!(cursor.half, Half::Word(_) | Half::Line { .. }) {
            context.pop();
            lexemes.pop();
        }
        let places = self.index.search(&context, cursor.half.first(), origin);
        let strength = strengths(&lexemes);
        vote::vote(&self.index, &places, &strength, &cursor, max_tokens)
    }
}

/// The line that the byte before `end` stands on, up to `end`.
fn line_of(text: &str, end: usize) -> &str {
    &text[text[..end].rfind('\n').map_or(0, |at| at + 1)..end]
}

/// How much an agreement over the nearest 0, 1, 2... lexemes says: a word says more than a bracket.
fn strengths(context: &[Lexeme]) -> Vec<f32> {
    let mut strengths = vec![0.0];
    for lexeme in context.iter().rev().take(DEPTH) {
        strengths.push(strengths[strengths.len() - 1] + vote::strength(lexeme.kind));
    }
    strengths
}
