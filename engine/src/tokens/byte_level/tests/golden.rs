//! The tokens that llama.cpp makes with a small vocabulary, for each pre-tokenizer (tests/golden/byte_level.json), and the
//! same vocabulary as the `tokenizer.json` of Llama 3, Qwen2 and SmolLM2.

use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;
use serde::Deserialize;
use serde_json::json;

use super::super::super::Tokenizer;
use super::super::super::tests::shared;

#[derive(Deserialize)]
struct Golden {
    tokens: Vec<String>,
    merges: Vec<String>,
    special: Vec<String>,
    user_defined: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    pre: Vec<String>,
    tokens: Vec<u32>,
}

impl Case {
    fn expected(&self, pre: &str) -> &[u32] {
        let found = self.expected.iter().find(|expected| expected.pre.iter().any(|name| name == pre));
        &found.expect("each case has each pre-tokenizer").tokens
    }
}

fn golden() -> Golden {
    let text = std::fs::read_to_string(shared("golden/byte_level.json")).expect("the file is committed");
    serde_json::from_str(&text).expect("as make_byte_level.py writes it")
}

fn texts<'a>(list: impl Iterator<Item = &'a String>) -> Value {
    Value::Array(list.map(|text| Value::String(text.clone())).collect())
}

fn gguf(golden: &Golden, pre: &str) -> Tokenizer {
    let Golden { tokens, merges, special, user_defined, .. } = golden;
    let types = [(tokens, 1), (special, 3), (user_defined, 4)];
    let types = types.iter().flat_map(|(list, kind)| vec![Value::I32(*kind); list.len()]);
    let entries = [
        ("model", Value::String("gpt2".to_owned())),
        ("pre", Value::String(pre.to_owned())),
        ("tokens", texts(tokens.iter().chain(special).chain(user_defined))),
        ("token_type", Value::Array(types.collect())),
        ("merges", texts(merges.iter())),
        ("bos_token_id", Value::U32(tokens.len() as u32)),
    ];
    let entries = entries.into_iter().map(|(key, value)| (format!("tokenizer.ggml.{key}"), value));
    Tokenizer::from_gguf(&entries.collect::<HashMap<_, _>>()).expect("a sound vocabulary")
}

#[test]
fn equals_llama_cpp() {
    let golden = golden();
    let names: Vec<&String> = golden.cases[0].expected.iter().flat_map(|expected| &expected.pre).collect();
    assert!(names.len() >= 10 && golden.cases.len() >= 30);
    for pre in names {
        let tokenizer = gguf(&golden, pre);
        for case in &golden.cases {
            assert_eq!(
                tokenizer.encode_text(&case.text, false),
                case.expected(pre),
                "{pre}: {:?}",
                case.text
            );
            assert_eq!(tokenizer.encode_start(&case.text), case.expected(pre), "{pre}: {:?}", case.text);
        }
    }
}

/// As the folders of these models have it.
fn tokenizer_json(
    golden: &Golden,
    pre_tokenizer: serde_json::Value,
    ignore_merges: bool,
) -> serde_json::Value {
    let mut id = 0u32;
    let mut next = || {
        id += 1;
        id - 1
    };
    let vocab: serde_json::Map<String, _> =
        golden.tokens.iter().map(|token| (token.clone(), next().into())).collect();
    let mut added = |content: &String, special: bool| {
        json!({"id": next(), "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": special})
    };
    let mut tokens: Vec<serde_json::Value> = golden.special.iter().map(|token| added(token, true)).collect();
    tokens.extend(golden.user_defined.iter().map(|token| added(token, false)));
    json!({
        "version": "1.0", "added_tokens": tokens, "normalizer": null, "pre_tokenizer": pre_tokenizer,
        "post_processor": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "fuse_unk": false, "byte_fallback": false,
                  "ignore_merges": ignore_merges, "vocab": vocab, "merges": golden.merges},
    })
}

#[test]
fn folders_equal_llama_cpp() {
    let golden = golden();
    let split = |pattern: &str| {
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]})
    };
    let digits = json!({"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": true},
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]});
    let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    let rest = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let llama = format!(r"{contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}{rest}");
    let qwen = format!(r"{contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{rest}");
    for (pre, pre_tokenizer, ignore_merges) in
        [("llama-bpe", split(&llama), true), ("qwen2", split(&qwen), false), ("smollm", digits, false)]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokenizer.json");
        let file = tokenizer_json(&golden, pre_tokenizer, ignore_merges);
        std::fs::write(&path, file.to_string()).expect("written");
        let tokenizer = Tokenizer::from_tokenizer_json(&path).expect("a sound vocabulary");
        let of_gguf = gguf(&golden, pre);
        assert_eq!(tokenizer.vocabulary_len(), of_gguf.vocabulary_len());
        for id in 0..tokenizer.vocabulary_len() as u32 {
            assert_eq!(tokenizer.bytes(id), of_gguf.bytes(id), "{pre}: {id}");
        }
        for case in &golden.cases {
            // Here transformers and llama.cpp differ; a folder is read as transformers reads it.
            if case.text == "a\u{4}b!\u{6}!\u{13} \u{14}" {
                let tokens = tokenizer.encode_text(&case.text, false);
                let written: Vec<u8> = tokens.iter().flat_map(|id| tokenizer.bytes(*id)).copied().collect();
                assert_eq!(written, b"ab!! ", "bytes without a token are left out");
                continue;
            }
            assert_eq!(
                tokenizer.encode_text(&case.text, false),
                case.expected(pre),
                "{pre}: {:?}",
                case.text
            );
            assert_eq!(tokenizer.encode_with_special(&case.text), of_gguf.encode_with_special(&case.text));
        }
    }
}
