//! Matrix products of weights and activations, which take most of the engine's time. Faster kernels belong here: a
//! [`Storage`](storage::Storage) for the layout of the weights, and a file for its kernel.
//!
//! Each output element is one dot product whose order of accumulation does not depend on the number of activation
//! rows: a token gets bit-identical logits whether it runs alone, in a chunk, or as part of a draft.
//!
//! F32, F16, BF16, Q4_1, Q5_0, Q5_1 and Q8_0 weights are converted to f32 a few rows at a time, and multiplied with the
//! activations as they are. Q4_0 and K-quants use candle's dot products. Candle's `QMatMul` is not used: it runs on a
//! second, spinning thread pool whose size only an environment variable sets, keeps an expanded copy of the weights,
//! and rounds one row differently from several.

mod low_rank;
mod quantised;
mod storage;
mod widened;
mod workspace;

use rayon::prelude::*;

use crate::tensor::Tensor;
pub(crate) use low_rank::LowRank;
use storage::Storage;
pub(crate) use workspace::Workspace;

/// A matrix of weights, `[outputs][inputs]`. It may consist of several tensors, one below the other.
pub(crate) struct Linear {
    parts: Vec<Storage>,
    /// `[outputs]`
    bias: Option<Vec<f32>>,
    /// Of adapters.
    terms: Vec<LowRank>,
}

/// Weight rows of one parallel task: enough to be worth scheduling, few enough to stay in the L2 cache.
const TASK_ROWS: usize = 16;

/// Result rows of one parallel task of a transposition, so that each cache line of the products is read once for all.
const TRANSPOSED_ROWS: usize = 16;

impl Linear {
    pub(crate) fn new(weights: Tensor) -> Linear {
        Linear::stacked(vec![weights], None, Vec::new())
    }

    /// Tensors of equal width, one below the other, the bias of all rows, and the low-rank terms of some.
    pub(crate) fn stacked(parts: Vec<Tensor>, bias: Option<Vec<f32>>, terms: Vec<LowRank>) -> Linear {
        debug_assert!(parts.windows(2).all(|pair| pair[0].columns() == pair[1].columns()));
        Linear { parts: parts.into_iter().map(Storage::new).collect(), bias, terms }
    }

    /// Elements of one row of activations.
    pub(crate) fn inputs(&self) -> usize {
        self.parts[0].columns()
    }

    /// Elements of one row of the result.
    pub(crate) fn outputs(&self) -> usize {
        self.parts.iter().map(Storage::rows).sum()
    }

    /// `x` is `[n][inputs]`; `rows` becomes `[n][outputs]`. Runs in parallel in the caller's rayon pool.
    pub(crate) fn forward(&self, x: &[f32], rows: &mut Vec<f32>, workspace: &mut Workspace) {
        let (n, outputs) = (x.len() / self.inputs(), self.outputs());
        let Workspace { products, narrow, kernels } = workspace;
        rows.resize(n * outputs, 0.0);
        if n == 1 {
            self.multiply(x, n, rows, kernels);
        } else {
            let products = workspace::grown(products, n * outputs);
            self.multiply(x, n, products, kernels);
            transpose(products, n, rows);
        }
        if let Some(bias) = &self.bias {
            for row in rows.chunks_exact_mut(outputs) {
                row.iter_mut().zip(bias).for_each(|(row, bias)| *row += bias);
            }
        }
        self.terms.iter().for_each(|term| term.add(x, rows, outputs, narrow));
    }

    /// `products` becomes `[outputs][n]`.
    fn multiply(&self, x: &[f32], n: usize, mut products: &mut [f32], memory: &mut workspace::KernelMemory) {
        for part in &self.parts {
            let (of_part, rest) = std::mem::take(&mut products).split_at_mut(n * part.rows());
            part.multiply(x, n, of_part, memory);
            products = rest;
        }
    }

    /// The tensors, one below the other.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.parts.iter().map(Storage::tensor)
    }

    /// The bias of all rows.
    pub(crate) fn bias(&self) -> Option<&[f32]> {
        self.bias.as_deref()
    }

    /// The terms of adapters.
    pub(crate) fn terms(&self) -> &[LowRank] {
        &self.terms
    }

    /// Weight row `index` of the first tensor as f32: the embedding of a token.
    pub(crate) fn row(&self, index: usize, out: &mut [f32]) {
        self.parts[0].row(index, out);
    }
}

/// `[outputs][n]` to `[n][outputs]`.
fn transpose(products: &[f32], n: usize, rows: &mut [f32]) {
    let outputs = products.len() / n;
    rows.par_chunks_mut(TRANSPOSED_ROWS * outputs).enumerate().for_each(|(tile, rows)| {
        let first = tile * TRANSPOSED_ROWS;
        let count = rows.len() / outputs;
        for output in 0..outputs {
            for i in 0..count {
                rows[i * outputs + output] = products[output * n + first + i];
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::{GgmlDType, QTensor};
    use candle_core::{Device, Tensor as CandleTensor};

    use super::*;
    use crate::simd;

    /// A product in a workspace of its own.
    fn product(linear: &Linear, x: &[f32]) -> Vec<f32> {
        // What an earlier product left there must not matter.
        let mut rows = vec![f32::NAN; 7];
        linear.forward(x, &mut rows, &mut Workspace::new(2));
        rows
    }

    fn wave(n: usize, step: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * step).sin() + 0.1 * (i as f32 * step * 7.3).cos()).collect()
    }

    /// `outputs` is no multiple of anything, `inputs` an odd number of blocks.
    fn tensor(dtype: GgmlDType, outputs: usize, inputs: usize) -> (Tensor, Vec<f32>) {
        let values =
            CandleTensor::from_vec(wave(outputs * inputs, 0.37), (outputs, inputs), &Device::Cpu).unwrap();
        let quantised = QTensor::quantize(&values, dtype).unwrap();
        let exact = quantised.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let tensor = Tensor::owned(&quantised.data().unwrap(), dtype, (outputs, inputs));
        (tensor, exact)
    }

    #[test]
    fn stacked_tensors_are_one_matrix_with_a_bias() {
        let (above, first) = tensor(GgmlDType::F32, 5, 12);
        let (below, second) = tensor(GgmlDType::F16, 3, 12);
        let bias = wave(8, 0.7);
        let stacked = Linear::stacked(vec![above, below], Some(bias.clone()), Vec::new());
        assert_eq!((stacked.inputs(), stacked.outputs()), (12, 8));
        let x = wave(2 * 12, 0.2);
        let weights = [first, second].concat();
        for (i, found) in product(&stacked, &x).into_iter().enumerate() {
            let (row, output) = (i / 8, i % 8);
            let product = simd::dot(&weights[output * 12..][..12], &x[row * 12..][..12]);
            assert!((found - product - bias[output]).abs() < 1e-5, "{i}");
        }
    }

    #[test]
    fn every_type_multiplies_like_its_dequantised_weights() {
        use GgmlDType::*;
        let exact = [(F32, 75), (F16, 75), (BF16, 75), (Q4_1, 96), (Q5_0, 96), (Q5_1, 96), (Q8_0, 96)];
        let rounded = [(Q4_0, 96), (Q2K, 768), (Q3K, 768), (Q4K, 768), (Q5K, 768), (Q6K, 768)];
        let exact = exact.map(|(dtype, inputs)| (dtype, inputs, 1e-6));
        let rounded = rounded.map(|(dtype, inputs)| (dtype, inputs, 0.01));
        for (dtype, inputs, tolerance) in exact.into_iter().chain(rounded) {
            let (outputs, n) = (37, 19);
            let (tensor, weights) = tensor(dtype, outputs, inputs);
            let linear = Linear::new(tensor);
            let x = wave(n * inputs, 0.11);
            let result = product(&linear, &x);
            for i in 0..n {
                let x = &x[i * inputs..][..inputs];
                for output in 0..outputs {
                    let w = &weights[output * inputs..][..inputs];
                    let exact: f64 = w.iter().zip(x).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum();
                    let scale: f64 = w.iter().zip(x).map(|(&w, &x)| f64::from(w * x).abs()).sum();
                    let error = (f64::from(result[i * outputs + output]) - exact).abs();
                    assert!(
                        error <= tolerance * scale,
                        "{dtype:?} [{i}][{output}]: off by {error} of {scale}"
                    );
                }
                let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                let alone = bits(&product(&linear, x));
                assert_eq!(alone, bits(&result[i * outputs..][..outputs]), "{dtype:?}: one row, same bits");
            }
            let mut row = vec![0.0; inputs];
            linear.row(5, &mut row);
            assert_eq!(row, weights[5 * inputs..][..inputs]);
        }
    }
}
