//! Text to tokens and back, for vocabularies of the Phi-3 family.
//!
//! Two files hold such a vocabulary: a GGUF (SentencePiece with scores, [`spm`]) and the `tokenizer.json` of a
//! Hugging Face folder (byte-pair merges, [`hugging_face`]). Both split text; everything else is the same for
//! both and lives here and in [`vocabulary`]: chat markup by id, which token writes which bytes, which token ends
//! an answer, and token healing.
//!
//! **Text never becomes a special token.** Special tokens come from [`Markup`] only; text that spells one
//! (`<|end|>`, `</s>`, `<0x0A>`) is split like any other text.

mod gguf;
mod hugging_face;
mod spm;
mod stream;
mod vocabulary;

use std::collections::HashMap;
use std::path::Path;

use candle_core::quantized::gguf_file::Value;

use crate::{Markup, Part, Prompt};

pub use spm::SentencePieces;
pub use stream::TextStream;

use vocabulary::{SpacePrefix, Vocabulary};

/// A tokenizer. Immutable; share it behind an `Arc`.
pub struct Tokenizer {
    splitter: Splitter,
    vocabulary: Vocabulary,
}

/// What turns text into ordinary tokens; it knows no special ones.
enum Splitter {
    SentencePiece(spm::SentencePiece),
    HuggingFace(hugging_face::HuggingFace),
}

/// What stands before a text decides how its start is tokenized: where a space is put before the text, the
/// vocabulary's words are met whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing, or the token that begins every prompt.
    Start,
    /// A special token.
    Special,
    /// A special token that strips white space behind it.
    Stripping,
    /// Other text.
    Text,
}

/// Why a vocabulary cannot be used. Each message names the key; the caller names the file.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// A key that every vocabulary has is not there.
    #[error("`{0}` is missing: the vocabulary is incomplete; download or convert the model again")]
    Missing(String),
    /// A key holds something else than it should.
    #[error("`{key}` is not {expected}; download or convert the model again")]
    Invalid {
        /// The key.
        key: String,
        /// What should be there.
        expected: String,
    },
    /// Another kind of tokenizer.
    #[error("`{key}` is `{found}`, which phi-ls does not read; it reads {readable}")]
    Kind {
        /// The key.
        key: String,
        /// What it holds.
        found: String,
        /// What could be read.
        readable: &'static str,
    },
    /// The vocabulary contradicts itself.
    #[error("{0}; download or convert the model again")]
    Damaged(String),
    /// Special tokens of the chat format are not there.
    #[error("the vocabulary has no token `{0}`: this is not a chat model of the Phi-3 family")]
    NoMarkup(&'static str),
    /// The file cannot be read, or the library refused it.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// The library's or the system's message.
        reason: String,
    },
}

impl Tokenizer {
    /// Builds the tokenizer from the plain parts of a SentencePiece vocabulary.
    ///
    /// # Errors
    /// If the parts contradict each other, if a byte has no token, or if the chat markup is not there.
    pub fn from_sentence_pieces(pieces: SentencePieces) -> Result<Tokenizer, TokenizerError> {
        let (splitter, vocabulary) = spm::SentencePiece::new(pieces)?;
        Ok(Tokenizer { splitter: Splitter::SentencePiece(splitter), vocabulary })
    }

    /// Builds the tokenizer from the metadata of a GGUF file (`tokenizer.ggml.*`).
    ///
    /// # Errors
    /// Names the key that is missing or wrong.
    pub fn from_gguf(metadata: &HashMap<String, Value>) -> Result<Tokenizer, TokenizerError> {
        Tokenizer::from_sentence_pieces(gguf::sentence_pieces(metadata)?)
    }

    /// Reads the `tokenizer.json` of a Hugging Face folder. `tokenizer_config.json`, `generation_config.json` and
    /// `config.json` beside it, where they exist, say whether a prompt begins with a special token and which
    /// tokens end an answer.
    ///
    /// # Errors
    /// Names the file, and the key that is missing or wrong.
    pub fn from_tokenizer_json(path: &Path) -> Result<Tokenizer, TokenizerError> {
        let (splitter, vocabulary) = hugging_face::read(path)?;
        Ok(Tokenizer { splitter: Splitter::HuggingFace(splitter), vocabulary })
    }

    /// The tokens of a prompt. Each part is tokenized by itself, so that prompts with equal leading parts have
    /// equal leading tokens.
    pub fn encode(&self, prompt: &Prompt) -> Vec<u32> {
        let mut tokens: Vec<u32> = self.vocabulary.begin.into_iter().collect();
        let mut before = Before::Start;
        for part in &prompt.parts {
            match part {
                Part::Markup(markup) => {
                    let id = self.vocabulary.markup(*markup);
                    tokens.push(id);
                    before = self.behind(id);
                }
                Part::Text(text) => before = self.split(text, before, &mut tokens),
            }
        }
        tokens
    }

    /// The tokens of one text, behind other text or behind chat markup. Never a special token.
    pub fn encode_text(&self, text: &str, after_markup: bool) -> Vec<u32> {
        let before =
            if after_markup { self.behind(self.vocabulary.markup(Markup::User)) } else { Before::Text };
        let mut tokens = Vec::new();
        self.split(text, before, &mut tokens);
        tokens
    }

    /// How many tokens `text` takes behind other text.
    pub fn count(&self, text: &str) -> usize {
        self.encode_text(text, false).len()
    }

    /// The tokens of a text in which special tokens are spelled out, without the token that begins a prompt: what
    /// llama.cpp does with `parse_special`. For tests and tools; never for text of a user.
    pub fn encode_with_special(&self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        let mut before = Before::Start;
        let mut rest = text;
        while let Some((at, spelling, id)) = self.vocabulary.first_special(rest) {
            self.split(&rest[..at], before, &mut tokens);
            tokens.push(id);
            before = self.behind(id);
            rest = &rest[at + spelling..];
        }
        self.split(rest, before, &mut tokens);
        tokens
    }

    /// The bytes that a token writes: none for a special token and for an id outside the vocabulary. One token may
    /// write a part of a character; see [`TextStream`].
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.vocabulary.bytes(token)
    }

    /// Whether the model ends its answer with this token.
    pub fn is_end(&self, token: u32) -> bool {
        self.vocabulary.ends.contains(&token)
    }

    /// How many ids the vocabulary has. A model may have more rows of logits; those ids write nothing.
    pub fn vocabulary_len(&self) -> usize {
        self.vocabulary.len()
    }

    /// Decodes the answer to `prompt`. Behind markup the model begins its first word with the space that
    /// [`Tokenizer::encode`] puts there too; it is not part of the answer.
    pub fn stream(&self, prompt: &Prompt) -> TextStream {
        let behind_markup = matches!(prompt.parts.last(), Some(Part::Markup(_)));
        TextStream::new(behind_markup && self.vocabulary.space_prefix == SpacePrefix::Always)
    }

    /// Token healing (arXiv 2601.23223): a prompt that ends inside a word ends in tokens after which the word's
    /// own token can no longer come. Returns how many tokens to keep and the bytes with which the answer must then
    /// begin.
    ///
    /// Backs up over the most tokens, 4 at most, whose bytes a longer token begins with: no token spans a longer
    /// stretch, so backing up further would change nothing. Special tokens stay, and so does the first token,
    /// because a model has to be run on something.
    pub fn heal(&self, tokens: &[u32]) -> (usize, Vec<u8>) {
        self.vocabulary.heal(tokens)
    }

    /// The tokens that an answer held to begin with `required` may begin with: those whose bytes begin with
    /// `required`, and those that write a part of it. With nothing required, every token that writes something.
    pub fn allowed<'a>(&'a self, required: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
        self.vocabulary.allowed(required)
    }

    /// What the text behind a special token meets.
    fn behind(&self, special: u32) -> Before {
        if self.vocabulary.strips(special) { Before::Stripping } else { Before::Special }
    }

    /// Appends the tokens of `text` and says what the next text meets.
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
