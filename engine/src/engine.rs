//! The handle that the rest of a program holds: cheap to clone, safe to share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Generation, Prompt, Request};

/// A running engine: one thread that owns one model. The thread ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Engine {
    model: Arc<ModelInfo>,
}

/// How to run a neural model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Threads for arithmetic; 0 means one per physical core.
    pub threads: usize,
    /// Bytes that KV pages may take together.
    pub kv_bytes: usize,
    /// The most tokens of one sequence, prompt and answer; at most the model's own limit.
    pub context: usize,
}

/// What is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// Which of the three kinds.
    pub kind: ModelKind,
    /// For a person: `Phi-3.5-mini-instruct`, or `lookup`.
    pub name: String,
    /// The file or folder that it was read from.
    pub path: Option<PathBuf>,
    /// `Q4_K_M`, `F16`...; empty where weights have none.
    pub quantization: String,
    /// The most tokens of one sequence.
    pub context: usize,
    /// Up to this many tokens LongRoPE's short factors hold.
    pub short_context: usize,
}

/// The three models behind [`Engine`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// Phi-3 and Phi-3.5, dense.
    Phi,
    /// No neural model: continues text from text.
    Lookup,
    /// A closure; for tests.
    Scripted,
}

/// Names one text that the engine remembers (see [`Engine::remember`]); what it stands for is the caller's affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u64);

/// What the engine is doing, for a status line.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Status {
    /// Jobs waiting or running, idle prefill excluded.
    pub jobs: usize,
    /// Decode speed of the latest generation; 0 before the first.
    pub tokens_per_second: f32,
    /// Tokens whose KV rows the prefix tree holds.
    pub cached_tokens: usize,
    /// Bytes that these rows take.
    pub cached_bytes: usize,
}

/// Why the engine could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// Prompt and answer together do not fit the context.
    #[error(
        "the prompt has {prompt} tokens and the answer may take {max_tokens}, but the context holds {context}; shorten the prompt or raise the context"
    )]
    TooLong {
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens asked for.
        max_tokens: usize,
        /// Tokens that fit.
        context: usize,
    },
    /// There is nothing to run.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// The arithmetic failed; the message is the tensor library's.
    #[error("the model failed: {0}")]
    Model(Arc<str>),
    /// The engine's thread has ended.
    #[error("the engine has stopped")]
    Stopped,
}

impl Engine {
    /// Loads a Phi-3 model from a GGUF file or a Hugging Face folder and starts its thread. Blocks while it
    /// reads; `progress` is told how much of the weights is there, from 0 to 1.
    ///
    /// # Errors
    /// Names the file, the tensor or key, and what to do.
    pub fn phi(_path: &Path, _options: &Options, _progress: impl FnMut(f32)) -> Result<Engine, EngineError> {
        Err(EngineError::Stopped)
    }

    /// Starts the lookup model, which knows only what [`Engine::remember`] gives it.
    pub fn lookup() -> Engine {
        unreachable!()
    }

    /// Starts an engine whose answers come from a closure: it gets the prompt as [`Prompt`]'s `Display` shows
    /// it. Stop rules and cancelling hold as for any model.
    pub fn scripted(_answer: impl FnMut(&str) -> String + Send + 'static) -> Engine {
        unreachable!()
    }

    /// What is running.
    pub fn model(&self) -> &ModelInfo {
        &self.model
    }

    /// Tokens that `text` takes as one [`crate::Part::Text`]. Does not wait for the engine's thread.
    pub fn count(&self, _text: &str) -> usize {
        0
    }

    /// Starts a generation.
    pub fn generate(&self, _request: Request) -> Generation {
        unreachable!()
    }

    /// Prefills a prompt while the engine has nothing else to do, so that a later request that begins with it
    /// finds its KV rows. A newer call replaces an older one that has not run.
    pub fn warm(&self, _prompt: Prompt) {}

    /// Lets the engine continue text from this one: the lookup model answers from it. The same id again
    /// replaces the text.
    pub fn remember(&self, _source: SourceId, _text: Arc<str>) {}

    /// Takes a text back.
    pub fn forget(&self, _source: SourceId) {}

    /// What the engine is doing; a snapshot that costs nothing.
    pub fn status(&self) -> Status {
        Status::default()
    }
}
