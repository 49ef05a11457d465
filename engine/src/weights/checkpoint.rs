//! The parts of a model file that are the same in both formats: tensors by name, the configuration, the vocabulary.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::quantized::gguf_file::Value;
use memmap2::Mmap;

use super::architecture::{Architecture, TensorNames};
use super::error::{LoadError, damaged, unsupported};
use super::gguf::TensorInfo;
use crate::decoder::{Config, Decoder, Layer, Weights};
use crate::files::open_regular;
use crate::linear::Linear;
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

/// Where a tensor is stored.
pub(super) struct TensorLocation {
    pub path: Arc<Path>,
    pub map: Arc<Mmap>,
    pub info: TensorInfo,
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

    pub(super) fn build(self, threads: usize) -> Result<Decoder, LoadError> {
        let Config { vocabulary, hidden, .. } = self.config;
        let names = self.names;
        let weights = Weights {
            embedding: self.matrix(names.embedding, vocabulary, hidden)?,
            layers: (0..self.config.layers)
                .map(|index| self.layer(index))
                .collect::<Result<_, LoadError>>()?,
            norm: self.vector(names.norm, hidden)?,
            output: if self.tied { None } else { Some(self.matrix(names.output, vocabulary, hidden)?) },
        };
        self.check_biases()?;
        Decoder::new(self.config, &self.rope, weights, threads)
            .map_err(|error| LoadError::Threads { threads, problem: error.to_string() })
    }

    fn layer(&self, index: usize) -> Result<Layer, LoadError> {
        let Config { hidden, feed_forward, heads, kv_heads, head_dim, .. } = self.config;
        let names = self.names;
        let name = |name: &str| format!("{}{index}.{name}.weight", names.layer);
        let (query_width, kv_width) = (heads * head_dim, kv_heads * head_dim);
        let parts: &[(&str, usize)] = match self.architecture.is_fused {
            true => &[(names.qkv, query_width + 2 * kv_width)],
            false => &[(names.query, query_width), (names.key, kv_width), (names.value, kv_width)],
        };
        let bias =
            |(part, rows): &(&str, usize)| self.vector(&format!("{}{index}.{part}.bias", names.layer), *rows);
        let biases = parts.iter().filter(|_| self.architecture.has_qkv_bias).map(bias);
        let bias: Vec<f32> = biases.collect::<Result<Vec<_>, LoadError>>()?.concat();
        let head_norms = match self.architecture.has_head_norms {
            true => Some((
                self.vector(&name(names.query_norm), head_dim)?,
                self.vector(&name(names.key_norm), head_dim)?,
            )),
            false => None,
        };
        let gate_up: &[(&str, usize)] = match self.architecture.is_fused {
            true => &[(names.gate_up, 2 * feed_forward)],
            false => &[(names.gate, feed_forward), (names.up, feed_forward)],
        };
        let stacked = |parts: &[(&str, usize)], bias: Vec<f32>| {
            let tensor = |(part, rows): &(&str, usize)| self.tensor(&name(part), &[*rows, hidden]);
            let tensors = parts.iter().map(tensor).collect::<Result<_, LoadError>>()?;
            Ok::<_, LoadError>(Linear::stacked(tensors, (!bias.is_empty()).then_some(bias)))
        };
        Ok(Layer {
            attention_norm: self.vector(&name(names.attention_norm), hidden)?,
            qkv: stacked(parts, bias)?,
            head_norms,
            attention_output: self.matrix(&name(names.attention_output), hidden, query_width)?,
            feed_forward_norm: self.vector(&name(names.feed_forward_norm), hidden)?,
            gate_up: stacked(gate_up, Vec::new())?,
            down: self.matrix(&name(names.down), hidden, feed_forward)?,
        })
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

    fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Linear, LoadError> {
        self.tensor(name, &[rows, columns]).map(Linear::new)
    }

    fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, LoadError> {
        Ok(self.tensor(name, &[len])?.to_f32())
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, LoadError> {
        let Some(TensorLocation { path, map, info }) = self.tensors.get(name) else {
            return Err(damaged(&self.path, format!("the tensor `{name}` is missing")));
        };
        if info.shape != shape {
            return Err(damaged(
                path,
                format!("the tensor `{name}` has the shape {:?} where the model needs {shape:?}", info.shape),
            ));
        }
        let (columns, rows) = (shape[shape.len() - 1], shape[..shape.len() - 1].iter().product());
        Tensor::mapped(map, info.range.clone(), info.dtype, (rows, columns))
            .map_err(|problem| damaged(path, format!("the tensor `{name}` {problem}")))
    }
}

/// Maps a whole file for reading.
pub(super) fn map(path: &Path) -> Result<Arc<Mmap>, LoadError> {
    let read = |source| LoadError::Read { path: path.into(), source };
    let (file, metadata) = match open_regular(path) {
        Ok(opened) => opened,
        Err(_) if path.exists() && !path.is_file() => return Err(unsupported(path, "this is not a file")),
        Err(error) => return Err(read(error)),
    };
    if metadata.len() == 0 {
        return Err(damaged(path, "the file is empty"));
    }
    // SAFETY: the map is only read, and `open` requires that the file is not changed in place while the model runs.
    // Replacing it by renaming, as downloads do, does not affect the map.
    let map = unsafe { Mmap::map(&file) }.map_err(read)?;
    Ok(Arc::new(map))
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
