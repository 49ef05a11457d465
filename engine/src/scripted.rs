//! The scripted model: a closure answers, for tests of what surrounds an engine. Its answer is known as a whole after
//! one step and is handed out token by token through the same loop, stop rules and priorities as a neural model's.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::{Part, Prompt};

/// A token of this model is 4 bytes of text, more where a character would be torn. That is about what a token of
/// source code is.
const TOKEN_BYTES: usize = 4;

/// The most tokens of a sequence, which is Phi-3.5's short window: what surrounds the engine meets the same limits.
pub(crate) const CONTEXT: usize = 4096;

/// The tokens of a text.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = (TOKEN_BYTES.min(rest.len())..=rest.len()).find(|&at| rest.is_char_boundary(at))?;
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The model of [`Engine::scripted`](crate::Engine::scripted).
pub(crate) struct Scripted {
    answer: Box<dyn FnMut(&str) -> String + Send>,
    seen: Seen,
    /// Panics once at the place whose name holds this.
    #[cfg(test)]
    panics_at: Option<&'static str>,
}

impl Scripted {
    pub(crate) fn new(answer: Box<dyn FnMut(&str) -> String + Send>) -> Scripted {
        Scripted {
            answer,
            seen: Seen::default(),
            #[cfg(test)]
            panics_at: None,
        }
    }

    /// A model that answers with the prompt, and panics once at a place of the worker.
    #[cfg(test)]
    pub(crate) fn panicking(place: &'static str) -> Scripted {
        Scripted { panics_at: Some(place), ..Scripted::new(Box::new(str::to_owned)) }
    }

    #[cfg(test)]
    pub(crate) fn may_panic(&mut self, place: &str) {
        if let Some(wanted) = self.panics_at.take_if(|wanted| place.contains(*wanted)) {
            panic!("this test wants it at {wanted}");
        }
    }

    /// How many tokens a prompt has, and how many of them lead an earlier prompt; see [`Seen`].
    pub(crate) fn admit(&mut self, prompt: &Prompt) -> (usize, usize) {
        self.seen.admit(prompt)
    }

    pub(crate) fn answer(&mut self, prompt: &Prompt) -> String {
        (self.answer)(&prompt.to_string())
    }
}

/// Stands in for the prefix tree, so that tests of flows can count the tokens that a keystroke would cost: the
/// latest prompts, as tokens. Answers are not in it.
#[derive(Default)]
struct Seen {
    prompts: VecDeque<Vec<u64>>,
}

impl Seen {
    const MOST: usize = 64;

    /// Remembers the prompt; returns its tokens and those that it shares with an earlier one. The last is always
    /// run, as in any engine.
    fn admit(&mut self, prompt: &Prompt) -> (usize, usize) {
        let tokens = tokens(prompt);
        let shared = |seen: &Vec<u64>| seen.iter().zip(&tokens).take_while(|(a, b)| a == b).count();
        let cached = self.prompts.iter().map(shared).max().unwrap_or(0).min(tokens.len().saturating_sub(1));
        let count = tokens.len();
        if self.prompts.len() == Seen::MOST {
            self.prompts.pop_front();
        }
        self.prompts.push_back(tokens);
        (count, cached)
    }
}

/// A prompt's tokens; only whether two are equal matters.
fn tokens(prompt: &Prompt) -> Vec<u64> {
    fn token(token: impl Hash) -> u64 {
        let mut hasher = FxHasher::default();
        token.hash(&mut hasher);
        hasher.finish()
    }
    let mut tokens = Vec::new();
    for part in &prompt.parts {
        match part {
            Part::Markup(_) => tokens.push(token(part)),
            Part::Text(text) => tokens.extend(pieces(text).map(token)),
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_never_tear_a_character() {
        assert_eq!(pieces("abcdefg").collect::<Vec<_>>(), ["abcd", "efg"]);
        assert_eq!(pieces("abc😀é").collect::<Vec<_>>(), ["abc😀", "é"]);
        assert_eq!(pieces("").count(), 0);
    }

    #[test]
    fn a_prompt_that_grows_costs_what_it_grew_by() {
        let mut seen = Seen::default();
        let stable = || Prompt::default().text("rules").text("abcdefgh");
        assert_eq!(seen.admit(&stable()), (4, 0));
        assert_eq!(seen.admit(&stable()), (4, 3));
        assert_eq!(seen.admit(&stable().text("x")), (5, 4));
        assert_eq!(seen.admit(&Prompt::default().text("rules").text("abcdefgX")), (4, 3));
    }
}
