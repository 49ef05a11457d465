//! The vocabulary of a GGUF file: the keys `tokenizer.ggml.*`.

use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;

use super::error::TokenizerError;
use super::spm::SentencePieces;

type Metadata = HashMap<String, Value>;

/// Reads the parts. The tokenizer checks later whether they are consistent.
pub(super) fn sentence_pieces(metadata: &Metadata) -> Result<SentencePieces, TokenizerError> {
    let model = required(metadata, "model", "a string", string)?;
    if model != "llama" {
        let readable = "`llama` vocabularies, which Phi-3 and Phi-3.5 have";
        return Err(TokenizerError::Kind { key: "tokenizer.ggml.model".to_owned(), found: model, readable });
    }
    let tokens = required(metadata, "tokens", "a list of strings", |value| list(value, string))?;
    let special = |key: &str| match optional(metadata, key, "a token id", id)? {
        Some(id) if id as usize >= tokens.len() => Err(TokenizerError::Damaged(format!(
            "`tokenizer.ggml.{key}` is {id}, but the vocabulary has {} tokens",
            tokens.len()
        ))),
        id => Ok(id),
    };
    let ends = ["eos_token_id", "eot_token_id", "eom_token_id"].into_iter().map(special);
    let ends = ends.filter_map(Result::transpose).collect::<Result<Vec<u32>, _>>()?;
    Ok(SentencePieces {
        scores: required(metadata, "scores", "a list of 32-bit floats", |value| list(value, float))?,
        types: required(metadata, "token_type", "a list of integers", |value| list(value, integer))?,
        bos: special("bos_token_id")?,
        ends,
        tokens,
        // The defaults of llama.cpp.
        add_bos: optional(metadata, "add_bos_token", "a boolean", boolean)?.unwrap_or(true),
        add_space_prefix: optional(metadata, "add_space_prefix", "a boolean", boolean)?.unwrap_or(true),
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
