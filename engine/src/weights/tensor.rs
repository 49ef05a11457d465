//! One matrix of a model file, in the file's own number format and, where possible, in the file's own pages.
//!
//! A tensor is a range of the memory-mapped file: nothing is copied or expanded at load, two processes that run the same
//! file share its memory, and what the file states about sizes was checked before a [`Tensor`] exists. The price
//! is the usual one of a mapped file: it must not be cut or overwritten while it is in use (replacing it by
//! renaming is safe).

use std::ops::Range;
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, GgmlType};
use memmap2::Mmap;

/// Runs `$body` with `$blocks` bound to the tensor's data as a slice of its block type, some
/// `candle_core::quantized::GgmlType`: the body is compiled once for each type.
macro_rules! for_blocks {
    ($tensor:expr, $blocks:ident => $body:expr) => {{
        use candle_core::quantized::{GgmlDType as Dtype, k_quants};
        let tensor: &$crate::weights::tensor::Tensor = $tensor;
        macro_rules! with {
            ($block:ty) => {{
                // SAFETY: the arm below pairs the dtype with its block type; the types of `k_quants` are `repr(C)`
                // structs of integers and f16.
                let $blocks = unsafe { $crate::weights::tensor::blocks::<$block>(tensor) };
                $body
            }};
        }
        match tensor.dtype() {
            Dtype::F32 => with!(f32),
            Dtype::F16 => with!(half::f16),
            Dtype::BF16 => with!(half::bf16),
            Dtype::Q4_0 => with!(k_quants::BlockQ4_0),
            Dtype::Q4_1 => with!(k_quants::BlockQ4_1),
            Dtype::Q5_0 => with!(k_quants::BlockQ5_0),
            Dtype::Q5_1 => with!(k_quants::BlockQ5_1),
            Dtype::Q8_0 => with!(k_quants::BlockQ8_0),
            Dtype::Q2K => with!(k_quants::BlockQ2K),
            Dtype::Q3K => with!(k_quants::BlockQ3K),
            Dtype::Q4K => with!(k_quants::BlockQ4K),
            Dtype::Q5K => with!(k_quants::BlockQ5K),
            Dtype::Q6K => with!(k_quants::BlockQ6K),
            Dtype::Q8_1 | Dtype::Q8K => unreachable!("no tensor is made of a type for activations"),
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
    /// A tensor over `range` of a mapped file. Copies it if it lies at an odd address, which safetensors permits.
    ///
    /// # Errors
    /// Says what is wrong if a row is not a whole number of blocks, or the range is not in the file or of
    /// another length than the shape needs.
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

    /// The data as the file has it, aligned for every block type.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(map, range) => &map[range.clone()],
            Bytes::Owned(units, len) => {
                // SAFETY: `units` holds at least `len` initialised bytes, and any byte is a valid u8.
                unsafe { std::slice::from_raw_parts(units.as_ptr().cast(), *len) }
            }
        }
    }

    /// One row as f32.
    pub(crate) fn row(&self, row: usize, out: &mut [f32]) {
        for_blocks!(self, blocks => {
            let per_row = blocks.len() / self.rows;
            GgmlType::to_float(&blocks[row * per_row..][..per_row], out);
        });
    }

    /// All of it as f32; for vectors.
    pub(crate) fn to_f32(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.rows * self.columns];
        for (row, out) in out.chunks_exact_mut(self.columns).enumerate() {
            self.row(row, out);
        }
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

/// Bytes of a tensor of this type and shape.
///
/// # Errors
/// Says what is wrong with them.
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

/// A tensor's bytes as blocks of `T`.
///
/// # Safety
/// `T` must be the block type of the tensor's dtype: plain old data that any bit pattern is valid for.
pub(crate) unsafe fn blocks<T>(tensor: &Tensor) -> &[T] {
    let bytes = tensor.bytes();
    debug_assert!(align_of::<T>() <= ALIGNMENT && bytes.len().is_multiple_of(size_of::<T>()));
    // SAFETY: the constructors checked alignment and length; the caller answers for `T`.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) }
}
