//! Products of weights that are converted to f32 a few rows at a time: floats, and the quantised types that
//! [`widen`](crate::widen) converts.

use rayon::prelude::*;

use super::TASK_ROWS;
use super::workspace::grown;
use crate::per_thread::PerThread;
use crate::simd;
use crate::tensor::Tensor;

/// Weight rows that are converted at once: few enough to stay in the cache while all activation rows pass.
const WIDENED_ROWS: usize = 8;

/// `products[row][i]` becomes weight row `row` times activation row `i`.
pub(super) fn multiply(
    weights: &Tensor,
    x: &[f32],
    n: usize,
    products: &mut [f32],
    widened: &PerThread<Vec<f32>>,
) {
    let inputs = weights.columns();
    products.par_chunks_mut(TASK_ROWS * n).enumerate().for_each(|(task, products)| {
        let mut memory = widened.get();
        let widened = grown(&mut memory, WIDENED_ROWS * inputs);
        for (band, products) in products.chunks_mut(WIDENED_ROWS * n).enumerate() {
            let widened = &mut widened[..products.len() / n * inputs];
            weights.rows_to_f32(task * TASK_ROWS + band * WIDENED_ROWS, widened);
            simd::multiply_rows(widened, x, inputs, products);
        }
    });
}
