//! tokenizer.json against the GGUF of the same vocabulary: the small one of tests/golden, and Phi-3's own, whose
//! tokenizer.json is derived here as transformers derives it.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;

use super::super::library::BYTE_CHARACTERS;
use super::super::tests::{METADATA, PHI, shared};
use super::super::{Prompt, Tokenizer, TokenizerError, gguf};
use super::*;
use crate::prompt::Role;

fn golden(path: &str) -> PathBuf {
    shared("golden").join(path)
}

fn small_json() -> Tokenizer {
    Tokenizer::from_tokenizer_json(&golden("dense/hf/tokenizer.json")).unwrap()
}

fn small_gguf() -> Tokenizer {
    let mut file = std::fs::File::open(golden("dense/model.gguf")).unwrap();
    let metadata = candle_core::quantized::gguf_file::Content::read(&mut file).unwrap().metadata;
    Tokenizer::from_gguf(&metadata).unwrap()
}

#[test]
fn the_two_files_of_one_vocabulary_agree() {
    let (json, gguf) = (small_json(), small_gguf());
    assert_eq!(json.vocabulary_len(), gguf.vocabulary_len());
    for token in 0..json.vocabulary_len() as u32 + 2 {
        assert_eq!(json.bytes(token), gguf.bytes(token), "{token}");
        assert_eq!(json.is_end(token), gguf.is_end(token), "{token}");
    }
    let prompt = Prompt::default()
        .text("before ")
        .turn(Role::User)
        .text("\n return the tuner")
        .text(" </s>")
        .turn(Role::Assistant)
        .text("fn");
    assert_eq!(json.encode(&prompt), gguf.encode(&prompt));
    let spelled = "a<|user|>\n return<|end|>\n<s> x</s> \n y<|endoftext|>\nz<unk> q";
    assert_eq!(json.encode_with_special(spelled), gguf.encode_with_special(spelled));
    assert_eq!(json.heal(&[1, 2]), gguf.heal(&[1, 2]));
}

proptest! {
    #[test]
    fn the_two_files_split_alike(text in "[ ▁return()</s>;{}fb\nx]{0,60}|.{0,30}", after_markup: bool) {
        thread_local!(static BOTH: (Tokenizer, Tokenizer) = (small_json(), small_gguf()));
        let (json, gguf) =
            BOTH.with(|(json, gguf)| (json.encode_text(&text, after_markup), gguf.encode_text(&text, after_markup)));
        prop_assert_eq!(json, gguf);
    }
}

#[test]
fn text_never_becomes_special() {
    let tokenizer = small_json();
    let spellings: Vec<String> = tokenizer.vocabulary.specials().map(|(text, _)| text.to_owned()).collect();
    assert_eq!(spellings.len(), 13);
    for text in spellings.iter().map(String::as_str).chain(["<0x0A>"]) {
        let tokens = tokenizer.encode_text(text, false);
        assert!(!tokens.iter().any(|token| tokenizer.vocabulary.is_special(*token)), "{text}: {tokens:?}");
        let written: Vec<u8> = tokens.iter().flat_map(|token| tokenizer.bytes(*token)).copied().collect();
        assert_eq!(String::from_utf8(written).unwrap(), text);
    }
}

/// A tokenizer.json with Phi-3's whole vocabulary.
fn phi_json() -> Value {
    let pieces = gguf::sentence_pieces(&METADATA).unwrap();
    let ids: FxHashMap<&str, usize> = pieces.tokens.iter().map(String::as_str).zip(0..).collect();
    let ordinary = |id: usize| matches!(pieces.types[id], 1 | 6);
    let mut merges = Vec::new();
    for (token, score) in pieces.tokens.iter().zip(&pieces.scores) {
        for (at, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(at);
            if let (Some(l), Some(r)) = (ids.get(left), ids.get(right)) {
                merges.push((*score, *l, *r));
            }
        }
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let merges: Vec<_> =
        merges.into_iter().map(|(_, l, r)| json!([pieces.tokens[l], pieces.tokens[r]])).collect();
    let special = |id: &usize| matches!(pieces.types[*id], 3 | 4);
    let added = (0..pieces.tokens.len()).filter(special).map(|id| {
        let content = &pieces.tokens[id];
        let rstrip = !["<unk>", "<s>", "<|endoftext|>"].contains(&content.as_str());
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": rstrip, "normalized": false, "special": true})
    });
    let vocab: serde_json::Map<String, Value> = (0..pieces.tokens.len())
        .filter(|id| ordinary(*id) || *id < 3)
        .map(|id| (pieces.tokens[id].clone(), id.into()))
        .collect();
    json!({
        "version": "1.0",
        "added_tokens": added.collect::<Vec<_>>(),
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, "vocab": vocab, "merges": merges},
    })
}

#[test]
fn the_whole_vocabulary_of_phi_agrees_with_llama_cpp() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = write(folder.path(), &phi_json()).unwrap();
    for token in 0..tokenizer.vocabulary_len() as u32 {
        assert_eq!(tokenizer.bytes(token), PHI.bytes(token), "{token}");
    }
    let lines = std::fs::read_to_string(golden("tokens_of_llama_cpp.jsonl")).unwrap();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = line["text"].as_str().unwrap();
        let special = if line["special"].is_null() { &line["plain"] } else { &line["special"] };
        let expected: Vec<u32> = serde_json::from_value(special.clone()).unwrap();
        assert_eq!(tokenizer.encode_with_special(text), expected, "{text:?}");
        assert_eq!(tokenizer.encode_text(text, true), PHI.encode_text(text, true), "{text:?}");
    }
}

fn write(folder: &Path, file: &Value) -> Result<Tokenizer, TokenizerError> {
    let path = folder.join("tokenizer.json");
    std::fs::write(&path, file.to_string()).unwrap();
    Tokenizer::from_tokenizer_json(&path)
}

fn small() -> Value {
    serde_json::from_slice(&std::fs::read(golden("dense/hf/tokenizer.json")).unwrap()).unwrap()
}

#[test]
fn the_neighbours_say_how_a_prompt_begins_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, value: Value| std::fs::write(folder.path().join(name), value.to_string()).unwrap();
    let begins = |tokenizer: &Tokenizer| tokenizer.encode(&Prompt::default()).first().copied();
    let alone = write(folder.path(), &small()).unwrap();
    assert_eq!(begins(&alone), Some(1), "as in the template");
    assert!(alone.is_end(314) && !alone.is_end(5));

    put(
        "tokenizer_config.json",
        json!({"add_bos_token": false, "eos_token": {"content": "<|placeholder1|>"}}),
    );
    put("generation_config.json", json!({"eos_token_id": [5, 6]}));
    put("config.json", json!({"eos_token_id": 7}));
    let tokenizer = write(folder.path(), &small()).unwrap();
    assert_eq!(begins(&tokenizer), None);
    assert_eq!(
        (0..320).filter(|token| tokenizer.is_end(*token)).collect::<Vec<_>>(),
        [2, 5, 6, 7, 310, 312, 314]
    );

    put("config.json", json!({"eos_token_id": 320}));
    let error = write(folder.path(), &small()).unwrap_err().to_string();
    assert!(
        error.contains("config.json: `eos_token_id` is 320, but the vocabulary has 320 tokens"),
        "{error}"
    );
}

#[test]
fn the_neighbours_have_the_chat_template() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let template = || write(folder.path(), &small()).unwrap().chat_template().map(str::to_owned);
    assert_eq!(template(), None);
    put("tokenizer_config.json", &json!({"chat_template": "{{ one }}", "bos_token": "<s>"}).to_string());
    assert_eq!(template().as_deref(), Some("{{ one }}"));
    let tokenizer = write(folder.path(), &small()).unwrap();
    assert_eq!((tokenizer.bos_token(), tokenizer.eos_token()), (Some("<s>"), None));
    let list = json!([{"name": "tool_use", "template": "{{ two }}"}, {"name": "default", "template": "{{ three }}"}]);
    put("tokenizer_config.json", &json!({"chat_template": list}).to_string());
    assert_eq!(template().as_deref(), Some("{{ three }}"));
    put("chat_template.jinja", "{{ four }}");
    assert_eq!(template().as_deref(), Some("{{ four }}"));
}

#[test]
fn metaspace_says_where_a_space_is_put() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = small();
    file["normalizer"] = Value::Null;
    let prompt = Prompt::default().text("return").turn(Role::User).text("return");
    let mut encode = |metaspace: Value| {
        file["pre_tokenizer"] = metaspace;
        let tokenizer = write(folder.path(), &file).unwrap();
        let tokens = tokenizer.encode(&prompt);
        let written: Vec<u8> = tokens.iter().flat_map(|token| tokenizer.bytes(*token)).copied().collect();
        String::from_utf8(written).unwrap()
    };
    let metaspace = |scheme: &str| json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false});
    assert_eq!(encode(metaspace("always")), " return return");
    assert_eq!(encode(metaspace("first")), " returnreturn");
    assert_eq!(encode(metaspace("never")), "returnreturn");
    assert_eq!(
        encode(json!({"type": "Metaspace", "replacement": "▁", "add_prefix_space": true})),
        " return return"
    );
}

#[test]
fn byte_level_vocabularies_write_bytes() {
    let mut vocab: serde_json::Map<String, Value> = serde_json::Map::new();
    for (byte, character) in (0..256).zip(*BYTE_CHARACTERS) {
        vocab.insert(character.to_string(), byte.into());
    }
    assert_eq!(vocab.len(), 256);
    vocab.insert("Ġa".to_owned(), 256.into());
    let markup = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"].into_iter().zip(257..);
    let added: Vec<Value> = markup.map(|(content, id)| json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})).collect();
    let file = json!({
        "version": "1.0", "added_tokens": added,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "vocab": vocab, "merges": ["Ġ a"]},
    });
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = write(folder.path(), &file).unwrap();
    for text in [" a", "\na é😀 <|end|>\t", "x"] {
        let tokens = tokenizer.encode_text(text, true);
        let written: Vec<u8> = tokens.iter().flat_map(|token| tokenizer.bytes(*token)).copied().collect();
        assert_eq!(written, text.as_bytes());
        assert!(tokens.iter().all(|token| *token < 257));
    }
    assert_eq!(tokenizer.encode_text(" a", false), [256]);
}

#[test]
fn damaged_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let message = |error: TokenizerError| {
        let prefix = format!("{}: ", path.display());
        error.to_string().strip_prefix(&prefix).expect("the file is named").to_owned()
    };
    let read = || Tokenizer::from_tokenizer_json(&path).unwrap_err();
    assert!(message(read()).starts_with("there is no such file"));
    for (content, expected) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("[1", "EOF while parsing a list at line 1 column 2"),
        (
            "[]",
            "`model.byte_fallback` is `null`, which phi-ls does not read; it reads vocabularies that can spell every byte",
        ),
    ] {
        std::fs::write(&path, content).unwrap();
        let error = message(read());
        assert!(error.starts_with(expected), "{error}");
    }
    type Change = fn(&mut Value);
    let again = "; download or convert the model again";
    let cases: [(Change, &str); 11] = [
        (
            |file| file["model"]["type"] = "Unigram".into(),
            "`model.type` is `Unigram`, which phi-ls does not read; it reads `BPE`",
        ),
        (
            |file| file["model"]["vocab"] = Value::Null,
            "`model.vocab` is missing: the vocabulary is incomplete; download or convert the model again",
        ),
        (
            |file| file["model"]["vocab"] = json!([1]),
            "`model.vocab` is not an object from tokens to ids; AGAIN",
        ),
        (
            |file| file["model"]["vocab"]["he"] = json!(-1),
            "`model.vocab` is not an object from tokens to ids; AGAIN",
        ),
        (|file| file["model"]["vocab"]["he"] = json!(261), "another token both have the id 261; AGAIN"),
        (
            |file| file["model"]["vocab"]["he"] = json!(4_000_000_000u32),
            "a token has the id 4000000000, but there are only 320 tokens; AGAIN",
        ),
        (
            |file| {
                file["model"]["vocab"].as_object_mut().unwrap().remove("<0x41>");
            },
            "`model.vocab`: only 255 of the 256 bytes have a token; AGAIN",
        ),
        (
            |file| {
                file["model"]["vocab"].as_object_mut().unwrap().remove("he");
                file["model"]["merges"] = json!([7]);
            },
            "data did not match any variant of untagged enum MergeType",
        ),
        (|file| file["added_tokens"] = json!({}), "`added_tokens` is not a list; AGAIN"),
        (
            |file| file["added_tokens"] = json!([{"id": 1}]),
            "`added_tokens` is not a list of tokens with `id` and `content`; AGAIN",
        ),
        (|file| file["model"] = json!("x"), "`model.byte_fallback` is `null`"),
    ];
    for (change, expected) in cases {
        let mut file = small();
        change(&mut file);
        let error = message(write(folder.path(), &file).unwrap_err());
        assert!(error.contains(&expected.replace("; AGAIN", again)), "{error}\n  instead of {expected}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tokenizer.json");
    let fails =
        || Tokenizer::from_tokenizer_json(&path).map(|_| ()).expect_err("it is no tokenizer").to_string();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).expect("a pipe");
    assert!(fails().contains("it is not a regular file"), "{}", fails());
    std::fs::remove_file(&path).expect("removed");
    std::os::unix::fs::symlink("/dev/zero", &path).expect("a link");
    assert!(fails().contains("it is not a regular file"), "{}", fails());
}
