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

/// Partial sums of one product: an AVX2 register. A tile has eight products, which takes half of the 16 registers and is
/// enough to hide the latency of an addition.
const TILE_LANES: usize = 8;

vectorised! {
    /// `products[row][i]` is row `row` of `weights` times row `i` of `x`; all rows have `inputs` elements. The
    /// arithmetic of a product does not depend on the number of rows.
    pub(crate) fn multiply_rows(weights: &[f32], x: &[f32], inputs: usize, products: &mut [f32]) {
        let n = x.len() / inputs;
        let (rows, columns) = if n == 1 { (8, 1) } else { (4, 2) };
        let bands = weights.chunks(rows * inputs).zip(products.chunks_mut(rows * n));
        for (weights, products) in bands {
            for (at, x) in x.chunks(columns * inputs).enumerate() {
                let first = at * columns;
                let mut out = Tile { products: &mut *products, n, first };
                match (weights.len() / inputs, x.len() / inputs) {
                    (8, 1) => tile::<FMA, 8, 1>(weights, x, inputs, &mut out),
                    (4, 2) => tile::<FMA, 4, 2>(weights, x, inputs, &mut out),
                    (4, 1) => tile::<FMA, 4, 1>(weights, x, inputs, &mut out),
                    _ => {
                        for (row, weights) in weights.chunks(inputs).enumerate() {
                            for (i, x) in x.chunks(inputs).enumerate() {
                                let products = &mut products[row * n..];
                                let mut out = Tile { products, n, first: first + i };
                                tile::<FMA, 1, 1>(weights, x, inputs, &mut out);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Where the products of a tile belong: `products[row][first + i]` of rows of `n`.
struct Tile<'p> {
    products: &'p mut [f32],
    n: usize,
    first: usize,
}

#[inline(always)]
fn tile<const FMA: bool, const ROWS: usize, const COLUMNS: usize>(
    weights: &[f32],
    x: &[f32],
    inputs: usize,
    out: &mut Tile,
) {
    let mut sums = [[[0f32; TILE_LANES]; COLUMNS]; ROWS];
    let weights: [&[f32]; ROWS] = std::array::from_fn(|row| &weights[row * inputs..][..inputs]);
    let x: [&[f32]; COLUMNS] = std::array::from_fn(|i| &x[i * inputs..][..inputs]);
    let whole = inputs - inputs % TILE_LANES;
    for at in (0..whole).step_by(TILE_LANES) {
        for row in 0..ROWS {
            for i in 0..COLUMNS {
                let (weights, x) = (&weights[row][at..at + TILE_LANES], &x[i][at..at + TILE_LANES]);
                for lane in 0..TILE_LANES {
                    sums[row][i][lane] = multiply_add::<FMA>(weights[lane], x[lane], sums[row][i][lane]);
                }
            }
        }
    }
    for row in 0..ROWS {
        for i in 0..COLUMNS {
            let [a, b, c, d, e, f, g, h] = sums[row][i];
            let tail: f32 = weights[row][whole..].iter().zip(&x[i][whole..]).map(|(a, b)| a * b).sum();
            out.products[row * out.n + out.first + i] = ((a + e) + (c + g)) + ((b + f) + (d + h)) + tail;
        }
    }
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

    #[test]
    fn rows_of_any_number() {
        let wave = |n: usize, step: f32| (0..n).map(|i| (i as f32 * step).sin()).collect::<Vec<_>>();
        for (rows, n, inputs) in [(1, 1, 5), (4, 2, 8), (7, 3, 75), (9, 1, 96), (16, 8, 64)] {
            let (weights, x) = (wave(rows * inputs, 0.7), wave(n * inputs, 1.3));
            let mut products = vec![f32::NAN; rows * n];
            multiply_rows(&weights, &x, inputs, &mut products);
            for (at, product) in products.iter().enumerate() {
                let (weights, x) = (&weights[at / n * inputs..][..inputs], &x[at % n * inputs..][..inputs]);
                let exact: f64 = weights.iter().zip(x).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                assert!((f64::from(*product) - exact).abs() < 1e-4, "{rows} x {inputs}, {n}: {at}");
                let mut alone = [f32::NAN];
                multiply_rows(weights, x, inputs, &mut alone);
                assert_eq!(alone[0].to_bits(), product.to_bits(), "{rows} x {inputs}, {n}: {at}");
            }
        }
    }
}
