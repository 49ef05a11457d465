//! Opening a model: a GGUF file as llama.cpp writes it, or a folder as Hugging Face has it.

use std::path::{Path, PathBuf};

use crate::Options;
use crate::phi::Phi;

/// A model and what its file says about it.
pub struct Loaded {
    /// The model, ready to run.
    pub phi: Phi,
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
    /// The file is not what its name promises, or not whole.
    #[error("{}: {problem}; the file is damaged or incomplete: download it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A sound file that this engine cannot run.
    #[error("{}: {problem}; phi-ls runs Phi-3 and Phi-3.5 from a GGUF file (Q4_K_M is a good choice) or a Hugging Face folder with safetensors", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it has that is not supported.
        problem: String,
    },
}

/// Opens a model. Blocks while it reads; `progress` is told how much of the weights is there, from 0 to 1.
///
/// # Errors
/// Names the file, the tensor or key, and what to do.
pub fn open(path: &Path, options: &Options, progress: &mut dyn FnMut(f32)) -> Result<Loaded, LoadError> {
    let _ = (options, progress);
    Err(LoadError::Read { path: path.into(), source: std::io::ErrorKind::Unsupported.into() })
}
