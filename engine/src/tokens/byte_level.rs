//! Byte-level byte-pair encoding of a GGUF file (`gpt2` vocabularies). The `tokenizers` crate splits the text; tokens,
//! merges and the pre-tokenizer are the file's.
//!
//! Without llama.cpp's `parse_special` text still becomes a *user-defined* token that it spells, such as `<tool_call>`
//! or a run of line breaks: these were part of ordinary text in training, and writing them is not a privilege. So it is
//! here. Two kinds that converters also declare as user-defined are not found in text, other than in llama.cpp: what is
//! spelled like markup (`<|User|>`), and padding (`[PAD32022]`).

use rustc_hash::FxHashMap;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior};

use super::error::TokenizerError;
use super::library::{BYTE_CHARACTERS, Library, written};
use super::pre_tokenizer::PreTokenizer;
use super::spm::byte_of;
use super::vocabulary::{Token, is_markup};

/// The parts of a byte-level vocabulary. The lists are in the order of the ids.
pub(super) struct BytePairs {
    /// Spellings: a character for each byte ([`BYTE_CHARACTERS`]), as they are in special tokens.
    pub tokens: Vec<String>,
    /// GGUF's `token_type`; none if all are normal.
    pub types: Option<Vec<i32>>,
    /// Pairs of spellings with a space between them, the pair that is joined first first.
    pub merges: Vec<String>,
    /// Cuts the text first.
    pub pre_tokenizer: PreTokenizer,
}

/// Checks the parts and builds the splitter and the tokens.
pub(super) fn build(parts: BytePairs) -> Result<(Library, Vec<Token>), TokenizerError> {
    let BytePairs { tokens, types, merges, pre_tokenizer } = parts;
    let types = types.unwrap_or_else(|| vec![1; tokens.len()]);
    if types.len() != tokens.len() {
        return Err(TokenizerError::Damaged(format!(
            "`tokenizer.ggml.tokens` has {} entries, `tokenizer.ggml.token_type` has {}",
            tokens.len(),
            types.len()
        )));
    }
    let len = u32::try_from(tokens.len())
        .map_err(|_| TokenizerError::Damaged("the vocabulary has more than 2^32 tokens".to_owned()))?;
    // What text may become, by spelling: the library's vocabulary.
    let mut ordinary: FxHashMap<String, u32> = FxHashMap::default();
    let (mut described, mut user_defined) = (Vec::with_capacity(tokens.len()), Vec::new());
    for (id, (spelling, kind)) in (0u32..).zip(tokens.into_iter().zip(types)) {
        let token = describe(id, &spelling, kind)?;
        if matches!(token, Token::Writes(_)) && kind != 6 {
            if kind == 4 {
                user_defined.push(AddedToken::from(spelling.clone(), false).normalized(false));
            }
            if let Some(first) = ordinary.insert(spelling.clone(), id) {
                let spelling = spelling.escape_debug();
                return Err(TokenizerError::Damaged(format!(
                    "tokens {first} and {id} are both `{spelling}`"
                )));
            }
        }
        described.push(token);
    }
    let bytes = BYTE_CHARACTERS.map(|character| ordinary.get(&character.to_string()).copied());
    // The library would join what stands on both sides of a byte that it cannot spell; llama.cpp does not. So such bytes
    // get ids of their own here, which `Library::split` leaves out.
    let missing = BYTE_CHARACTERS.iter().zip(bytes).filter(|(_, id)| id.is_none());
    ordinary.extend(missing.zip(len..).map(|((character, _), id)| (character.to_string(), id)));
    let merges = merges.iter().map(|merge| pair(merge)).collect::<Result<Vec<_>, _>>()?;
    let is_ordinary = |(left, right): &(String, String)| {
        ordinary.contains_key(left)
            && ordinary.contains_key(right)
            && ordinary.contains_key(&format!("{left}{right}"))
    };
    // Merges could otherwise produce a special token from text.
    let merges = merges.into_iter().filter(is_ordinary).collect();
    let model = BPE::builder()
        .vocab_and_merges(ordinary.into_iter().collect::<tokenizers::models::bpe::Vocab>(), merges)
        .ignore_merges(pre_tokenizer.ignores_merges)
        .build()
        .map_err(library)?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(steps(&pre_tokenizer)?));
    tokenizer.add_tokens(user_defined).map_err(library)?;
    Ok((Library { tokenizer, bytes, len }, described))
}

fn describe(id: u32, spelling: &str, kind: i32) -> Result<Token, TokenizerError> {
    let special = || Token::Special { spelling: spelling.to_owned(), strips: false };
    Ok(match kind {
        _ if spelling.is_empty() => Token::Unused,
        3 => special(),
        2 => special(),
        1 | 4 if is_markup(spelling, kind == 4) => special(),
        4 if spelling.starts_with("[PAD") => Token::Unused,
        1 => Token::Writes(written(spelling)),
        4 => Token::Writes(spelling.as_bytes().to_vec()),
        6 => byte_of(spelling).map_or(Token::Unused, |byte| Token::Writes(vec![byte])),
        5 => Token::Unused,
        other => {
            let message = format!("`tokenizer.ggml.token_type` of token {id} is {other}");
            return Err(TokenizerError::Damaged(message));
        }
    })
}

/// The two tokens of a merge. The left one may begin with a space.
fn pair(merge: &str) -> Result<(String, String), TokenizerError> {
    let first = merge.chars().next().map_or(0, char::len_utf8);
    let (left, right) = merge[first..].split_once(' ').ok_or_else(|| {
        let merge = merge.escape_debug();
        TokenizerError::Damaged(format!("`tokenizer.ggml.merges`: `{merge}` is not a pair of tokens"))
    })?;
    Ok((format!("{}{left}", &merge[..first]), right.to_owned()))
}

fn steps(pre_tokenizer: &PreTokenizer) -> Result<Sequence, TokenizerError> {
    let mut steps = Vec::new();
    for pattern in pre_tokenizer.patterns {
        let pattern = SplitPattern::Regex((*pattern).to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(library)?;
        steps.push(PreTokenizerWrapper::Split(split));
    }
    steps.push(PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, false, false)));
    Ok(Sequence::new(steps))
}

fn library(error: impl std::fmt::Display) -> TokenizerError {
    TokenizerError::Damaged(format!("the vocabulary cannot be used: {error}"))
}

#[cfg(test)]
mod tests;
