//! Text to tokens and back.
//!
//! A vocabulary comes from a GGUF file (SentencePiece with scores, [`spm`], or byte-level byte pairs, [`byte_level`]) or
//! from the `tokenizer.json` of a Hugging Face folder (byte pairs, [`hugging_face`]). These differ in how they split text.
//! The rest is common to all, here and in [`vocabulary`]: special tokens by spelling, the bytes of each token, the tokens
//! that end an answer, the fill-in-the-middle format ([`fim`]), token healing.
//!
//! **Text never becomes a special token.** Only turns and markers do; text that spells a special token (`<|end|>`, `</s>`,
//! `<0x0A>`) is split like any other text.

mod byte_level;
mod error;
mod fim;
mod gguf;
mod hugging_face;
mod library;
mod pre_tokenizer;
mod spm;
mod stream;
mod turns;
mod vocabulary;

use std::collections::HashMap;
use std::path::Path;

use candle_core::quantized::gguf_file::Value;

use crate::prompt::{FimFormat, Marker, Part, Prompt, PromptFormats};

pub use error::TokenizerError;
pub use fim::{FimIds, FimTokens};
pub use spm::SentencePieces;
pub use stream::TextStream;

use turns::{Turn, Turns};
use vocabulary::{SpacePrefix, Vocabulary};

/// A tokenizer. Immutable; share it in an `Arc`.
pub struct Tokenizer {
    splitter: Splitter,
    vocabulary: Vocabulary,
    /// Of a model that chats.
    turns: Option<Turns>,
}

/// Splits text into ordinary tokens, never into special ones.
enum Splitter {
    SentencePiece(Box<spm::SentencePiece>),
    Library(Box<library::Library>),
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
    /// The parts contradict each other, or a byte has no token.
    pub fn from_sentence_pieces(pieces: SentencePieces) -> Result<Tokenizer, TokenizerError> {
        let (splitter, vocabulary) = spm::SentencePiece::new(pieces)?;
        Ok(Tokenizer::new(Splitter::SentencePiece(Box::new(splitter)), vocabulary))
    }

    /// Builds the tokenizer from the metadata of a GGUF file (`tokenizer.ggml.*`).
    ///
    /// # Errors
    /// The error names the key that is missing or wrong.
    pub fn from_gguf(metadata: &HashMap<String, Value>) -> Result<Tokenizer, TokenizerError> {
        match gguf::read(metadata)? {
            gguf::Parts::SentencePieces(pieces) => Tokenizer::from_sentence_pieces(*pieces),
            gguf::Parts::BytePairs(pairs, roles) => {
                let (library, described) = byte_level::build(pairs)?;
                let vocabulary = Vocabulary::new(described, *roles)?;
                Ok(Tokenizer::new(Splitter::Library(Box::new(library)), vocabulary))
            }
        }
    }

    /// Reads the `tokenizer.json` of a Hugging Face folder. If `tokenizer_config.json`, `generation_config.json` and
    /// `config.json` exist in the same folder, they define whether a prompt begins with a special token and which
    /// tokens end an answer.
    ///
    /// # Errors
    /// The error names the file, and the key that is missing or wrong.
    pub fn from_tokenizer_json(path: &Path) -> Result<Tokenizer, TokenizerError> {
        let (splitter, vocabulary) = hugging_face::read(path)?;
        Ok(Tokenizer::new(Splitter::Library(Box::new(splitter)), vocabulary))
    }

    fn new(splitter: Splitter, vocabulary: Vocabulary) -> Tokenizer {
        let mut tokenizer = Tokenizer { splitter, vocabulary, turns: None };
        tokenizer.turns = Turns::of(&tokenizer);
        // Whatever ends an answer in a chat is a special token; in a template without one, the model ends with its own.
        let end = tokenizer.turns.as_ref().and_then(Turns::end);
        let end = end.filter(|&end| tokenizer.bytes(end).is_empty());
        tokenizer.vocabulary.ends.extend(end);
        tokenizer
    }

    /// The formats of prompts that the model was trained on.
    pub fn formats(&self) -> PromptFormats {
        let fim = self.fim().map(|tokens| FimFormat {
            order: tokens.order,
            files: tokens.file.is_some(),
            repository: tokens.repository.is_some(),
        });
        PromptFormats { chat: self.turns.is_some(), fim }
    }

    /// The tokens of a prompt. Each part is tokenized separately, so that prompts with equal leading parts have equal
    /// leading tokens.
    pub fn encode(&self, prompt: &Prompt) -> Vec<u32> {
        let mut tokens: Vec<u32> = self.vocabulary.begin.into_iter().collect();
        let mut before = Before::Start;
        let mut turn = Turn::None;
        for part in &prompt.parts {
            let specials = match part {
                Part::Turn(role) => {
                    let last = std::mem::replace(&mut turn, Turn::Of(*role));
                    self.turns.as_ref().map(|turns| turns.between(last, *role)).unwrap_or_default()
                }
                Part::Marker(marker) => self.marker(*marker).into_iter().collect(),
                Part::Text(text) => {
                    before = self.split(text, before, &mut tokens);
                    continue;
                }
            };
            if let Some(&last) = specials.last() {
                before = if self.bytes(last).is_empty() { self.after(last) } else { Before::Text };
            }
            tokens.extend(specials);
        }
        tokens
    }

    /// The token of a marker, if the model has it.
    fn marker(&self, marker: Marker) -> Option<u32> {
        let tokens = self.fim()?;
        match marker {
            Marker::Prefix => Some(tokens.prefix),
            Marker::Suffix => Some(tokens.suffix),
            Marker::Middle => tokens.middle,
            Marker::File => tokens.file,
            Marker::Repository => tokens.repository,
        }
    }

    /// The tokens of one text, after other text or after chat markup. Never a special token.
    pub fn encode_text(&self, text: &str, after_markup: bool) -> Vec<u32> {
        let markup = || self.special("<|user|>").map_or(Before::Special, |id| self.after(id));
        let before = if after_markup { markup() } else { Before::Text };
        let mut tokens = Vec::new();
        self.split(text, before, &mut tokens);
        tokens
    }

    /// The tokens of one text at the beginning of a prompt, without the token that begins it. Never a special token: as
    /// llama.cpp without `parse_special`.
    pub fn encode_start(&self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        self.split(text, Before::Start, &mut tokens);
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

    /// The special token of this spelling.
    pub fn special(&self, spelling: &str) -> Option<u32> {
        self.vocabulary.special(spelling)
    }

    /// The spelling of the token that the model was trained to find at the beginning of a text, even if prompts do not
    /// begin with it: `bos_token` of chat templates.
    pub fn bos_token(&self) -> Option<&str> {
        self.vocabulary.spelling(self.vocabulary.bos?)
    }

    /// The spelling of the token that ended a text in training: `eos_token` of chat templates.
    pub fn eos_token(&self) -> Option<&str> {
        self.vocabulary.spelling(self.vocabulary.eos?)
    }

    /// The fill-in-the-middle format, if the model has one.
    pub fn fim(&self) -> Option<FimTokens> {
        self.vocabulary.fim
    }

    /// The Jinja template of the model's chat format, as the model's files have it.
    pub fn chat_template(&self) -> Option<&str> {
        self.vocabulary.chat_template.as_deref()
    }

    /// The number of ids. A model may have more logits; those ids have no bytes.
    pub fn vocabulary_len(&self) -> usize {
        self.vocabulary.len()
    }

    /// A decoder for the answer to `prompt`. After markup the model begins its first word with the space that
    /// [`Tokenizer::encode`] inserts there too; that space is not part of the answer.
    pub fn stream(&self, prompt: &Prompt) -> TextStream {
        let after_markup = matches!(prompt.parts.last(), Some(Part::Turn(_) | Part::Marker(_)));
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
            Splitter::Library(model) => model.split(text, prefixed, tokens),
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
