//! Comparison with llama.cpp: its vectors for Phi-3's vocabulary (tests/data), its server on adversarial strings
//! (tests/golden). Also: text never becomes special tokens, time is linear, errors name the key.

use std::fs::File;
use std::path::PathBuf;
use std::sync::LazyLock;

use candle_core::quantized::gguf_file::Content;
use proptest::prelude::*;

use super::*;
use crate::prompt::Role;

pub(super) fn shared(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/")).join(path)
}

/// The metadata of Phi-3's vocabulary.
pub(super) static METADATA: LazyLock<HashMap<String, Value>> = LazyLock::new(|| {
    let mut file = File::open(shared("data/ggml-vocab-phi-3.gguf")).unwrap();
    Content::read(&mut file).unwrap().metadata
});

pub(super) static PHI: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::from_gguf(&METADATA).unwrap());

fn decoded(tokens: &[u32]) -> String {
    String::from_utf8(tokens.iter().flat_map(|token| PHI.bytes(*token)).copied().collect()).unwrap()
}

#[test]
fn equals_the_vectors_of_llama_cpp() {
    let texts = std::fs::read_to_string(shared("data/ggml-vocab-phi-3.gguf.inp")).unwrap();
    let expected = std::fs::read_to_string(shared("data/ggml-vocab-phi-3.gguf.out")).unwrap();
    let texts: Vec<&str> = texts.split_terminator("\n__ggml_vocab_test__\n").collect();
    let expected: Vec<Vec<u32>> = expected
        .lines()
        .map(|line| line.split_whitespace().map(|token| token.parse().unwrap()).collect())
        .collect();
    assert!(texts.len() > 40 && texts.len() == expected.len(), "{} {}", texts.len(), expected.len());
    for (text, expected) in texts.iter().zip(expected) {
        assert_eq!(PHI.encode_with_special(text), expected, "{text:?}");
    }
}

#[test]
fn equals_the_server_of_llama_cpp() {
    let lines = std::fs::read_to_string(shared("golden/tokens_of_llama_cpp.jsonl")).unwrap();
    assert!(lines.lines().count() > 300);
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = line["text"].as_str().unwrap();
        let tokens = |key: &str| -> Vec<u32> { serde_json::from_value(line[key].clone()).unwrap() };
        let plain = PHI.encode_start(text);
        assert_eq!(plain, tokens("plain"), "{text:?}");
        let special = if line["special"].is_null() { plain } else { tokens("special") };
        assert_eq!(PHI.encode_with_special(text), special, "{text:?}");
    }
}

#[test]
fn a_prompt_is_its_parts() {
    let prompt = Prompt::default()
        .turn(Role::System)
        .text("\nBe brief.")
        .turn(Role::User)
        .text("\nHello")
        .text(" world")
        .turn(Role::Assistant)
        .text("\n")
        .text("fn main");
    let tokens = PHI.encode(&prompt);
    // The template of the first Phi-3 has no system turn.
    let spelled = "<|user|>\nBe brief.\n\n\nHello world<|end|><|assistant|>\nfn main";
    assert_eq!(tokens[0], 1, "by the file, a prompt begins with <s>");
    assert_eq!(tokens[1..], PHI.encode_with_special(spelled));
    assert_eq!(PHI.encode_text("\n Hello", true), PHI.encode_with_special("Hello"));
    assert_eq!(PHI.encode_text("\nHello", false), [13, 10994]);
    assert_eq!(PHI.count("\nHello"), 2);
}

#[test]
fn equal_leading_parts_are_equal_leading_tokens() {
    let first = Prompt::default().turn(Role::User).text("let x = retu");
    let (short, long) = (PHI.encode(&first), PHI.encode(&first.clone().text("rn 1;")));
    assert_eq!(long[..short.len()], short);
}

#[test]
fn text_never_becomes_special() {
    let mut texts = vec!["</s>".to_owned(), "<s>".to_owned(), "<0x0A>".to_owned(), "<unk>".to_owned()];
    texts.extend(PHI.vocabulary.specials().map(|(spelling, _)| spelling.to_owned()));
    texts.push(texts.concat());
    for text in &texts {
        for after_markup in [false, true] {
            let tokens = PHI.encode_text(text, after_markup);
            assert!(!tokens.iter().any(|token| PHI.vocabulary.is_special(*token)), "{text}: {tokens:?}");
            assert_eq!(decoded(&tokens).trim_start(), text);
        }
    }
    // Even where the pieces would merge into it.
    let mut pieces = small();
    for (piece, score) in [("</", -1.0), ("s>", -2.0), ("</s>", 0.0)] {
        pieces.tokens.push(piece.to_owned());
        pieces.scores.push(score);
        pieces.types.push(if piece == "</s>" { 3 } else { 1 });
    }
    let end = pieces.tokens.len() as u32 - 1;
    let tokenizer = Tokenizer::from_sentence_pieces(pieces).unwrap();
    assert_eq!(tokenizer.encode_text("</s>", false), [end - 2, end - 1]);
    assert_eq!(tokenizer.encode_with_special("</s>"), [end]);
}

#[test]
fn tokens_write_their_bytes() {
    assert_eq!(PHI.bytes(15043), b" Hello");
    assert_eq!(PHI.bytes(13), b"\n");
    assert_eq!(PHI.bytes(243), b"\xF0");
    for silent in [0, 1, 2, 32000, 32007, 32063, 32064, u32::MAX] {
        assert_eq!(PHI.bytes(silent), b"");
    }
    assert_eq!(PHI.vocabulary_len(), 32064);
    let ends: Vec<u32> = (0..32064).filter(|token| PHI.is_end(*token)).collect();
    assert_eq!(ends, [2, 32000, 32007]);
}

#[test]
fn the_first_word_of_a_turn_has_no_space() {
    let (markup, opened) =
        (Prompt::default().turn(Role::Assistant), Prompt::default().turn(Role::Assistant).text("a"));
    assert_eq!(PHI.stream(&markup).push(PHI.bytes(15043)), "Hello");
    assert_eq!(PHI.stream(&opened).push(PHI.bytes(15043)), " Hello");
}

#[test]
fn healing_backs_up_as_far_as_a_longer_token_reaches() {
    let healed = |text: &str| {
        let mut tokens = vec![32010];
        tokens.extend(PHI.encode_text(text, true));
        let (keep, bytes) = PHI.heal(&tokens);
        (tokens.len() - keep, String::from_utf8(bytes).unwrap())
    };
    // " ret", "ur": backed up over both, because " return" is one token.
    assert_eq!(healed("x = retur"), (2, " retur".to_owned()));
    assert_eq!(healed("x\n"), (0, String::new()));
    assert_eq!(healed(""), (0, String::new()));
    // A run of spaces is one token; the word after it would have taken the last space.
    assert_eq!(healed("{\n    "), (1, "    ".to_owned()));
    // Half a character is no healing: its bytes are byte tokens.
    assert_eq!(healed("a🚀").0, 0);
    assert_eq!(PHI.heal(&[]), (0, vec![]));
    assert_eq!(PHI.heal(&[15043]), (1, vec![]), "a model has to be run on something");
    assert_eq!(PHI.heal(&[1, 32010, 15043, 32007]), (4, vec![]), "never over a special token");
}

#[test]
fn allowed_tokens_agree_with_the_required_bytes() {
    for required in [&b" retur"[..], b"    ", b"\n", b"\xF0\x9F", b"x", b"no such beginning"] {
        let allowed: Vec<u32> = PHI.allowed(required).collect();
        let expected: Vec<u32> = (0..32064)
            .filter(|token| {
                let bytes = PHI.bytes(*token);
                !bytes.is_empty() && (bytes.starts_with(required) || required.starts_with(bytes))
            })
            .collect();
        let mut sorted = allowed.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected, "{required:?}");
        assert!(!allowed.is_empty(), "the bytes themselves are always allowed");
    }
    assert_eq!(PHI.allowed(b"").count(), 31741 + 256);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_comes_back(text in ".{0,60}", after_markup: bool) {
        let tokens = PHI.encode_text(&text, after_markup);
        let expected = text.replace('▁', " ");
        if after_markup {
            let strips = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];
            let expected = expected.trim_start_matches(strips);
            let whole = decoded(&tokens);
            prop_assert_eq!(whole.strip_prefix(' ').unwrap_or_default(), expected);
        } else {
            prop_assert_eq!(decoded(&tokens), expected);
        }
    }

    /// Cutting a text into stretches changes nothing.
    #[test]
    fn stretches_are_independent(text in "[ab \n.,(){}=<>_A-Fé]{0,80}|.{0,40}") {
        let Splitter::SentencePiece(model) = &PHI.splitter else { unreachable!() };
        let mut expected = Vec::new();
        model.split_whole(&text.replace('▁', " "), &mut expected);
        prop_assert_eq!(PHI.encode_text(&text, false), expected);
    }
}

/// The steps for a megabyte, in steps per byte, do not grow from those for a hundredth of it: whatever the text.
#[test]
fn work_is_proportional_to_the_length() {
    let Splitter::SentencePiece(model) = &PHI.splitter else { unreachable!() };
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/tokens/spm.rs")).unwrap();
    let unbroken: String = source.chars().filter(|character| character.is_ascii_alphanumeric()).collect();
    for pattern in [source.as_str(), &unbroken, "a", " ", "😀"] {
        let steps = |length: usize| {
            let text = pattern.repeat(length / pattern.len() + 1);
            model.steps(&text) as f64 / text.len() as f64
        };
        let (short, long) = (steps(20_000), steps(1_000_000));
        assert!(long <= short * 1.1 && long <= 4.0, "{:?}: {short} -> {long}", &pattern[..1]);
    }
}

/// A vocabulary of the 256 bytes, the chat markup and a few letters.
fn small() -> SentencePieces {
    let mut pieces = SentencePieces { add_space_prefix: true, ends: vec![1], ..SentencePieces::default() };
    let mut add = |token: &str, score: f32, kind: i32| {
        pieces.tokens.push(token.to_owned());
        pieces.scores.push(score);
        pieces.types.push(kind);
    };
    for special in ["<unk>", "<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"] {
        add(special, 0.0, 3);
    }
    (0..256).for_each(|byte| add(&format!("<0x{byte:02X}>"), 0.0, 6));
    for (rank, piece) in ["▁", "a", "b", "ab", "▁ab", "aba"].into_iter().enumerate() {
        add(piece, -(rank as f32), 1);
    }
    pieces
}

/// As llama.cpp, which knows Phi-3 by its name: other models keep the indentation after a special token.
#[test]
fn only_special_tokens_of_phi_strip_the_space_after_them() {
    let ab = |tokenizer: &Tokenizer, special: &str| -> String {
        let tokens = tokenizer.encode_with_special(&format!("{special}\n  ab"));
        let bytes = tokens.iter().flat_map(|token| tokenizer.bytes(*token)).copied().collect();
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(ab(&small_with(&["[PREFIX]"]), "[PREFIX]"), " ab");
    let mut pieces = small();
    for spelling in &mut pieces.tokens[2..6] {
        *spelling = spelling.replace('|', "");
    }
    let other = Tokenizer::from_sentence_pieces(pieces).unwrap();
    assert_eq!(ab(&other, "<user>"), " \n  ab");
}

#[test]
fn the_leftmost_of_equal_pairs_is_joined_first() {
    let mut pieces = small();
    let a = 6 + 256 + 1;
    pieces.scores[a + 2..].fill(-1.0);
    let tokenizer = Tokenizer::from_sentence_pieces(pieces).unwrap();
    let (ab, aba) = (a as u32 + 2, a as u32 + 4);
    assert_eq!(tokenizer.encode_text("abab", false), [aba, a as u32 + 1]);
    assert_eq!(tokenizer.encode_text("bab", false), [a as u32 + 1, ab]);
}

#[test]
fn damaged_vocabularies_are_named() {
    let error = |change: &dyn Fn(&mut SentencePieces)| {
        let mut pieces = small();
        change(&mut pieces);
        Tokenizer::from_sentence_pieces(pieces).unwrap_err().to_string()
    };
    let again = "; download or convert the model again";
    let last = small().tokens.len() - 1;
    for (change, expected) in [
        (
            &(|p: &mut SentencePieces| p.scores.truncate(3)) as &dyn Fn(&mut SentencePieces),
            "`tokenizer.ggml.tokens` has 268 entries, `tokenizer.ggml.scores` has 3",
        ),
        (&|p| p.types.clear(), "`tokenizer.ggml.tokens` has 268 entries, `tokenizer.ggml.token_type` has 0"),
        (&|p| p.types[6 + 10] = 1, "only 255 of the 256 bytes have a token (`<0x00>` to `<0xFF>`)"),
        (&|p| p.tokens[6] = "<0x0G>".into(), "byte token 6 is spelled `<0x0G>`"),
        (&|p| p.types[last] = 9, "`tokenizer.ggml.token_type` of token 267 is 9"),
        (&|p| p.scores[last] = f32::NAN, "the score of token 267 (`aba`) is not a number"),
        (&|p| p.tokens[last] = "ab".into(), "tokens 265 and 267 are both `ab`"),
        (&|p| p.ends.push(268), "a special token has the id 268, but the vocabulary has 268 tokens"),
        (
            &|p| p.bos = Some(u32::MAX),
            "a special token has the id 4294967295, but the vocabulary has 268 tokens",
        ),
    ] {
        assert_eq!(error(change), format!("{expected}{again}"));
    }
    assert!(error(&|p| p.add_bos = true).starts_with("`tokenizer.ggml.bos_token_id` is missing"));
    assert!(error(&|p| *p = SentencePieces::default()).starts_with("only 0 of the 256 bytes"));
}

#[test]
fn damaged_metadata_is_named() {
    let error = |key: &str, value: Option<Value>| {
        let mut metadata = METADATA.clone();
        match value {
            Some(value) => metadata.insert(key.to_owned(), value),
            None => metadata.remove(key),
        };
        Tokenizer::from_gguf(&metadata).unwrap_err().to_string()
    };
    for key in ["model", "tokens", "scores", "token_type", "bos_token_id"] {
        let key = format!("tokenizer.ggml.{key}");
        let expected =
            format!("`{key}` is missing: the vocabulary is incomplete; download or convert the model again");
        assert_eq!(error(&key, None), expected);
    }
    for (key, value, expected) in [
        ("tokens", Value::U32(1), "a list of strings"),
        ("tokens", Value::Array(vec![Value::U32(1)]), "a list of strings"),
        ("scores", Value::Array(vec![Value::Bool(true)]), "a list of 32-bit floats"),
        ("token_type", Value::String("x".into()), "a list of integers"),
        ("eos_token_id", Value::I32(-1), "a token id"),
        ("add_bos_token", Value::U32(1), "a boolean"),
    ] {
        let key = format!("tokenizer.ggml.{key}");
        let expected = format!("`{key}` is not {expected}; download or convert the model again");
        assert_eq!(error(&key, Some(value)), expected);
    }
    assert_eq!(
        error("tokenizer.ggml.model", Some(Value::String("bert".into()))),
        "`tokenizer.ggml.model` is `bert`, which phi-ls does not read; it reads `llama` and `gpt2` vocabularies"
    );
}

/// A small SentencePiece vocabulary with more special tokens.
pub(super) fn small_with(special: &[&str]) -> Tokenizer {
    let mut pieces = small();
    for spelling in special {
        pieces.tokens.push((*spelling).to_owned());
        pieces.scores.push(0.0);
        pieces.types.push(3);
    }
    Tokenizer::from_sentence_pieces(pieces).unwrap()
}
