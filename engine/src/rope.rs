//! Rotary position embedding: `inv_freq[i] = 1 / (factor[i] * base^(2i / d))`, cos and sin scaled by one constant.
//!
//! The factors extend the context. LongRoPE (arXiv 2402.13753) has two sets of them, linear interpolation one constant; those of
//! Llama 3 and YaRN (arXiv 2309.00071) follow from the wavelengths: [`llama3_factors`], [`yarn_factors`].

use std::ops::Range;

/// Selects the LongRoPE factors that rotate a sequence. KV rows of one mode are invalid in the other, because every
/// layer above the first depends on it. Without factors in the model file both modes are plain RoPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RopeMode {
    /// Sequences of up to [`Config::short_context`](crate::decoder::Config::short_context) tokens, prompt and answer
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
    pairs: Pairs,
}

/// Which elements of a head are rotated against each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pairs {
    #[default]
    /// Element `i` of the first half and of the second half.
    Halves,
    /// Elements `2i` and `2i + 1`.
    Adjacent,
}

/// The RoPE parameters of a model file.
#[derive(Debug, Clone)]
pub(crate) struct RopeParameters {
    /// 10000 in every Phi-3 so far, up to a million elsewhere.
    pub base: f64,
    /// Elements of a head that are rotated; an even number.
    pub rotary_dim: usize,
    /// `rotary_dim / 2` factors for short and for long sequences; `None` is plain RoPE.
    pub factors: Option<(Vec<f32>, Vec<f32>)>,
    /// Multiplies cos and sin.
    pub scale: f64,
    /// The elements that are rotated against each other.
    pub pairs: Pairs,
}

/// The factors of Llama 3: low frequencies are divided by `factor`, high ones stay, those between are interpolated.
pub(crate) fn llama3_factors(
    base: f64,
    rotary_dim: usize,
    factor: f64,
    (low, high): (f64, f64),
    original: f64,
) -> Vec<f32> {
    let of_pair = |wavelength: f64| {
        let smooth = ((original / wavelength - low) / (high - low)).clamp(0.0, 1.0);
        // The frequency is `(1 - smooth) / factor + smooth` times the plain one.
        1.0 / ((1.0 - smooth) / factor + smooth)
    };
    wavelengths(base, rotary_dim).map(|wavelength| of_pair(wavelength) as f32).collect()
}

/// The factors of YaRN: frequencies that turn more than `fast` times within the original context stay, those that turn less
/// than `slow` times are divided by `factor`, and a ramp over the pairs lies between.
pub(crate) fn yarn_factors(
    base: f64,
    rotary_dim: usize,
    factor: f64,
    (fast, slow): (f64, f64),
    original: f64,
) -> Vec<f32> {
    let pair_of = |turns: f64| {
        rotary_dim as f64 * (original / (turns * std::f64::consts::TAU)).ln() / (2.0 * base.ln())
    };
    let first = pair_of(fast).floor().max(0.0);
    let last = pair_of(slow).ceil().min(rotary_dim as f64 - 1.0);
    let width = if last > first { last - first } else { 0.001 };
    let of_pair = |pair: usize| {
        let stretched = ((pair as f64 - first) / width).clamp(0.0, 1.0);
        1.0 / (stretched / factor + (1.0 - stretched))
    };
    (0..rotary_dim / 2).map(|pair| of_pair(pair) as f32).collect()
}

/// YaRN's default scale.
pub(crate) fn yarn_scale(factor: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * factor.ln() + 1.0 }
}

/// Tokens per turn of each pair.
fn wavelengths(base: f64, rotary_dim: usize) -> impl Iterator<Item = f64> {
    (0..rotary_dim / 2)
        .map(move |pair| std::f64::consts::TAU * base.powf(2.0 * pair as f64 / rotary_dim as f64))
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
        let RopeParameters { base, rotary_dim, factors, scale, pairs } = parameters;
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
            pairs: *pairs,
        }
    }

    /// Makes `rotation` that of a run of positions.
    pub(crate) fn rotate(&self, mode: RopeMode, positions: Range<usize>, rotation: &mut Rotation) {
        let frequencies = match mode {
            RopeMode::Short => &self.short,
            RopeMode::Long => &self.long,
        };
        (rotation.half, rotation.pairs) = (frequencies.len(), self.pairs);
        rotation.cos.clear();
        rotation.sin.clear();
        let angles = positions
            .flat_map(|position| frequencies.iter().map(move |frequency| position as f32 * frequency));
        for angle in angles {
            rotation.cos.push(angle.cos() * self.scale);
            rotation.sin.push(angle.sin() * self.scale);
        }
    }
}

/// cos and sin of consecutive positions, `[n][half]` each. The vectors keep their memory.
#[derive(Default)]
pub(crate) struct Rotation {
    pub(crate) half: usize,
    pub(crate) pairs: Pairs,
    pub(crate) cos: Vec<f32>,
    pub(crate) sin: Vec<f32>,
}

impl Rotation {
    /// Rotates the first `2 * half` elements of each head of the `i`-th position.
    pub(crate) fn apply(&self, i: usize, heads: &mut [f32], head_dim: usize) {
        let (cos, sin) = (&self.cos[i * self.half..][..self.half], &self.sin[i * self.half..][..self.half]);
        for head in heads.chunks_exact_mut(head_dim) {
            match self.pairs {
                Pairs::Halves => {
                    let (first, rest) = head.split_at_mut(self.half);
                    let pairs = first.iter_mut().zip(rest);
                    pairs.zip(cos.iter().zip(sin)).for_each(|((a, b), turn)| rotate(a, b, turn));
                }
                Pairs::Adjacent => {
                    let pairs = head.chunks_exact_mut(2);
                    for (pair, turn) in pairs.zip(cos.iter().zip(sin)) {
                        let [a, b] = pair else { continue };
                        rotate(a, b, turn);
                    }
                }
            }
        }
    }
}

fn rotate(a: &mut f32, b: &mut f32, (cos, sin): (&f32, &f32)) {
    (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(factors: Option<(Vec<f32>, Vec<f32>)>) -> RopeParameters {
        RopeParameters { base: 10000.0, rotary_dim: 4, factors, scale: 1.0, pairs: Pairs::Halves }
    }

    #[test]
    fn halves_rotate_and_the_rest_stays() {
        let rope = Rope::new(&parameters(None));
        let mut head = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut rotation = Rotation::default();
        rope.rotate(RopeMode::Short, 7..9, &mut rotation);
        rotation.apply(1, &mut head, 6);
        let (s0, c0) = 8f32.sin_cos();
        let (s1, c1) = 0.08f32.sin_cos();
        let expected = [c0 - 3.0 * s0, 2.0 * c1 - 4.0 * s1, 3.0 * c0 + s0, 4.0 * c1 + 2.0 * s1, 5.0, 6.0];
        for (found, expected) in head.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{head:?}");
        }
    }

    #[test]
    fn adjacent_pairs_rotate_as_halves_do() {
        let turned = |pairs, mut head: [f32; 6]| {
            let rope = Rope::new(&RopeParameters { pairs, ..parameters(None) });
            let mut rotation = Rotation::default();
            rope.rotate(RopeMode::Short, 3..4, &mut rotation);
            rotation.apply(0, &mut head, 6);
            head
        };
        let [a, b, c, d, e, f] = turned(Pairs::Halves, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(turned(Pairs::Adjacent, [1.0, 3.0, 2.0, 4.0, 5.0, 6.0]), [a, c, b, d, e, f]);
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
