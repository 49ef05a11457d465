//! The vocabulary of a GGUF file: the keys `tokenizer.ggml.*` and `tokenizer.chat_template`.

use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;

use super::byte_level::BytePairs;
use super::error::TokenizerError;
use super::fim::FimIds;
use super::pre_tokenizer;
use super::spm::SentencePieces;
use super::vocabulary::{Roles, SpacePrefix};
use crate::prompt::FimOrder;

type Metadata = HashMap<String, Value>;

/// A vocabulary of either kind. The tokenizer checks later whether it is consistent.
pub(super) enum Parts {
    SentencePieces(Box<SentencePieces>),
    BytePairs(BytePairs, Box<Roles>),
}

pub(super) fn read(metadata: &Metadata) -> Result<Parts, TokenizerError> {
    let model = required(metadata, "model", "a string", string)?;
    match model.as_str() {
        "llama" => Ok(Parts::SentencePieces(Box::new(sentence_pieces(metadata)?))),
        "gpt2" => byte_pairs(metadata).map(|(pairs, roles)| Parts::BytePairs(pairs, Box::new(roles))),
        _ => {
            let readable = "`llama` and `gpt2` vocabularies".into();
            Err(TokenizerError::Kind { key: "tokenizer.ggml.model".to_owned(), found: model, readable })
        }
    }
}

pub(super) fn sentence_pieces(metadata: &Metadata) -> Result<SentencePieces, TokenizerError> {
    let tokens = tokens(metadata)?;
    let roles = roles(metadata, tokens.len())?;
    Ok(SentencePieces {
        scores: required(metadata, "scores", "a list of 32-bit floats", |value| list(value, float))?,
        types: required(metadata, "token_type", "a list of integers", |value| list(value, integer))?,
        bos: roles.bos,
        eos: roles.eos,
        ends: roles.ends,
        fim: roles.fim,
        chat_template: roles.chat_template,
        tokens,
        // The defaults of llama.cpp.
        add_bos: optional(metadata, "add_bos_token", "a boolean", boolean)?.unwrap_or(true),
        add_space_prefix: optional(metadata, "add_space_prefix", "a boolean", boolean)?.unwrap_or(true),
    })
}

/// As llama.cpp, ignores `add_space_prefix`: byte-level vocabularies never insert a space.
fn byte_pairs(metadata: &Metadata) -> Result<(BytePairs, Roles), TokenizerError> {
    let name = optional(metadata, "pre", "a string", string)?.unwrap_or_else(|| "default".to_owned());
    let pre_tokenizer = pre_tokenizer::by_name(&name).ok_or_else(|| TokenizerError::Kind {
        key: "tokenizer.ggml.pre".to_owned(),
        found: name.clone(),
        readable: pre_tokenizer::names().into(),
    })?;
    let tokens = tokens(metadata)?;
    let mut roles = roles(metadata, tokens.len())?;
    // Mellum has the tokens of StarCoder in another order.
    roles.fim.order = (name == "mellum").then_some(FimOrder::SuffixFirst);
    let add_bos = optional(metadata, "add_bos_token", "a boolean", boolean)?;
    if add_bos.unwrap_or(pre_tokenizer.adds_bos) {
        let missing = || TokenizerError::Missing("tokenizer.ggml.bos_token_id".to_owned());
        roles.begin = Some(roles.bos.ok_or_else(missing)?);
    }
    let pairs = BytePairs {
        types: optional(metadata, "token_type", "a list of integers", |value| list(value, integer))?,
        merges: required(metadata, "merges", "a list of strings", |value| list(value, string))?,
        tokens,
        pre_tokenizer,
    };
    Ok((pairs, roles))
}

fn tokens(metadata: &Metadata) -> Result<Vec<String>, TokenizerError> {
    required(metadata, "tokens", "a list of strings", |value| list(value, string))
}

/// What both kinds of vocabularies declare alike. Nothing begins a prompt, no space is inserted.
fn roles(metadata: &Metadata, tokens: usize) -> Result<Roles, TokenizerError> {
    let special = |key: &str| match optional(metadata, key, "a token id", id)? {
        Some(id) if id as usize >= tokens => Err(TokenizerError::Damaged(format!(
            "`tokenizer.ggml.{key}` is {id}, but the vocabulary has {tokens} tokens"
        ))),
        id => Ok(id),
    };
    // The second key is that of older files.
    let marker = |key: &str, older: &str| Ok(special(key)?.or(special(older)?));
    let ends = ["eot_token_id", "eom_token_id"].into_iter().map(special);
    let template = metadata.get("tokenizer.chat_template");
    Ok(Roles {
        bos: special("bos_token_id")?,
        eos: special("eos_token_id")?,
        ends: ends.filter_map(Result::transpose).collect::<Result<_, _>>()?,
        fim: FimIds {
            prefix: marker("fim_pre_token_id", "prefix_token_id")?,
            suffix: marker("fim_suf_token_id", "suffix_token_id")?,
            middle: marker("fim_mid_token_id", "middle_token_id")?,
            file: special("fim_sep_token_id")?,
            repository: special("fim_rep_token_id")?,
            order: None,
            pad: special("fim_pad_token_id")?,
        },
        chat_template: template.and_then(string),
        begin: None,
        space_prefix: SpacePrefix::Never,
    })
}

fn required<T>(
    metadata: &Metadata,
    name: &str,
    expected: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<T, TokenizerError> {
    optional(metadata, name, expected, read)?
        .ok_or_else(|| TokenizerError::Missing(format!("tokenizer.ggml.{name}")))
}

fn optional<T>(
    metadata: &Metadata,
    name: &str,
    expected: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, TokenizerError> {
    let key = format!("tokenizer.ggml.{name}");
    let Some(value) = metadata.get(&key) else { return Ok(None) };
    let invalid = || TokenizerError::Invalid { key, expected: expected.to_owned() };
    read(value).map(Some).ok_or_else(invalid)
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    match value {
        Value::Array(values) => values.iter().map(read).collect(),
        _ => None,
    }
}

fn string(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f32> {
    match value {
        Value::F32(number) => Some(*number),
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i32> {
    match value {
        Value::I32(number) => Some(*number),
        Value::U32(number) => i32::try_from(*number).ok(),
        _ => None,
    }
}

fn id(value: &Value) -> Option<u32> {
    match value {
        Value::U32(number) => Some(*number),
        Value::I32(number) => u32::try_from(*number).ok(),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        _ => None,
    }
}
