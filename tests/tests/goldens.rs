//! Compares the model with transformers: logits recorded in tests/golden (README.md there), in float32.
//!
//! Both backends are compared: the engine's own kernels, and candle's tensors. These run on candle's CPU device, or on the one that
//! the environment variable `PHI_LS_TEST_DEVICE` names (`cuda`, `metal`).
//!
//! A sequence has the same logits as one pass of the reference, however it is cut into forward passes, from each file format, and
//! in both modes of LongRoPE.

use std::path::{Path, PathBuf};

use candle_core::{Device, safetensors};
use phi_engine::DeviceChoice;
use phi_engine::decoder::{Decoder, RopeMode};
use phi_engine::kv::{Kv, KvFormat};
use phi_engine::weights::{self, Adapter};

/// The largest relative error: `max |a - b| / max |b|`.
const TOLERANCE: f32 = 1e-4;

const VOCABULARY: usize = 320;

/// The logits that transformers computed for one model.
struct Golden {
    folder: PathBuf,
    tokens: Vec<u32>,
    logits: Vec<(&'static str, Vec<f32>)>,
}

impl Golden {
    fn read(name: &str) -> Golden {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
        let tensors = safetensors::load(folder.join("logits.safetensors"), &Device::Cpu).unwrap();
        let tokens =
            tensors["tokens"].to_vec1::<i64>().unwrap().into_iter().map(|token| token as u32).collect();
        let logits = ["short", "long", "beyond_window", "all"].into_iter().filter_map(|mode| {
            let rows = tensors.get(mode)?.flatten_all().unwrap();
            Some((mode, rows.to_vec1::<f32>().unwrap()))
        });
        Golden { tokens, logits: logits.collect(), folder }
    }

    /// The file and the folder, opened.
    fn models(&self) -> [(&'static str, Decoder); 2] {
        ["model.gguf", "hf"].map(|name| (name, self.model(name, &[])))
    }

    fn model(&self, name: &str, adapters: &[Adapter]) -> Decoder {
        let loaded = weights::open(&self.folder.join(name), adapters, 2, &mut |_| {}).unwrap();
        let mut decoder = loaded.decoder;
        assert_eq!(loaded.tokenizer.vocabulary_len(), VOCABULARY);
        assert_eq!(loaded.adapters == 0, adapters.is_empty());
        // The reference keeps its KV rows in float32.
        decoder.set_kv_format(KvFormat::F32);
        decoder
    }
}

/// The device of candle's tensors.
fn device() -> Device {
    let choice = match std::env::var("PHI_LS_TEST_DEVICE").as_deref() {
        Ok("cuda") => DeviceChoice::Cuda,
        Ok("metal") => DeviceChoice::Metal,
        _ => DeviceChoice::Cpu,
    };
    choice.open().unwrap().unwrap_or(Device::Cpu)
}

fn error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|logit| logit.is_finite()));
    let largest = expected.iter().fold(0f32, |largest, logit| largest.max(logit.abs()));
    found.iter().zip(expected).fold(0f32, |error, (a, b)| error.max((a - b).abs())) / largest
}

/// Runs `tokens` in pieces of the given lengths, the last one over and over, and returns the logits of every token.
fn run(decoder: &Decoder, tokens: &[u32], mode: RopeMode, pieces: &[usize]) -> Vec<f32> {
    let mut kv = Kv::default();
    let mut workspace = decoder.workspace(1 << 20);
    let (mut logits, mut rest) = (Vec::new(), tokens);
    let mut pieces = pieces.iter().chain(std::iter::repeat(pieces.last().unwrap()));
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((*pieces.next().unwrap()).min(rest.len()));
        logits.extend(
            decoder
                .forward(piece, &mut kv, mode, 0..piece.len(), &mut workspace, &|| false)
                .unwrap()
                .unwrap()
                .iter(),
        );
        rest = after;
    }
    assert_eq!(kv.len(), tokens.len());
    logits
}

fn check(name: &str) {
    let golden = Golden::read(name);
    for (file, decoder) in golden.models() {
        check_logits(&format!("{name}/{file}"), &golden, &decoder);
        let decoder = decoder.on_device(&device()).unwrap();
        check_logits(&format!("{name}/{file} as candle's tensors"), &golden, &decoder);
    }
}

fn check_logits(name: &str, golden: &Golden, decoder: &Decoder) {
    for (mode, expected) in &golden.logits {
        let tokens = &golden.tokens[..expected.len() / VOCABULARY];
        let rope = if *mode == "long" { RopeMode::Long } else { RopeMode::Short };
        // Whole; in chunks that do not fit the KV pages; token by token; a prefill and then single steps.
        for pieces in [&[usize::MAX][..], &[7], &[1], &[20, 1], &[3, 29, 1]] {
            let found = run(decoder, tokens, rope, pieces);
            let error = error(&found, expected);
            assert!(error <= TOLERANCE, "{name}, {mode}, pieces {pieces:?}: error {error:e}");
        }
        let mut kv = Kv::default();
        let mut workspace = decoder.workspace(1 << 20);
        let last = tokens.len() - 1..tokens.len();
        let last = decoder.forward(tokens, &mut kv, rope, last, &mut workspace, &|| false).unwrap().unwrap();
        assert!(error(last, &expected[expected.len() - VOCABULARY..]) <= TOLERANCE);
    }
}

#[test]
fn multi_head_with_the_embedding_as_output() {
    check("dense");
}

#[test]
fn grouped_query_with_an_output_matrix_of_its_own() {
    check("gqa");
}

#[test]
fn a_sliding_window_and_a_partial_rotation() {
    check("window");
}

#[test]
fn llama_with_its_own_frequencies_and_wide_heads() {
    check("llama");
}

#[test]
fn mistral_with_linear_interpolation() {
    check("mistral");
}

#[test]
fn qwen2_with_biases() {
    check("qwen2");
}

#[test]
fn qwen3_with_norms_of_heads_and_yarn() {
    check("qwen3");
}

/// The logits that PEFT computed with an adapter, from both formats of the adapter and of the model. Adapters add up.
fn check_adapter(name: &str) {
    let golden = Golden::read(name);
    let recorded = safetensors::load(golden.folder.join("lora_logits.safetensors"), &Device::Cpu).unwrap();
    let expected = recorded["adapted"].flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let tokens = &golden.tokens[..expected.len() / VOCABULARY];
    let (_, plain) = &golden.logits[0];
    for model in ["model.gguf", "hf"] {
        let logits = |adapters: &[(&str, f32)], pieces: &[usize]| {
            let adapter =
                |(name, scale): &(&str, f32)| Adapter { path: golden.folder.join(name), scale: *scale };
            let adapters: Vec<Adapter> = adapters.iter().map(adapter).collect();
            let decoder = golden.model(model, &adapters);
            let logits = run(&decoder, tokens, RopeMode::Short, pieces);
            let decoder = decoder.on_device(&device()).unwrap();
            let as_tensors = run(&decoder, tokens, RopeMode::Short, pieces);
            assert!(error(&as_tensors, &logits) <= TOLERANCE, "{name}/{model} as candle's tensors");
            logits
        };
        for adapters in [
            &[("lora", 1.0)][..],
            &[("lora.gguf", 1.0)],
            &[("lora.gguf", 0.25), ("lora", 0.75)],
            &[("lora", 2.0), ("lora.gguf", -1.0)],
        ] {
            for pieces in [&[usize::MAX][..], &[1], &[5, 1, 9]] {
                let error = error(&logits(adapters, pieces), &expected);
                assert!(
                    error <= TOLERANCE,
                    "{name}/{model}, {adapters:?}, pieces {pieces:?}: error {error:e}"
                );
            }
        }
        assert!(error(&logits(&[("lora", 0.0)], &[8]), &plain[..expected.len()]) <= TOLERANCE);
        assert!(error(&logits(&[("lora", 0.99)], &[8]), &expected) > TOLERANCE, "the scale counts");
    }
}

#[test]
fn an_adapter_of_fused_matrices() {
    check_adapter("gqa");
}

#[test]
fn an_adapter_of_separate_matrices_and_the_output() {
    check_adapter("llama");
}

/// The tolerance is tight enough: the other mode, a position that is off by one and half-precision KV rows exceed it.
#[test]
fn the_tolerance_detects_wrong_results() {
    let golden = Golden::read("gqa");
    let [(_, mut decoder), _] = golden.models();
    let (_, short) = &golden.logits[0];
    let tokens = &golden.tokens[..short.len() / VOCABULARY];
    assert!(error(&run(&decoder, tokens, RopeMode::Long, &[8]), short) > 0.05);
    let shifted = run(&decoder, &golden.tokens[1..=tokens.len()], RopeMode::Short, &[8]);
    assert!(error(&shifted, short) > 0.05);
    decoder.set_kv_format(KvFormat::F16);
    let rounded = error(&run(&decoder, tokens, RopeMode::Short, &[8]), short);
    assert!(rounded > 1e-6 && rounded < 1e-2, "KV rows in f16: {rounded:e}");
}

/// The configuration that the files state, equal in both formats.
#[test]
fn both_formats_state_the_same_model() {
    for name in ["dense", "gqa", "window", "llama", "mistral", "qwen2", "qwen3"] {
        let [(_, gguf), (_, folder)] = Golden::read(name).models();
        assert_eq!(gguf.config(), folder.config(), "{name}");
    }
}
