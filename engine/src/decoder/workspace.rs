//! What forward passes write to: KV pages and intermediate results. The caller owns them, so that decoding allocates no
//! memory for them.

use crate::attention;
use crate::kv::PagePool;
use crate::linear;
use crate::rope::Rotation;

/// Memory for the forward passes of one decoder, one after the other: the KV pages of its sequences, and intermediate
/// results, which grow to what the largest pass needs.
pub struct Workspace {
    /// The KV pages of all sequences.
    pub(crate) pages: PagePool,
    /// The residual stream, `[n][hidden]`.
    pub(super) x: Vec<f32>,
    /// What a matrix is applied to, after an RMSNorm.
    pub(super) normed: Vec<f32>,
    /// `[n][queries, keys, values]`
    pub(super) qkv: Vec<f32>,
    /// `[n][heads * head_dim]`
    pub(super) attended: Vec<f32>,
    /// `[n][gate, up]`
    pub(super) gate_up: Vec<f32>,
    /// `[n][feed_forward]`
    pub(super) gated: Vec<f32>,
    /// What is added to the residual stream, `[n][hidden]`.
    pub(super) result: Vec<f32>,
    /// `[tokens that need them][vocabulary]`
    pub(super) logits: Vec<f32>,
    pub(super) rotation: Rotation,
    pub(super) linear: linear::Workspace,
    pub(super) attention: attention::Workspace,
}

impl Workspace {
    /// For a decoder of `threads` threads whose KV rows are in `pages`.
    pub(super) fn new(threads: usize, pages: PagePool) -> Workspace {
        Workspace {
            pages,
            x: Vec::new(),
            normed: Vec::new(),
            qkv: Vec::new(),
            attended: Vec::new(),
            gate_up: Vec::new(),
            gated: Vec::new(),
            result: Vec::new(),
            logits: Vec::new(),
            rotation: Rotation::default(),
            linear: linear::Workspace::new(threads),
            attention: attention::Workspace::new(threads),
        }
    }
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workspace").finish_non_exhaustive()
    }
}
