//! Converts quantised weights to f32, for the types whose conversion in candle is not vectorised.
//!
//! A block holds 32 weights. Of the types with 4 and 5 bits, byte `i` of the last 16 bytes has the low four bits of the
//! weights `i` and `i + 16`:
//!
//! ```text
//! Q4_1   scale f16 | minimum f16 |                | 16 bytes      weight = scale * q + minimum
//! Q5_0   scale f16 |             | fifth bits u32 | 16 bytes      weight = scale * (q - 16)
//! Q5_1   scale f16 | minimum f16 | fifth bits u32 | 16 bytes      weight = scale * q + minimum
//! Q8_0   scale f16 |             |                | 32 bytes      weight = scale * q
//! ```

use crate::simd::vectorised;
use candle_core::quantized::GgmlDType;

/// Weights of a block.
const WEIGHTS: usize = 32;

/// Converts whole blocks to f32.
type Conversion = fn(&[u8], &mut [f32]);

/// The conversion of a type, if it is one of these.
pub(crate) fn to_f32(dtype: GgmlDType) -> Option<Conversion> {
    match dtype {
        GgmlDType::Q4_1 => Some(q4_1),
        GgmlDType::Q5_0 => Some(q5_0),
        GgmlDType::Q5_1 => Some(q5_1),
        GgmlDType::Q8_0 => Some(q8_0),
        _ => None,
    }
}

vectorised! {
    fn q4_1(blocks: &[u8], out: &mut [f32]) {
        convert::<20, true, false>(blocks, out);
    }
}

vectorised! {
    fn q5_0(blocks: &[u8], out: &mut [f32]) {
        convert::<22, false, true>(blocks, out);
    }
}

vectorised! {
    fn q5_1(blocks: &[u8], out: &mut [f32]) {
        convert::<24, true, true>(blocks, out);
    }
}

vectorised! {
    fn q8_0(blocks: &[u8], out: &mut [f32]) {
        for (block, out) in blocks.as_chunks::<34>().0.iter().zip(out.as_chunks_mut::<WEIGHTS>().0) {
            let scale = half_to_f32([block[0], block[1]]);
            for (out, q) in out.iter_mut().zip(&block[2..]) {
                *out = scale * f32::from(q.cast_signed());
            }
        }
    }
}

#[inline(always)]
fn convert<const BYTES: usize, const MINIMUM: bool, const FIFTH: bool>(blocks: &[u8], out: &mut [f32]) {
    for (block, out) in blocks.as_chunks::<BYTES>().0.iter().zip(out.as_chunks_mut::<WEIGHTS>().0) {
        // Without this, the compiler vectorises over blocks, and gathers their bytes one by one.
        let block = std::hint::black_box(block);
        let scale = half_to_f32([block[0], block[1]]);
        let minimum = if MINIMUM { half_to_f32([block[2], block[3]]) } else { -16.0 * scale };
        let low = &block[BYTES - WEIGHTS / 2..];
        let mut fifth = 0;
        if FIFTH {
            let at = BYTES - WEIGHTS / 2 - 4;
            fifth = u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        }
        for i in 0..WEIGHTS / 2 {
            let high = |at: usize| if FIFTH { (fifth >> at & 1) << 4 } else { 0 };
            let q = [u32::from(low[i] & 15) | high(i), u32::from(low[i] >> 4) | high(i + 16)];
            // As signed numbers, for which there is an instruction.
            let [a, b] = q.map(|q| q.cast_signed() as f32);
            out[i] = scale * a + minimum;
            out[i + WEIGHTS / 2] = scale * b + minimum;
        }
    }
}

/// A finite f16 as f32, exactly. `half::f16::to_f32` asks for the features of the processor each time.
#[inline(always)]
fn half_to_f32(bytes: [u8; 2]) -> f32 {
    const TO_EXPONENT_OF_F32: f32 = f32::from_bits((127 + 127 - 15) << 23);
    let bits = u32::from(u16::from_le_bytes(bytes));
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * TO_EXPONENT_OF_F32;
    f32::from_bits(magnitude.to_bits() | (bits & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_half_is_converted_exactly() {
        for bits in 0..=u16::MAX {
            let exact = half::f16::from_bits(bits).to_f32();
            if exact.is_finite() {
                assert_eq!(half_to_f32(bits.to_le_bytes()).to_bits(), exact.to_bits(), "{bits:#x}");
            }
        }
    }
}
