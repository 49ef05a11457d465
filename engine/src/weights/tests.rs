//! Opening files: a valid file gives a model, every invalid file gives one error that names the key or tensor.

use std::collections::BTreeMap;
use std::io::Cursor;

use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
use candle_core::{Device, Tensor as CandleTensor};
use proptest::prelude::*;

use candle_core::quantized::gguf_file::Value;

use super::*;
use crate::decoder::{Config, RopeMode};
use crate::kv::Kv;

/// A small Phi-3 in memory, for tests that change something about it and write it as a GGUF file.
#[derive(Clone)]
pub(crate) struct TinyModel {
    pub metadata: BTreeMap<String, Value>,
    /// Shape and type of each tensor.
    pub tensors: BTreeMap<String, (Vec<usize>, GgmlDType)>,
}

pub(crate) const VOCABULARY: usize = 48;

impl TinyModel {
    /// Two layers, grouped queries, tied output, LongRoPE over three quarters of a head, mixed types.
    pub(crate) fn new() -> TinyModel {
        let metadata = [
            ("general.architecture", Value::String("phi3".into())),
            ("general.name", Value::String("tiny".into())),
            ("general.file_type", Value::U32(7)),
            ("phi3.context_length", Value::U32(256)),
            ("phi3.rope.scaling.original_context_length", Value::U32(64)),
            ("phi3.embedding_length", Value::U32(64)),
            ("phi3.feed_forward_length", Value::U32(96)),
            ("phi3.block_count", Value::U32(2)),
            ("phi3.attention.head_count", Value::U32(4)),
            ("phi3.attention.head_count_kv", Value::U32(2)),
            ("phi3.rope.dimension_count", Value::U32(12)),
            ("phi3.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ];
        let mut tensors = vec![
            ("token_embd.weight".to_owned(), vec![VOCABULARY, 64], GgmlDType::F16),
            ("output_norm.weight".to_owned(), vec![64], GgmlDType::F32),
            ("rope_factors_short.weight".to_owned(), vec![6], GgmlDType::F32),
            ("rope_factors_long.weight".to_owned(), vec![6], GgmlDType::F32),
        ];
        for i in 0..2 {
            let mut add = |name: &str, shape: &[usize], dtype| {
                tensors.push((format!("blk.{i}.{name}"), shape.into(), dtype))
            };
            add("attn_norm.weight", &[64], GgmlDType::F32);
            add("attn_qkv.weight", &[128, 64], GgmlDType::Q8_0);
            add("attn_output.weight", &[64, 64], GgmlDType::BF16);
            add("ffn_norm.weight", &[64], GgmlDType::F32);
            add("ffn_up.weight", &[192, 64], GgmlDType::Q8_0);
            add("ffn_down.weight", &[64, 96], GgmlDType::Q4_0);
        }
        TinyModel {
            metadata: metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            tensors: tensors.into_iter().map(|(name, shape, dtype)| (name, (shape, dtype))).collect(),
        }
    }

    /// The file; weights are noise that depends on the name.
    pub(crate) fn gguf(&self) -> Vec<u8> {
        let tensors: Vec<(&str, QTensor)> = self
            .tensors
            .iter()
            .map(|(name, (shape, dtype))| {
                let mut state: u64 = name
                    .bytes()
                    .fold(1469, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211));
                let one_dimensional = shape.len() == 1;
                let noise = |_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let noise = (state >> 40) as f32 / (1 << 23) as f32 - 1.0;
                    if one_dimensional { 1.5 + noise / 2.0 } else { noise / 4.0 }
                };
                let values: Vec<f32> = (0..shape.iter().product()).map(noise).collect();
                let tensor = CandleTensor::from_vec(values, shape.as_slice(), &Device::Cpu).unwrap();
                (name.as_str(), QTensor::quantize(&tensor, *dtype).unwrap())
            })
            .collect();
        let metadata: Vec<_> = self.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
        let mut bytes = Cursor::new(Vec::new());
        gguf_file::write(&mut bytes, &metadata, &tensors).unwrap();
        bytes.into_inner()
    }

    pub(crate) fn open(&self) -> Result<Decoder, LoadError> {
        open_bytes(&self.gguf())
    }
}

const THREADS: usize = 2;

/// Enough for a few tokens of any model that a damaged file of this size describes.
const KV_BYTES: usize = 1 << 24;

fn open_bytes(bytes: &[u8]) -> Result<Decoder, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    open_decoder(&path, THREADS)
}

/// The message, less the name of the file.
fn message(error: LoadError) -> String {
    let message = error.to_string();
    message.split_once("model.gguf: ").map_or(message.clone(), |(_, message)| message.to_owned())
}

#[test]
fn a_sound_file_opens() {
    let decoder = TinyModel::new().open().unwrap();
    let config = Config {
        vocabulary: VOCABULARY,
        hidden: 64,
        feed_forward: 96,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 16,
        rotary_dim: 12,
        norm_epsilon: 1e-5,
        context: 256,
        short_context: 64,
        sliding_window: None,
    };
    assert_eq!(*decoder.config(), config);
}

#[test]
fn progress_rises_to_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, TinyModel::new().gguf()).unwrap();
    let mut seen = vec![0.0];
    read(&path).unwrap().prefault(&mut |done| seen.push(done));
    assert!(seen.is_sorted() && seen.last() == Some(&1.0), "{seen:?}");
}

/// One change to a valid model, and a part of the expected error.
#[test]
fn what_does_not_fit_is_named() {
    type Change = fn(&mut TinyModel);
    let cases: &[(Change, &str)] = &[
        (|m| drop(m.metadata.remove("general.architecture")), "`general.architecture` is missing"),
        (
            |m| drop(m.metadata.insert("general.architecture".into(), Value::String("bert".into()))),
            "`general.architecture` is `bert`, which is none of phi3, llama, qwen2, qwen3",
        ),
        (
            |m| drop(m.metadata.insert("general.architecture".into(), Value::U8(3))),
            "`general.architecture` is U8(3)",
        ),
        (|m| drop(m.metadata.remove("phi3.block_count")), "`phi3.block_count` is missing"),
        (|m| drop(m.metadata.insert("phi3.block_count".into(), Value::U32(0))), "`phi3.block_count` is 0"),
        (
            |m| drop(m.metadata.insert("phi3.block_count".into(), Value::U32(3))),
            "`blk.2.attn_norm.weight` is missing",
        ),
        (
            |m| drop(m.metadata.insert("phi3.block_count".into(), Value::U64(u64::MAX))),
            "`phi3.block_count` is U64(18446744073709551615) instead of a whole number up to 1048576",
        ),
        (
            |m| drop(m.metadata.insert("phi3.embedding_length".into(), Value::I32(-64))),
            "`phi3.embedding_length` is I32(-64)",
        ),
        (
            |m| drop(m.metadata.insert("phi3.embedding_length".into(), Value::U32(128))),
            "has the shape [48, 64]",
        ),
        (
            |m| drop(m.metadata.insert("phi3.attention.head_count".into(), Value::U32(3))),
            "3 heads cannot share evenly",
        ),
        (
            |m| drop(m.metadata.insert("phi3.attention.head_count_kv".into(), Value::U32(3))),
            "4 query heads cannot share 3 KV heads",
        ),
        (
            |m| {
                drop(
                    m.metadata
                        .insert("phi3.attention.head_count_kv".into(), Value::Array(vec![Value::U32(2); 2])),
                )
            },
            "`phi3.attention.head_count_kv` is an array of 2",
        ),
        (
            |m| drop(m.metadata.insert("phi3.attention.layer_norm_rms_epsilon".into(), Value::F32(f32::NAN))),
            "epsilon is NaN",
        ),
        (|m| drop(m.metadata.insert("phi3.rope.freq_base".into(), Value::F32(0.0))), "RoPE's base is 0"),
        (
            |m| drop(m.metadata.insert("phi3.rope.dimension_count".into(), Value::U32(18))),
            "RoPE over 18 of a head's 16",
        ),
        (
            |m| drop(m.metadata.insert("phi3.rope.dimension_count".into(), Value::U32(10))),
            "6 LongRoPE factors (short) for 5",
        ),
        (
            |m| drop(m.metadata.insert("phi3.rope.scaling.type".into(), Value::String("spiral".into()))),
            "`phi3.rope.scaling.type` is `spiral`",
        ),
        (|m| drop(m.metadata.insert("split.count".into(), Value::U16(3))), "one of 3 parts"),
        (|m| drop(m.tensors.remove("token_embd.weight")), "`token_embd.weight` is missing"),
        (|m| drop(m.tensors.remove("blk.1.ffn_up.weight")), "`blk.1.ffn_up.weight` is missing"),
        (|m| drop(m.tensors.remove("rope_factors_long.weight")), "`rope_factors_long.weight` is missing"),
        (
            |m| drop(m.tensors.insert("blk.1.attn_qkv.bias".into(), (vec![128], GgmlDType::F32))),
            "`blk.1.attn_qkv.bias` is a bias",
        ),
        (
            |m| drop(m.tensors.insert("blk.0.attn_qkv.weight".into(), (vec![64, 128], GgmlDType::F32))),
            "`blk.0.attn_qkv.weight` has the shape [64, 128] where the model needs [128, 64]",
        ),
    ];
    for (change, expected) in cases {
        let mut model = TinyModel::new();
        change(&mut model);
        let found = message(model.open().expect_err(expected));
        assert!(found.contains(expected), "{found:?} does not say {expected:?}");
    }
}

/// Lengths and counts that no file of this size can have are refused before memory is reserved for them.
#[test]
fn absurd_headers_are_named() {
    let header = |counts: [u64; 2], rest: &[u8]| {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        counts.iter().for_each(|count| file.extend(count.to_le_bytes()));
        file.extend(rest);
        file
    };
    let string = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let huge = (1u64 << 60).to_le_bytes();
    let array = |kind: u32| [&string("k")[..], &9u32.to_le_bytes(), &kind.to_le_bytes()].concat();
    let nested = [&array(9)[..], &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0].repeat(1000)].concat();
    let tensor = |dims: &[u64], kind: u32, offset: u64| {
        let mut info = string("t");
        info.extend((dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|dim| info.extend(dim.to_le_bytes()));
        info.extend(kind.to_le_bytes());
        info.extend(offset.to_le_bytes());
        info.resize(info.len() + 64, 0);
        header([1, 0], &info)
    };
    let cases = [
        (b"GG".to_vec(), "`magic number` needs 4 bytes"),
        (b"PK\x03\x04 and so on".to_vec(), r"begins with `PK\x03\x04` instead of `GGUF`"),
        (b"GGUF\x01\0\0\0".to_vec(), "GGUF version 1"),
        (b"GGUF\0\0\0\x03".to_vec(), "big-endian"),
        (header([1 << 60, 0], &[]), "promises 1152921504606846976 tensors"),
        (header([0, 1 << 60], &[]), "`name of metadata key 0 of 1152921504606846976` needs 8 bytes"),
        (header([0, 1], &huge), "needs 1152921504606846976 bytes at byte 32, but only 0 are left"),
        (
            header([0, 1], &[&string("k")[..], &8u32.to_le_bytes(), &huge].concat()),
            "`k` needs 1152921504606846976 bytes",
        ),
        (header([0, 1], &[&array(0)[..], &huge, &[1, 2, 3]].concat()), "`k` needs 1 bytes"),
        (header([0, 1], &nested), "`k` nests arrays deeper than 4"),
        (header([0, 1], &[&string("k")[..], &77u32.to_le_bytes()].concat()), "`k` has the unknown type 77"),
        (
            header([0, 1], &[&string("k")[..], &7u32.to_le_bytes(), &[2]].concat()),
            "`k` is a boolean with the value 2",
        ),
        (
            header([0, 2], &[&string("k")[..], &0u32.to_le_bytes(), &[2]].concat().repeat(2)),
            "`k` occurs twice",
        ),
        (tensor(&[], 0, 0), "tensor `t` has 0 dimensions"),
        (tensor(&[1; 5], 0, 0), "tensor `t` has 5 dimensions"),
        (tensor(&[0, 4], 0, 0), "tensor `t` has the empty shape 4 x 0"),
        (tensor(&[1 << 60, 1 << 60], 0, 0), "tensor `t` has the impossible shape"),
        (tensor(&[4, 1 << 40, 1 << 40], 0, 0), "tensor `t` has an impossible shape"),
        (tensor(&[100], 12, 0), "Q4K cannot hold"),
        (tensor(&[4], 99, 0), "tensor `t` is of ggml type 99"),
        (tensor(&[4], 0, 1), "no multiple of the alignment 32"),
        (tensor(&[4], 0, u64::MAX), "impossible offset"),
        (tensor(&[4], 0, 1 << 40), "but the file has only"),
    ];
    for (file, expected) in cases {
        let found = message(open_bytes(&file).expect_err(expected));
        assert!(found.contains(expected), "{found:?} does not say {expected:?}");
    }
    assert!(message(open_bytes(&[]).unwrap_err()).contains("the file is empty"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to a file, opening it ends, and what still opens still runs.
    #[test]
    fn damage_never_panics(
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), prop::bool::weighted(0.9)), 0..4),
    ) {
        let mut file = TinyModel::new().gguf();
        // Most damage is aimed at the header, which is a small part of the file.
        for (index, byte, header) in flips {
            let len = if header { 2300 } else { file.len() };
            file[index.index(len)] = byte;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        if let Ok(decoder) = open_bytes(&file) {
            let mut kv = Kv::default();
            let last = decoder.config().vocabulary as u32 - 1;
            let mut workspace = decoder.workspace(KV_BYTES);
            let logits = decoder.forward(&[0, last], &mut kv, RopeMode::Long, 1..2, &mut workspace, &|| false);
            if let Ok(logits) = logits {
                prop_assert_eq!(logits.unwrap().len(), decoder.config().vocabulary);
            }
        }
    }
}
