//! A small Phi with random weights and a vocabulary of bytes, for tests. Its answers are noise, but it has every part
//! of a real model, and a short context that tests can exceed.

use candle_core::quantized::GgmlDType;

use crate::decoder::{Config, Decoder, Layer, Weights};
use crate::kv::KvFormat;
use crate::linear::Linear;
use crate::rope::{Pairs, RopeParameters};
use crate::tensor::Tensor;
use crate::tokens::{SentencePieces, Tokenizer};

/// LongRoPE's short factors apply to sequences of up to this many tokens.
pub(crate) const SHORT_CONTEXT: usize = 96;
pub(crate) const CONTEXT: usize = 256;

/// Layers: a forward pass calls `cancelled` once for each.
pub(crate) const LAYERS: usize = 3;

/// The model, with exact KV rows.
pub(crate) fn phi() -> Decoder {
    let config = Config {
        vocabulary: tokenizer().vocabulary_len(),
        hidden: 32,
        feed_forward: 48,
        layers: LAYERS,
        heads: 4,
        kv_heads: 2,
        head_dim: 8,
        rotary_dim: 8,
        norm_epsilon: 1e-5,
        context: CONTEXT,
        short_context: SHORT_CONTEXT,
        sliding_window: None,
    };
    let rope = RopeParameters {
        base: 10000.0,
        rotary_dim: 8,
        factors: Some((vec![1.0, 1.1, 1.2, 1.3], vec![1.5, 2.0, 4.0, 8.0])),
        scale: 1.2,
        pairs: Pairs::Halves,
    };
    let mut random = Random(1);
    let layers = (0..LAYERS).map(|_| Layer {
        attention_norm: vec![1.0; 32],
        qkv: random.matrix(64, 32),
        head_norms: None,
        attention_output: random.matrix(32, 32),
        feed_forward_norm: vec![1.0; 32],
        gate_up: random.matrix(96, 32),
        down: random.matrix(32, 48),
    });
    let layers = layers.collect();
    let weights = Weights {
        embedding: random.matrix(config.vocabulary, 32),
        layers,
        norm: vec![1.0; 32],
        output: Some(random.matrix(config.vocabulary, 32)),
    };
    let mut phi = Decoder::new(config, &rope, weights, 1).expect("a thread can be started");
    phi.set_kv_format(KvFormat::F32);
    phi
}

/// Chat markup, the 256 bytes, and a few words.
pub(crate) fn tokenizer() -> Tokenizer {
    let specials =
        ["<unk>", "<s>", "</s>", "<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"];
    let words = ["▁", "a", "b", "c", "x", "ab", "abc", "abca", "▁a", "▁ab"];
    let mut pieces = SentencePieces { ends: vec![7], add_space_prefix: true, ..SentencePieces::default() };
    let mut add = |spelling: String, kind: i32, score: f32| {
        pieces.tokens.push(spelling);
        pieces.types.push(kind);
        pieces.scores.push(score);
    };
    specials.iter().for_each(|special| add((*special).into(), 3, 0.0));
    (0..=255).for_each(|byte: u8| add(format!("<0x{byte:02X}>"), 6, 0.0));
    words.iter().for_each(|word| add((*word).into(), 1, word.chars().count() as f32));
    Tokenizer::from_sentence_pieces(pieces).expect("a sound vocabulary")
}

/// The generator of Marsaglia's xorshift: the same numbers on every machine.
struct Random(u64);

impl Random {
    /// In [-1, 1).
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// Scaled so that activations keep their size.
    fn matrix(&mut self, rows: usize, columns: usize) -> Linear {
        let scale = (3.0 / columns as f32).sqrt();
        let bytes: Vec<u8> = (0..rows * columns).flat_map(|_| (self.next() * scale).to_le_bytes()).collect();
        Linear::new(Tensor::owned(&bytes, GgmlDType::F32, (rows, columns)))
    }
}
