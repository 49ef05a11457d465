//! How a tensor of weights is stored, which decides the kernel that multiplies it: one file for each.

use candle_core::quantized::GgmlDType;

use super::workspace::KernelMemory;
use super::{quantised, widened};
use crate::tensor::Tensor;

/// A tensor of weights, `[rows][columns]`. All its rows are multiplied in one way, so that a token gets the same
/// logits alone and in a chunk.
pub(super) enum Storage {
    /// As in the file; converted to f32 a few rows at a time.
    Widened(Tensor),
    /// As in the file; multiplied by activations that are quantised for its type.
    Quantised(Tensor),
}

impl Storage {
    pub(super) fn new(tensor: Tensor) -> Storage {
        use GgmlDType::{Q2K, Q3K, Q4_0, Q4K, Q5K, Q6K};
        match tensor.dtype() {
            Q4_0 | Q2K | Q3K | Q4K | Q5K | Q6K => Storage::Quantised(tensor),
            _ => Storage::Widened(tensor),
        }
    }

    pub(super) fn tensor(&self) -> &Tensor {
        match self {
            Storage::Widened(tensor) | Storage::Quantised(tensor) => tensor,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.tensor().rows()
    }

    pub(super) fn columns(&self) -> usize {
        self.tensor().columns()
    }

    /// One row as f32.
    pub(super) fn row(&self, index: usize, out: &mut [f32]) {
        self.tensor().row(index, out);
    }

    /// `products[row][i]` becomes weight row `row` times activation row `i` of the `n` rows of `x`.
    pub(super) fn multiply(&self, x: &[f32], n: usize, products: &mut [f32], memory: &mut KernelMemory) {
        match self {
            Storage::Widened(tensor) => widened::multiply(tensor, x, n, products, &memory.widened),
            Storage::Quantised(tensor) => quantised::multiply(tensor, x, n, products, &mut memory.quantised),
        }
    }
}
