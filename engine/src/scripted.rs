//! The scripted model, for tests: answers come from a closure. The whole answer is known after one step and is sent
//! token by token, with the same loop, stop rules and priorities as a neural model's.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::prompt::{Part, Prompt};

/// A token of this model is 4 bytes of text, more if that would split a character: about a token of source code.
const TOKEN_BYTES: usize = 4;

/// The most tokens of a sequence: Phi-3.5's short context, so that callers meet the same limit.
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
pub(crate) struct ScriptedModel {
    answer: Box<dyn FnMut(&str) -> String + Send>,
    seen: SeenPrompts,
    /// Panics once at the first point whose name contains this.
    #[cfg(test)]
    panics_at: Option<&'static str>,
}

impl ScriptedModel {
    pub(crate) fn new(answer: Box<dyn FnMut(&str) -> String + Send>) -> ScriptedModel {
        ScriptedModel {
            answer,
            seen: SeenPrompts::default(),
            #[cfg(test)]
            panics_at: None,
        }
    }

    /// A model that answers with the prompt and panics once at a point of the worker.
    #[cfg(test)]
    pub(crate) fn panicking(point: &'static str) -> ScriptedModel {
        ScriptedModel { panics_at: Some(point), ..ScriptedModel::new(Box::new(str::to_owned)) }
    }

    #[cfg(test)]
    pub(crate) fn panic_if_scripted(&mut self, point: &str) {
        if let Some(scripted) = self.panics_at.take_if(|scripted| point.contains(*scripted)) {
            panic!("the test scripted a panic at {scripted}");
        }
    }

    /// The number of tokens of a prompt, and how many of them an earlier prompt shares; see [`SeenPrompts`].
    pub(crate) fn admit(&mut self, prompt: &Prompt) -> (usize, usize) {
        self.seen.admit(prompt)
    }

    pub(crate) fn answer(&mut self, prompt: &Prompt) -> String {
        (self.answer)(&prompt.to_string())
    }
}

/// The latest prompts, as tokens. Estimates what a prefix tree would have cached, so that tests can count the tokens
/// that a keystroke costs. Does not contain answers.
#[derive(Default)]
struct SeenPrompts {
    prompts: VecDeque<Vec<u64>>,
}

impl SeenPrompts {
    const CAPACITY: usize = 64;

    /// Adds the prompt. Returns the number of its tokens, and of those that it shares with an earlier prompt. The
    /// last token always runs, as in any engine.
    fn admit(&mut self, prompt: &Prompt) -> (usize, usize) {
        let tokens = tokens(prompt);
        let shared = |seen: &Vec<u64>| seen.iter().zip(&tokens).take_while(|(a, b)| a == b).count();
        let cached = self.prompts.iter().map(shared).max().unwrap_or(0).min(tokens.len().saturating_sub(1));
        let count = tokens.len();
        if self.prompts.len() == SeenPrompts::CAPACITY {
            self.prompts.pop_front();
        }
        self.prompts.push_back(tokens);
        (count, cached)
    }
}

/// The tokens of a prompt, as hashes: only their equality matters.
fn tokens(prompt: &Prompt) -> Vec<u64> {
    fn token(token: impl Hash) -> u64 {
        let mut hasher = FxHasher::default();
        token.hash(&mut hasher);
        hasher.finish()
    }
    let mut tokens = Vec::new();
    for part in &prompt.parts {
        match part {
            Part::Turn(_) | Part::Marker(_) => tokens.push(token(part)),
            Part::Text(text) => tokens.extend(pieces(text).map(token)),
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_never_split_a_character() {
        assert_eq!(pieces("abcdefg").collect::<Vec<_>>(), ["abcd", "efg"]);
        assert_eq!(pieces("abc😀é").collect::<Vec<_>>(), ["abc😀", "é"]);
        assert_eq!(pieces("").count(), 0);
    }

    #[test]
    fn a_longer_prompt_costs_only_its_new_tokens() {
        let mut seen = SeenPrompts::default();
        let stable = || Prompt::default().text("rules").text("abcdefgh");
        assert_eq!(seen.admit(&stable()), (4, 0));
        assert_eq!(seen.admit(&stable()), (4, 3));
        assert_eq!(seen.admit(&stable().text("x")), (5, 4));
        assert_eq!(seen.admit(&Prompt::default().text("rules").text("abcdefgX")), (4, 3));
    }
}
