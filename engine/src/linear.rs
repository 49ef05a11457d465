//! Matrix products of weights and activations, which take most of the engine's time. Faster kernels belong here.
//!
//! Each output element is one dot product whose order of accumulation does not depend on the number of activation
//! rows: a token gets bit-identical logits whether it runs alone, in a chunk, or as part of a draft.
//!
//! F32, F16, BF16, Q4_1, Q5_0, Q5_1 and Q8_0 weights are converted to f32 a few rows at a time, and multiplied with the
//! activations as they are. Q4_0 and K-quants use candle's dot products (`GgmlType::vec_dot`, selected for the CPU at
//! run time), with activations quantised to the format that the weight type requires, as in llama.cpp. Candle's
//! `QMatMul` is not used: it runs on a second, spinning thread pool whose size only an environment variable sets, keeps
//! an expanded copy of the weights, and rounds one row differently from several.

mod low_rank;

use candle_core::quantized::{GgmlDType, GgmlType};
use rayon::prelude::*;

use crate::simd;
use crate::tensor::{Tensor, for_blocks};

pub(crate) use low_rank::LowRank;

/// A matrix of weights, `[outputs][inputs]`. It may consist of several tensors, one below the other.
pub(crate) struct Linear {
    parts: Vec<Tensor>,
    /// `[outputs]`
    bias: Option<Vec<f32>>,
    /// Of adapters.
    terms: Vec<LowRank>,
}

/// Weight rows of one parallel task: enough to be worth scheduling, few enough to stay in the L2 cache.
const TASK_ROWS: usize = 16;

/// Activation rows that are multiplied with all weight rows of a task before the next ones, to stay in the cache.
const TILE_ROWS: usize = 16;

/// Weight rows that are converted to f32 at once: few enough to stay in the cache while all activation rows pass.
const WIDENED_ROWS: usize = 8;

impl Linear {
    pub(crate) fn new(weights: Tensor) -> Linear {
        Linear::stacked(vec![weights], None, Vec::new())
    }

    /// Tensors of equal width, one below the other, the bias of all rows, and the low-rank terms of some.
    pub(crate) fn stacked(parts: Vec<Tensor>, bias: Option<Vec<f32>>, terms: Vec<LowRank>) -> Linear {
        debug_assert!(parts.windows(2).all(|pair| pair[0].columns() == pair[1].columns()));
        Linear { parts, bias, terms }
    }

    /// Elements of one row of activations.
    pub(crate) fn inputs(&self) -> usize {
        self.parts[0].columns()
    }

    /// Elements of one row of the result.
    pub(crate) fn outputs(&self) -> usize {
        self.parts.iter().map(Tensor::rows).sum()
    }

    /// `x` is `[n][inputs]`, the result `[n][outputs]`. Runs in parallel in the caller's rayon pool.
    pub(crate) fn forward(&self, x: &[f32]) -> Vec<f32> {
        let n = x.len() / self.inputs();
        let mut products = vec![0.0; n * self.outputs()];
        let mut rest = &mut products[..];
        for part in &self.parts {
            let (products, behind) = std::mem::take(&mut rest).split_at_mut(n * part.rows());
            multiply(part, x, n, products);
            rest = behind;
        }
        let mut rows = transpose(products, n);
        if let Some(bias) = &self.bias {
            for row in rows.chunks_exact_mut(bias.len()) {
                row.iter_mut().zip(bias).for_each(|(row, bias)| *row += bias);
            }
        }
        let mut scratch = Vec::new();
        let width = self.outputs();
        self.terms.iter().for_each(|term| term.add(x, &mut rows, width, &mut scratch));
        rows
    }

    /// Weight row `index` of the first tensor as f32: the embedding of a token.
    pub(crate) fn row(&self, index: usize, out: &mut [f32]) {
        self.parts[0].row(index, out);
    }
}

/// `products[output][i]` is weight row `output` times activation row `i`.
fn multiply(weights: &Tensor, x: &[f32], n: usize, products: &mut [f32]) {
    use GgmlDType::{Q2K, Q3K, Q4_0, Q4K, Q5K, Q6K};
    if matches!(weights.dtype(), Q4_0 | Q2K | Q3K | Q4K | Q5K | Q6K) {
        for_blocks!(weights, blocks => multiply_quantised(blocks, x, weights.columns(), n, products));
    } else {
        multiply_widened(weights, x, n, products);
    }
}

/// By candle's vectorised dot products.
fn multiply_quantised<T: GgmlType>(weights: &[T], x: &[f32], inputs: usize, n: usize, products: &mut [f32]) {
    let x_blocks = inputs / T::VecDotType::BLCK_SIZE;
    let mut quantised = vec![T::VecDotType::zeros(); n * x_blocks];
    quantised
        .par_chunks_mut(x_blocks)
        .zip(x.par_chunks(inputs))
        .for_each(|(blocks, x)| T::VecDotType::from_float(x, blocks));

    let w_blocks = inputs / T::BLCK_SIZE;
    products.par_chunks_mut(TASK_ROWS * n).zip(weights.par_chunks(TASK_ROWS * w_blocks)).for_each(
        |(products, weights)| {
            for tile in (0..n).step_by(TILE_ROWS) {
                let tile = tile..n.min(tile + TILE_ROWS);
                for (weights, products) in weights.chunks_exact(w_blocks).zip(products.chunks_exact_mut(n)) {
                    for i in tile.clone() {
                        products[i] = T::vec_dot(inputs, weights, &quantised[i * x_blocks..][..x_blocks]);
                    }
                }
            }
        },
    );
}

/// For floats, and for the quantised types that [`widen`](crate::widen) converts.
fn multiply_widened(weights: &Tensor, x: &[f32], n: usize, products: &mut [f32]) {
    let inputs = weights.columns();
    products.par_chunks_mut(TASK_ROWS * n).enumerate().for_each_init(
        || vec![0.0; WIDENED_ROWS * inputs],
        |widened, (task, products)| {
            for (band, products) in products.chunks_mut(WIDENED_ROWS * n).enumerate() {
                let widened = &mut widened[..products.len() / n * inputs];
                weights.rows_to_f32(task * TASK_ROWS + band * WIDENED_ROWS, widened);
                simd::multiply_rows(widened, x, inputs, products);
            }
        },
    );
}

/// `[outputs][n]` to `[n][outputs]`.
fn transpose(products: Vec<f32>, n: usize) -> Vec<f32> {
    if n == 1 {
        return products;
    }
    let outputs = products.len() / n;
    let mut rows = vec![0.0; products.len()];
    // Several result rows per task, so that each cache line of `products` is read once for all of them.
    rows.par_chunks_mut(TILE_ROWS * outputs).enumerate().for_each(|(tile, rows)| {
        let first = tile * TILE_ROWS;
        let count = rows.len() / outputs;
        for output in 0..outputs {
            for i in 0..count {
                rows[i * outputs + output] = products[output * n + first + i];
            }
        }
    });
    rows
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::QTensor;
    use candle_core::{Device, Tensor as CandleTensor};

    use super::*;

    fn wave(n: usize, step: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * step).sin() + 0.1 * (i as f32 * step * 7.3).cos()).collect()
    }

    /// `outputs` is no multiple of anything, `inputs` an odd number of blocks.
    fn linear(dtype: GgmlDType, outputs: usize, inputs: usize) -> (Linear, Vec<f32>) {
        let values =
            CandleTensor::from_vec(wave(outputs * inputs, 0.37), (outputs, inputs), &Device::Cpu).unwrap();
        let quantised = QTensor::quantize(&values, dtype).unwrap();
        let exact = quantised.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let tensor = Tensor::owned(&quantised.data().unwrap(), dtype, (outputs, inputs));
        (Linear::new(tensor), exact)
    }

    #[test]
    fn stacked_tensors_are_one_matrix_with_a_bias() {
        let (above, first) = linear(GgmlDType::F32, 5, 12);
        let (below, second) = linear(GgmlDType::F16, 3, 12);
        let bias = wave(8, 0.7);
        let parts = above.parts.into_iter().chain(below.parts).collect();
        let stacked = Linear::stacked(parts, Some(bias.clone()), Vec::new());
        assert_eq!((stacked.inputs(), stacked.outputs()), (12, 8));
        let x = wave(2 * 12, 0.2);
        let weights = [first, second].concat();
        for (i, found) in stacked.forward(&x).into_iter().enumerate() {
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
            let (linear, weights) = linear(dtype, outputs, inputs);
            let x = wave(n * inputs, 0.11);
            let result = linear.forward(&x);
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
                let alone = bits(&linear.forward(x));
                assert_eq!(alone, bits(&result[i * outputs..][..outputs]), "{dtype:?}: one row, same bits");
            }
            let mut row = vec![0.0; inputs];
            linear.row(5, &mut row);
            assert_eq!(row, weights[5 * inputs..][..inputs]);
        }
    }
}
