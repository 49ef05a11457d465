//! What a vocabulary says about each token: the bytes it writes, whether it is special, and where it stands in the
//! order of bytes.

use rustc_hash::{FxHashMap, FxHashSet};

use super::TokenizerError;
use crate::Markup;

/// The spellings of [`Markup`] in Phi-3, in the order of [`Vocabulary::markup`].
const MARKUP: [&str; 4] = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"];

/// Tokens that end an answer wherever a vocabulary has them as special tokens, whatever its keys say.
const ENDS: [&str; 3] = ["<|end|>", "<|endoftext|>", "</s>"];

/// How far token healing backs up.
const MOST_HEALED: usize = 4;

/// The tokens of a model, by id.
pub(super) struct Vocabulary {
    /// The bytes of all tokens, one after the other.
    arena: Vec<u8>,
    /// Where each token's bytes end in `arena`.
    ends_at: Vec<u32>,
    /// Ids of the tokens that write something, in the order of their bytes.
    sorted: Vec<u32>,
    /// Special tokens by spelling.
    specials: Vec<(String, u32)>,
    /// Special tokens that strip white space behind them (RSTRIP).
    stripping: FxHashSet<u32>,
    markup: [u32; 4],
    /// The token that begins every prompt, if the file says that one does.
    pub begin: Option<u32>,
    /// Tokens that end an answer.
    pub ends: FxHashSet<u32>,
    /// Which texts a space is put before.
    pub space_prefix: SpacePrefix,
}

/// Which texts a space is put before, because the vocabulary's words begin with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SpacePrefix {
    /// None.
    Never,
    /// The one that begins the prompt.
    First,
    /// That one, and each that follows a special token.
    Always,
}

/// One token as a file describes it.
pub(super) enum Token {
    /// Writes these bytes.
    Writes(Vec<u8>),
    /// Writes nothing and is known by its spelling.
    Special {
        /// As it would stand in a text.
        spelling: String,
        /// Whether white space behind it vanishes.
        strips: bool,
    },
    /// Writes nothing and has no spelling: padding.
    Unused,
}

/// What a file says about ids besides the tokens.
pub(super) struct Roles {
    /// The token that begins every prompt.
    pub begin: Option<u32>,
    /// Tokens declared to end an answer.
    pub ends: Vec<u32>,
    /// Which texts a space is put before.
    pub space_prefix: SpacePrefix,
}

impl Vocabulary {
    /// Puts the tokens together, in the order of their ids. The callers have checked that the ids of `roles` are in
    /// range.
    pub fn new(tokens: Vec<Token>, roles: Roles) -> Result<Vocabulary, TokenizerError> {
        let (mut arena, mut ends_at) = (Vec::new(), Vec::with_capacity(tokens.len()));
        let (mut specials, mut stripping) = (Vec::new(), FxHashSet::default());
        for (token, id) in tokens.into_iter().zip(0u32..) {
            match token {
                Token::Writes(bytes) => arena.extend_from_slice(&bytes),
                Token::Special { spelling, strips } => {
                    if strips {
                        stripping.insert(id);
                    }
                    specials.push((spelling, id));
                }
                Token::Unused => {}
            }
            let end = u32::try_from(arena.len())
                .map_err(|_| TokenizerError::Damaged("the tokens take more than 4 GiB".to_owned()))?;
            ends_at.push(end);
        }
        let by_spelling: FxHashMap<&str, u32> =
            specials.iter().map(|(text, id)| (text.as_str(), *id)).collect();
        let mut markup = [0; 4];
        for (id, spelling) in markup.iter_mut().zip(MARKUP) {
            *id = *by_spelling.get(spelling).ok_or(TokenizerError::NoMarkup(spelling))?;
        }
        let spelled_ends = ENDS.iter().filter_map(|text| by_spelling.get(text).copied());
        let ends = roles.ends.into_iter().chain(spelled_ends).collect();
        let mut vocabulary = Vocabulary {
            arena,
            ends_at,
            sorted: Vec::new(),
            specials,
            stripping,
            markup,
            begin: roles.begin,
            ends,
            space_prefix: roles.space_prefix,
        };
        let mut sorted: Vec<u32> =
            (0u32..).take(vocabulary.len()).filter(|id| !vocabulary.bytes(*id).is_empty()).collect();
        sorted.sort_by_key(|id| vocabulary.bytes(*id));
        vocabulary.sorted = sorted;
        Ok(vocabulary)
    }

    pub fn len(&self) -> usize {
        self.ends_at.len()
    }

    pub fn bytes(&self, token: u32) -> &[u8] {
        let token = token as usize;
        let Some(end) = self.ends_at.get(token) else { return &[] };
        let start = token.checked_sub(1).map_or(0, |before| self.ends_at[before]);
        &self.arena[start as usize..*end as usize]
    }

    pub fn markup(&self, markup: Markup) -> u32 {
        self.markup[match markup {
            Markup::System => 0,
            Markup::User => 1,
            Markup::Assistant => 2,
            Markup::End => 3,
        }]
    }

    pub fn strips(&self, special: u32) -> bool {
        self.stripping.contains(&special)
    }

    /// The first place in `text` that spells a special token, the length of the spelling, and the id; the longest
    /// spelling where several begin.
    pub fn first_special(&self, text: &str) -> Option<(usize, usize, u32)> {
        let found = self.specials.iter().filter(|(spelling, _)| !spelling.is_empty());
        let found = found.filter_map(|(spelling, id)| Some((text.find(spelling)?, spelling.len(), *id)));
        found.min_by_key(|(at, length, _)| (*at, std::cmp::Reverse(*length)))
    }

    /// Ids of the tokens whose bytes begin with `prefix`, in the order of their bytes: shorter ones first.
    fn beginning_with(&self, prefix: &[u8]) -> &[u32] {
        let start = self.sorted.partition_point(|id| self.bytes(*id) < prefix);
        let length = self.sorted[start..].partition_point(|id| self.bytes(*id).starts_with(prefix));
        &self.sorted[start..start + length]
    }

    pub fn allowed<'a>(&'a self, required: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
        let parts = (1..required.len()).flat_map(move |length| {
            let part = &required[..length];
            self.beginning_with(part).iter().take_while(move |id| self.bytes(**id).len() == length)
        });
        parts.chain(self.beginning_with(required)).copied()
    }

    pub fn heal(&self, tokens: &[u32]) -> (usize, Vec<u8>) {
        let (mut best, mut healed) = ((tokens.len(), Vec::new()), Vec::new());
        for (keep, token) in tokens.iter().enumerate().skip(1).rev().take(MOST_HEALED) {
            let bytes = self.bytes(*token);
            if bytes.is_empty() {
                break;
            }
            healed.splice(0..0, bytes.iter().copied());
            // Longer bytes come later in the order.
            let last = self.beginning_with(&healed).last();
            if last.is_some_and(|id| self.bytes(*id).len() > healed.len()) {
                best = (keep, healed.clone());
            }
        }
        best
    }

    /// Special tokens by spelling.
    #[cfg(test)]
    pub fn specials(&self) -> impl Iterator<Item = (&str, u32)> {
        self.specials.iter().map(|(spelling, id)| (spelling.as_str(), *id))
    }

    /// Whether text must never become this token.
    #[cfg(test)]
    pub fn is_special(&self, token: u32) -> bool {
        self.specials().any(|(_, id)| id == token)
    }
}
