//! The low-rank term of a LoRA adapter (arXiv 2106.09685): some outputs of a matrix get `up * (down * x)` added.

use std::ops::Range;

use rayon::prelude::*;

use super::workspace::grown;
use crate::simd;

/// One term.
pub(crate) struct LowRank {
    /// The outputs that it is added to.
    pub(crate) outputs: Range<usize>,
    /// Elements of one row of activations.
    pub(crate) inputs: usize,
    /// `[rank][inputs]`
    pub(crate) down: Vec<f32>,
    /// `[outputs.len()][rank]`; the adapter's scale is a part of it.
    pub(crate) up: Vec<f32>,
}

impl LowRank {
    fn rank(&self) -> usize {
        self.down.len() / self.inputs
    }

    /// Adds the term of the activations `x`, `[n][inputs]`, to `rows`, `[n][width]`. The arithmetic of a row does not
    /// depend on the other ones. `scratch` holds intermediate results.
    pub(crate) fn add(&self, x: &[f32], rows: &mut [f32], width: usize, scratch: &mut Vec<f32>) {
        let (n, rank) = (x.len() / self.inputs, self.rank());
        let narrow = grown(scratch, n * rank);
        narrow.par_chunks_mut(rank).zip(x.par_chunks(self.inputs)).for_each(|(narrow, x)| {
            // `products` of one activation row is `[rank][1]`.
            simd::multiply_rows(&self.down, x, self.inputs, narrow);
        });
        rows.par_chunks_mut(width).zip(narrow.par_chunks(rank)).for_each(|(row, narrow)| {
            row[self.outputs.clone()]
                .par_iter_mut()
                .zip(self.up.par_chunks(rank))
                .with_min_len(256)
                .for_each(|(output, up)| *output += simd::dot(up, narrow));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_added_to_its_outputs_only() {
        let term = LowRank {
            outputs: 1..3,
            inputs: 3,
            down: vec![1.0, 2.0, 3.0, 0.0, 1.0, 0.0],
            up: vec![1.0, 10.0, 0.5, -1.0],
        };
        let mut rows = [100.0; 8];
        // down * x: [1, 0] and [6, 1]
        term.add(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], &mut rows, 4, &mut Vec::new());
        assert_eq!(rows, [100.0, 101.0, 100.5, 100.0, 100.0, 116.0, 102.0, 100.0]);
    }

    #[test]
    fn a_row_of_several_has_the_same_bits_alone() {
        let wave = |n: usize, step: f32| (0..n).map(|i| (i as f32 * step).sin()).collect::<Vec<_>>();
        let (inputs, width, n) = (75, 40, 5);
        let term = LowRank { outputs: 3..40, inputs, down: wave(4 * inputs, 0.7), up: wave(37 * 4, 0.3) };
        let x = wave(n * inputs, 1.1);
        let mut rows = wave(n * width, 0.9);
        let before = rows.clone();
        term.add(&x, &mut rows, width, &mut vec![f32::NAN; 99]);
        for (i, row) in rows.chunks(width).enumerate() {
            let mut alone = before[i * width..][..width].to_vec();
            term.add(&x[i * inputs..][..inputs], &mut alone, width, &mut Vec::new());
            assert!(alone.iter().zip(row).all(|(a, b)| a.to_bits() == b.to_bits()), "{i}");
        }
    }
}
