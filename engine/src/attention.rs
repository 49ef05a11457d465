//! Causal attention over KV pages.
//!
//! One parallel task is one KV head and a block of tokens. It iterates over the pages visible to the block, converts
//! the keys and values of a page to f32 once, and adds them to the online softmax (arXiv 1805.02867) of every query
//! of the block, for all query heads that share the KV head. A query's arithmetic depends on its position only, not
//! on the other queries of the block.

use rayon::prelude::*;

use crate::kv::{Kv, PAGE_TOKENS, PagePool};
use crate::per_thread::PerThread;
use crate::simd::{LANES, dot_inline, multiply_add, vectorised};

/// Tokens of one task. Larger blocks convert each page less often; smaller blocks give more parallel tasks.
const BLOCK_TOKENS: usize = 32;

/// The shape of causal attention.
pub(crate) struct Attention {
    /// Query heads.
    pub heads: usize,
    /// KV heads; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Elements of a head.
    pub head_dim: usize,
    /// A token attends to this many tokens, itself included; `None` is all of them.
    pub sliding_window: Option<usize>,
}

/// The KV rows of a sequence in one layer.
#[derive(Clone, Copy)]
pub(crate) struct KvRows<'a> {
    pub(crate) kv: &'a Kv,
    /// The pool of its pages.
    pub(crate) pool: &'a PagePool,
    pub(crate) layer: usize,
}

/// Memory that attention uses. The caller owns it, so that a pass allocates nothing once it has grown.
pub(crate) struct Workspace {
    /// `[kv head][n][group][head_dim]`, so that each task writes contiguous memory.
    by_head: Vec<f32>,
    blocks: PerThread<Block>,
}

/// What one task needs.
#[derive(Default)]
struct Block {
    /// `[tokens][group]`
    softmaxes: Vec<Softmax>,
    /// `[PAGE_TOKENS][head_dim]`
    keys: Vec<f32>,
    /// `[PAGE_TOKENS][head_dim]`
    values: Vec<f32>,
}

impl Workspace {
    /// For a pool of `threads` threads.
    pub(crate) fn new(threads: usize) -> Workspace {
        Workspace { by_head: Vec::new(), blocks: PerThread::new(threads) }
    }
}

impl Attention {
    /// Attention of the `n` tokens after those of `past.kv`, whose rows of this layer are reserved and written.
    /// `query(i)` is the `[heads][head_dim]` of the i-th token; `rows` becomes `[n][heads][head_dim]`.
    pub(crate) fn forward<'a>(
        &self,
        past: KvRows<'_>,
        n: usize,
        query: impl Fn(usize) -> &'a [f32] + Sync,
        rows: &mut Vec<f32>,
        workspace: &mut Workspace,
    ) {
        let Workspace { by_head, blocks } = workspace;
        rows.resize(n * self.heads * self.head_dim, 0.0);
        if n == 1 {
            // The two layouts are the same for one token.
            return self.by_head(past, n, query, rows, blocks);
        }
        by_head.resize(rows.len(), 0.0);
        self.by_head(past, n, query, by_head, blocks);
        let width = self.heads / self.kv_heads * self.head_dim;
        rows.par_chunks_mut(self.kv_heads * width).enumerate().for_each(|(i, row)| {
            for (kv_head, out) in row.chunks_exact_mut(width).enumerate() {
                out.copy_from_slice(&by_head[(kv_head * n + i) * width..][..width]);
            }
        });
    }

    /// [`forward`](Attention::forward) with a result of `[kv head][n][group][head_dim]`.
    fn by_head<'a>(
        &self,
        past: KvRows<'_>,
        n: usize,
        query: impl Fn(usize) -> &'a [f32] + Sync,
        out: &mut [f32],
        blocks: &PerThread<Block>,
    ) {
        let width = self.heads / self.kv_heads * self.head_dim;
        out.par_chunks_mut(n * width).enumerate().for_each(|(kv_head, out)| {
            out.par_chunks_mut(BLOCK_TOKENS * width).enumerate().for_each(|(block, out)| {
                let first = block * BLOCK_TOKENS;
                let query = |i: usize| &query(first + i)[kv_head * width..][..width];
                out.fill(0.0);
                self.block(past, kv_head, past.kv.len() + first, query, out, &mut blocks.get());
            });
        });
    }

    /// Attention of the tokens from `position` on, for the query heads of one KV head; `out` is
    /// `[tokens][group][head_dim]`, zeroed.
    fn block<'a>(
        &self,
        past: KvRows<'_>,
        kv_head: usize,
        position: usize,
        query: impl Fn(usize) -> &'a [f32],
        out: &mut [f32],
        memory: &mut Block,
    ) {
        let KvRows { kv, pool, layer } = past;
        let dim = self.head_dim;
        let group = self.heads / self.kv_heads;
        let tokens = out.len() / (group * dim);
        let scale = (dim as f32).sqrt().recip();
        let first_visible =
            |position: usize| self.sliding_window.map_or(0, |window| (position + 1).saturating_sub(window));

        let Block { softmaxes, keys, values } = memory;
        softmaxes.clear();
        softmaxes.resize(tokens * group, Softmax::default());
        keys.resize(PAGE_TOKENS * dim, 0.0);
        values.resize(PAGE_TOKENS * dim, 0.0);
        let pages = kv.reserved_pages().iter().enumerate();
        let last_page = (position + tokens - 1) / PAGE_TOKENS;
        for (index, page) in pages.take(last_page + 1).skip(first_visible(position) / PAGE_TOKENS) {
            let (page, page_start) = (pool.page(page), index * PAGE_TOKENS);
            page.keys(layer, kv_head, keys);
            page.values(layer, kv_head, values);
            for i in page_start.saturating_sub(position)..tokens {
                let last = (position + i - page_start).min(PAGE_TOKENS - 1);
                let first = first_visible(position + i).saturating_sub(page_start);
                if first > last {
                    continue;
                }
                let run = first * dim..(last + 1) * dim;
                for (g, query) in query(i).chunks_exact(dim).enumerate() {
                    let softmax = &mut softmaxes[i * group + g];
                    let out = &mut out[(i * group + g) * dim..][..dim];
                    accumulate(softmax, out, query, &keys[run.clone()], &values[run.clone()], scale);
                }
            }
        }
        for (softmax, out) in softmaxes.iter().zip(out.chunks_exact_mut(dim)) {
            out.iter_mut().for_each(|x| *x /= softmax.sum);
        }
    }
}

/// A running softmax: the largest score so far, and the sum of `exp(score - largest)`.
#[derive(Clone)]
struct Softmax {
    largest: f32,
    sum: f32,
}

impl Default for Softmax {
    fn default() -> Softmax {
        Softmax { largest: f32::NEG_INFINITY, sum: 0.0 }
    }
}

vectorised! {
    /// Adds up to [`PAGE_TOKENS`] keys and values to the running softmax of a query.
    fn accumulate(
        softmax: &mut Softmax,
        out: &mut [f32],
        query: &[f32],
        keys: &[f32],
        values: &[f32],
        scale: f32,
    ) {
        let dim = query.len();
        let mut scores = [0f32; PAGE_TOKENS];
        let scores = &mut scores[..keys.len() / dim];
        for (score, key) in scores.iter_mut().zip(keys.chunks_exact(dim)) {
            *score = dot_inline::<FMA>(query, key) * scale;
        }
        let largest = scores.iter().copied().fold(softmax.largest, f32::max);
        if largest > softmax.largest {
            let shrink = (softmax.largest - largest).exp();
            softmax.largest = largest;
            softmax.sum *= shrink;
            out.iter_mut().for_each(|x| *x *= shrink);
        }
        for score in scores.iter_mut() {
            *score = (*score - largest).exp();
            softmax.sum += *score;
        }
        let mut chunks = out.chunks_exact_mut(LANES);
        let mut at = 0;
        for chunk in &mut chunks {
            let mut sums = [0f32; LANES];
            sums.copy_from_slice(chunk);
            for (weight, value) in scores.iter().zip(values.chunks_exact(dim)) {
                let value = &value[at..at + LANES];
                for i in 0..LANES {
                    sums[i] = multiply_add::<FMA>(*weight, value[i], sums[i]);
                }
            }
            chunk.copy_from_slice(&sums);
            at += LANES;
        }
        for (i, x) in chunks.into_remainder().iter_mut().enumerate() {
            for (weight, value) in scores.iter().zip(values.chunks_exact(dim)) {
                *x = multiply_add::<FMA>(*weight, value[at + i], *x);
            }
        }
    }
}

#[cfg(test)]
mod tests;
