//! The `tokenizer.json` of a Hugging Face folder. The `tokenizers` crate splits the text.
//!
//! The file also describes special tokens in the text, a space before the text, tokens added around it, and decoding.
//! All of these are removed before the library gets the file, because here they depend on the type of a prompt's
//! parts, not on what the parts spell.

use std::io::Read;
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::error::TokenizerError;
use super::fim::FimIds;
use super::library::{Library, written};
use super::spm::byte_of;
use super::vocabulary::{Roles, SpacePrefix, Token, Vocabulary, is_markup};
use crate::files::open_regular;

/// Ids may have gaps. This limit keeps a damaged id from allocating a huge table.
const MAX_UNUSED_IDS: usize = 1 << 20;

/// Far above any tokenizer: one with a quarter of a million tokens has 40 MB.
const MAX_BYTES: u64 = 512 << 20;

/// How the vocabulary spells bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// `▁` for a space, `<0x0A>` for a byte that no other token covers: Phi-3, Phi-3.5.
    Fallback,
    /// One character for each byte, as in GPT-2.
    ByteLevel,
}

/// A token that was added to those of the model: a special token, or one that text may become.
struct AddedToken {
    id: u32,
    spelling: String,
    strips: bool,
    /// Whether text may become this token.
    is_text: bool,
}

/// Reads the file, and the configuration files in the same folder.
pub(super) fn read(path: &Path) -> Result<(Library, Vocabulary), TokenizerError> {
    let missing = "there is no such file; download all files of the model's folder";
    let mut file = json(path)?.ok_or_else(|| unusable(path, missing))?;
    build(path, &mut file).map_err(|error| match error {
        TokenizerError::File { .. } => error,
        other => unusable(path, other),
    })
}

fn build(path: &Path, file: &mut Value) -> Result<(Library, Vocabulary), TokenizerError> {
    let kind = file["model"]["type"].as_str().unwrap_or("BPE");
    if kind != "BPE" {
        let (key, found) = ("model.type".to_owned(), kind.to_owned());
        return Err(TokenizerError::Kind { key, found, readable: "`BPE`".into() });
    }
    let spelling = spelling(file)?;
    let added = added(file, spelling)?;
    let ordinary = ordinary(file, &added)?;
    let space_prefix = remove_prefix(&mut file["normalizer"]).max(remove_prefix(&mut file["pre_tokenizer"]));
    let (described, bytes) = describe(&ordinary, &added, spelling)?;
    let roles = roles(path, file, &added, described.len(), space_prefix)?;
    remove_special(file, &ordinary, &added);
    let len = described.len() as u32;
    let tokenizer = serde_json::from_value(file.take()).map_err(|error| damaged(path, error))?;
    Ok((Library { tokenizer, bytes, len }, Vocabulary::new(described, roles)?))
}

/// A JSON file; `None` if it does not exist.
fn json(path: &Path) -> Result<Option<Value>, TokenizerError> {
    let text = match bytes(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(path, format!("{error}; check that the file may be read"))),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| damaged(path, error))
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let (file, metadata) = open_regular(path)?;
    if metadata.len() > MAX_BYTES {
        let reason = format!("it is larger than {} MB", MAX_BYTES >> 20);
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, reason));
    }
    let mut text = Vec::with_capacity(metadata.len() as usize);
    file.take(MAX_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

fn damaged(path: &Path, reason: impl std::fmt::Display) -> TokenizerError {
    unusable(path, format!("{reason}; the file is damaged or incomplete: download it again"))
}

fn unusable(path: &Path, reason: impl std::fmt::Display) -> TokenizerError {
    TokenizerError::File { path: path.display().to_string(), reason: reason.to_string() }
}

fn invalid(key: &str, expected: &str) -> TokenizerError {
    TokenizerError::Invalid { key: key.to_owned(), expected: expected.to_owned() }
}

fn spelling(file: &Value) -> Result<Spelling, TokenizerError> {
    let mut steps = Vec::new();
    flatten(&file["pre_tokenizer"], &mut steps);
    match steps.iter().find(|step| step["type"] == "ByteLevel") {
        Some(step) if step["add_prefix_space"] == Value::Bool(true) => Err(TokenizerError::Kind {
            key: "pre_tokenizer.add_prefix_space".to_owned(),
            found: "true".to_owned(),
            readable: "byte-level vocabularies without it".into(),
        }),
        Some(_) => Ok(Spelling::ByteLevel),
        None if file["model"]["byte_fallback"] == Value::Bool(true) => Ok(Spelling::Fallback),
        None => Err(TokenizerError::Kind {
            key: "model.byte_fallback".to_owned(),
            found: file["model"]["byte_fallback"].to_string(),
            readable: "vocabularies that can spell every byte".into(),
        }),
    }
}

/// The steps of a normalizer or pre-tokenizer, with sequences flattened.
fn flatten<'a>(step: &'a Value, steps: &mut Vec<&'a Value>) {
    for list in ["normalizers", "pretokenizers"] {
        for inner in step[list].as_array().into_iter().flatten() {
            flatten(inner, steps);
        }
    }
    steps.push(step);
}

fn added(file: &Value, spelling: Spelling) -> Result<Vec<AddedToken>, TokenizerError> {
    let list = match &file["added_tokens"] {
        Value::Null => return Ok(Vec::new()),
        list => list.as_array().ok_or_else(|| invalid("added_tokens", "a list"))?,
    };
    let read = |token: &Value| {
        let content = token["content"].as_str()?;
        // As user-defined tokens of a GGUF file. `</s>` of Phi-3 is not declared as special either.
        let is_special = token["special"] != Value::Bool(false);
        Some(AddedToken {
            id: id(&token["id"])?,
            spelling: content.to_owned(),
            strips: token["rstrip"] == Value::Bool(true),
            is_text: spelling == Spelling::ByteLevel && !is_special && !is_markup(content, true),
        })
    };
    let tokens = list.iter().map(read).collect::<Option<Vec<_>>>();
    tokens.ok_or_else(|| invalid("added_tokens", "a list of tokens with `id` and `content`"))
}

fn id(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

/// The tokens of the model, without the special ones.
fn ordinary(file: &Value, added: &[AddedToken]) -> Result<FxHashMap<String, u32>, TokenizerError> {
    let key = "model.vocab";
    let vocabulary = file["model"]["vocab"].as_object().ok_or_else(|| match &file["model"]["vocab"] {
        Value::Null => TokenizerError::Missing(key.to_owned()),
        _ => invalid(key, "an object from tokens to ids"),
    })?;
    let special: FxHashSet<&str> = added.iter().map(|token| token.spelling.as_str()).collect();
    let unknown = file["model"]["unk_token"].as_str();
    let entries = vocabulary.iter().filter(|(token, _)| {
        let token = token.as_str();
        !special.contains(token) && Some(token) != unknown
    });
    let entries = entries.map(|(token, value)| Some((token.clone(), id(value)?)));
    entries.collect::<Option<_>>().ok_or_else(|| invalid(key, "an object from tokens to ids"))
}

/// The bytes of each id, and the token of each byte.
fn describe(
    ordinary: &FxHashMap<String, u32>,
    added: &[AddedToken],
    spelling: Spelling,
) -> Result<(Vec<Token>, [Option<u32>; 256]), TokenizerError> {
    let known = ordinary.len() + added.len();
    let highest = ordinary.values().copied().chain(added.iter().map(|token| token.id)).max();
    let highest =
        highest.ok_or_else(|| TokenizerError::Damaged("`model.vocab` is empty".to_owned()))? as usize;
    if highest >= known + MAX_UNUSED_IDS {
        let message = format!("a token has the id {highest}, but there are only {known} tokens");
        return Err(TokenizerError::Damaged(message));
    }
    let mut described: Vec<Option<Token>> = (0..=highest).map(|_| None).collect();
    let mut bytes = [None; 256];
    let mut put = |id: u32, token: Token, name: &str| match described[id as usize].replace(token) {
        None => Ok(()),
        Some(_) => Err(TokenizerError::Damaged(format!("`{name}` and another token both have the id {id}"))),
    };
    for token in added {
        let (spelling, strips) = (token.spelling.clone(), token.strips);
        let described = match token.is_text {
            true => Token::Writes(spelling.into_bytes()),
            false => Token::Special { spelling, strips },
        };
        put(token.id, described, &token.spelling)?;
    }
    for (name, id) in ordinary {
        let written = match (spelling, byte_of(name)) {
            (Spelling::Fallback, Some(byte)) => vec![byte],
            (Spelling::Fallback, None) => name.replace('▁', " ").into_bytes(),
            (Spelling::ByteLevel, _) => written(name),
        };
        let spells_byte = spelling == Spelling::ByteLevel || byte_of(name).is_some();
        if let (true, [byte]) = (spells_byte, &written[..]) {
            bytes[usize::from(*byte)] = Some(*id);
        }
        put(*id, Token::Writes(written), name)?;
    }
    let spelled = bytes.iter().flatten().count();
    if spelling == Spelling::Fallback && spelled < 256 {
        let message = format!("`model.vocab`: only {spelled} of the 256 bytes have a token");
        return Err(TokenizerError::Damaged(message));
    }
    let described = described.into_iter().map(|token| token.unwrap_or(Token::Unused)).collect();
    Ok((described, bytes))
}

/// Removes the steps of a normalizer or pre-tokenizer that insert a space before the text; returns when they would
/// have.
fn remove_prefix(step: &mut Value) -> SpacePrefix {
    let mut found = SpacePrefix::Never;
    for list in ["normalizers", "pretokenizers"] {
        if let Some(inner) = step.get_mut(list).and_then(Value::as_array_mut) {
            for step in inner.iter_mut() {
                found = found.max(remove_prefix(step));
            }
            inner.retain(|step| !step.is_null());
        }
    }
    match step["type"].as_str() {
        Some("Prepend") => {
            step.take();
            SpacePrefix::Always
        }
        Some("Metaspace") => {
            let scheme = match (step["prepend_scheme"].as_str(), &step["add_prefix_space"]) {
                (Some("never"), _) | (None, Value::Bool(false)) => SpacePrefix::Never,
                (Some("first"), _) => SpacePrefix::First,
                _ => SpacePrefix::Always,
            };
            if let Some(step) = step.as_object_mut() {
                step.remove("add_prefix_space");
                step.insert("prepend_scheme".to_owned(), "never".into());
            }
            scheme
        }
        _ => found,
    }
}

/// The tokens that begin a prompt and end an answer, from the file and the configuration files in its folder.
fn roles(
    path: &Path,
    file: &Value,
    added: &[AddedToken],
    tokens: usize,
    space_prefix: SpacePrefix,
) -> Result<Roles, TokenizerError> {
    let neighbour = |name| json(&path.with_file_name(name)).map(Option::unwrap_or_default);
    let config = neighbour("tokenizer_config.json")?;
    let named = |token: &Value| {
        let spelling = token.as_str().or_else(|| token["content"].as_str())?;
        added.iter().find(|token| token.spelling == spelling).map(|token| token.id)
    };
    let template = || {
        let steps = file["post_processor"]["processors"].as_array().map_or(&[][..], Vec::as_slice);
        let mut steps = steps.iter().chain([&file["post_processor"]]);
        steps.find_map(|step| added_id(added, step["single"][0]["SpecialToken"]["id"].as_str()?))
    };
    let begin = match config["add_bos_token"].as_bool() {
        Some(true) => named(&config["bos_token"]),
        Some(false) => None,
        None => template(),
    };
    let mut ends = Vec::new();
    for name in ["generation_config.json", "config.json"] {
        let declared = &neighbour(name)?["eos_token_id"];
        let listed = declared.as_array().map_or(std::slice::from_ref(declared), Vec::as_slice);
        for value in listed.iter().filter(|value| !value.is_null()) {
            let end = id(value).filter(|id| (*id as usize) < tokens).ok_or_else(|| {
                let message = format!("`eos_token_id` is {value}, but the vocabulary has {tokens} tokens");
                damaged(&path.with_file_name(name), message)
            })?;
            ends.push(end);
        }
    }
    let bos = named(&config["bos_token"]).or(begin);
    let eos = named(&config["eos_token"]);
    let chat_template = chat_template(path, &config)?;
    Ok(Roles { bos, eos, fim: FimIds::default(), chat_template, begin, ends, space_prefix })
}

/// `chat_template.jinja`, else the template of `tokenizer_config.json`: the one named `default` if there are several.
fn chat_template(path: &Path, config: &Value) -> Result<Option<String>, TokenizerError> {
    let file = path.with_file_name("chat_template.jinja");
    match bytes(&file) {
        Ok(text) => return String::from_utf8(text).map(Some).map_err(|error| damaged(&file, error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(&file, format!("{error}; check that the file may be read"))),
    }
    let template = match &config["chat_template"] {
        Value::Array(list) => {
            list.iter().find(|entry| entry["name"] == "default").map(|entry| &entry["template"])
        }
        template => Some(template),
    };
    Ok(template.and_then(Value::as_str).map(str::to_owned))
}

fn added_id(added: &[AddedToken], spelling: &str) -> Option<u32> {
    added.iter().find(|token| token.spelling == spelling).map(|token| token.id)
}

/// Removes everything that the library does not need to split text into ordinary tokens.
fn remove_special(file: &mut Value, ordinary: &FxHashMap<String, u32>, added: &[AddedToken]) {
    for key in ["post_processor", "decoder", "truncation", "padding"] {
        file[key] = Value::Null;
    }
    let text: FxHashMap<&str, u32> =
        added.iter().filter(|token| token.is_text).map(|token| (&*token.spelling, token.id)).collect();
    match file["added_tokens"].as_array_mut() {
        Some(list) => {
            list.retain(|token| token["content"].as_str().is_some_and(|content| text.contains_key(content)));
        }
        None => file["added_tokens"] = Value::Array(Vec::new()),
    }
    let model = &mut file["model"];
    model["unk_token"] = Value::Null;
    model["dropout"] = Value::Null;
    if let Some(vocabulary) = model["vocab"].as_object_mut() {
        vocabulary.retain(|token, _| ordinary.contains_key(token));
        // The library gives an added token the id that its vocabulary has for it.
        vocabulary.extend(text.iter().map(|(spelling, id)| ((*spelling).to_owned(), (*id).into())));
    }
    // Merges could produce a special token, or a byte token, from text.
    let is_text = |token: &str| ordinary.contains_key(token) && byte_of(token).is_none();
    if let Some(merges) = model["merges"].as_array_mut() {
        merges.retain(|merge| {
            let pair = match merge {
                Value::String(pair) => pair.split_once(' '),
                pair => pair[0].as_str().zip(pair[1].as_str()),
            };
            // An entry that is not a pair stays: the library reports it as an error.
            pair.is_none_or(|(left, right)| {
                is_text(left) && is_text(right) && is_text(&format!("{left}{right}"))
            })
        });
    }
}

#[cfg(test)]
mod tests;
