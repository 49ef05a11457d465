//! The decoder as candle's tensors, the same on each of its devices: CUDA, Metal, and the CPU, where the tests compare it
//! with the reference. Weights and KV rows are in the memory of the device.
//!
//! A pass uploads the embeddings of its tokens, their rotations and a mask, and downloads the logits. In between the host only
//! queues work, so a cancelled pass ends when what it has queued does.

mod matrix;

use std::ops::Range;

use candle_core::{D, DType, Device, IndexOp, Result, Tensor};
use candle_nn::ops::{rms_norm, softmax_last_dim};
use candle_nn::rotary_emb::{rope, rope_i};

use super::{Config, Decoder, ForwardError, Layer, Weights, Workspace};
use crate::device;
use crate::kv::{DeviceRows, Kv, KvFormat, PAGE_TOKENS};
use crate::linear::Linear;
use crate::rope::{Pairs, Rotation};
use matrix::Matrix;

/// The tensors of a model on a device.
pub(super) struct DeviceWeights {
    device: Device,
    /// In main memory: a pass needs only the rows of its tokens.
    embedding: Linear,
    layers: Vec<DeviceLayer>,
    norm: Tensor,
    output: Matrix,
}

/// As [`Layer`].
struct DeviceLayer {
    attention_norm: Tensor,
    qkv: Matrix,
    head_norms: Option<(Tensor, Tensor)>,
    attention_output: Matrix,
    feed_forward_norm: Tensor,
    gate_up: Matrix,
    down: Matrix,
}

/// What all layers of a pass use.
struct Pass {
    rows: DeviceRows,
    /// `[n][rotary_dim / 2]` each.
    cos: Tensor,
    sin: Tensor,
    pairs: Pairs,
    /// `[n][tokens]`: 0 where a token attends to another one, else negative infinity. None for a token that attends to all.
    mask: Option<Tensor>,
}

impl DeviceWeights {
    /// Copies the weights to the device.
    pub(super) fn new(weights: Weights, device: &Device) -> Result<DeviceWeights> {
        let Weights { embedding, layers, norm, output } = weights;
        let vector = |vector: &[f32]| Tensor::from_slice(vector, vector.len(), device);
        let layer = |layer: &Layer| {
            let norms = layer.head_norms.as_ref();
            Ok(DeviceLayer {
                attention_norm: vector(&layer.attention_norm)?,
                qkv: Matrix::new(&layer.qkv, device)?,
                head_norms: norms
                    .map(|(q, k)| Ok::<_, candle_core::Error>((vector(q)?, vector(k)?)))
                    .transpose()?,
                attention_output: Matrix::new(&layer.attention_output, device)?,
                feed_forward_norm: vector(&layer.feed_forward_norm)?,
                gate_up: Matrix::new(&layer.gate_up, device)?,
                down: Matrix::new(&layer.down, device)?,
            })
        };
        Ok(DeviceWeights {
            device: device.clone(),
            layers: layers.iter().map(layer).collect::<Result<_>>()?,
            norm: vector(&norm)?,
            output: Matrix::new(output.as_ref().unwrap_or(&embedding), device)?,
            embedding,
        })
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn embedding(&self) -> &Linear {
        &self.embedding
    }
}

impl Decoder {
    /// The pass of `n` tokens that [`Decoder::forward`] has prepared: their embeddings and rotations are in the workspace.
    pub(super) fn run_on_device<'w>(
        &self,
        weights: &DeviceWeights,
        n: usize,
        kv: &mut Kv,
        logits: Range<usize>,
        workspace: &'w mut Workspace,
        cancelled: &dyn Fn() -> bool,
    ) -> std::result::Result<Option<&'w mut [f32]>, ForwardError> {
        match self.layers_on_device(weights, n, kv, logits, workspace, cancelled) {
            Ok(Some(computed)) => {
                kv.commit(n);
                workspace.logits = computed;
                Ok(Some(&mut workspace.logits))
            }
            Ok(None) => {
                kv.truncate(kv.len());
                Ok(None)
            }
            Err(error) => {
                // A copy of the last page may not have been made.
                kv.truncate(kv.len() / PAGE_TOKENS * PAGE_TOKENS);
                Err(ForwardError::Device {
                    device: device::name(&weights.device),
                    problem: error.to_string(),
                })
            }
        }
    }

    fn layers_on_device(
        &self,
        weights: &DeviceWeights,
        n: usize,
        kv: &Kv,
        logits: Range<usize>,
        workspace: &mut Workspace,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<f32>>> {
        let Config { hidden, norm_epsilon, .. } = self.config;
        let Workspace { pages, x, rotation, .. } = workspace;
        let rows = pages.begin(kv.reserved_pages(), kv.len(), n)?;
        let pass = self.pass(&weights.device, rows, rotation, kv.len(), n)?;
        let mut x = Tensor::from_slice(x, (n, hidden), &weights.device)?;
        for (index, layer) in weights.layers.iter().enumerate() {
            // A single token is not worth stopping.
            if (n > 1 || index == 0) && cancelled() {
                return Ok(None);
            }
            let normed = rms_norm(&x, &layer.attention_norm, norm_epsilon)?;
            let (queries, keys, values) = self.project(layer, &normed, &pass)?;
            let (keys, values) = pages.append(index, &pass.rows, (&keys, &values))?;
            let attended = self.attend_on_device(&queries, &keys, &values, pass.mask.as_ref())?;
            x = (x + layer.attention_output.forward(&attended)?)?;
            let normed = rms_norm(&x, &layer.feed_forward_norm, norm_epsilon)?;
            let gate_up = layer.gate_up.forward(&normed)?;
            let width = self.config.feed_forward;
            let gate = gate_up.narrow(1, 0, width)?.silu()?;
            x = (x + layer.down.forward(&(gate * gate_up.narrow(1, width, width)?)?)?)?;
        }
        if logits.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let x = x.narrow(0, logits.start, logits.len())?;
        let x = rms_norm(&x.contiguous()?, &weights.norm, norm_epsilon)?;
        weights.output.forward(&x)?.flatten_all()?.to_vec1().map(Some)
    }

    fn pass(
        &self,
        device: &Device,
        rows: DeviceRows,
        rotation: &Rotation,
        start: usize,
        n: usize,
    ) -> Result<Pass> {
        let upload = |table: &[f32]| Tensor::from_slice(table, (n, rotation.half), device);
        let window = self.config.sliding_window.unwrap_or(usize::MAX);
        let len = start + n;
        let sees_all = n == 1 && len <= window;
        let mask = (!sees_all).then(|| {
            let row = |i: usize| {
                let position = start + i;
                (0..len).map(move |other| match other <= position && position - other < window {
                    true => 0.0,
                    false => f32::NEG_INFINITY,
                })
            };
            let mask: Vec<f32> = (0..n).flat_map(row).collect();
            Tensor::from_vec(mask, (n, len), device)?.to_dtype(self.kv_dtype())
        });
        let (cos, sin) = (upload(&rotation.cos)?, upload(&rotation.sin)?);
        Ok(Pass { rows, cos, sin, pairs: rotation.pairs, mask: mask.transpose()? })
    }

    fn kv_dtype(&self) -> DType {
        match self.kv_format {
            KvFormat::F32 => DType::F32,
            KvFormat::F16 => DType::F16,
        }
    }

    /// Queries, keys and values of a layer, `[heads][n][head_dim]` each, the first two rotated, in the number format of KV
    /// rows. The queries are scaled.
    fn project(&self, layer: &DeviceLayer, normed: &Tensor, pass: &Pass) -> Result<(Tensor, Tensor, Tensor)> {
        let Config { heads, kv_heads, head_dim, norm_epsilon, .. } = self.config;
        let n = normed.dim(0)?;
        // [heads of queries, of keys, of values][n][head_dim]
        let qkv = layer.qkv.forward(normed)?.reshape((n, heads + 2 * kv_heads, head_dim))?;
        let qkv = qkv.transpose(0, 1)?.contiguous()?;
        let mut rotated = qkv.narrow(0, 0, heads + kv_heads)?;
        if let Some((query_norm, key_norm)) = &layer.head_norms {
            let queries = rms_norm(&qkv.narrow(0, 0, heads)?, query_norm, norm_epsilon)?;
            let keys = rms_norm(&qkv.narrow(0, heads, kv_heads)?, key_norm, norm_epsilon)?;
            rotated = Tensor::cat(&[queries, keys], 0)?;
        }
        let rotated = self.rotate(&rotated, pass)?;
        let queries = (rotated.narrow(0, 0, heads)? * (head_dim as f64).sqrt().recip())?;
        let keys = rotated.narrow(0, heads, kv_heads)?;
        let values = qkv.narrow(0, heads + kv_heads, kv_heads)?;
        let dtype = self.kv_dtype();
        Ok((queries.to_dtype(dtype)?, keys.to_dtype(dtype)?, values.to_dtype(dtype)?))
    }

    /// Rotates the first elements of each head.
    fn rotate(&self, heads: &Tensor, pass: &Pass) -> Result<Tensor> {
        let Config { head_dim, rotary_dim, .. } = self.config;
        let turn = |heads: &Tensor| {
            let heads = heads.contiguous()?.unsqueeze(0)?;
            let rotated = match pass.pairs {
                Pairs::Halves => rope(&heads, &pass.cos, &pass.sin)?,
                Pairs::Adjacent => rope_i(&heads, &pass.cos, &pass.sin)?,
            };
            rotated.i(0)
        };
        if rotary_dim == head_dim {
            return turn(heads);
        }
        let first = turn(&heads.narrow(2, 0, rotary_dim)?)?;
        Tensor::cat(&[first, heads.narrow(2, rotary_dim, head_dim - rotary_dim)?], D::Minus1)
    }

    /// `queries` are `[heads][n][head_dim]`, `keys` and `values` `[kv_heads][tokens][head_dim]`, the result
    /// `[n][heads * head_dim]`.
    fn attend_on_device(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        mask: Option<&Tensor>,
    ) -> Result<Tensor> {
        let Config { heads, kv_heads, head_dim, .. } = self.config;
        let (n, tokens) = (queries.dim(1)?, keys.dim(1)?);
        // The query heads that share a KV head are rows of one product.
        let queries = queries.contiguous()?.reshape((kv_heads, heads / kv_heads * n, head_dim))?;
        let mut scores = queries.matmul(&keys.t()?)?;
        if let Some(mask) = mask {
            scores = scores.reshape((heads, n, tokens))?.broadcast_add(mask)?;
        }
        let shape = (kv_heads, heads / kv_heads * n, tokens);
        let attended = softmax_last_dim(&scores.reshape(shape)?)?.matmul(values)?;
        let attended = attended.reshape((heads, n, head_dim))?.transpose(0, 1)?;
        attended.contiguous()?.reshape((n, heads * head_dim))?.to_dtype(DType::F32)
    }
}

#[cfg(test)]
mod tests;
