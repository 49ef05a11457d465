//! Why a generation failed.

use std::sync::Arc;

/// Why the engine could not serve a request.
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
    /// The prompt has no tokens.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// The sampling parameters are out of range.
    #[error(
        "temperature {temperature} with top_p {top_p}: the temperature must be above 0, top_p above 0 and at most 1"
    )]
    Sampling {
        /// As requested.
        temperature: f64,
        /// As requested.
        top_p: f64,
    },
    /// The model could not be run, or it computed no finite numbers.
    #[error("the model failed: {0}")]
    Model(Arc<str>),
    /// The engine thread has ended.
    #[error("the engine has stopped")]
    Stopped,
}

impl EngineError {
    /// The error of a generation that a panic ended.
    pub(crate) fn panicked(reason: &str) -> EngineError {
        EngineError::Model(format!("it panicked: {reason}").into())
    }
}
