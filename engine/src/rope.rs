//! Rotary position embedding with LongRoPE's factors (arXiv 2402.13753), as in the reference implementation:
//! `inv_freq[i] = 1 / (factor[i] * base^(2i / d))`, the two halves of a head rotated against each other (NeoX order),
//! cos and sin scaled by one constant in both modes.

use std::ops::Range;

/// Selects the LongRoPE factors that rotate a sequence. KV rows of one mode are invalid in the other, because every
/// layer above the first depends on it. Without factors in the model file both modes are plain RoPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RopeMode {
    /// Sequences of up to [`Config::short_context`](crate::phi::Config::short_context) tokens, prompt and answer
    /// together.
    Short,
    /// Longer sequences, for their whole length.
    Long,
}

/// The frequencies of a model, in both modes.
pub(crate) struct Rope {
    short: Vec<f32>,
    long: Vec<f32>,
    scale: f32,
}

/// The RoPE parameters of a model file.
#[derive(Debug, Clone)]
pub(crate) struct RopeParameters {
    /// 10000 in every Phi-3 so far.
    pub base: f64,
    /// Elements of a head that are rotated; an even number.
    pub rotary_dim: usize,
    /// `rotary_dim / 2` factors for short and for long sequences; `None` is plain RoPE.
    pub factors: Option<(Vec<f32>, Vec<f32>)>,
    /// Multiplies cos and sin.
    pub scale: f64,
}

/// LongRoPE's default scale, for a file that does not state one:
/// `sqrt(1 + ln(context / original) / ln(original))`, 1 if the context was not extended.
pub(crate) fn longrope_scale(context: f64, original: f64) -> f64 {
    if context <= original || original <= 1.0 {
        return 1.0;
    }
    (1.0 + (context / original).ln() / original.ln()).sqrt()
}

impl Rope {
    pub(crate) fn new(parameters: &RopeParameters) -> Rope {
        let RopeParameters { base, rotary_dim, factors, scale } = parameters;
        let half = rotary_dim / 2;
        let frequencies = |factors: Option<&Vec<f32>>| {
            (0..half)
                .map(|i| {
                    let factor = factors.map_or(1.0, |factors| f64::from(factors[i]));
                    (1.0 / (factor * base.powf(2.0 * i as f64 / *rotary_dim as f64))) as f32
                })
                .collect()
        };
        Rope {
            short: frequencies(factors.as_ref().map(|(short, _)| short)),
            long: frequencies(factors.as_ref().map(|(_, long)| long)),
            scale: *scale as f32,
        }
    }

    /// The rotations of a run of positions.
    pub(crate) fn rotation(&self, mode: RopeMode, positions: Range<usize>) -> Rotation {
        let frequencies = match mode {
            RopeMode::Short => &self.short,
            RopeMode::Long => &self.long,
        };
        let angles = positions
            .flat_map(|position| frequencies.iter().map(move |frequency| position as f32 * frequency));
        let (cos, sin) = angles.map(|angle| (angle.cos() * self.scale, angle.sin() * self.scale)).unzip();
        Rotation { half: frequencies.len(), cos, sin }
    }
}

/// cos and sin of consecutive positions, `[n][half]` each.
pub(crate) struct Rotation {
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Rotation {
    /// Rotates the first `2 * half` elements of each head of the `i`-th position.
    pub(crate) fn apply(&self, i: usize, heads: &mut [f32], head_dim: usize) {
        let (cos, sin) = (&self.cos[i * self.half..][..self.half], &self.sin[i * self.half..][..self.half]);
        for head in heads.chunks_exact_mut(head_dim) {
            let (first, rest) = head.split_at_mut(self.half);
            for (((a, b), cos), sin) in first.iter_mut().zip(rest).zip(cos).zip(sin) {
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(factors: Option<(Vec<f32>, Vec<f32>)>) -> RopeParameters {
        RopeParameters { base: 10000.0, rotary_dim: 4, factors, scale: 1.0 }
    }

    #[test]
    fn halves_rotate_and_the_rest_stays() {
        let rope = Rope::new(&parameters(None));
        let mut head = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        rope.rotation(RopeMode::Short, 7..9).apply(1, &mut head, 6);
        let (s0, c0) = 8f32.sin_cos();
        let (s1, c1) = 0.08f32.sin_cos();
        let expected = [c0 - 3.0 * s0, 2.0 * c1 - 4.0 * s1, 3.0 * c0 + s0, 4.0 * c1 + 2.0 * s1, 5.0, 6.0];
        for (found, expected) in head.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{head:?}");
        }
    }

    #[test]
    fn factors_divide_the_frequency_of_their_mode() {
        let rope = Rope::new(&parameters(Some((vec![1.0, 2.0], vec![4.0, 8.0]))));
        assert_eq!(rope.short, [1.0, 0.005]);
        assert_eq!(rope.long, [0.25, 0.00125]);
    }

    #[test]
    fn the_scale_of_phi_3_5_is_1_19() {
        assert!((longrope_scale(131_072.0, 4096.0) - 1.190_238).abs() < 1e-6);
        assert_eq!(longrope_scale(4096.0, 4096.0), 1.0);
        assert_eq!(longrope_scale(1.0, 0.0), 1.0);
    }
}
