//! SentencePiece with scores, as llama.cpp runs it for `llama` vocabularies: start from single characters, join the
//! adjacent pair whose joint piece scores best (the leftmost among equals) until no pair makes a piece, and spell
//! what is no piece in byte tokens.
//!
//! A text is first cut wherever two adjacent characters occur side by side in no piece at all: nothing can be
//! joined across such a place, so the stretches are independent and small (a word, mostly), and the time is linear
//! in the text's length. Within a stretch of n characters there are at most n joins and 3 n entries in a heap:
//! a text of one repeated character takes n log n.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::TokenizerError;
use super::vocabulary::{Roles, SpacePrefix, Token, Vocabulary};

/// How SentencePiece writes a space inside a piece (U+2581).
const SPACE: char = '▁';

/// A stretch is cut at this many bytes at the latest, so that offsets into it fit 32 bits.
const LONGEST_STRETCH: usize = 1 << 30;

/// Special tokens behind which white space stays, as in the tokenizer that Phi-3 was published with; behind all
/// others it vanishes.
const KEEP_SPACE_BEHIND: [&str; 3] = ["<unk>", "<s>", "<|endoftext|>"];

/// The plain parts of a SentencePiece vocabulary. The three lists are in the order of the ids.
#[derive(Debug, Clone, Default)]
pub struct SentencePieces {
    /// Spellings, `▁` for a space, `<0x0A>` for a byte.
    pub tokens: Vec<String>,
    /// A pair whose joint piece has a higher score is joined first.
    pub scores: Vec<f32>,
    /// GGUF's `token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    pub types: Vec<i32>,
    /// The token that begins a prompt where `add_bos` says so.
    pub bos: Option<u32>,
    /// Tokens that end an answer.
    pub ends: Vec<u32>,
    /// Whether a prompt begins with `bos`.
    pub add_bos: bool,
    /// Whether a space is put before text that begins a prompt or follows a special token.
    pub add_space_prefix: bool,
}

/// The splitter: pieces by spelling, with a plain space for `▁`.
pub(super) struct SentencePiece {
    pieces: FxHashMap<Box<str>, Piece>,
    /// In bytes.
    longest: usize,
    /// The pairs of characters that stand side by side in some piece.
    adjacent: FxHashSet<(char, char)>,
    /// The tokens of the 256 bytes.
    bytes: [u32; 256],
}

#[derive(Clone, Copy)]
struct Piece {
    id: u32,
    score: f32,
}

/// A run of characters in a stretch, linked with its neighbours by index. Joining makes the left one longer and the
/// right one empty.
struct Symbol {
    start: u32,
    len: u32,
    left: u32,
    right: u32,
}

/// No neighbour.
const NONE: u32 = u32::MAX;

/// Two adjacent symbols that would make a piece.
struct Pair {
    score: f32,
    left: u32,
    right: u32,
    /// The length of the two together: tells whether one of them has changed since.
    len: u32,
}

/// The working memory of one text, and the count of its steps.
#[derive(Default)]
struct Work {
    symbols: Vec<Symbol>,
    pairs: BinaryHeap<Pair>,
    /// Pairs that were looked up: what the time is proportional to.
    looked_up: usize,
}

impl SentencePiece {
    /// Checks the parts and builds the splitter and what is known of each token.
    pub fn new(parts: SentencePieces) -> Result<(SentencePiece, Vocabulary), TokenizerError> {
        check(&parts)?;
        let SentencePieces { tokens, scores, types, bos, ends, add_bos, add_space_prefix } = parts;
        let mut model = SentencePiece {
            pieces: FxHashMap::default(),
            longest: 0,
            adjacent: FxHashSet::default(),
            bytes: [NONE; 256],
        };
        let mut described = Vec::with_capacity(tokens.len());
        for (id, ((spelling, score), kind)) in (0u32..).zip(tokens.into_iter().zip(scores).zip(types)) {
            described.push(match kind {
                1 => model.add(id, spelling, score)?,
                6 => model.add_byte(id, &spelling)?,
                3 | 4 => {
                    let strips = !KEEP_SPACE_BEHIND.contains(&spelling.as_str());
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
        let begin = bos.filter(|_| add_bos);
        let space_prefix = if add_space_prefix { SpacePrefix::Always } else { SpacePrefix::Never };
        let roles = Roles { begin, ends, space_prefix };
        Ok((model, Vocabulary::new(described, roles)?))
    }

    fn add(&mut self, id: u32, spelling: String, score: f32) -> Result<Token, TokenizerError> {
        if score.is_nan() {
            let message = format!("the score of token {id} (`{}`) is not a number", spelling.escape_debug());
            return Err(TokenizerError::Damaged(message));
        }
        let text = spelling.replace(SPACE, " ");
        // A piece with a plain space in it is never met: there are only `▁` in a text when it is split.
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
        self.split_with(&mut Work::default(), text, prefixed, tokens);
    }

    fn split_with(&self, work: &mut Work, text: &str, prefixed: bool, tokens: &mut Vec<u32>) {
        // A `▁` of the text itself cannot be told from a space afterwards; that is how the model was trained.
        let text = format!("{}{}", if prefixed { " " } else { "" }, text.replace(SPACE, " "));
        let mut start = 0;
        let mut last = None;
        for (at, character) in text.char_indices() {
            let cut = last.is_some_and(|last| !self.adjacent.contains(&(last, character)));
            if cut || at - start >= LONGEST_STRETCH {
                self.split_stretch(work, &text[start..at], tokens);
                start = at;
            }
            last = Some(character);
        }
        self.split_stretch(work, &text[start..], tokens);
    }

    /// Joins the characters of one stretch into pieces and appends their ids.
    fn split_stretch(&self, work: &mut Work, stretch: &str, tokens: &mut Vec<u32>) {
        if let Some(piece) = self.only_piece(stretch) {
            tokens.push(piece);
            return;
        }
        work.symbols.clear();
        let mut next = 0u32;
        work.symbols.extend(stretch.char_indices().map(|(start, character)| {
            next += 1;
            let (start, len) = (start as u32, character.len_utf8() as u32);
            Symbol { start, len, left: next.wrapping_sub(2), right: next }
        }));
        if let Some(last) = work.symbols.last_mut() {
            last.right = NONE;
        }
        for right in 1..next {
            self.look_up(work, stretch, right - 1, right);
        }
        while let Some(Pair { left, right, len, .. }) = work.pairs.pop() {
            let (l, r) = (&work.symbols[left as usize], &work.symbols[right as usize]);
            if l.len == 0 || r.len == 0 || l.len + r.len != len {
                continue;
            }
            let (before, after) = (l.left, r.right);
            work.symbols[left as usize].len = len;
            work.symbols[left as usize].right = after;
            work.symbols[right as usize].len = 0;
            if after != NONE {
                work.symbols[after as usize].left = left;
                self.look_up(work, stretch, left, after);
            }
            if before != NONE {
                self.look_up(work, stretch, before, left);
            }
        }
        for symbol in work.symbols.iter().filter(|symbol| symbol.len > 0) {
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
        self.split_stretch(&mut Work::default(), text, tokens);
    }

    /// How many pairs are looked up to split `text`.
    #[cfg(test)]
    pub fn steps(&self, text: &str) -> usize {
        let mut work = Work::default();
        self.split_with(&mut work, text, false, &mut Vec::new());
        work.looked_up
    }

    /// The token of a stretch that is a single character and a piece: every line break and many brackets.
    fn only_piece(&self, stretch: &str) -> Option<u32> {
        let mut characters = stretch.chars();
        characters.next()?;
        if characters.next().is_some() {
            return None;
        }
        Some(self.pieces.get(stretch)?.id)
    }

    /// Queues two neighbours if they make a piece.
    fn look_up(&self, work: &mut Work, stretch: &str, left: u32, right: u32) {
        work.looked_up += 1;
        let (l, r) = (&work.symbols[left as usize], &work.symbols[right as usize]);
        let len = l.len + r.len;
        if len as usize > self.longest {
            return;
        }
        if let Some(piece) = self.pieces.get(&stretch[l.start as usize..(l.start + len) as usize]) {
            work.pairs.push(Pair { score: piece.score, left, right, len });
        }
    }
}

/// Lengths and ids.
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
    for id in parts.bos.iter().chain(&parts.ends) {
        if *id as usize >= tokens {
            let message = format!("a special token has the id {id}, but the vocabulary has {tokens} tokens");
            return Err(TokenizerError::Damaged(message));
        }
    }
    Ok(())
}

/// The byte that `<0x0A>` stands for.
pub(super) fn byte_of(spelling: &str) -> Option<u8> {
    let digits = spelling.strip_prefix("<0x")?.strip_suffix('>')?;
    let hexadecimal = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hexadecimal.then(|| u8::from_str_radix(digits, 16).ok())?
}

/// The best pair is the greatest: the highest score, the leftmost among equals.
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
