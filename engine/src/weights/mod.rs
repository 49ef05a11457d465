//! Opens a model: a GGUF file as llama.cpp writes it, or a Hugging Face folder.
//!
//! Both formats are read into a [`Checkpoint`], which knows the location of each tensor in a mapped file.
//! [`Checkpoint::build`] checks every tensor against the configuration and builds the model. The files are untrusted:
//! sizes are checked against the file before memory is reserved for them, and each problem is one [`LoadError`].

mod adapter;
mod architecture;
mod checkpoint;
mod error;
mod gguf;
mod gguf_adapter;
mod gguf_model;
mod hugging_face;
mod peft;
mod tensors;

#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;

use crate::decoder::Decoder;
use crate::prompt::PromptFormats;
use crate::tokens::Tokenizer;
use adapter::Lora;
use checkpoint::Checkpoint;

pub use adapter::Adapter;
pub use error::LoadError;

/// A model and what its file states about it.
#[derive(Debug)]
pub struct LoadedModel {
    /// The model, ready to run.
    pub decoder: Decoder,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Display name: `Phi-3.5-mini-instruct`.
    pub name: String,
    /// `Q4_K_M`, `F16`...
    pub quantization: String,
    /// `phi3`, `llama`...
    pub architecture: &'static str,
    /// Equal for files with equal metadata and tensor tables.
    pub fingerprint: u64,
    /// Equal for equal adapters with equal scales; 0 without any.
    pub adapters: u64,
}

/// What is known about a model without reading its weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Display name: `Phi-3.5-mini-instruct`.
    pub name: String,
    /// `Q4_K_M`, `F16`...
    pub quantization: String,
    /// `phi3`, `llama`...
    pub architecture: &'static str,
    /// The most tokens of one sequence.
    pub context: usize,
    /// The formats of prompts that it was trained on.
    pub formats: PromptFormats,
}

/// Opens a model with adapters, whose effects add up. Blocks while it loads; calls `progress` with the share of the
/// weights loaded so far, from 0 to 1. `threads` do the arithmetic; 0 means one per physical core.
///
/// The weights stay in the file, mapped into memory: do not overwrite or truncate it while the model runs (replacing
/// it by renaming is safe). Adapters are read into memory.
///
/// # Errors
/// The error names the file, the tensor or key, and what to do.
pub fn open(
    path: &Path,
    adapters: &[Adapter],
    threads: usize,
    progress: &mut dyn FnMut(f32),
) -> Result<LoadedModel, LoadError> {
    let checkpoint = read(path)?;
    let tokenizer = checkpoint.tokenizer()?;
    // Before the weights are read, which takes long.
    let mut adapters = read_adapters(adapters, &checkpoint)?;
    checkpoint.prefault(progress);
    let (name, quantization) = (checkpoint.name.clone(), checkpoint.quantization.clone());
    let (architecture, fingerprint) = (checkpoint.architecture.gguf, checkpoint.fingerprint());
    let decoder = checkpoint.build(physical(threads), &mut adapters)?;
    let adapters = adapter::fingerprint(&adapters);
    Ok(LoadedModel { decoder, tokenizer, name, quantization, architecture, fingerprint, adapters })
}

fn read_adapters(adapters: &[Adapter], model: &Checkpoint) -> Result<Vec<Lora>, LoadError> {
    let read = |adapter: &Adapter| {
        let path = &adapter.path;
        if !adapter.scale.is_finite() {
            return Err(error::misfit(path, format!("the scale is {}", adapter.scale)));
        }
        let metadata = std::fs::metadata(path).map_err(|problem| error::misfit(path, problem.to_string()))?;
        if metadata.is_dir() { peft::read(adapter) } else { gguf_adapter::read(adapter, model.architecture) }
    };
    adapters.iter().map(read).collect()
}

/// Reads only the metadata of a model. Takes milliseconds for a model of any size.
///
/// # Errors
/// As [`open`], except that the shapes of the tensors are not checked.
pub fn describe(path: &Path) -> Result<Description, LoadError> {
    let checkpoint = read(path)?;
    let formats = checkpoint.tokenizer()?.formats();
    let Checkpoint { name, quantization, config, architecture, .. } = checkpoint;
    Ok(Description { name, quantization, architecture: architecture.gguf, context: config.context, formats })
}

/// Opens the model without its tokenizer, for a caller that has tokens instead of text. See [`open`].
///
/// # Errors
/// As [`open`].
pub fn open_decoder(path: &Path, threads: usize) -> Result<Decoder, LoadError> {
    read(path)?.build(physical(threads), &mut [])
}

fn read(path: &Path) -> Result<Checkpoint, LoadError> {
    let metadata = std::fs::metadata(path).map_err(|source| LoadError::Read { path: path.into(), source })?;
    if metadata.is_dir() { hugging_face::read(path) } else { gguf_model::read(path) }
}

/// Replaces 0 by the number of physical cores: more threads would share the units that the arithmetic needs.
fn physical(threads: usize) -> usize {
    match threads {
        0 => num_cpus::get_physical().min(num_cpus::get()).max(1),
        threads => threads,
    }
}
