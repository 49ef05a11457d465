//! The decoder of Phi-3 (arXiv 2404.14219), Llama, Mistral, Qwen2 and Qwen3, top to bottom: embedding, layers of attention and
//! gated feed-forward, each after an RMSNorm and added to the residual stream, a final norm, logits. What they differ in is in
//! the weights: a bias, norms of heads, one matrix or several.
//!
//! Activations are plain `f32` rows, `[tokens][width]`. The references are `Phi3ForCausalLM`,
//! `LlamaForCausalLM`, `MistralForCausalLM`, `Qwen2ForCausalLM` and `Qwen3ForCausalLM` of transformers.

mod device;
mod workspace;

use std::ops::Range;

use candle_core::Device;
use rayon::prelude::*;

use crate::attention::{Attention, KvRows};
use crate::kv::{Kv, KvFormat, KvShape, PagePool};
use crate::linear::Linear;
use crate::rope::{Rope, RopeParameters};
use crate::simd;

use device::DeviceWeights;

pub use crate::rope::RopeMode;
pub use workspace::Workspace;

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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    /// The sequences have all KV pages of the workspace.
    #[error("all KV pages are in use")]
    NoPages,
    /// The KV rows belong to another workspace, or the workspace to another model or format.
    #[error(
        "the KV pages are another workspace's, or of another shape ({found:?}) than this model's ({expected:?})"
    )]
    WrongKv {
        /// The shape of the workspace.
        found: KvShape,
        /// The shape of this model.
        expected: KvShape,
    },
    /// The device reports an error. The rows of the last, partly filled page are lost.
    #[error("{device} reports an error: {problem}")]
    Device {
        /// Such as `CUDA device 0`.
        device: String,
        /// Its message.
        problem: String,
    },
}

/// Matrix products on the processor gain little from more tokens.
const CPU_CHUNK: usize = 128;

/// Fewer tokens do not keep a GPU busy.
const DEVICE_CHUNK: usize = 512;

/// A model, ready to run.
pub struct Decoder {
    config: Config,
    backend: Backend,
    rope: Rope,
    attention: Attention,
    kv_format: KvFormat,
    /// Runs all arithmetic of the model.
    pool: rayon::ThreadPool,
}

/// Where a model runs.
enum Backend {
    /// On the processor, with our own kernels.
    Cpu(Weights),
    /// On a device, as candle's tensors.
    Device(DeviceWeights),
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
        let (rope, backend) = (Rope::new(rope), Backend::Cpu(weights));
        Ok(Decoder { rope, config, backend, attention, kv_format: KvFormat::F16, pool })
    }

    /// The same model on a device. candle's CPU device computes what a GPU does, slower than this crate's own kernels.
    /// Existing workspaces no longer fit.
    ///
    /// # Errors
    /// The device has too little memory, or does not support a number format of the weights.
    pub fn on_device(self, device: &Device) -> candle_core::Result<Decoder> {
        let backend = match self.backend {
            Backend::Cpu(weights) => Backend::Device(DeviceWeights::new(weights, device)?),
            Backend::Device(weights) => Backend::Device(weights),
        };
        Ok(Decoder { backend, ..self })
    }

    /// Tokens of a forward pass from which on a prompt is read at full speed.
    pub(crate) fn chunk(&self) -> usize {
        match self.backend {
            Backend::Cpu(_) => CPU_CHUNK,
            Backend::Device(_) => DEVICE_CHUNK,
        }
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

    /// Sets the number format of KV rows; the default is f16. Existing workspaces no longer fit.
    pub fn set_kv_format(&mut self, format: KvFormat) {
        self.kv_format = format;
    }

    /// Memory for forward passes, with as many KV pages as `kv_bytes` hold.
    pub fn workspace(&self, kv_bytes: usize) -> Workspace {
        let pages = match &self.backend {
            Backend::Cpu(_) => PagePool::new(self.kv_shape(), kv_bytes),
            Backend::Device(weights) => PagePool::on_device(self.kv_shape(), kv_bytes, weights.device()),
        };
        Workspace::new(self.pool.current_num_threads(), pages)
    }

    /// Runs `tokens` after the rows of `kv` and appends their rows. Returns the logits of `tokens[logits]`,
    /// `[logits.len()][vocabulary]`: of none in a chunk of a prompt, of the last one to sample the next token, of
    /// several to verify a draft. They stay in the workspace until its next pass.
    ///
    /// Calls `cancelled` before each layer, before a single token once; if it returns true, returns `None` and leaves
    /// `kv` unchanged.
    ///
    /// # Errors
    /// A token is unknown, there are no tokens, `logits` is not within them, the context or the pool of KV pages is
    /// full, or the rows of `kv` are not in a pool of [`Decoder::kv_shape`] in this workspace.
    pub fn forward<'w>(
        &self,
        tokens: &[u32],
        kv: &mut Kv,
        mode: RopeMode,
        logits: Range<usize>,
        workspace: &'w mut Workspace,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<&'w mut [f32]>, ForwardError> {
        self.check(tokens, kv, &logits, &workspace.pages)?;
        let n = tokens.len();
        self.rope.rotate(mode, kv.len()..kv.len() + n, &mut workspace.rotation);
        self.embed(tokens, &mut workspace.x);
        if !kv.reserve(n, &mut workspace.pages) {
            return Err(ForwardError::NoPages);
        }
        match &self.backend {
            Backend::Cpu(weights) => Ok(self.run(weights, n, kv, logits, workspace, cancelled)),
            Backend::Device(weights) => self.run_on_device(weights, n, kv, logits, workspace, cancelled),
        }
    }

    /// The pass of `n` tokens that [`Decoder::forward`] has prepared.
    fn run<'w>(
        &self,
        weights: &Weights,
        n: usize,
        kv: &mut Kv,
        logits: Range<usize>,
        workspace: &'w mut Workspace,
        cancelled: &dyn Fn() -> bool,
    ) -> Option<&'w mut [f32]> {
        // Entering the pool takes some time, and a single token is not worth stopping.
        let layers_at_once = if n == 1 { self.config.layers } else { 1 };
        for (step, layers) in weights.layers.chunks(layers_at_once).enumerate() {
            if cancelled() {
                kv.truncate(kv.len());
                return None;
            }
            self.pool.install(|| {
                for (index, layer) in (step * layers_at_once..).zip(layers) {
                    self.attend(layer, index, kv, workspace);
                    self.feed_forward(layer, workspace);
                }
            });
        }
        kv.commit(n);
        let Workspace { x, normed, logits: out, linear, .. } = workspace;
        if logits.is_empty() {
            out.clear();
        } else {
            let x = &x[logits.start * self.config.hidden..logits.end * self.config.hidden];
            let output = weights.output.as_ref().unwrap_or(&weights.embedding);
            self.pool.install(|| {
                self.norm(x, &weights.norm, normed);
                output.forward(normed, out, linear);
            });
        }
        Some(out)
    }

    fn check(
        &self,
        tokens: &[u32],
        kv: &Kv,
        logits: &Range<usize>,
        pages: &PagePool,
    ) -> Result<(), ForwardError> {
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
        let is_host = matches!(self.backend, Backend::Cpu(_));
        if pages.shape() != self.kv_shape()
            || pages.is_host() != is_host
            || !kv.pages().iter().all(|page| pages.owns(page))
        {
            return Err(ForwardError::WrongKv { found: pages.shape(), expected: self.kv_shape() });
        }
        Ok(())
    }

    fn embed(&self, tokens: &[u32], x: &mut Vec<f32>) {
        let hidden = self.config.hidden;
        let embedding = match &self.backend {
            Backend::Cpu(weights) => &weights.embedding,
            Backend::Device(weights) => weights.embedding(),
        };
        x.resize(tokens.len() * hidden, 0.0);
        for (row, &token) in x.chunks_exact_mut(hidden).zip(tokens) {
            embedding.row(token as usize, row);
        }
    }

    fn attend(&self, layer: &Layer, index: usize, kv: &mut Kv, workspace: &mut Workspace) {
        let Workspace { pages, x, normed, qkv, attended, result, rotation, linear, attention, .. } =
            workspace;
        let Config { heads, kv_heads, head_dim, .. } = self.config;
        let (query_width, kv_width) = (heads * head_dim, kv_heads * head_dim);
        let width = query_width + 2 * kv_width;

        self.norm(x, &layer.attention_norm, normed);
        layer.qkv.forward(normed, qkv, linear);
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
        kv.write(index, n, pages, |i| row(i)[query_width..].split_at(kv_width));
        let past = KvRows { kv, pool: pages, layer: index };
        self.attention.forward(past, n, |i| &row(i)[..query_width], attended, attention);
        layer.attention_output.forward(attended, result, linear);
        add(x, result);
    }

    fn feed_forward(&self, layer: &Layer, workspace: &mut Workspace) {
        let Workspace { x, normed, gate_up, gated, result, linear, .. } = workspace;
        let width = self.config.feed_forward;
        self.norm(x, &layer.feed_forward_norm, normed);
        layer.gate_up.forward(normed, gate_up, linear);
        gated.resize(gate_up.len() / 2, 0.0);
        gated.par_chunks_mut(width).zip(gate_up.par_chunks(2 * width)).for_each(|(gated, gate_up)| {
            let (gate, up) = gate_up.split_at(width);
            gated.par_iter_mut().zip(gate).zip(up).with_min_len(1024).for_each(|((out, gate), up)| {
                // SiLU(gate) * up
                *out = gate / (1.0 + (-gate).exp()) * up;
            });
        });
        layer.down.forward(gated, result, linear);
        add(x, result);
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
    fn norm(&self, x: &[f32], weight: &[f32], out: &mut Vec<f32>) {
        out.resize(x.len(), 0.0);
        out.par_chunks_mut(weight.len()).zip(x.par_chunks(weight.len())).for_each(|(out, x)| {
            let scale = self.norm_scale(x);
            for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
                *out = x * scale * weight;
            }
        });
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
