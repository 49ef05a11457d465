//! The decoder of Phi-3 (arXiv 2404.14219), Llama, Mistral, Qwen2 and Qwen3, top to bottom: embedding, layers of attention and
//! gated feed-forward, each after an RMSNorm and added to the residual stream, a final norm, logits. What they differ in is in
//! the weights: a bias, norms of heads, one matrix or several.
//!
//! Activations are plain `f32` rows, `[tokens][width]`. The references are `Phi3ForCausalLM`,
//! `LlamaForCausalLM`, `MistralForCausalLM`, `Qwen2ForCausalLM` and `Qwen3ForCausalLM` of transformers.

use std::ops::Range;

use rayon::prelude::*;

use crate::attention::Attention;
use crate::kv::{Kv, KvFormat, KvShape};
use crate::linear::Linear;
use crate::rope::{Rope, RopeParameters, Rotation};
use crate::simd;

pub use crate::rope::RopeMode;

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
    /// LongRoPE's short factors apply to sequences of up to this many tokens; equals `context` without factors.
    pub short_context: usize,
    /// A token attends to this many tokens, itself included; `None` is all of them.
    pub sliding_window: Option<usize>,
}

/// Why a forward pass did not run. The KV rows are unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// There are no tokens.
    #[error("a forward pass needs at least one token")]
    NoTokens,
    /// A token is not in the vocabulary.
    #[error("token {token} is out of range: the vocabulary has {vocabulary} tokens")]
    UnknownToken {
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        vocabulary: usize,
    },
    /// More tokens than the model's context holds.
    #[error("the sequence would grow to {tokens} tokens, but the model's context holds {context}")]
    ContextFull {
        /// Tokens, the new ones included.
        tokens: usize,
        /// The model's limit.
        context: usize,
    },
    /// Logits of tokens that are not run.
    #[error("a forward pass of {tokens} tokens has no logits for the tokens {first}..{end}")]
    NoSuchRows {
        /// First token of the range.
        first: usize,
        /// End of the range.
        end: usize,
        /// Tokens of the pass.
        tokens: usize,
    },
    /// The KV rows belong to another model or format.
    #[error("the KV pages are of another shape ({found:?}) than this model's ({expected:?})")]
    WrongKv {
        /// The shape that was passed.
        found: KvShape,
        /// The shape of this model.
        expected: KvShape,
    },
}

/// A model, ready to run.
pub struct Decoder {
    config: Config,
    weights: Weights,
    rope: Rope,
    attention: Attention,
    kv_format: KvFormat,
    /// Runs all arithmetic of the model.
    pool: rayon::ThreadPool,
}

/// The tensors of a model, with the shapes of its [`Config`].
pub(crate) struct Weights {
    /// `[vocabulary][hidden]`
    pub embedding: Linear,
    pub layers: Vec<Layer>,
    /// `[hidden]`
    pub norm: Vec<f32>,
    /// `[vocabulary][hidden]`; `None` if tied to the embedding.
    pub output: Option<Linear>,
}

/// The tensors of one decoder layer.
pub(crate) struct Layer {
    /// `[hidden]`
    pub attention_norm: Vec<f32>,
    /// `[(heads + 2 * kv_heads) * head_dim][hidden]`: queries, keys, values.
    pub qkv: Linear,
    /// `[head_dim]` each: the norms of a head of queries and of a head of keys.
    pub head_norms: Option<(Vec<f32>, Vec<f32>)>,
    /// `[hidden][heads * head_dim]`
    pub attention_output: Linear,
    /// `[hidden]`
    pub feed_forward_norm: Vec<f32>,
    /// `[2 * feed_forward][hidden]`: gate, up.
    pub gate_up: Linear,
    /// `[hidden][feed_forward]`
    pub down: Linear,
}

impl Decoder {
    /// A model of weights with the shapes of `config`, with a pool of `threads` threads.
    pub(crate) fn new(
        config: Config,
        rope: &RopeParameters,
        weights: Weights,
        threads: usize,
    ) -> Result<Decoder, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("phi-{i}"))
            .build()?;
        let attention = Attention {
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_dim: config.head_dim,
            sliding_window: config.sliding_window,
        };
        Ok(Decoder { rope: Rope::new(rope), config, weights, attention, kv_format: KvFormat::F16, pool })
    }

    /// Sizes and constants.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The shape of this model's KV pages.
    pub fn kv_shape(&self) -> KvShape {
        KvShape {
            layers: self.config.layers,
            heads: self.config.kv_heads,
            head_dim: self.config.head_dim,
            format: self.kv_format,
        }
    }

    /// Sets the number format of new KV rows; the default is f16. Existing rows no longer fit.
    pub fn set_kv_format(&mut self, format: KvFormat) {
        self.kv_format = format;
    }

    /// Runs `tokens` after the rows of `kv` and appends their rows. Returns the logits of `tokens[logits]`,
    /// `[logits.len()][vocabulary]`: of none in a chunk of a prompt, of the last one to sample the next token, of
    /// several to verify a draft. Calls `cancelled` before each layer; if it returns true, returns `None` and leaves
    /// `kv` unchanged.
    ///
    /// # Errors
    /// A token is unknown, there are no tokens, `logits` is not within them, the context is full, or `kv` does not have
    /// [`Decoder::kv_shape`].
    pub fn forward(
        &self,
        tokens: &[u32],
        kv: &mut Kv,
        mode: RopeMode,
        logits: Range<usize>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<f32>>, ForwardError> {
        self.check(tokens, kv, &logits)?;
        let n = tokens.len();
        let rotation = self.rope.rotation(mode, kv.len()..kv.len() + n);
        let mut x = self.pool.install(|| self.embed(tokens));
        kv.reserve(n);
        for (index, layer) in self.weights.layers.iter().enumerate() {
            if cancelled() {
                kv.truncate(kv.len());
                return Ok(None);
            }
            self.pool.install(|| {
                self.attend(layer, index, &mut x, kv, &rotation);
                self.feed_forward(layer, &mut x);
            });
        }
        kv.commit(n);
        if logits.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let x = &x[logits.start * self.config.hidden..logits.end * self.config.hidden];
        let output = self.weights.output.as_ref().unwrap_or(&self.weights.embedding);
        Ok(Some(self.pool.install(|| output.forward(&self.norm(x, &self.weights.norm)))))
    }

    fn check(&self, tokens: &[u32], kv: &Kv, logits: &Range<usize>) -> Result<(), ForwardError> {
        let Config { vocabulary, context, .. } = self.config;
        if tokens.is_empty() {
            return Err(ForwardError::NoTokens);
        }
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= vocabulary) {
            return Err(ForwardError::UnknownToken { token, vocabulary });
        }
        if kv.len() + tokens.len() > context {
            return Err(ForwardError::ContextFull { tokens: kv.len() + tokens.len(), context });
        }
        if logits.start > logits.end || logits.end > tokens.len() {
            let Range { start: first, end } = *logits;
            return Err(ForwardError::NoSuchRows { first, end, tokens: tokens.len() });
        }
        if kv.shape() != self.kv_shape() {
            return Err(ForwardError::WrongKv { found: kv.shape(), expected: self.kv_shape() });
        }
        Ok(())
    }

    fn embed(&self, tokens: &[u32]) -> Vec<f32> {
        let hidden = self.config.hidden;
        let mut x = vec![0.0; tokens.len() * hidden];
        x.par_chunks_mut(hidden)
            .zip(tokens)
            .for_each(|(row, &token)| self.weights.embedding.row(token as usize, row));
        x
    }

    fn attend(&self, layer: &Layer, index: usize, x: &mut [f32], kv: &mut Kv, rotation: &Rotation) {
        let Config { heads, kv_heads, head_dim, .. } = self.config;
        let (query_width, kv_width) = (heads * head_dim, kv_heads * head_dim);
        let width = query_width + 2 * kv_width;

        let mut qkv = layer.qkv.forward(&self.norm(x, &layer.attention_norm));
        qkv.par_chunks_mut(width).enumerate().for_each(|(i, row)| {
            if let Some((query_norm, key_norm)) = &layer.head_norms {
                let (queries, keys) = row[..query_width + kv_width].split_at_mut(query_width);
                self.norm_heads(queries, query_norm);
                self.norm_heads(keys, key_norm);
            }
            rotation.apply(i, &mut row[..query_width + kv_width], head_dim);
        });
        let n = qkv.len() / width;
        let row = |i: usize| &qkv[i * width..][..width];
        kv.write(index, n, |i| row(i)[query_width..].split_at(kv_width));
        let attended = self.attention.forward(kv, index, n, |i| &row(i)[..query_width]);
        add(x, &layer.attention_output.forward(&attended));
    }

    fn feed_forward(&self, layer: &Layer, x: &mut [f32]) {
        let width = self.config.feed_forward;
        let gate_up = layer.gate_up.forward(&self.norm(x, &layer.feed_forward_norm));
        let mut gated = vec![0.0; gate_up.len() / 2];
        gated.par_chunks_mut(width).zip(gate_up.par_chunks(2 * width)).for_each(|(gated, gate_up)| {
            let (gate, up) = gate_up.split_at(width);
            gated.par_iter_mut().zip(gate).zip(up).with_min_len(1024).for_each(|((out, gate), up)| {
                // SiLU(gate) * up
                *out = gate / (1.0 + (-gate).exp()) * up;
            });
        });
        add(x, &layer.down.forward(&gated));
    }

    /// RMSNorm of each head.
    fn norm_heads(&self, heads: &mut [f32], weight: &[f32]) {
        for head in heads.chunks_exact_mut(weight.len()) {
            let scale = self.norm_scale(head);
            head.iter_mut().zip(weight).for_each(|(x, weight)| *x *= scale * weight);
        }
    }

    /// The reciprocal of the root of the mean square.
    fn norm_scale(&self, x: &[f32]) -> f32 {
        let mean_square = simd::dot(x, x) / x.len() as f32;
        (mean_square + self.config.norm_epsilon).sqrt().recip()
    }

    /// RMSNorm of each row.
    fn norm(&self, x: &[f32], weight: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        out.par_chunks_mut(weight.len()).zip(x.par_chunks(weight.len())).for_each(|(out, x)| {
            let scale = self.norm_scale(x);
            for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
                *out = x * scale * weight;
            }
        });
        out
    }
}

/// Adds a layer's result to the residual stream.
fn add(x: &mut [f32], result: &[f32]) {
    x.iter_mut().zip(result).for_each(|(x, result)| *x += result);
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
