//! A Phi-3 model of a few megabytes with Phi-3's vocabulary and two small layers of random weights. Its text is meaningless, but it
//! runs as many tokens for a prompt as the real model.

use std::fs::File;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

const HIDDEN: usize = 32;
const HEADS: usize = 2;
const LAYERS: usize = 2;
const FEED_FORWARD: usize = 64;
const CONTEXT: u32 = 131_072;
const SHORT_CONTEXT: u32 = 4096;

/// The vocabulary of Phi-3, from llama.cpp's tests.
pub fn vocabulary() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/ggml-vocab-phi-3.gguf")
}

/// Writes the model as a GGUF file.
///
/// # Errors
/// The vocabulary cannot be read, or the file cannot be written.
pub fn write(path: &Path) -> anyhow::Result<()> {
    write_as(path, GgmlDType::F16)
}

/// Writes the model as a GGUF file, with matrices of this type, whose blocks have at most 32 weights.
///
/// # Errors
/// The vocabulary cannot be read, or the file cannot be written.
pub fn write_as(path: &Path, dtype: GgmlDType) -> anyhow::Result<()> {
    let vocabulary = Content::read(&mut File::open(vocabulary())?)?;
    let tokens = vocabulary.metadata["tokenizer.ggml.tokens"].to_vec()?.len();

    let mut metadata: Vec<(String, Value)> =
        vocabulary.metadata.into_iter().filter(|(key, _)| key.starts_with("tokenizer.")).collect();
    metadata.sort_by(|(a, _), (b, _)| a.cmp(b));
    metadata.insert(0, ("general.architecture".into(), Value::String("phi3".into())));
    metadata.push(("general.name".into(), Value::String("tiny noise".into())));
    let number = |key: &str, value: usize| (format!("phi3.{key}"), Value::U32(value as u32));
    metadata.extend([
        number("context_length", CONTEXT as usize),
        number("rope.scaling.original_context_length", SHORT_CONTEXT as usize),
        number("embedding_length", HIDDEN),
        number("feed_forward_length", FEED_FORWARD),
        number("block_count", LAYERS),
        number("attention.head_count", HEADS),
        number("attention.head_count_kv", HEADS),
        number("rope.dimension_count", HIDDEN / HEADS),
        ("phi3.attention.layer_norm_rms_epsilon".into(), Value::F32(1e-5)),
        ("phi3.rope.freq_base".into(), Value::F32(10_000.0)),
        ("phi3.rope.scaling.attn_factor".into(), Value::F32(1.19)),
    ]);

    let mut noise = Noise { state: 1, dtype };
    let ones =
        |size| QTensor::quantize(&Tensor::ones(size, candle_core::DType::F32, &Device::Cpu)?, GgmlDType::F32);
    let mut tensors: Vec<(String, QTensor)> = vec![
        ("token_embd.weight".into(), noise.tensor(tokens, HIDDEN)?),
        ("output_norm.weight".into(), ones(HIDDEN)?),
        ("output.weight".into(), noise.tensor(tokens, HIDDEN)?),
        ("rope_factors_long.weight".into(), ones(HIDDEN / HEADS / 2)?),
        ("rope_factors_short.weight".into(), ones(HIDDEN / HEADS / 2)?),
    ];
    for layer in 0..LAYERS {
        let name = |of: &str| format!("blk.{layer}.{of}.weight");
        tensors.extend([
            (name("attn_norm"), ones(HIDDEN)?),
            (name("attn_qkv"), noise.tensor(3 * HIDDEN, HIDDEN)?),
            (name("attn_output"), noise.tensor(HIDDEN, HIDDEN)?),
            (name("ffn_norm"), ones(HIDDEN)?),
            (name("ffn_up"), noise.tensor(2 * FEED_FORWARD, HIDDEN)?),
            (name("ffn_down"), noise.tensor(HIDDEN, FEED_FORWARD)?),
        ]);
    }

    let metadata: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    Ok(gguf_file::write(&mut std::io::BufWriter::new(File::create(path)?), &metadata, &tensors)?)
}

/// Reproducible random numbers (xorshift64*), as matrices of a type.
struct Noise {
    state: u64,
    dtype: GgmlDType,
}

impl Noise {
    fn tensor(&mut self, rows: usize, columns: usize) -> candle_core::Result<QTensor> {
        let values: Vec<f32> = (0..rows * columns).map(|_| self.next()).collect();
        QTensor::quantize(&Tensor::from_vec(values, (rows, columns), &Device::Cpu)?, self.dtype)
    }

    fn next(&mut self) -> f32 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let bits = self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40;
        (bits as f32 / (1 << 24) as f32 - 0.5) * 0.2
    }
}
