//! The parts of a model file that are the same in both formats: tensors by name, the configuration, the vocabulary.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::path::PathBuf;

use candle_core::quantized::gguf_file::Value;

use super::adapter::{Lora, Place};
use super::architecture::{Architecture, TensorNames};
use super::error::{LoadError, damaged, unsupported};
use super::tensors::TensorLocation;
use crate::decoder::{Config, Decoder, Layer, Weights};
use crate::linear::{Linear, LowRank};
use crate::rope::RopeParameters;
use crate::tensor::Tensor;
use crate::tokens::Tokenizer;

/// Everything that is known about a model before its tensors are read.
pub(super) struct Checkpoint {
    pub path: PathBuf,
    pub name: String,
    pub quantization: String,
    pub config: Config,
    pub rope: RopeParameters,
    /// Whether the embedding is also the output matrix.
    pub tied: bool,
    pub architecture: &'static Architecture,
    pub names: &'static TensorNames,
    pub tensors: HashMap<String, TensorLocation>,
    pub vocabulary: VocabularyLocation,
}

/// Where a format stores its vocabulary.
pub(super) enum VocabularyLocation {
    /// In the metadata of a GGUF file.
    Metadata(HashMap<String, Value>),
    /// In a separate file.
    TokenizerJson(PathBuf),
}

impl Checkpoint {
    pub(super) fn tokenizer(&self) -> Result<Tokenizer, LoadError> {
        let in_gguf = |source| LoadError::Vocabulary { path: self.path.clone(), source };
        let tokenizer = match &self.vocabulary {
            VocabularyLocation::Metadata(values) => Tokenizer::from_gguf(values).map_err(in_gguf)?,
            VocabularyLocation::TokenizerJson(path) => {
                Tokenizer::from_tokenizer_json(path).map_err(LoadError::TokenizerJson)?
            }
        };
        let (tokens, rows) = (tokenizer.vocabulary_len(), self.config.vocabulary);
        if tokens > rows {
            let problem = format!("the vocabulary has {tokens} tokens, but the embedding only {rows} rows");
            return Err(damaged(&self.path, problem));
        }
        Ok(tokenizer)
    }

    /// Reads every page of the weights into memory, so that the first token does not wait for the disk.
    pub(super) fn prefault(&self, progress: &mut dyn FnMut(f32)) {
        const PAGE: usize = 4096;
        const REPORT: usize = 64 << 20;
        let total: usize = self.tensors.values().map(|tensor| tensor.info.range.len()).sum();
        let mut in_file_order: Vec<&TensorLocation> = self.tensors.values().collect();
        in_file_order.sort_by_key(|tensor| (&tensor.path, tensor.info.range.start));
        let mut done = 0;
        #[cfg(unix)]
        for TensorLocation { path, map, info } in &in_file_order {
            if let Err(error) =
                map.advise_range(memmap2::Advice::WillNeed, info.range.start, info.range.len())
            {
                tracing::debug!("{}: no read-ahead: {error}", path.display());
            }
        }
        for tensor in in_file_order {
            for chunk in tensor.map[tensor.info.range.clone()].chunks(REPORT) {
                for page in chunk.chunks(PAGE) {
                    std::hint::black_box(page[0]);
                }
                done += chunk.len();
                progress(done as f32 / total as f32);
            }
        }
    }

    /// The model, with the low-rank terms of `adapters`.
    pub(super) fn build(self, threads: usize, adapters: &mut [Lora]) -> Result<Decoder, LoadError> {
        let Config { vocabulary, hidden, .. } = self.config;
        let names = self.names;
        let output = Part { name: |names| names.output, rows: vocabulary, heads: None };
        let weights = Weights {
            embedding: Linear::new(self.tensor(names.embedding, &[vocabulary, hidden])?),
            layers: (0..self.config.layers)
                .map(|index| self.layer(index, adapters))
                .collect::<Result<_, LoadError>>()?,
            norm: self.vector(names.norm, hidden)?,
            output: match self.tied {
                true => None,
                false => Some(self.linear(None, &[output], hidden, adapters)?),
            },
        };
        self.check_biases()?;
        adapters
            .iter()
            .try_for_each(|adapter| adapter.check_all_used(self.architecture.gguf, self.config.layers))?;
        Decoder::new(self.config, &self.rope, weights, threads)
            .map_err(|error| LoadError::Threads { threads, problem: error.to_string() })
    }

    fn layer(&self, index: usize, adapters: &mut [Lora]) -> Result<Layer, LoadError> {
        let Config { hidden, feed_forward, heads, kv_heads, head_dim, .. } = self.config;
        let names = self.names;
        let name = |name: &str| names.in_layer(index, name);
        let (query_width, kv_width) = (heads * head_dim, kv_heads * head_dim);
        let part = |name, rows| Part { name, rows, heads: None };
        let of_heads = |name, heads| Part { name, rows: heads * head_dim, heads: Some(heads) };
        let qkv: &[Part] = match self.architecture.is_fused {
            true => &[part(|names| names.qkv, query_width + 2 * kv_width)],
            false => &[
                of_heads(|names| names.query, heads),
                of_heads(|names| names.key, kv_heads),
                part(|names| names.value, kv_width),
            ],
        };
        let gate_up: &[Part] = match self.architecture.is_fused {
            true => &[part(|names| names.gate_up, 2 * feed_forward)],
            false => &[part(|names| names.gate, feed_forward), part(|names| names.up, feed_forward)],
        };
        let head_norms = match self.architecture.has_head_norms {
            true => Some((
                self.vector(&name(names.query_norm), head_dim)?,
                self.vector(&name(names.key_norm), head_dim)?,
            )),
            false => None,
        };
        let mut linear = |parts: &[Part], inputs| self.linear(Some(index), parts, inputs, adapters);
        Ok(Layer {
            attention_norm: self.vector(&name(names.attention_norm), hidden)?,
            qkv: linear(qkv, hidden)?,
            head_norms,
            attention_output: linear(&[part(|names| names.attention_output, hidden)], query_width)?,
            feed_forward_norm: self.vector(&name(names.feed_forward_norm), hidden)?,
            gate_up: linear(gate_up, hidden)?,
            down: linear(&[part(|names| names.down, hidden)], feed_forward)?,
        })
    }

    /// The matrix of these parts, one below the other, with their biases and the terms of the adapters.
    fn linear(
        &self,
        layer: Option<usize>,
        parts: &[Part],
        inputs: usize,
        adapters: &mut [Lora],
    ) -> Result<Linear, LoadError> {
        let full = |part: &Part| match layer {
            Some(layer) => self.names.in_layer(layer, (part.name)(self.names)),
            None => (part.name)(self.names).to_owned(),
        };
        let (mut tensors, mut bias, mut terms) = (Vec::new(), Vec::new(), Vec::<LowRank>::new());
        let mut first = 0;
        for part in parts {
            tensors.push(self.tensor(&full(part), &[part.rows, inputs])?);
            let outputs: Range<usize> = first..first + part.rows;
            first = outputs.end;
            if self.architecture.has_qkv_bias && self.is_qkv(part) {
                let name = full(part).replace(".weight", ".bias");
                bias.extend(self.vector(&name, part.rows)?);
            }
            let place = Place { layer, name: part.name, outputs, inputs, heads: part.heads };
            for adapter in &mut *adapters {
                terms.extend(adapter.term(&place, self.rope.pairs)?);
            }
        }
        Ok(Linear::stacked(tensors, (!bias.is_empty()).then_some(bias), terms))
    }

    fn is_qkv(&self, part: &Part) -> bool {
        let names = self.names;
        [names.query, names.key, names.value].contains(&(part.name)(names))
    }

    /// A bias that is not read would make every answer wrong.
    fn check_biases(&self) -> Result<(), LoadError> {
        let names = self.names;
        let is_read = |tensor: &str| {
            self.architecture.has_qkv_bias
                && [names.query, names.key, names.value]
                    .iter()
                    .any(|part| tensor.strip_suffix(".bias").is_some_and(|tensor| tensor.ends_with(part)))
        };
        let unread = self.tensors.keys().filter(|name| name.ends_with(".bias") && !is_read(name));
        match unread.min() {
            None => Ok(()),
            Some(name) => Err(unsupported(
                &self.path,
                format!(
                    "the tensor `{name}` is a bias, which models of the architecture `{}` do not have",
                    self.architecture.gguf
                ),
            )),
        }
    }

    /// Equal for files with equal metadata and tensor tables: a name of the model for caches.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = rustc_hash::FxHasher::default();
        let Config { vocabulary, hidden, layers, heads, kv_heads, head_dim, .. } = self.config;
        (self.architecture.gguf, &self.name, vocabulary, hidden, layers, heads, kv_heads, head_dim)
            .hash(&mut hasher);
        let mut tensors: Vec<_> = self.tensors.iter().collect();
        tensors.sort_by_key(|(name, _)| *name);
        for (name, TensorLocation { path, info, .. }) in tensors {
            (name, path.file_name(), format!("{:?}", info.dtype), &info.shape, &info.range).hash(&mut hasher);
        }
        hasher.finish()
    }

    fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, LoadError> {
        Ok(self.tensor(name, &[len])?.to_f32())
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, LoadError> {
        let Some(location) = self.tensors.get(name) else {
            return Err(damaged(&self.path, format!("the tensor `{name}` is missing")));
        };
        let found = &location.info.shape;
        if found != shape {
            return Err(damaged(
                &location.path,
                format!("the tensor `{name}` has the shape {found:?} where the model needs {shape:?}"),
            ));
        }
        location.open(name)
    }
}

/// A tensor that is a matrix, or one of several that are one matrix together.
struct Part {
    name: fn(&TensorNames) -> &'static str,
    rows: usize,
    /// The heads that the rows are, where RoPE rotates them.
    heads: Option<usize>,
}

/// Far above the sizes of any model; keeps products of two sizes in range.
pub(super) const MAX_SIZE: u64 = 1 << 20;

/// Checks the values that both formats state for contradictions. The error names the value.
pub(super) fn check(config: &Config, rope: &RopeParameters) -> Result<(), String> {
    let Config { heads, kv_heads, head_dim, rotary_dim, norm_epsilon, .. } = *config;
    if !heads.is_multiple_of(kv_heads) {
        return Err(format!("{heads} query heads cannot share {kv_heads} KV heads"));
    }
    if rotary_dim == 0 || rotary_dim > head_dim || !rotary_dim.is_multiple_of(2) {
        return Err(format!("RoPE over {rotary_dim} of a head's {head_dim} elements is not possible"));
    }
    if !(norm_epsilon > 0.0 && norm_epsilon < 1.0) {
        return Err(format!("the norm's epsilon is {norm_epsilon}"));
    }
    let RopeParameters { base, ref factors, scale, .. } = *rope;
    if !(base.is_finite() && base >= 1.0) {
        return Err(format!("RoPE's base is {base}"));
    }
    if !(scale.is_finite() && scale > 0.0) {
        return Err(format!("RoPE's attention factor is {scale}"));
    }
    let Some((short, long)) = factors else { return Ok(()) };
    for (name, factors) in [("short", short), ("long", long)] {
        if factors.len() != rotary_dim / 2 {
            return Err(format!(
                "there are {} LongRoPE factors ({name}) for {} pairs of a head's elements",
                factors.len(),
                rotary_dim / 2
            ));
        }
        if let Some(factor) = factors.iter().find(|factor| !(factor.is_finite() && **factor > 0.0)) {
            return Err(format!("a LongRoPE factor ({name}) is {factor}"));
        }
    }
    Ok(())
}
