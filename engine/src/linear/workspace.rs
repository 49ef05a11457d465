//! Memory that matrix products use. The caller owns it, so that a product allocates nothing once it has grown.

use crate::per_thread::PerThread;

/// Intermediate results of the products of one caller.
pub(crate) struct Workspace {
    /// `[outputs][n]`, before they are transposed.
    pub(super) products: Vec<f32>,
    /// `[n][rank]` of a low-rank term.
    pub(super) narrow: Vec<f32>,
    pub(super) kernels: KernelMemory,
}

/// What the kernels need beside their results.
pub(super) struct KernelMemory {
    /// Activations in a block format, as 8-byte units for their alignment.
    pub(super) quantised: Vec<u64>,
    /// Rows of weights as f32.
    pub(super) widened: PerThread<Vec<f32>>,
}

impl Workspace {
    /// For a pool of `threads` threads.
    pub(crate) fn new(threads: usize) -> Workspace {
        Workspace {
            products: Vec::new(),
            narrow: Vec::new(),
            kernels: KernelMemory { quantised: Vec::new(), widened: PerThread::new(threads) },
        }
    }
}

/// The first `len` elements of memory that grows and never shrinks, so that its elements are initialised once.
pub(super) fn grown(memory: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if memory.len() < len {
        memory.resize(len, 0.0);
    }
    &mut memory[..len]
}
