//! Reads a Phi-3 model from a GGUF file: the keys and tensor names that llama.cpp's converter writes for the
//! architecture `phi3`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::quantized::gguf_file::Value;

use super::checkpoint::{Checkpoint, MAX_SIZE, TensorLocation, TensorNames, VocabularyLocation, check, map};
use super::error::{LoadError, damaged, unsupported};
use super::gguf::{self, HeaderError, TensorInfo};
use crate::phi::Config;
use crate::rope::{RopeParameters, longrope_scale};
use crate::tensor::Tensor;

const NAMES: TensorNames = TensorNames {
    embedding: "token_embd.weight",
    norm: "output_norm.weight",
    output: "output.weight",
    layer: "blk.",
    attention_norm: "attn_norm.weight",
    qkv: "attn_qkv.weight",
    attention_output: "attn_output.weight",
    feed_forward_norm: "ffn_norm.weight",
    gate_up: "ffn_up.weight",
    down: "ffn_down.weight",
};

const SHORT_FACTORS: &str = "rope_factors_short.weight";
const LONG_FACTORS: &str = "rope_factors_long.weight";

/// Reads everything except the weights.
pub(super) fn read(path: &Path) -> Result<Checkpoint, LoadError> {
    let map = map(path)?;
    let header = gguf::read(&map).map_err(|problem| match problem {
        HeaderError::Damaged(problem) => damaged(path, problem),
        HeaderError::Unsupported(problem) => unsupported(path, problem),
    })?;
    let metadata = Metadata { path, values: &header.metadata };

    let key = "general.architecture";
    let architecture = metadata.string(key)?.ok_or_else(|| metadata.missing(key))?;
    if architecture != "phi3" {
        return Err(unsupported(path, format!("`general.architecture` is `{architecture}`, not `phi3`")));
    }
    if let Some(parts) = metadata.number("split.count", u64::from(u16::MAX))?
        && parts > 1
    {
        return Err(unsupported(
            path,
            format!("this is one of {parts} parts of a model (join them with `llama-gguf-split --merge`)"),
        ));
    }

    let factors = match (header.tensors.get(SHORT_FACTORS), header.tensors.get(LONG_FACTORS)) {
        (None, None) => None,
        (Some(short), Some(long)) => {
            let read = |name: &str, info: &TensorInfo| {
                Tensor::mapped(&map, info.range.clone(), info.dtype, (1, info.shape.iter().product()))
                    .map(|tensor| tensor.to_f32())
                    .map_err(|problem| damaged(path, format!("the tensor `{name}` {problem}")))
            };
            Some((read(SHORT_FACTORS, short)?, read(LONG_FACTORS, long)?))
        }
        (Some(_), None) => return Err(damaged(path, format!("the tensor `{LONG_FACTORS}` is missing"))),
        (None, Some(_)) => return Err(damaged(path, format!("the tensor `{SHORT_FACTORS}` is missing"))),
    };
    let (config, rope) = configuration(&metadata, factors, &header.tensors)?;
    check(&config, &rope).map_err(|problem| damaged(path, problem))?;

    let name: String = match metadata.string("general.name")? {
        Some(name) => name.to_owned(),
        None => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let quantization = metadata.number("general.file_type", u64::MAX)?.map_or("", file_type).to_owned();
    let file: Arc<Path> = path.into();
    let tied = !header.tensors.contains_key(NAMES.output);
    let located = |(name, info)| (name, TensorLocation { path: file.clone(), map: map.clone(), info });
    let tensors = header.tensors.into_iter().map(located).collect();
    Ok(Checkpoint {
        path: path.into(),
        name,
        quantization,
        config,
        rope,
        tied,
        names: &NAMES,
        tensors,
        vocabulary: VocabularyLocation::Metadata(header.metadata),
    })
}

fn configuration(
    metadata: &Metadata<'_>,
    factors: Option<(Vec<f32>, Vec<f32>)>,
    tensors: &HashMap<String, TensorInfo>,
) -> Result<(Config, RopeParameters), LoadError> {
    let path = metadata.path;
    let Some(embedding) = tensors.get(NAMES.embedding) else {
        return Err(damaged(path, format!("the tensor `{}` is missing", NAMES.embedding)));
    };
    let hidden = metadata.size("phi3.embedding_length")?;
    let heads = metadata.size("phi3.attention.head_count")?;
    let head_dim = match metadata.optional_size("phi3.attention.key_length")? {
        Some(head_dim) => head_dim,
        None if hidden.is_multiple_of(heads) => hidden / heads,
        None => {
            return Err(damaged(
                path,
                format!("`phi3.embedding_length` is {hidden}, which {heads} heads cannot share evenly"),
            ));
        }
    };
    if let Some(value_dim) = metadata.optional_size("phi3.attention.value_length")?
        && value_dim != head_dim
    {
        return Err(unsupported(
            path,
            format!(
                "`phi3.attention.value_length` is {value_dim}, but a head's keys have {head_dim} elements"
            ),
        ));
    }
    if let Some(scaling) = metadata.string("phi3.rope.scaling.type")?
        && !matches!(scaling, "none" | "longrope")
    {
        return Err(unsupported(path, format!("`phi3.rope.scaling.type` is `{scaling}`")));
    }

    let context = metadata.required("phi3.context_length", u64::from(u32::MAX))?;
    let original = metadata.number("phi3.rope.scaling.original_context_length", u64::from(u32::MAX))?;
    let original = original.map_or(context, |original| original as usize);
    let own_scale = metadata.float("phi3.rope.scaling.attn_factor")?;
    let default_scale = if factors.is_some() { longrope_scale(context as f64, original as f64) } else { 1.0 };
    let rotary_dim = metadata.optional_size("phi3.rope.dimension_count")?.unwrap_or(head_dim);
    // Some files write 0 for "no window".
    let window = metadata.number("phi3.attention.sliding_window", u64::MAX)?.unwrap_or(0);

    let config = Config {
        vocabulary: embedding.shape[0],
        hidden,
        feed_forward: metadata.size("phi3.feed_forward_length")?,
        layers: metadata.size("phi3.block_count")?,
        heads,
        kv_heads: metadata.optional_size("phi3.attention.head_count_kv")?.unwrap_or(heads),
        head_dim,
        rotary_dim,
        norm_epsilon: match metadata.float("phi3.attention.layer_norm_rms_epsilon")? {
            Some(epsilon) => epsilon as f32,
            None => return Err(metadata.missing("phi3.attention.layer_norm_rms_epsilon")),
        },
        context,
        short_context: if factors.is_some() { original.clamp(1, context) } else { context },
        sliding_window: (1..context as u64).contains(&window).then_some(window as usize),
    };
    let rope = RopeParameters {
        base: metadata.float("phi3.rope.freq_base")?.unwrap_or(10_000.0),
        rotary_dim,
        factors,
        scale: own_scale.unwrap_or(default_scale),
    };
    Ok((config, rope))
}

/// The metadata of a file, by type.
struct Metadata<'a> {
    path: &'a Path,
    values: &'a HashMap<String, Value>,
}

impl Metadata<'_> {
    fn missing(&self, key: &str) -> LoadError {
        damaged(self.path, format!("the metadata key `{key}` is missing"))
    }

    fn wrong(&self, key: &str, value: &Value, expected: &str) -> LoadError {
        let value = match value {
            // Do not print a whole vocabulary.
            Value::Array(values) => format!("an array of {}", values.len()),
            value => format!("{value:?}"),
        };
        damaged(self.path, format!("the metadata key `{key}` is {value} instead of {expected}"))
    }

    fn string(&self, key: &str) -> Result<Option<&str>, LoadError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(self.wrong(key, value, "text")),
        }
    }

    /// A whole number from 0 to `max`, of any integer type.
    fn number(&self, key: &str, max: u64) -> Result<Option<u64>, LoadError> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        let number = match *value {
            Value::U8(number) => Some(number.into()),
            Value::U16(number) => Some(number.into()),
            Value::U32(number) => Some(number.into()),
            Value::U64(number) => Some(number),
            Value::I32(number) => u64::try_from(number).ok(),
            Value::I64(number) => u64::try_from(number).ok(),
            _ => None,
        };
        match number {
            Some(number) if number <= max => Ok(Some(number)),
            _ => Err(self.wrong(key, value, &format!("a whole number up to {max}"))),
        }
    }

    fn required(&self, key: &str, max: u64) -> Result<usize, LoadError> {
        match self.number(key, max)? {
            None => Err(self.missing(key)),
            Some(0) => Err(damaged(self.path, format!("the metadata key `{key}` is 0"))),
            Some(number) => Ok(number as usize),
        }
    }

    fn size(&self, key: &str) -> Result<usize, LoadError> {
        self.required(key, MAX_SIZE)
    }

    fn optional_size(&self, key: &str) -> Result<Option<usize>, LoadError> {
        self.values.contains_key(key).then(|| self.size(key)).transpose()
    }

    fn float(&self, key: &str) -> Result<Option<f64>, LoadError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::F32(number)) => Ok(Some((*number).into())),
            Some(Value::F64(number)) => Ok(Some(*number)),
            Some(value) => Err(self.wrong(key, value, "a number")),
        }
    }
}

/// The name of `general.file_type`, llama.cpp's `llama_ftype`.
fn file_type(number: u64) -> &'static str {
    match number {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        21 => "Q2_K_S",
        32 => "BF16",
        _ => "",
    }
}
