//! Auto-vectorised f32 loops for the processor that runs them. A default x86-64 build may only assume SSE2, so
//! [`vectorised!`] compiles a function a second time for AVX2 and FMA and selects one at run time.

/// Defines a function whose body is compiled twice on x86-64. In the body, `FMA` tells whether [`multiply_add`] may
/// be one instruction.
macro_rules! vectorised {
    ($(#[$attribute:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$attribute])*
        $vis fn $name($($arg: $type),*) $(-> $result)? {
            #[inline(always)]
            fn body<const FMA: bool>($($arg: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $type),*) $(-> $result)? {
                    body::<true>($($arg),*)
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the processor has the two features that `avx2` is compiled for, as just detected.
                    return unsafe { avx2($($arg),*) };
                }
            }
            body::<{ cfg!(target_arch = "aarch64") }>($($arg),*)
        }
    };
}
pub(crate) use vectorised;

/// `a * b + c`, rounded once if that is one instruction (without FMA, `f32::mul_add` would be a function call).
#[inline(always)]
pub(crate) fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Partial sums of a dot product: four AVX2 registers, which hides the latency of an addition.
pub(crate) const LANES: usize = 32;

vectorised! {
    /// Dot product of two slices of equal length, in [`LANES`] partial sums.
    pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
        dot_inline::<FMA>(a, b)
    }
}

/// [`dot`] for callers that are themselves [`vectorised!`].
#[inline(always)]
pub(crate) fn dot_inline<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for i in 0..LANES {
            sums[i] = multiply_add::<FMA>(a[i], b[i], sums[i]);
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
        width /= 2;
    }
    sums[0] + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_of_any_length() {
        for n in [0, 1, 31, 32, 33, 96, 100, 3072] {
            let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin()).collect();
            let b: Vec<f32> = (0..n).map(|i| (i as f32 * 1.3).cos()).collect();
            let exact: f64 = a.iter().zip(&b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            assert!((f64::from(dot(&a, &b)) - exact).abs() < 1e-4, "{n}");
        }
    }
}
