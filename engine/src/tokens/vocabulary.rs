//! The tokens of a vocabulary: their bytes, whether they are special, and their lexicographic order.

use rustc_hash::{FxHashMap, FxHashSet};

use super::error::TokenizerError;
use super::fim::{self, FimIds, FimTokens};

/// Special tokens that end an answer in every vocabulary that has them, regardless of its keys, as in llama.cpp.
const ENDS: [&str; 12] = [
    "<|end|>",
    "<|endoftext|>",
    "</s>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<｜end▁of▁sentence｜>",
    "<|EOT|>",
    "<end_of_turn>",
    "<EOT>",
    "▁<EOT>",
];

/// The most tokens that token healing removes.
const MAX_HEALED: usize = 4;

/// The tokens of a model, by id.
pub(super) struct Vocabulary {
    /// The bytes of all tokens, concatenated.
    arena: Vec<u8>,
    /// The end of each token's bytes in `arena`.
    ends_at: Vec<u32>,
    /// Ids of the tokens with bytes, in the lexicographic order of their bytes.
    sorted: Vec<u32>,
    /// Special tokens with their spellings, in the order of their ids.
    specials: Vec<(String, u32)>,
    /// Special tokens that strip white space after them (RSTRIP).
    stripping: FxHashSet<u32>,
    /// The special tokens of [`Vocabulary::specials`] by spelling.
    by_spelling: FxHashMap<String, u32>,
    /// The token that the model was trained to find at the beginning of a text.
    pub bos: Option<u32>,
    /// The token that ended a text in training.
    pub eos: Option<u32>,
    /// The fill-in-the-middle format.
    pub fim: Option<FimTokens>,
    /// The Jinja template of the model's chat format.
    pub chat_template: Option<String>,
    /// The token that begins every prompt, if there is one.
    pub begin: Option<u32>,
    /// Tokens that end an answer.
    pub ends: FxHashSet<u32>,
    /// Which texts get a space inserted before them.
    pub space_prefix: SpacePrefix,
}

/// Which texts get a space inserted before them, because words in the vocabulary begin with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SpacePrefix {
    /// None.
    Never,
    /// Text that begins the prompt.
    First,
    /// Text that begins the prompt or follows a special token.
    Always,
}

/// One token of a model file.
pub(super) enum Token {
    /// An ordinary token with these bytes.
    Writes(Vec<u8>),
    /// A special token: has a spelling but no bytes.
    Special {
        /// Its spelling in text.
        spelling: String,
        /// Whether it strips white space after it.
        strips: bool,
    },
    /// No bytes and no spelling: padding.
    Unused,
}

/// The roles of some ids in a model file, and what else it says about prompts.
pub(super) struct Roles {
    /// The token that the model was trained to find at the beginning of a text.
    pub bos: Option<u32>,
    /// The token that ended a text in training.
    pub eos: Option<u32>,
    /// The declared tokens of fill-in-the-middle.
    pub fim: FimIds,
    /// The Jinja template of the model's chat format.
    pub chat_template: Option<String>,
    /// The token that begins every prompt.
    pub begin: Option<u32>,
    /// Tokens declared to end an answer.
    pub ends: Vec<u32>,
    /// Which texts get a space inserted before them.
    pub space_prefix: SpacePrefix,
}

impl Vocabulary {
    /// Builds the vocabulary from tokens in the order of their ids. The caller checks that the ids of `roles` are in
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
        let mut by_spelling: FxHashMap<String, u32> = FxHashMap::default();
        for (spelling, id) in &specials {
            by_spelling.entry(spelling.clone()).or_insert(*id);
        }
        let special = |spelling: &str| by_spelling.get(spelling).copied();
        let (fim, fim_ends) = fim::resolve(&roles.fim, special);
        let spelled_ends = ENDS.iter().filter_map(|spelling| special(spelling));
        let declared_ends = roles.ends.into_iter().chain(roles.eos);
        let ends = declared_ends.chain(spelled_ends).chain(fim_ends).collect();
        let mut vocabulary = Vocabulary {
            arena,
            ends_at,
            sorted: Vec::new(),
            specials,
            stripping,
            by_spelling,
            bos: roles.bos,
            eos: roles.eos,
            fim,
            chat_template: roles.chat_template,
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

    /// The special token of this spelling.
    pub fn special(&self, spelling: &str) -> Option<u32> {
        self.by_spelling.get(spelling).copied()
    }

    /// The spelling of a special token.
    pub fn spelling(&self, special: u32) -> Option<&str> {
        let at = self.specials.binary_search_by_key(&special, |(_, id)| *id).ok()?;
        Some(&self.specials[at].0)
    }

    pub fn strips(&self, special: u32) -> bool {
        self.stripping.contains(&special)
    }

    /// The position of the first spelled special token in `text`, the length of the spelling, and the id. The longest
    /// spelling wins at the same position.
    pub fn first_special(&self, text: &str) -> Option<(usize, usize, u32)> {
        let found = self.specials.iter().filter(|(spelling, _)| !spelling.is_empty());
        let found = found.filter_map(|(spelling, id)| Some((text.find(spelling)?, spelling.len(), *id)));
        found.min_by_key(|(at, length, _)| (*at, std::cmp::Reverse(*length)))
    }

    /// Ids of the tokens whose bytes begin with `prefix`, in lexicographic order.
    fn with_prefix(&self, prefix: &[u8]) -> &[u32] {
        let start = self.sorted.partition_point(|id| self.bytes(*id) < prefix);
        let length = self.sorted[start..].partition_point(|id| self.bytes(*id).starts_with(prefix));
        &self.sorted[start..start + length]
    }

    pub fn allowed<'a>(&'a self, required: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
        let parts = (1..required.len()).flat_map(move |length| {
            let part = &required[..length];
            self.with_prefix(part).iter().take_while(move |id| self.bytes(**id).len() == length)
        });
        parts.chain(self.with_prefix(required)).copied()
    }

    pub fn heal(&self, tokens: &[u32]) -> (usize, Vec<u8>) {
        let (mut best, mut healed) = ((tokens.len(), Vec::new()), Vec::new());
        for (keep, token) in tokens.iter().enumerate().skip(1).rev().take(MAX_HEALED) {
            let bytes = self.bytes(*token);
            if bytes.is_empty() {
                break;
            }
            healed.splice(0..0, bytes.iter().copied());
            // Longer bytes sort later.
            let last = self.with_prefix(&healed).last();
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

/// Whether a token of this spelling is special although the file does not say so: it ends answers, belongs to a
/// fill-in-the-middle format, or is spelled like markup where converters mix up the two (`user_defined`).
pub(super) fn is_markup(spelling: &str, user_defined: bool) -> bool {
    let enclosed = |start: &str, end: &str| spelling.starts_with(start) && spelling.ends_with(end);
    ENDS.contains(&spelling)
        || fim::is_marker(spelling)
        || user_defined && (enclosed("<|", "|>") || enclosed("<｜", "｜>") || spelling == "<pad>")
}
