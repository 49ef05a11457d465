//! Reads a model in Hugging Face format: a folder with `config.json`, `tokenizer.json` and one or several
//! safetensors files. The crate `safetensors` checks a file's header against its length. The keys are those of
//! transformers' configuration classes.

use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path};
use std::sync::Arc;

use candle_core::quantized::GgmlDType;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::architecture::{self, Architecture, HUGGING_FACE};
use super::checkpoint::{Checkpoint, MAX_SIZE, VocabularyLocation, check};
use super::error::{LoadError, damaged, unsupported};
use super::gguf::TensorInfo;
use super::tensors::{TensorLocation, map};
use crate::decoder::Config;
use crate::rope::{Pairs, RopeParameters, llama3_factors, longrope_scale, yarn_factors, yarn_scale};

/// The keys of `config.json` that are read. The defaults are those of transformers.
#[derive(Deserialize)]
struct ConfigJson {
    #[serde(default)]
    model_type: String,
    #[serde(default)]
    _name_or_path: String,
    vocab_size: u64,
    hidden_size: u64,
    intermediate_size: u64,
    num_hidden_layers: u64,
    num_attention_heads: u64,
    num_key_value_heads: Option<u64>,
    head_dim: Option<u64>,
    hidden_act: Option<String>,
    max_position_embeddings: u64,
    original_max_position_embeddings: Option<u64>,
    rms_norm_eps: f64,
    #[serde(default)]
    tie_word_embeddings: bool,
    sliding_window: Option<u64>,
    /// Of Qwen: whether `sliding_window` counts, for the layers from `max_window_layers` on.
    use_sliding_window: Option<bool>,
    max_window_layers: Option<u64>,
    /// Of transformers 5: `full_attention` or `sliding_attention`, for each layer.
    layer_types: Option<Vec<String>>,
    rope_theta: Option<f64>,
    partial_rotary_factor: Option<f64>,
    rope_scaling: Option<Rope>,
    /// The name of `rope_scaling` in transformers 5.
    rope_parameters: Option<Rope>,
    quantization_config: Option<serde_json::Value>,
}

#[derive(Deserialize, Default)]
struct Rope {
    /// The old name of `rope_type`; some files have both.
    r#type: Option<String>,
    rope_type: Option<String>,
    rope_theta: Option<f64>,
    partial_rotary_factor: Option<f64>,
    short_factor: Option<Vec<f32>>,
    long_factor: Option<Vec<f32>>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    beta_fast: Option<f64>,
    beta_slow: Option<f64>,
    attention_factor: Option<f64>,
    original_max_position_embeddings: Option<u64>,
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    /// Tensor to file.
    weight_map: HashMap<String, String>,
}

/// Reads everything except the weights.
pub(super) fn read(folder: &Path) -> Result<Checkpoint, LoadError> {
    let config_path = folder.join("config.json");
    let json: ConfigJson = read_json(&config_path)?;
    let wrong = |problem: String| unsupported(&config_path, problem);
    let Some(architecture) = Architecture::of_model_type(&json.model_type) else {
        let (found, known) = (&json.model_type, architecture::names());
        return Err(wrong(format!("`model_type` is `{found}`, which is none of {known}, mistral")));
    };
    if let Some(activation) =
        json.hidden_act.as_deref().filter(|activation| !matches!(*activation, "silu" | "swish"))
    {
        return Err(wrong(format!("`hidden_act` is `{activation}`, not `silu`")));
    }
    if json.quantization_config.is_some() {
        return Err(wrong("`quantization_config`: quantised safetensors are not read".into()));
    }
    let (config, rope) = configuration(&config_path, &json)?;
    check(&config, &rope).map_err(|problem| damaged(&config_path, problem))?;

    let mut tensors = HashMap::new();
    for file in shards(folder)? {
        read_shard(&folder.join(file), &mut tensors)?;
    }
    let quantization = tensors
        .get(&format!("{}0.{}.weight", HUGGING_FACE.layer, HUGGING_FACE.down))
        .map(|tensor: &TensorLocation| format!("{:?}", tensor.info.dtype))
        .unwrap_or_default();
    let name = Path::new(&json._name_or_path).file_name().or(folder.file_name()).unwrap_or_default();
    Ok(Checkpoint {
        path: folder.into(),
        name: name.to_string_lossy().into_owned(),
        quantization,
        config,
        rope,
        tied: json.tie_word_embeddings,
        architecture,
        names: &HUGGING_FACE,
        tensors,
        vocabulary: VocabularyLocation::TokenizerJson(folder.join("tokenizer.json")),
    })
}

fn configuration(path: &Path, json: &ConfigJson) -> Result<(Config, RopeParameters), LoadError> {
    let size = |key: &str, size: u64| match size {
        1..=MAX_SIZE => Ok(size as usize),
        _ => Err(damaged(path, format!("`{key}` is {size}"))),
    };
    let context_size = |key: &str, size: u64| match u32::try_from(size) {
        Ok(size @ 1..) => Ok(size as usize),
        _ => Err(damaged(path, format!("`{key}` is {size}"))),
    };
    let hidden = size("hidden_size", json.hidden_size)?;
    let heads = size("num_attention_heads", json.num_attention_heads)?;
    let head_dim = match json.head_dim {
        Some(head_dim) => size("head_dim", head_dim)?,
        None if hidden.is_multiple_of(heads) => hidden / heads,
        None => {
            return Err(damaged(
                path,
                format!("`hidden_size` is {hidden}, which {heads} heads cannot share evenly"),
            ));
        }
    };

    let default = Rope::default();
    let rope = json.rope_scaling.as_ref().or(json.rope_parameters.as_ref()).unwrap_or(&default);
    let context = context_size("max_position_embeddings", json.max_position_embeddings)?;
    let original =
        rope.original_max_position_embeddings.or(json.original_max_position_embeddings).unwrap_or(4096);
    let original = context_size("original_max_position_embeddings", original)?;
    let rotary = rope.partial_rotary_factor.or(json.partial_rotary_factor).unwrap_or(1.0);
    let rotary_dim = (head_dim as f64 * rotary) as usize;
    let base = rope.rope_theta.or(json.rope_theta).unwrap_or(10_000.0);
    let kind = rope.rope_type.as_deref().or(rope.r#type.as_deref());
    let number = |key: &str, value: Option<f64>| match value {
        Some(value) if value.is_finite() && value > 0.0 => Ok(value),
        Some(value) => Err(damaged(path, format!("`rope_scaling.{key}` is {value}"))),
        None => Err(damaged(path, format!("`rope_scaling.{key}` is missing"))),
    };
    let same = |factors: Vec<f32>| Some((factors.clone(), factors));
    let is_longrope = rope.short_factor.is_some() && matches!(kind, Some("longrope" | "su" | "yarn"));
    let (factors, scale) = match (kind, &rope.short_factor, &rope.long_factor) {
        (None | Some("default"), _, _) => (None, 1.0),
        // Phi-3's first files name the same method `su` or `yarn`.
        (Some("longrope" | "su" | "yarn"), Some(short), Some(long)) => {
            let extended = rope.factor.map_or(context as f64, |factor| factor * original as f64);
            let scale = rope.attention_factor.unwrap_or_else(|| longrope_scale(extended, original as f64));
            (Some((short.clone(), long.clone())), scale)
        }
        (Some("longrope" | "su"), _, _) | (Some("yarn"), Some(_), None) | (Some("yarn"), None, Some(_)) => {
            return Err(damaged(path, "`rope_scaling` lacks `short_factor` or `long_factor`"));
        }
        (Some("linear"), _, _) => (same(vec![number("factor", rope.factor)? as f32; rotary_dim / 2]), 1.0),
        (Some("llama3"), _, _) => {
            let factor = number("factor", rope.factor)?;
            let low = number("low_freq_factor", rope.low_freq_factor)?;
            let high = number("high_freq_factor", rope.high_freq_factor)?;
            (same(llama3_factors(base, rotary_dim, factor, (low, high), original as f64)), 1.0)
        }
        (Some("yarn"), None, None) => {
            let factor = number("factor", rope.factor)?;
            let turns = (rope.beta_fast.unwrap_or(32.0), rope.beta_slow.unwrap_or(1.0));
            let original =
                rope.original_max_position_embeddings.map_or(context as f64, |original| original as f64);
            let scale = rope.attention_factor.unwrap_or_else(|| yarn_scale(factor));
            (same(yarn_factors(base, rotary_dim, factor, turns, original)), scale)
        }
        (Some(other), _, _) => {
            return Err(unsupported(
                path,
                format!(
                    "`rope_scaling` is of type `{other}`, which is none of linear, llama3, longrope, yarn"
                ),
            ));
        }
    };
    let layers = size("num_hidden_layers", json.num_hidden_layers)?;
    let window = window(path, json, layers)?;

    let config = Config {
        vocabulary: size("vocab_size", json.vocab_size)?,
        hidden,
        feed_forward: size("intermediate_size", json.intermediate_size)?,
        layers,
        heads,
        kv_heads: json.num_key_value_heads.map_or(Ok(heads), |heads| size("num_key_value_heads", heads))?,
        head_dim,
        rotary_dim,
        norm_epsilon: json.rms_norm_eps as f32,
        context,
        short_context: if is_longrope { original.min(context) } else { context },
        sliding_window: match window {
            Some(window) if (1..context as u64).contains(&window) => Some(window as usize),
            _ => None,
        },
    };
    Ok((config, RopeParameters { base, rotary_dim, factors, scale, pairs: Pairs::Halves }))
}

/// The sliding window of all layers, if there is one.
fn window(path: &Path, json: &ConfigJson, layers: usize) -> Result<Option<u64>, LoadError> {
    let mixed = |key: &str| {
        unsupported(
            path,
            format!("by `{key}`, some layers have a sliding window and some not, which is not read"),
        )
    };
    let Some(window) = json.sliding_window.filter(|_| json.use_sliding_window != Some(false)) else {
        return Ok(None);
    };
    if let Some(types) = &json.layer_types {
        let sliding = types.iter().filter(|kind| *kind == "sliding_attention").count();
        return match sliding {
            0 => Ok(None),
            all if all == types.len() => Ok(Some(window)),
            _ => Err(mixed("layer_types")),
        };
    }
    // Of Qwen: the layers before this one see everything.
    match json.max_window_layers.filter(|_| json.use_sliding_window == Some(true)) {
        None | Some(0) => Ok(Some(window)),
        Some(first) if first >= layers as u64 => Ok(None),
        Some(_) => Err(mixed("max_window_layers")),
    }
}

/// The safetensors files of the folder, by name.
fn shards(folder: &Path) -> Result<BTreeSet<String>, LoadError> {
    let whole = "model.safetensors";
    if folder.join(whole).exists() {
        return Ok([whole.to_owned()].into());
    }
    let path = folder.join("model.safetensors.index.json");
    if !path.exists() {
        return Err(unsupported(
            folder,
            format!("the folder has neither `{whole}` nor `{whole}.index.json`"),
        ));
    }
    let index: Index = read_json(&path)?;
    let files: BTreeSet<String> = index.weight_map.into_values().collect();
    for file in &files {
        let mut components = Path::new(file).components();
        if !matches!((components.next(), components.next()), (Some(Component::Normal(_)), None)) {
            return Err(damaged(&path, format!("`{file}` is not the name of a file in this folder")));
        }
    }
    Ok(files)
}

/// Adds the tensors of a safetensors file.
///
/// # Errors
/// The file is damaged, or a tensor is known already.
pub(super) fn read_shard(
    path: &Path,
    tensors: &mut HashMap<String, TensorLocation>,
) -> Result<(), LoadError> {
    let map = map(path)?;
    let (header, metadata) = SafeTensors::read_metadata(&map)
        .map_err(|error| damaged(path, format!("this is not a whole safetensors file ({error})")))?;
    let data_start = size_of::<u64>() + header;
    let shared: Arc<Path> = path.into();
    for (name, info) in metadata.tensors() {
        let dtype = match info.dtype {
            Dtype::F32 => GgmlDType::F32,
            Dtype::F16 => GgmlDType::F16,
            Dtype::BF16 => GgmlDType::BF16,
            other => {
                return Err(unsupported(path, format!("the tensor `{name}` is of type {other:?}")));
            }
        };
        let range = data_start + info.data_offsets.0..data_start + info.data_offsets.1;
        let info = TensorInfo { dtype, shape: info.shape.clone(), range };
        if tensors
            .insert(name.clone(), TensorLocation { path: shared.clone(), map: map.clone(), info })
            .is_some()
        {
            return Err(damaged(path, format!("the tensor `{name}` is in two files")));
        }
    }
    Ok(())
}

/// Far above any configuration or index.
const MAX_JSON: usize = 64 << 20;

/// Reads a JSON file; the error names the key.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    let map = map(path)?;
    if map.len() > MAX_JSON {
        return Err(damaged(path, format!("the file has {} bytes", map.len())));
    }
    let json = &mut serde_json::Deserializer::from_slice(&map);
    serde_path_to_error::deserialize(json).map_err(|error| {
        let key = error.path().to_string();
        let error = error.into_inner();
        let of_no_key = [".", "?"].contains(&key.as_str());
        damaged(path, if of_no_key { error.to_string() } else { format!("`{key}`: {error}") })
    })
}

#[cfg(test)]
mod tests;
