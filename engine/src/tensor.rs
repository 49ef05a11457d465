//! One matrix of a model file, in the file's number format and, if possible, in the file's memory pages.
//!
//! A tensor is a range of the memory-mapped file: loading copies and expands nothing, and two processes with the same
//! file share its memory. The sizes that the file states are checked before a [`Tensor`] is created. The file must
//! not be truncated or overwritten while it is mapped (replacing it by renaming is safe).

use std::ops::Range;
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, GgmlType};
use memmap2::Mmap;

use crate::widen;

/// Runs `$body` with `$blocks` bound to the tensor's data as a slice of its block type, a
/// `candle_core::quantized::GgmlType`. The body is compiled once for each type.
///
/// The numbers are the bytes of a block in ggml's format, which the block types must match.
macro_rules! for_blocks {
    ($tensor:expr, $blocks:ident => $body:expr) => {{
        use candle_core::quantized::{GgmlDType as Dtype, k_quants};
        let tensor: &$crate::tensor::Tensor = $tensor;
        macro_rules! with {
            ($block:ty, $bytes:literal) => {{
                const { assert!(size_of::<$block>() == $bytes, "not the layout of ggml") };
                // SAFETY: the match arm pairs the dtype with its block type. The types of `k_quants` are `repr(C)`
                // structs of integers and f16, for which any bit pattern is valid.
                let $blocks = unsafe { $crate::tensor::blocks::<$block>(tensor) };
                $body
            }};
        }
        match tensor.dtype() {
            Dtype::F32 => with!(f32, 4),
            Dtype::F16 => with!(half::f16, 2),
            Dtype::BF16 => with!(half::bf16, 2),
            Dtype::Q4_0 => with!(k_quants::BlockQ4_0, 18),
            Dtype::Q4_1 => with!(k_quants::BlockQ4_1, 20),
            Dtype::Q5_0 => with!(k_quants::BlockQ5_0, 22),
            Dtype::Q5_1 => with!(k_quants::BlockQ5_1, 24),
            Dtype::Q8_0 => with!(k_quants::BlockQ8_0, 34),
            Dtype::Q2K => with!(k_quants::BlockQ2K, 84),
            Dtype::Q3K => with!(k_quants::BlockQ3K, 110),
            Dtype::Q4K => with!(k_quants::BlockQ4K, 144),
            Dtype::Q5K => with!(k_quants::BlockQ5K, 176),
            Dtype::Q6K => with!(k_quants::BlockQ6K, 210),
            Dtype::Q8_1 | Dtype::Q8K => unreachable!("byte_len() rejects types for activations"),
        }
    }};
}
pub(crate) use for_blocks;

/// `[rows][columns]`, row-major; a vector has one row.
pub(crate) struct Tensor {
    bytes: Bytes,
    dtype: GgmlDType,
    rows: usize,
    columns: usize,
}

enum Bytes {
    Mapped(Arc<Mmap>, Range<usize>),
    /// 8-byte units for their alignment, and the length in bytes.
    Owned(Box<[u64]>, usize),
}

impl Tensor {
    /// A tensor in `range` of a mapped file. Copies the data if it is not aligned, which safetensors permits.
    ///
    /// # Errors
    /// A row is not a whole number of blocks, the range is not inside the file, or its length does not fit the shape.
    pub(crate) fn mapped(
        map: &Arc<Mmap>,
        range: Range<usize>,
        dtype: GgmlDType,
        (rows, columns): (usize, usize),
    ) -> Result<Tensor, String> {
        let expected = byte_len(dtype, rows, columns)?;
        let Some(data) = map.get(range.clone()) else {
            return Err(format!(
                "lies at bytes {}..{}, but the file has {}",
                range.start,
                range.end,
                map.len()
            ));
        };
        if data.len() != expected {
            return Err(format!("takes {} bytes where its shape needs {expected}", data.len()));
        }
        if data.as_ptr().align_offset(ALIGNMENT) == 0 {
            Ok(Tensor { bytes: Bytes::Mapped(map.clone(), range), dtype, rows, columns })
        } else {
            Ok(Tensor { bytes: Bytes::copy(data), dtype, rows, columns })
        }
    }

    /// A tensor over a copy of `data`.
    #[cfg(test)]
    pub(crate) fn owned(data: &[u8], dtype: GgmlDType, (rows, columns): (usize, usize)) -> Tensor {
        assert_eq!(byte_len(dtype, rows, columns), Ok(data.len()));
        Tensor { bytes: Bytes::copy(data), dtype, rows, columns }
    }

    pub(crate) fn dtype(&self) -> GgmlDType {
        self.dtype
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The data in the file's format, aligned for every block type.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(map, range) => &map[range.clone()],
            Bytes::Owned(units, len) => &bytemuck::cast_slice(units)[..*len],
        }
    }

    /// One row as f32.
    pub(crate) fn row(&self, row: usize, out: &mut [f32]) {
        self.rows_to_f32(row, out);
    }

    /// The rows from `first` on as f32, as many as `out` holds.
    pub(crate) fn rows_to_f32(&self, first: usize, out: &mut [f32]) {
        let count = out.len() / self.columns;
        if let Some(to_f32) = widen::to_f32(self.dtype) {
            let row_bytes = self.bytes().len() / self.rows;
            return to_f32(&self.bytes()[first * row_bytes..][..count * row_bytes], out);
        }
        for_blocks!(self, blocks => {
            let per_row = blocks.len() / self.rows;
            GgmlType::to_float(&blocks[first * per_row..][..count * per_row], out);
        });
    }

    /// The whole tensor as f32; for vectors.
    pub(crate) fn to_f32(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.rows * self.columns];
        self.rows_to_f32(0, &mut out);
        out
    }
}

impl Bytes {
    fn copy(data: &[u8]) -> Bytes {
        let units = data.chunks(8).map(|chunk| {
            let mut unit = [0; 8];
            unit[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(unit)
        });
        Bytes::Owned(units.collect(), data.len())
    }
}

/// The strictest alignment among the block types.
const ALIGNMENT: usize = 4;

/// The length in bytes of a tensor of this type and shape.
///
/// # Errors
/// Type and shape do not fit each other, or are not supported.
pub(crate) fn byte_len(dtype: GgmlDType, rows: usize, columns: usize) -> Result<usize, String> {
    let block = dtype.block_size();
    if matches!(dtype, GgmlDType::Q8_1 | GgmlDType::Q8K) {
        return Err(format!("is of type {dtype:?}, which is for activations, not for weights"));
    }
    if rows == 0 || columns == 0 {
        return Err(format!("has the empty shape {rows} x {columns}"));
    }
    if !columns.is_multiple_of(block) {
        return Err(format!(
            "has rows of {columns} elements, which {dtype:?} cannot hold: its blocks have {block}"
        ));
    }
    (columns / block)
        .checked_mul(dtype.type_size())
        .and_then(|row| row.checked_mul(rows))
        .ok_or_else(|| format!("has the impossible shape {rows} x {columns}"))
}

/// The data of a tensor as blocks of `T`.
///
/// # Safety
/// `T` must be the block type of the tensor's dtype, and any bit pattern must be a valid `T`.
pub(crate) unsafe fn blocks<T>(tensor: &Tensor) -> &[T] {
    let bytes = tensor.bytes();
    const { assert!(align_of::<T>() <= ALIGNMENT && size_of::<T>() > 0) };
    assert!(bytes.as_ptr().cast::<T>().is_aligned() && bytes.len().is_multiple_of(size_of::<T>()));
    // SAFETY: alignment and length were just checked. The caller guarantees that any bit pattern is a valid `T`.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) }
}
