//! SentencePiece with scores, as in llama.cpp for `llama` vocabularies: starts from single characters, joins the
//! adjacent pair whose piece has the highest score (the leftmost among equals) until no pair is a piece, and spells
//! the rest in byte tokens.
//!
//! A text is first cut between any two adjacent characters that are adjacent in no piece. No join crosses such a cut,
//! so the stretches are independent and mostly as short as a word, and the time is linear in the length of the text.
//! A stretch of n characters takes at most n joins and 3 n heap entries: a text of one repeated character takes n log
//! n.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::error::TokenizerError;
use super::fim::FimIds;
use super::vocabulary::{Roles, SpacePrefix, Token, Vocabulary, is_markup};

/// SentencePiece's space in a piece (U+2581).
const SPACE: char = '▁';

/// The most bytes of a stretch, so that offsets into it fit 32 bits.
const MAX_STRETCH: usize = 1 << 30;

/// Vocabularies with these tokens are Phi-3's. Only there do special tokens strip the white space after them.
const PHI_3: [&str; 2] = ["<|assistant|>", "<|end|>"];

/// Special tokens of Phi-3 that keep the white space after them, as in the tokenizer that it was published with. All
/// others strip it.
const KEEP_SPACE_AFTER: [&str; 3] = ["<unk>", "<s>", "<|endoftext|>"];

/// The parts of a SentencePiece vocabulary. The three lists are in the order of the ids.
#[derive(Debug, Clone, Default)]
pub struct SentencePieces {
    /// Spellings, `▁` for a space, `<0x0A>` for a byte.
    pub tokens: Vec<String>,
    /// The pair whose piece has the highest score is joined first.
    pub scores: Vec<f32>,
    /// GGUF's `token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    pub types: Vec<i32>,
    /// The token that the model was trained to find at the beginning of a text; begins a prompt if `add_bos` is set.
    pub bos: Option<u32>,
    /// The token that ended a text in training.
    pub eos: Option<u32>,
    /// Tokens that end an answer.
    pub ends: Vec<u32>,
    /// The declared tokens of fill-in-the-middle.
    pub fim: FimIds,
    /// The Jinja template of the model's chat format.
    pub chat_template: Option<String>,
    /// Whether a prompt begins with `bos`.
    pub add_bos: bool,
    /// Whether a space is inserted before text that begins a prompt or follows a special token.
    pub add_space_prefix: bool,
}

/// The splitter: pieces by spelling, with a plain space for `▁`.
pub(super) struct SentencePiece {
    pieces: FxHashMap<Box<str>, Piece>,
    /// Bytes of the longest piece.
    longest: usize,
    /// The pairs of characters that are adjacent in some piece.
    adjacent: FxHashSet<(char, char)>,
    /// The tokens of the 256 bytes.
    bytes: [u32; 256],
}

#[derive(Clone, Copy)]
struct Piece {
    id: u32,
    score: f32,
}

/// A run of characters in a stretch, linked with its neighbours by index. A join extends the left one and empties the
/// right one.
struct Symbol {
    start: u32,
    len: u32,
    left: u32,
    right: u32,
}

/// No neighbour.
const NONE: u32 = u32::MAX;

/// Two adjacent symbols that form a piece.
struct Pair {
    score: f32,
    left: u32,
    right: u32,
    /// The length of both together: differs if one of them has changed since.
    len: u32,
}

/// The buffers for one text, and the number of its steps.
#[derive(Default)]
struct Scratch {
    symbols: Vec<Symbol>,
    pairs: BinaryHeap<Pair>,
    /// Pairs that were looked up: the time is proportional to it.
    looked_up: usize,
}

impl SentencePiece {
    /// Checks the parts and builds the splitter and the vocabulary.
    pub fn new(parts: SentencePieces) -> Result<(SentencePiece, Vocabulary), TokenizerError> {
        check(&parts)?;
        let SentencePieces { tokens, scores, types, bos, eos, ends, .. } = parts;
        let mut model = SentencePiece {
            pieces: FxHashMap::default(),
            longest: 0,
            adjacent: FxHashSet::default(),
            bytes: [NONE; 256],
        };
        let is_phi_3 = PHI_3.iter().all(|markup| tokens.iter().any(|token| token == markup));
        let mut described = Vec::with_capacity(tokens.len());
        for (id, ((spelling, score), kind)) in (0u32..).zip(tokens.into_iter().zip(scores).zip(types)) {
            described.push(match kind {
                1 if !is_markup(&spelling, false) => model.add(id, spelling, score)?,
                6 => model.add_byte(id, &spelling)?,
                1 | 3 | 4 => {
                    let strips = is_phi_3 && !KEEP_SPACE_AFTER.contains(&spelling.as_str());
                    Token::Special { spelling, strips }
                }
                2 if spelling == "<unk>" => Token::Special { spelling, strips: false },
                2 | 5 => Token::Unused,
                other => {
                    let message = format!("`tokenizer.ggml.token_type` of token {id} is {other}");
                    return Err(TokenizerError::Damaged(message));
                }
            });
        }
        let spelled = model.bytes.iter().filter(|id| **id != NONE).count();
        if spelled < 256 {
            let message = format!("only {spelled} of the 256 bytes have a token (`<0x00>` to `<0xFF>`)");
            return Err(TokenizerError::Damaged(message));
        }
        let begin = bos.filter(|_| parts.add_bos);
        let space_prefix = if parts.add_space_prefix { SpacePrefix::Always } else { SpacePrefix::Never };
        let (fim, chat_template) = (parts.fim, parts.chat_template);
        let roles = Roles { bos, eos, fim, chat_template, begin, ends, space_prefix };
        Ok((model, Vocabulary::new(described, roles)?))
    }

    fn add(&mut self, id: u32, spelling: String, score: f32) -> Result<Token, TokenizerError> {
        if score.is_nan() {
            let message = format!("the score of token {id} (`{}`) is not a number", spelling.escape_debug());
            return Err(TokenizerError::Damaged(message));
        }
        let text = spelling.replace(SPACE, " ");
        // A piece with a plain space never matches: a text contains only `▁` when it is split.
        if !text.is_empty() && !spelling.contains(' ') {
            self.adjacent.extend(text.chars().zip(text.chars().skip(1)));
            self.longest = self.longest.max(text.len());
            if let Some(first) = self.pieces.insert(text.as_str().into(), Piece { id, score }) {
                let spelling = spelling.escape_debug();
                let message = format!("tokens {} and {id} are both `{spelling}`", first.id);
                return Err(TokenizerError::Damaged(message));
            }
        }
        Ok(Token::Writes(text.into_bytes()))
    }

    fn add_byte(&mut self, id: u32, spelling: &str) -> Result<Token, TokenizerError> {
        let byte = byte_of(spelling).ok_or_else(|| {
            TokenizerError::Damaged(format!("byte token {id} is spelled `{}`", spelling.escape_debug()))
        })?;
        self.bytes[usize::from(byte)] = id;
        Ok(Token::Writes(vec![byte]))
    }

    /// Appends the tokens of `text`, with a space before it if `prefixed`.
    pub fn split(&self, text: &str, prefixed: bool, tokens: &mut Vec<u32>) {
        self.split_with(&mut Scratch::default(), text, prefixed, tokens);
    }

    fn split_with(&self, scratch: &mut Scratch, text: &str, prefixed: bool, tokens: &mut Vec<u32>) {
        // A `▁` in the text becomes indistinguishable from a space. The model was trained that way.
        let text = format!("{}{}", if prefixed { " " } else { "" }, text.replace(SPACE, " "));
        let mut start = 0;
        let mut last = None;
        for (at, character) in text.char_indices() {
            let cut = last.is_some_and(|last| !self.adjacent.contains(&(last, character)));
            if cut || at - start >= MAX_STRETCH {
                self.split_stretch(scratch, &text[start..at], tokens);
                start = at;
            }
            last = Some(character);
        }
        self.split_stretch(scratch, &text[start..], tokens);
    }

    /// Joins the characters of one stretch into pieces and appends their ids.
    fn split_stretch(&self, scratch: &mut Scratch, stretch: &str, tokens: &mut Vec<u32>) {
        if let Some(piece) = self.only_piece(stretch) {
            tokens.push(piece);
            return;
        }
        scratch.symbols.clear();
        let mut next = 0u32;
        scratch.symbols.extend(stretch.char_indices().map(|(start, character)| {
            next += 1;
            let (start, len) = (start as u32, character.len_utf8() as u32);
            Symbol { start, len, left: next.wrapping_sub(2), right: next }
        }));
        if let Some(last) = scratch.symbols.last_mut() {
            last.right = NONE;
        }
        for right in 1..next {
            self.look_up(scratch, stretch, right - 1, right);
        }
        while let Some(Pair { left, right, len, .. }) = scratch.pairs.pop() {
            let (l, r) = (&scratch.symbols[left as usize], &scratch.symbols[right as usize]);
            if l.len == 0 || r.len == 0 || l.len + r.len != len {
                continue;
            }
            let (before, after) = (l.left, r.right);
            scratch.symbols[left as usize].len = len;
            scratch.symbols[left as usize].right = after;
            scratch.symbols[right as usize].len = 0;
            if after != NONE {
                scratch.symbols[after as usize].left = left;
                self.look_up(scratch, stretch, left, after);
            }
            if before != NONE {
                self.look_up(scratch, stretch, before, left);
            }
        }
        for symbol in scratch.symbols.iter().filter(|symbol| symbol.len > 0) {
            let text = &stretch[symbol.start as usize..(symbol.start + symbol.len) as usize];
            match self.pieces.get(text) {
                Some(piece) => tokens.push(piece.id),
                None => tokens.extend(text.bytes().map(|byte| self.bytes[usize::from(byte)])),
            }
        }
    }

    /// As `split` without cutting the text into stretches.
    #[cfg(test)]
    pub fn split_whole(&self, text: &str, tokens: &mut Vec<u32>) {
        self.split_stretch(&mut Scratch::default(), text, tokens);
    }

    /// How many pairs are looked up to split `text`.
    #[cfg(test)]
    pub fn steps(&self, text: &str) -> usize {
        let mut scratch = Scratch::default();
        self.split_with(&mut scratch, text, false, &mut Vec::new());
        scratch.looked_up
    }

    /// The token of a stretch of a single character that is a piece: line breaks and many brackets.
    fn only_piece(&self, stretch: &str) -> Option<u32> {
        let mut characters = stretch.chars();
        characters.next()?;
        if characters.next().is_some() {
            return None;
        }
        Some(self.pieces.get(stretch)?.id)
    }

    /// Queues two neighbours if they form a piece.
    fn look_up(&self, scratch: &mut Scratch, stretch: &str, left: u32, right: u32) {
        scratch.looked_up += 1;
        let (l, r) = (&scratch.symbols[left as usize], &scratch.symbols[right as usize]);
        let len = l.len + r.len;
        if len as usize > self.longest {
            return;
        }
        if let Some(piece) = self.pieces.get(&stretch[l.start as usize..(l.start + len) as usize]) {
            scratch.pairs.push(Pair { score: piece.score, left, right, len });
        }
    }
}

/// Checks lengths and ids.
fn check(parts: &SentencePieces) -> Result<(), TokenizerError> {
    let tokens = parts.tokens.len();
    for (key, len) in [("scores", parts.scores.len()), ("token_type", parts.types.len())] {
        if len != tokens {
            let message =
                format!("`tokenizer.ggml.tokens` has {tokens} entries, `tokenizer.ggml.{key}` has {len}");
            return Err(TokenizerError::Damaged(message));
        }
    }
    if parts.add_bos && parts.bos.is_none() {
        return Err(TokenizerError::Missing("tokenizer.ggml.bos_token_id".to_owned()));
    }
    for id in parts.bos.iter().chain(&parts.eos).chain(&parts.ends) {
        if *id as usize >= tokens {
            let message = format!("a special token has the id {id}, but the vocabulary has {tokens} tokens");
            return Err(TokenizerError::Damaged(message));
        }
    }
    Ok(())
}

/// The byte of a spelling such as `<0x0A>`.
pub(super) fn byte_of(spelling: &str) -> Option<u8> {
    let digits = spelling.strip_prefix("<0x")?.strip_suffix('>')?;
    let hexadecimal = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hexadecimal.then(|| u8::from_str_radix(digits, 16).ok())?
}

/// Orders by score, then by position with the leftmost greatest.
impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Pair {}
