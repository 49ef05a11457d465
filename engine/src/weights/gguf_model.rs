//! Reads a model from a GGUF file: the keys that llama.cpp's converter writes, which begin with the name of the architecture.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::quantized::gguf_file::Value;
use memmap2::Mmap;

use super::architecture::{self, Architecture, GGUF};
use super::checkpoint::{Checkpoint, MAX_SIZE, VocabularyLocation, check};
use super::error::{LoadError, damaged, unsupported};
use super::gguf::{self, Header, HeaderError, TensorInfo};
use super::tensors::{TensorLocation, map};
use crate::decoder::Config;
use crate::rope::{RopeParameters, longrope_scale, yarn_factors, yarn_scale};
use crate::tensor::Tensor;

const SHORT_FACTORS: &str = "rope_factors_short.weight";
const LONG_FACTORS: &str = "rope_factors_long.weight";
/// The factors of Llama 3, which the converter computes.
const FACTORS: &str = "rope_freqs.weight";

/// Reads everything except the weights.
pub(super) fn read(path: &Path) -> Result<Checkpoint, LoadError> {
    let map = map(path)?;
    let header = header(path, &map)?;
    let key = "general.architecture";
    let any = Metadata { path, values: &header.metadata, prefix: "" };
    if any.string("general.type")? == Some("adapter") {
        return Err(unsupported(
            path,
            "this is an adapter, not a model (the setting `model.adapters` takes it)",
        ));
    }
    let name = any.string(key)?.ok_or_else(|| any.missing(key))?;
    let Some(architecture) = Architecture::of_gguf(name) else {
        return Err(unsupported(
            path,
            format!("`general.architecture` is `{name}`, which is none of {}", architecture::names()),
        ));
    };
    let metadata = Metadata { path, values: &header.metadata, prefix: architecture.gguf };
    if let Some(experts) = metadata.number("*.expert_count", u64::MAX)?
        && experts > 0
    {
        return Err(unsupported(
            path,
            format!("`{name}.expert_count` is {experts}: mixtures of experts are not read"),
        ));
    }
    if let Some(parts) = metadata.number("split.count", u64::from(u16::MAX))?
        && parts > 1
    {
        return Err(unsupported(
            path,
            format!("this is one of {parts} parts of a model (join them with `llama-gguf-split --merge`)"),
        ));
    }

    let read = |name: &str, info: &TensorInfo| {
        Tensor::mapped(&map, info.range.clone(), info.dtype, (1, info.shape.iter().product()))
            .map(|tensor| tensor.to_f32())
            .map_err(|problem| damaged(path, format!("the tensor `{name}` {problem}")))
    };
    let factors = match (header.tensors.get(SHORT_FACTORS), header.tensors.get(LONG_FACTORS)) {
        (None, None) => match header.tensors.get(FACTORS) {
            None => None,
            Some(info) => read(FACTORS, info).map(|factors| Some((factors.clone(), factors)))?,
        },
        (Some(short), Some(long)) => Some((read(SHORT_FACTORS, short)?, read(LONG_FACTORS, long)?)),
        (Some(_), None) => return Err(damaged(path, format!("the tensor `{LONG_FACTORS}` is missing"))),
        (None, Some(_)) => return Err(damaged(path, format!("the tensor `{SHORT_FACTORS}` is missing"))),
    };
    let (config, rope) = configuration(&metadata, architecture, factors, &header.tensors)?;
    check(&config, &rope).map_err(|problem| damaged(path, problem))?;

    let name: String = match metadata.string("general.name")? {
        Some(name) => name.to_owned(),
        None => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let quantization = metadata.number("general.file_type", u64::MAX)?.map_or("", file_type).to_owned();
    let file: Arc<Path> = path.into();
    let tied = !header.tensors.contains_key(GGUF.output);
    let located = |(name, info)| (name, TensorLocation { path: file.clone(), map: map.clone(), info });
    let tensors = header.tensors.into_iter().map(located).collect();
    Ok(Checkpoint {
        path: path.into(),
        name,
        quantization,
        config,
        rope,
        tied,
        architecture,
        names: &GGUF,
        tensors,
        vocabulary: VocabularyLocation::Metadata(header.metadata),
    })
}

/// The header of a mapped file.
pub(super) fn header(path: &Path, map: &Mmap) -> Result<Header, LoadError> {
    gguf::read(map).map_err(|problem| match problem {
        HeaderError::Damaged(problem) => damaged(path, problem),
        HeaderError::Unsupported(problem) => unsupported(path, problem),
    })
}

fn configuration(
    metadata: &Metadata<'_>,
    architecture: &Architecture,
    factors: Option<(Vec<f32>, Vec<f32>)>,
    tensors: &HashMap<String, TensorInfo>,
) -> Result<(Config, RopeParameters), LoadError> {
    let path = metadata.path;
    let Some(embedding) = tensors.get(GGUF.embedding) else {
        return Err(damaged(path, format!("the tensor `{}` is missing", GGUF.embedding)));
    };
    let hidden = metadata.size("*.embedding_length")?;
    let heads = metadata.size("*.attention.head_count")?;
    let head_dim = match metadata.optional_size("*.attention.key_length")? {
        Some(head_dim) => head_dim,
        None if hidden.is_multiple_of(heads) => hidden / heads,
        None => {
            return Err(damaged(
                path,
                format!(
                    "`{}` is {hidden}, which {heads} heads cannot share evenly",
                    metadata.full("*.embedding_length")
                ),
            ));
        }
    };
    if let Some(value_dim) = metadata.optional_size("*.attention.value_length")?
        && value_dim != head_dim
    {
        return Err(unsupported(
            path,
            format!(
                "`{}` is {value_dim}, but a head's keys have {head_dim} elements",
                metadata.full("*.attention.value_length")
            ),
        ));
    }
    let context = metadata.required("*.context_length", u64::from(u32::MAX))?;
    let original = metadata.number("*.rope.scaling.original_context_length", u64::from(u32::MAX))?;
    let original = original.map_or(context, |original| original as usize);
    let rotary_dim = metadata.optional_size("*.rope.dimension_count")?.unwrap_or(head_dim);
    let base = metadata.float("*.rope.freq_base")?.unwrap_or(10_000.0);
    let is_longrope = factors.as_ref().is_some_and(|(short, long)| short != long);
    let (factors, default_scale) = match metadata.string("*.rope.scaling.type")? {
        None | Some("none" | "longrope") if is_longrope => {
            (factors, longrope_scale(context as f64, original as f64))
        }
        None | Some("none" | "longrope") => (factors, 1.0),
        Some("linear") => {
            let factor = metadata.float("*.rope.scaling.factor")?.unwrap_or(1.0) as f32;
            let factors = vec![factor; rotary_dim / 2];
            (Some((factors.clone(), factors)), 1.0)
        }
        Some("yarn") => {
            let factor = metadata.float("*.rope.scaling.factor")?.unwrap_or(1.0);
            let fast = metadata.float("*.rope.scaling.yarn_beta_fast")?.unwrap_or(32.0);
            let slow = metadata.float("*.rope.scaling.yarn_beta_slow")?.unwrap_or(1.0);
            let factors = yarn_factors(base, rotary_dim, factor, (fast, slow), original as f64);
            (Some((factors.clone(), factors)), yarn_scale(factor))
        }
        Some(scaling) => {
            let key = metadata.full("*.rope.scaling.type");
            return Err(unsupported(
                path,
                format!("`{key}` is `{scaling}`, which is none of none, linear, longrope, yarn"),
            ));
        }
    };
    let own_scale = metadata.float("*.rope.scaling.attn_factor")?;
    // Some files write 0 for "no window".
    let window = metadata.number("*.attention.sliding_window", u64::MAX)?.unwrap_or(0);

    let config = Config {
        vocabulary: embedding.shape[0],
        hidden,
        feed_forward: metadata.size("*.feed_forward_length")?,
        layers: metadata.size("*.block_count")?,
        heads,
        kv_heads: metadata.optional_size("*.attention.head_count_kv")?.unwrap_or(heads),
        head_dim,
        rotary_dim,
        norm_epsilon: match metadata.float("*.attention.layer_norm_rms_epsilon")? {
            Some(epsilon) => epsilon as f32,
            None => return Err(metadata.missing("*.attention.layer_norm_rms_epsilon")),
        },
        context,
        short_context: if is_longrope { original.clamp(1, context) } else { context },
        sliding_window: (1..context as u64).contains(&window).then_some(window as usize),
    };
    let rope = RopeParameters {
        base,
        rotary_dim,
        factors,
        scale: own_scale.unwrap_or(default_scale),
        pairs: architecture.gguf_pairs,
    };
    Ok((config, rope))
}

/// The metadata of a file, by type. `*` in a key stands for the architecture.
pub(super) struct Metadata<'a> {
    pub path: &'a Path,
    pub values: &'a HashMap<String, Value>,
    pub prefix: &'a str,
}

impl Metadata<'_> {
    fn full(&self, key: &str) -> String {
        key.replacen('*', self.prefix, 1)
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(&self.full(key))
    }

    pub(super) fn missing(&self, key: &str) -> LoadError {
        damaged(self.path, format!("the metadata key `{}` is missing", self.full(key)))
    }

    fn wrong(&self, key: &str, value: &Value, expected: &str) -> LoadError {
        let value = match value {
            // Do not print a whole vocabulary.
            Value::Array(values) => format!("an array of {}", values.len()),
            value => format!("{value:?}"),
        };
        damaged(self.path, format!("the metadata key `{}` is {value} instead of {expected}", self.full(key)))
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<&str>, LoadError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(self.wrong(key, value, "text")),
        }
    }

    /// A whole number from 0 to `max`, of any integer type.
    fn number(&self, key: &str, max: u64) -> Result<Option<u64>, LoadError> {
        let Some(value) = self.get(key) else { return Ok(None) };
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
            Some(0) => Err(damaged(self.path, format!("the metadata key `{}` is 0", self.full(key)))),
            Some(number) => Ok(number as usize),
        }
    }

    fn size(&self, key: &str) -> Result<usize, LoadError> {
        self.required(key, MAX_SIZE)
    }

    fn optional_size(&self, key: &str) -> Result<Option<usize>, LoadError> {
        self.get(key).is_some().then(|| self.size(key)).transpose()
    }

    pub(super) fn float(&self, key: &str) -> Result<Option<f64>, LoadError> {
        match self.get(key) {
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
