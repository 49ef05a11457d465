//! Why a model cannot be opened.

use std::path::{Path, PathBuf};

use crate::device::DeviceError;
use crate::tokens::TokenizerError;

/// Why a model cannot be opened. The message says what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{}: {source}; check that the file exists and may be read", path.display())]
    Read {
        /// File or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file is incomplete or contradicts itself.
    #[error("{}: {problem}; the file is damaged or incomplete: download it again", path.display())]
    Damaged {
        /// File or folder.
        path: PathBuf,
        /// The problem; names the tensor or key.
        problem: String,
    },
    /// The file may be valid, but this engine does not support it.
    #[error(
        "{}: {problem}; phi-ls runs models of the Phi-3, Llama, Mistral, Qwen2 and Qwen3 families from a GGUF file (Q4_K_M is a good choice) or from a Hugging Face folder with config.json, tokenizer.json and safetensors",
        path.display()
    )]
    Unsupported {
        /// File or folder.
        path: PathBuf,
        /// What is not supported; names the tensor or key.
        problem: String,
    },
    /// A LoRA adapter does not fit the model, or has what this engine does not support.
    #[error(
        "{}: {problem}; `model.adapters` takes LoRA adapters that were trained on this model: PEFT folders with adapter_config.json and adapter_model.safetensors, or GGUF files",
        path.display()
    )]
    Adapter {
        /// File or folder.
        path: PathBuf,
        /// The problem; names the tensor or key, and both shapes where shapes differ.
        problem: String,
    },
    /// The vocabulary of a GGUF file cannot be used.
    #[error("{}: {source}", path.display())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// The problem, and what to do.
        source: TokenizerError,
    },
    /// `tokenizer.json`, or a file beside it, cannot be used.
    #[error(transparent)]
    TokenizerJson(TokenizerError),
    /// The threads for arithmetic cannot be started.
    #[error("cannot start {threads} threads: {problem}; set fewer threads")]
    Threads {
        /// The requested number.
        threads: usize,
        /// The error of the operating system.
        problem: String,
    },
    /// The chosen device cannot be used.
    #[error(transparent)]
    Device(DeviceError),
    /// The weights cannot be copied to the device: its name, and its error.
    #[error("the model does not run on {0} ({1}); choose a smaller one, or the device \"cpu\"")]
    OnDevice(String, String),
}

pub(super) fn damaged(path: &Path, problem: impl Into<String>) -> LoadError {
    LoadError::Damaged { path: path.into(), problem: problem.into() }
}

pub(super) fn unsupported(path: &Path, problem: impl Into<String>) -> LoadError {
    LoadError::Unsupported { path: path.into(), problem: problem.into() }
}

pub(super) fn misfit(path: &Path, problem: impl Into<String>) -> LoadError {
    LoadError::Adapter { path: path.into(), problem: problem.into() }
}
