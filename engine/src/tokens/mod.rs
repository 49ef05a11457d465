//! Text to tokens and back, for vocabularies of the Phi-3 family.
//!
//! A vocabulary comes from a GGUF file (SentencePiece with scores, [`spm`]) or from the `tokenizer.json` of a Hugging
//! Face folder (byte-pair merges, [`hugging_face`]). These two differ in how they split text. The rest is common to
//! both, here and in [`vocabulary`]: the ids of chat markup, the bytes of each token, the tokens that end an answer,
//! token healing.
//!
//! **Text never becomes a special token.** Only turns and markers do; text that spells a special token (`<|end|>`, `</s>`,
//! `<0x0A>`) is split like any other text.

mod error;
mod gguf;
mod hugging_face;
mod spm;
mod stream;
mod vocabulary;

use std::collections::HashMap;
use std::path::Path;

use candle_core::quantized::gguf_file::Value;

use crate::prompt::{Part, Prompt, Role};

pub use error::TokenizerError;
pub use spm::SentencePieces;
pub use stream::TextStream;

use vocabulary::{Markup, SpacePrefix, Vocabulary};

/// A tokenizer. Immutable; share it in an `Arc`.
pub struct Tokenizer {
    splitter: Splitter,
    vocabulary: Vocabulary,
}

/// Splits text into ordinary tokens, never into special ones.
enum Splitter {
    SentencePiece(spm::SentencePiece),
    HuggingFace(hugging_face::HuggingFace),
}

/// The token before a text. It decides whether a space is inserted before the text, as words in the vocabulary begin
/// with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// None, or the token that begins every prompt.
    Start,
    /// A special token.
    Special,
    /// A special token that strips white space after it.
    Stripping,
    /// Other text.
    Text,
}

impl Tokenizer {
    /// Builds the tokenizer from the parts of a SentencePiece vocabulary.
    ///
    /// # Errors
    /// The parts contradict each other, a byte has no token, or chat markup is missing.
    pub fn from_sentence_pieces(pieces: SentencePieces) -> Result<Tokenizer, TokenizerError> {
        let (splitter, vocabulary) = spm::SentencePiece::new(pieces)?;
        Ok(Tokenizer { splitter: Splitter::SentencePiece(splitter), vocabulary })
    }

    /// Builds the tokenizer from the metadata of a GGUF file (`tokenizer.ggml.*`).
    ///
    /// # Errors
    /// The error names the key that is missing or wrong.
    pub fn from_gguf(metadata: &HashMap<String, Value>) -> Result<Tokenizer, TokenizerError> {
        Tokenizer::from_sentence_pieces(gguf::sentence_pieces(metadata)?)
    }

    /// Reads the `tokenizer.json` of a Hugging Face folder. If `tokenizer_config.json`, `generation_config.json` and
    /// `config.json` exist in the same folder, they define whether a prompt begins with a special token and which
    /// tokens end an answer.
    ///
    /// # Errors
    /// The error names the file, and the key that is missing or wrong.
    pub fn from_tokenizer_json(path: &Path) -> Result<Tokenizer, TokenizerError> {
        let (splitter, vocabulary) = hugging_face::read(path)?;
        Ok(Tokenizer { splitter: Splitter::HuggingFace(splitter), vocabulary })
    }

    /// The tokens of a prompt. Each part is tokenized separately, so that prompts with equal leading parts have equal
    /// leading tokens.
    pub fn encode(&self, prompt: &Prompt) -> Vec<u32> {
        let mut tokens: Vec<u32> = self.vocabulary.begin.into_iter().collect();
        let mut before = Before::Start;
        let mut is_open = false;
        for part in &prompt.parts {
            match part {
                Part::Turn(role) => {
                    if std::mem::replace(&mut is_open, true) {
                        tokens.push(self.vocabulary.markup(Markup::End));
                    }
                    let id = self.vocabulary.markup(match role {
                        Role::System => Markup::System,
                        Role::User => Markup::User,
                        Role::Assistant => Markup::Assistant,
                    });
                    tokens.push(id);
                    before = self.after(id);
                }
                Part::Marker(_) => {}
                Part::Text(text) => before = self.split(text, before, &mut tokens),
            }
        }
        tokens
    }

    /// The tokens of one text, after other text or after chat markup. Never a special token.
    pub fn encode_text(&self, text: &str, after_markup: bool) -> Vec<u32> {
        let before =
            if after_markup { self.after(self.vocabulary.markup(Markup::User)) } else { Before::Text };
        let mut tokens = Vec::new();
        self.split(text, before, &mut tokens);
        tokens
    }

    /// Counts the tokens of `text` after other text.
    pub fn count(&self, text: &str) -> usize {
        self.encode_text(text, false).len()
    }

    /// The tokens of a text in which spelled special tokens count as such, without the token that begins a prompt: as
    /// llama.cpp with `parse_special`. For tests and tools; never for a user's text.
    pub fn encode_with_special(&self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        let mut before = Before::Start;
        let mut rest = text;
        while let Some((at, spelling, id)) = self.vocabulary.first_special(rest) {
            self.split(&rest[..at], before, &mut tokens);
            tokens.push(id);
            before = self.after(id);
            rest = &rest[at + spelling..];
        }
        self.split(rest, before, &mut tokens);
        tokens
    }

    /// The bytes of a token: none for a special token or an id outside the vocabulary. They may be a part of a
    /// character; see [`TextStream`].
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.vocabulary.bytes(token)
    }

    /// Whether this token ends an answer.
    pub fn is_end(&self, token: u32) -> bool {
        self.vocabulary.ends.contains(&token)
    }

    /// The number of ids. A model may have more logits; those ids have no bytes.
    pub fn vocabulary_len(&self) -> usize {
        self.vocabulary.len()
    }

    /// A decoder for the answer to `prompt`. After markup the model begins its first word with the space that
    /// [`Tokenizer::encode`] inserts there too; that space is not part of the answer.
    pub fn stream(&self, prompt: &Prompt) -> TextStream {
        let after_markup = matches!(prompt.parts.last(), Some(Part::Turn(_)));
        TextStream::new(after_markup && self.vocabulary.space_prefix == SpacePrefix::Always)
    }

    /// Token healing (arXiv 2601.23223): if a prompt ends inside a word, its last tokens rule out the token of the
    /// whole word. Returns how many tokens to keep and the bytes that the answer must then begin with.
    ///
    /// Removes as many tokens as possible, at most 4, whose bytes are a proper prefix of another token. Special
    /// tokens stay, and so does the first token, because the model needs at least one.
    pub fn heal(&self, tokens: &[u32]) -> (usize, Vec<u8>) {
        self.vocabulary.heal(tokens)
    }

    /// The tokens that may begin an answer that must begin with `required`: those whose bytes begin with `required`,
    /// and those whose bytes are a prefix of it. If `required` is empty, every token with bytes.
    pub fn allowed<'a>(&'a self, required: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
        self.vocabulary.allowed(required)
    }

    /// The state after a special token.
    fn after(&self, special: u32) -> Before {
        if self.vocabulary.strips(special) { Before::Stripping } else { Before::Special }
    }

    /// Appends the tokens of `text` and returns the state after it.
    fn split(&self, text: &str, before: Before, tokens: &mut Vec<u32>) -> Before {
        let text = match before {
            Before::Stripping => text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']),
            Before::Start | Before::Special | Before::Text => text,
        };
        if text.is_empty() {
            return before;
        }
        let prefixed = match self.vocabulary.space_prefix {
            SpacePrefix::Never => false,
            SpacePrefix::First => before == Before::Start,
            SpacePrefix::Always => before != Before::Text,
        };
        match &self.splitter {
            Splitter::SentencePiece(model) => model.split(text, prefixed, tokens),
            Splitter::HuggingFace(model) => model.split(text, prefixed, tokens),
        }
        Before::Text
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("tokens", &self.vocabulary_len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
