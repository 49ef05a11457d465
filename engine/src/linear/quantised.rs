//! Products of quantised weights and activations that are quantised to the format that the weights' type requires, as
//! in llama.cpp: candle's dot products (`GgmlType::vec_dot`, selected for the CPU at run time).

use candle_core::quantized::GgmlType;
use rayon::prelude::*;

use super::TASK_ROWS;
use crate::tensor::{Tensor, for_blocks};

/// Activation rows that are multiplied with all weight rows of a task before the next ones, to stay in the cache.
const TILE_ROWS: usize = 16;

/// `products[row][i]` becomes weight row `row` times activation row `i`. `memory` holds the activations.
pub(super) fn multiply(weights: &Tensor, x: &[f32], n: usize, products: &mut [f32], memory: &mut Vec<u64>) {
    for_blocks!(weights, blocks => of_type(blocks, x, weights.columns(), n, products, memory));
}

fn of_type<T: GgmlType>(
    weights: &[T],
    x: &[f32],
    inputs: usize,
    n: usize,
    products: &mut [f32],
    memory: &mut Vec<u64>,
) {
    let x_blocks = inputs / T::VecDotType::BLCK_SIZE;
    let quantised = blocks::<T::VecDotType>(memory, n * x_blocks);
    quantised
        .par_chunks_mut(x_blocks)
        .zip(x.par_chunks(inputs))
        .for_each(|(blocks, x)| T::VecDotType::from_float(x, blocks));

    let quantised = &*quantised;
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

/// `count` blocks in `memory`, which grows if it must.
fn blocks<T: GgmlType>(memory: &mut Vec<u64>, count: usize) -> &mut [T] {
    const { assert!(align_of::<T>() <= align_of::<u64>() && size_of::<T>() > 0) };
    let units = (count * size_of::<T>()).div_ceil(size_of::<u64>());
    if memory.len() < units {
        memory.resize(units, 0);
    }
    // SAFETY: the memory is initialised, aligned and long enough, as just checked. The block types of activations are
    // `repr(C)` structs of integers and floats, for which any bit pattern is valid (`for_blocks!` pairs them with the
    // types of weights), and the slice borrows `memory`.
    unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), count) }
}
