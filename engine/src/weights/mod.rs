//! Opening a model: a GGUF file as llama.cpp writes it, or a folder as Hugging Face has it.
//!
//! Both formats are read into a [`Checkpoint`], which knows each tensor's place in a mapped file; [`Checkpoint::build`]
//! checks every tensor against the configuration and makes the model of them. Whatever a file says is untrusted: sizes are
//! compared with the file before anything is reserved, and each problem is one [`LoadError`].

mod gguf;
mod hugging_face;
mod phi3_gguf;
pub(crate) mod tensor;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::quantized::gguf_file::Value;
use memmap2::Mmap;

use crate::Options;
use crate::linear::Linear;
use crate::phi::{Config, Layer, Phi, Weights};
use crate::rope::RopeParameters;
use crate::tokens::{Tokenizer, TokenizerError};
use gguf::TensorInfo;
use tensor::Tensor;

/// A model and what its file says about it.
#[derive(Debug)]
pub struct Loaded {
    /// The model, ready to run.
    pub phi: Phi,
    /// Its vocabulary.
    pub tokenizer: Tokenizer,
    /// For a person: `Phi-3.5-mini-instruct`.
    pub name: String,
    /// `Q4_K_M`, `F16`...
    pub quantization: String,
}

/// Why a model cannot be opened: what is wrong where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The operating system said no.
    #[error("{}: {source}; check that the file exists and may be read", path.display())]
    Read {
        /// File or folder.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The file is not whole, or contradicts itself.
    #[error("{}: {problem}; the file is damaged or incomplete: download it again", path.display())]
    Damaged {
        /// File or folder.
        path: PathBuf,
        /// What is wrong; names the tensor or key.
        problem: String,
    },
    /// A file that may be sound, but not one that this engine runs.
    #[error(
        "{}: {problem}; phi-ls runs Phi-3 and Phi-3.5 models from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors",
        path.display()
    )]
    Unsupported {
        /// File or folder.
        path: PathBuf,
        /// What it has that is not supported; names the tensor or key.
        problem: String,
    },
    /// The vocabulary of a GGUF file cannot be used.
    #[error("{}: {source}", path.display())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        source: TokenizerError,
    },
    /// `tokenizer.json`, or a file beside it, cannot be used.
    #[error(transparent)]
    TokenizerJson(TokenizerError),
    /// The threads for arithmetic cannot be started.
    #[error("cannot start {threads} threads: {problem}; set fewer threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the operating system said.
        problem: String,
    },
}

/// Opens a model. Blocks while it reads; `progress` is told how much of the weights is in memory, from 0 to 1.
///
/// The weights stay in the file, mapped into memory: do not overwrite or cut it while the model runs (replacing it by
/// renaming is safe).
///
/// # Errors
/// Names the file, the tensor or key, and what to do.
pub fn open(path: &Path, options: &Options, progress: &mut dyn FnMut(f32)) -> Result<Loaded, LoadError> {
    let checkpoint = Checkpoint::read(path)?;
    let tokenizer = checkpoint.tokenizer()?;
    checkpoint.fetch(progress);
    let (name, quantization) = (checkpoint.name.clone(), checkpoint.quantization.clone());
    Ok(Loaded { phi: checkpoint.build(options)?, tokenizer, name, quantization })
}

/// What can be said of a model without reading its weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// For a person: `Phi-3.5-mini-instruct`.
    pub name: String,
    /// `Q4_K_M`, `F16`...
    pub quantization: String,
    /// The most tokens of one sequence.
    pub context: usize,
}

/// Reads what stands before the weights: milliseconds, whatever the model's size.
///
/// # Errors
/// As [`open`], but for the tensors' shapes, which it does not compare.
pub fn describe(path: &Path) -> Result<Description, LoadError> {
    let checkpoint = Checkpoint::read(path)?;
    checkpoint.tokenizer()?;
    let Checkpoint { name, quantization, config, .. } = checkpoint;
    Ok(Description { name, quantization, context: config.context })
}

/// Opens the model alone, without a vocabulary: for a caller that has tokens, not text.
///
/// # Errors
/// As [`open`].
pub fn open_phi(path: &Path, options: &Options) -> Result<Phi, LoadError> {
    Checkpoint::read(path)?.build(options)
}

/// The number of threads that [`Options::threads`] means: its 0 is one per physical core, as more than that share the
/// units that the arithmetic needs.
fn threads(options: &Options) -> usize {
    match options.threads {
        0 => num_cpus::get_physical().min(num_cpus::get()).max(1),
        threads => threads,
    }
}

/// Everything that is known of a model before its tensors are looked at.
struct Checkpoint {
    path: PathBuf,
    name: String,
    quantization: String,
    config: Config,
    rope: RopeParameters,
    /// Whether the embedding serves as output matrix, too.
    tied: bool,
    names: &'static Names,
    tensors: HashMap<String, Located>,
    vocabulary: Vocabulary,
}

/// Where a format keeps its vocabulary.
enum Vocabulary {
    /// Of a GGUF file.
    Metadata(HashMap<String, Value>),
    /// A file of its own.
    TokenizerJson(PathBuf),
}

/// A tensor's place.
struct Located {
    path: Arc<Path>,
    map: Arc<Mmap>,
    info: TensorInfo,
}

/// What a format calls the tensors. Those of layer `i` are called `{layer}{i}.{name}`.
struct Names {
    embedding: &'static str,
    norm: &'static str,
    output: &'static str,
    layer: &'static str,
    attention_norm: &'static str,
    qkv: &'static str,
    attention_output: &'static str,
    feed_forward_norm: &'static str,
    gate_up: &'static str,
    down: &'static str,
}

impl Checkpoint {
    fn read(path: &Path) -> Result<Checkpoint, LoadError> {
        let metadata =
            std::fs::metadata(path).map_err(|source| LoadError::Read { path: path.into(), source })?;
        if metadata.is_dir() { hugging_face::read(path) } else { phi3_gguf::read(path) }
    }

    fn tokenizer(&self) -> Result<Tokenizer, LoadError> {
        let in_gguf = |source| LoadError::Vocabulary { path: self.path.clone(), source };
        let tokenizer = match &self.vocabulary {
            Vocabulary::Metadata(values) => Tokenizer::from_gguf(values).map_err(in_gguf)?,
            Vocabulary::TokenizerJson(path) => {
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

    /// Touches every page of the weights, so that the first token does not wait for the disk.
    fn fetch(&self, progress: &mut dyn FnMut(f32)) {
        const PAGE: usize = 4096;
        const REPORT: usize = 64 << 20;
        let total: usize = self.tensors.values().map(|tensor| tensor.info.range.len()).sum();
        let mut in_file_order: Vec<&Located> = self.tensors.values().collect();
        in_file_order.sort_by_key(|tensor| (&tensor.path, tensor.info.range.start));
        let mut done = 0;
        #[cfg(unix)]
        for Located { path, map, info } in &in_file_order {
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

    fn build(self, options: &Options) -> Result<Phi, LoadError> {
        let threads = threads(options);
        if let Some(name) = self.tensors.keys().filter(|name| name.ends_with(".bias")).min() {
            return Err(unsupported(
                &self.path,
                format!("the tensor `{name}` is a bias, which Phi-3 does not have"),
            ));
        }
        let Config { vocabulary, hidden, feed_forward, heads, kv_heads, head_dim, .. } = self.config;
        let names = self.names;
        let qkv_width = (heads + 2 * kv_heads) * head_dim;
        let layer = |index: usize| {
            let name = |name: &str| format!("{}{index}.{name}", names.layer);
            Ok(Layer {
                attention_norm: self.vector(&name(names.attention_norm), hidden)?,
                qkv: self.matrix(&name(names.qkv), qkv_width, hidden)?,
                attention_output: self.matrix(&name(names.attention_output), hidden, heads * head_dim)?,
                feed_forward_norm: self.vector(&name(names.feed_forward_norm), hidden)?,
                gate_up: self.matrix(&name(names.gate_up), 2 * feed_forward, hidden)?,
                down: self.matrix(&name(names.down), hidden, feed_forward)?,
            })
        };
        let weights = Weights {
            embedding: self.matrix(names.embedding, vocabulary, hidden)?,
            layers: (0..self.config.layers).map(layer).collect::<Result<_, LoadError>>()?,
            norm: self.vector(names.norm, hidden)?,
            output: if self.tied { None } else { Some(self.matrix(names.output, vocabulary, hidden)?) },
        };
        Phi::new(self.config, &self.rope, weights, threads)
            .map_err(|error| LoadError::Threads { threads, problem: error.to_string() })
    }

    fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Linear, LoadError> {
        self.tensor(name, &[rows, columns]).map(Linear::new)
    }

    fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, LoadError> {
        Ok(self.tensor(name, &[len])?.to_f32())
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, LoadError> {
        let Some(Located { path, map, info }) = self.tensors.get(name) else {
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

fn damaged(path: &Path, problem: impl Into<String>) -> LoadError {
    LoadError::Damaged { path: path.into(), problem: problem.into() }
}

fn unsupported(path: &Path, problem: impl Into<String>) -> LoadError {
    LoadError::Unsupported { path: path.into(), problem: problem.into() }
}

/// Maps a whole file for reading.
fn map(path: &Path) -> Result<Arc<Mmap>, LoadError> {
    let read = |source| LoadError::Read { path: path.into(), source };
    let (file, metadata) = match crate::open_regular(path) {
        Ok(opened) => opened,
        Err(_) if path.exists() && !path.is_file() => return Err(unsupported(path, "this is not a file")),
        Err(error) => return Err(read(error)),
    };
    if metadata.len() == 0 {
        return Err(damaged(path, "the file is empty"));
    }
    // SAFETY: the map is only read. Who changes a file of weights in place while it is in use breaks the promise that
    // `open` asks for; replacing it by renaming, as downloads do, leaves this map as it is.
    let map = unsafe { Mmap::map(&file) }.map_err(read)?;
    Ok(Arc::new(map))
}

/// Sizes that any model stays below by far; keeps products of two of them in range.
const MAX_SIZE: u64 = 1 << 20;

/// What both formats state about a model, checked for what no model can have. `Err` says which key is wrong.
fn check(config: &Config, rope: &RopeParameters) -> Result<(), String> {
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
