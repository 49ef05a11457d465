//! Byte-level vocabularies of GGUF files: a vocabulary of the bytes and a few words; comparison with llama.cpp in
//! [`golden`].

mod golden;

use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;
use proptest::prelude::*;

use super::super::library::BYTE_CHARACTERS;
use super::super::{Tokenizer, TokenizerError};
use crate::prompt::{FimOrder, Prompt, Role};

type Metadata = HashMap<String, Value>;

fn texts<'a>(list: impl IntoIterator<Item = &'a str>) -> Value {
    Value::Array(list.into_iter().map(|text| Value::String(text.to_owned())).collect())
}

/// The tokens of the bytes except `missing`, the merges with their products, then `more` with their types.
fn metadata(missing: &[u8], merges: &[&str], more: &[(&str, i32)]) -> Metadata {
    let bytes = (0..=255u8).filter(|byte| !missing.contains(byte));
    let mut tokens: Vec<String> = bytes.map(|byte| BYTE_CHARACTERS[usize::from(byte)].to_string()).collect();
    tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    let mut types = vec![1; tokens.len()];
    for (spelling, kind) in more {
        tokens.push((*spelling).to_owned());
        types.push(*kind);
    }
    let entries = [
        ("model", Value::String("gpt2".to_owned())),
        ("pre", Value::String("smollm".to_owned())),
        ("tokens", texts(tokens.iter().map(String::as_str))),
        ("token_type", Value::Array(types.into_iter().map(Value::I32).collect())),
        ("merges", texts(merges.iter().copied())),
    ];
    entries.into_iter().map(|(key, value)| (format!("tokenizer.ggml.{key}"), value)).collect()
}

fn set(metadata: &mut Metadata, key: &str, value: Value) {
    metadata.insert(format!("tokenizer.ggml.{key}"), value);
}

fn tokenizer(missing: &[u8], merges: &[&str], more: &[(&str, i32)]) -> Tokenizer {
    Tokenizer::from_gguf(&metadata(missing, merges, more)).expect("a sound vocabulary")
}

fn written(tokenizer: &Tokenizer, tokens: &[u32]) -> String {
    let bytes = tokens.iter().flat_map(|token| tokenizer.bytes(*token)).copied().collect();
    String::from_utf8(bytes).expect("whole characters")
}

#[test]
fn a_text_is_its_tokens() {
    let tokenizer = tokenizer(&[], &["Ġ a", "h e", "he y"], &[("<|im_end|>", 3)]);
    assert_eq!(tokenizer.encode_text(" a", false), [256]);
    assert_eq!(tokenizer.encode_text("hey12", false), [258, 49, 50], "digits stand alone in `smollm`");
    for text in [" a", "\na é😀 <|im_end|>\t", "x", "", "\r\n\r\n  y"] {
        for after_markup in [false, true] {
            let tokens = tokenizer.encode_text(text, after_markup);
            assert_eq!(written(&tokenizer, &tokens), text);
            assert!(tokens.iter().all(|token| *token < 259), "text becomes no special token: {tokens:?}");
        }
    }
    assert_eq!(tokenizer.encode_with_special("a<|im_end|> a"), [97, 259, 256]);
    assert_eq!(
        tokenizer.encode(&Prompt::default().turn(Role::User).text("hey")),
        [258],
        "no markup of Phi-3"
    );
}

#[test]
fn a_byte_without_a_token_is_left_out() {
    let tokenizer = tokenizer(&[1, 0xC3], &["! !"], &[]);
    assert_eq!(tokenizer.vocabulary_len(), 255);
    let id = |text: &str| tokenizer.encode_text(text, false);
    assert_eq!(id("\u{1}"), [0u32; 0]);
    assert_eq!(id("a\u{1}b"), [id("a"), id("b")].concat());
    assert_eq!(id("é").len(), 1, "its first byte has no token");
    // What stands on both sides is not joined, as in llama.cpp.
    assert_eq!(id("!\u{1}!"), [id("!"), id("!")].concat());
    assert_eq!(id("!!"), [254]);
}

#[test]
fn merges_are_ignored_where_the_pre_tokenizer_says_so() {
    let mut file = metadata(&[], &["a b"], &[("abc", 1)]);
    let abc =
        |file: &Metadata| Tokenizer::from_gguf(file).expect("a sound vocabulary").encode_text("abc", false);
    assert_eq!(abc(&file), [256, 99], "no merge leads to `abc`");
    set(&mut file, "pre", Value::String("llama-bpe".to_owned()));
    set(&mut file, "add_bos_token", Value::Bool(false));
    assert_eq!(abc(&file), [257]);
}

#[test]
fn text_becomes_user_defined_tokens_that_are_not_markup() {
    let user = [
        ("<tool_call>", 4),
        ("<|User|>", 4),
        ("[PAD261]", 4),
        ("<fim_prefix>", 1),
        ("unused", 5),
        ("<unk>", 2),
    ];
    let tokenizer = tokenizer(&[], &["< /", "</ s", "</s >", "u n"], &user);
    let (first, end) = (260, 258);
    assert_eq!(tokenizer.special("</s>"), Some(end), "special by its spelling");
    assert_eq!(tokenizer.encode_text("a<tool_call>b", false), [97, first, 98]);
    assert_eq!(tokenizer.bytes(first), b"<tool_call>");
    for text in ["<|User|>", "[PAD261]", "</s>", "<fim_prefix>", "unused", "<unk>"] {
        let tokens = tokenizer.encode_text(text, false);
        assert!(tokens.iter().all(|token| *token < first && *token != end), "{text}: {tokens:?}");
        assert_eq!(written(&tokenizer, &tokens), text);
    }
    assert_eq!(tokenizer.special("<|User|>"), Some(first + 1));
    assert_eq!(tokenizer.special("[PAD261]"), None);
    assert_eq!(tokenizer.special("<tool_call>"), None);
    assert_eq!(tokenizer.bytes(end), b"", "markup writes nothing");
}

#[test]
fn the_file_says_how_prompts_begin_and_end() {
    let more =
        [("<|begin_of_text|>", 3), ("<|end_of_text|>", 3), ("<|eot_id|>", 3), ("<|stop|>", 3), ("<|x|>", 3)];
    let mut file = metadata(&[], &[], &more);
    for (key, id) in [("bos_token_id", 256), ("eos_token_id", 257), ("eot_token_id", 259)] {
        set(&mut file, key, Value::U32(id));
    }
    file.insert("tokenizer.chat_template".to_owned(), Value::String("{{ bos_token }}".to_owned()));
    let read = |file: &Metadata| Tokenizer::from_gguf(file).expect("a sound vocabulary");
    let tokenizer = read(&file);
    assert_eq!(tokenizer.encode(&Prompt::default().text("a")), [97]);
    assert_eq!(
        (tokenizer.bos_token(), tokenizer.eos_token()),
        (Some("<|begin_of_text|>"), Some("<|end_of_text|>"))
    );
    assert_eq!(tokenizer.chat_template(), Some("{{ bos_token }}"));
    let ends: Vec<u32> = (0..262).filter(|id| tokenizer.is_end(*id)).collect();
    assert_eq!(ends, [257, 258, 259]);
    assert_eq!(tokenizer.fim(), None);

    set(&mut file, "pre", Value::String("llama-bpe".to_owned()));
    assert_eq!(read(&file).encode(&Prompt::default().text("a")), [256, 97], "by the pre-tokenizer");
    set(&mut file, "add_bos_token", Value::Bool(false));
    assert_eq!(read(&file).encode(&Prompt::default().text("a")), [97], "the file has the last word");
}

#[test]
fn fill_in_the_middle_is_found_by_keys_and_spellings() {
    let star = [
        ("<fim_prefix>", 3),
        ("<fim_middle>", 3),
        ("<fim_suffix>", 3),
        ("<fim_pad>", 3),
        ("<repo_name>", 3),
        ("<file_sep>", 3),
        ("<reponame>", 3),
    ];
    let tokenizer = tokenizer(&[], &[], &star);
    let fim = tokenizer.fim().expect("StarCoder2's format");
    assert_eq!((fim.prefix, fim.suffix, fim.middle), (256, 258, Some(257)));
    assert_eq!((fim.file, fim.repository, fim.order), (Some(261), Some(260), FimOrder::PrefixFirst));
    let ends: Vec<u32> = (0..263).filter(|id| tokenizer.is_end(*id)).collect();
    assert_eq!(ends, [259, 260, 261]);

    let mut mellum = metadata(&[], &[], &[&star[..3], &[("<filename>", 3), ("<reponame>", 3)]].concat());
    set(&mut mellum, "pre", Value::String("mellum".to_owned()));
    let fim = Tokenizer::from_gguf(&mellum).expect("a sound vocabulary").fim().expect("Mellum's format");
    assert_eq!((fim.file, fim.repository, fim.order), (Some(259), Some(260), FimOrder::SuffixFirst));

    let mut file = metadata(&[], &[], &[("<a>", 3), ("<b>", 3), ("<c>", 3), ("<d>", 3)]);
    for (key, id) in [("fim_pre_token_id", 256), ("suffix_token_id", 257), ("fim_mid_token_id", 258)] {
        assert_eq!(Tokenizer::from_gguf(&file).expect("a sound vocabulary").fim(), None);
        set(&mut file, key, Value::U32(id));
    }
    set(&mut file, "fim_sep_token_id", Value::U32(259));
    let fim = Tokenizer::from_gguf(&file).expect("a sound vocabulary").fim().expect("by the keys");
    assert_eq!((fim.prefix, fim.suffix, fim.middle, fim.file), (256, 257, Some(258), Some(259)));

    let codestral = super::super::tests::small_with(&["[PREFIX]", "[MIDDLE]", "[SUFFIX]"]);
    let fim = codestral.fim().expect("Codestral's format");
    assert_eq!((fim.middle, fim.order), (None, FimOrder::SuffixFirst));
}

#[test]
fn damaged_vocabularies_are_named() {
    let error = |change: &dyn Fn(&mut Metadata)| -> String {
        let mut file = metadata(&[], &["a b"], &[]);
        change(&mut file);
        let error: TokenizerError = Tokenizer::from_gguf(&file).expect_err("damaged");
        error.to_string()
    };
    let again = "; download or convert the model again";
    let unknown = error(&|file| set(file, "pre", Value::String("tekken".to_owned())));
    assert!(
        unknown.starts_with("`tokenizer.ggml.pre` is `tekken`, which phi-ls does not read; it reads `"),
        "{unknown}"
    );
    for name in
        ["smollm", "qwen2", "llama-bpe", "starcoder", "deepseek-coder", "deepseek-llm", "gpt-2", "default"]
    {
        assert!(unknown.contains(&format!("`{name}`")), "{unknown}");
    }
    assert_eq!(
        error(&|file| set(file, "merges", texts(["ab"]))),
        format!("`tokenizer.ggml.merges`: `ab` is not a pair of tokens{again}")
    );
    assert_eq!(
        error(&|file| set(file, "token_type", Value::Array(vec![]))),
        format!("`tokenizer.ggml.tokens` has 257 entries, `tokenizer.ggml.token_type` has 0{again}")
    );
    assert_eq!(
        error(&|file| *file = metadata(&[], &["a b"], &[("ab", 1)])),
        format!("tokens 256 and 257 are both `ab`{again}")
    );
    assert_eq!(
        error(&|file| *file = metadata(&[], &[], &[("x", 9)])),
        format!("`tokenizer.ggml.token_type` of token 256 is 9{again}")
    );
    assert_eq!(
        error(&|file| set(file, "fim_pre_token_id", Value::U32(257))),
        format!("`tokenizer.ggml.fim_pre_token_id` is 257, but the vocabulary has 257 tokens{again}")
    );
    assert!(
        error(&|file| set(file, "add_bos_token", Value::Bool(true)))
            .starts_with("`tokenizer.ggml.bos_token_id`")
    );
    assert!(
        error(&|file| drop(file.remove("tokenizer.ggml.merges")))
            .starts_with("`tokenizer.ggml.merges` is missing")
    );
}

/// A type that is wrong in one vocabulary of many.
fn kind() -> impl Strategy<Value = i32> {
    prop_oneof![60 => Just(1), 10 => 1..7, 1 => Just(9)]
}

proptest! {
    /// Whatever the file says, it is refused, or text becomes tokens that are none of the special ones.
    #[test]
    fn any_vocabulary_is_read_or_refused(
        tokens in prop::collection::vec(("[ab<|>/sĠé ]{2,4}", kind()), 0..12),
        merges in prop::collection::vec("[abĠ ]{1,3} [abs>]{0,2}|[ab]{0,2}", 0..5),
        pre in prop::sample::select(vec!["smollm", "qwen2", "llama-bpe", "deepseek-coder", "deepseek-llm", "default"]),
        missing in prop::collection::vec(any::<u8>(), 0..40),
        text in "[ab</s|> é1\n]{0,20}|.{0,10}",
    ) {
        let more: Vec<(&str, i32)> = tokens.iter().map(|(token, kind)| (token.as_str(), *kind)).collect();
        let mut file = metadata(&missing, &[], &more);
        set(&mut file, "merges", texts(merges.iter().map(String::as_str)));
        set(&mut file, "pre", Value::String(pre.to_owned()));
        set(&mut file, "bos_token_id", Value::U32(0));
        if let Ok(tokenizer) = Tokenizer::from_gguf(&file) {
            for token in tokenizer.encode_text(&text, false) {
                prop_assert!((token as usize) < tokenizer.vocabulary_len());
                prop_assert!(!tokenizer.bytes(token).is_empty(), "{token} is special");
            }
        }
    }
}
