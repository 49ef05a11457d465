//! The pages of a model and one page: formats and layout. A new KV format is an edit of this file.
//!
//! Layout of a page: `[layer][head][K, V][PAGE_TOKENS][head_dim]`. One head's keys, and its values, are contiguous:
//! attention converts them to f32 once for all query rows.

use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

/// Tokens of one page.
pub const PAGE_TOKENS: usize = 16;

/// The number format of a page. Arithmetic is in f32 with either.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KvFormat {
    /// 4 bytes: exact, for comparison with a reference.
    F32,
    /// 2 bytes, rounded to nearest.
    F16,
}

/// The shape of a model's pages. All pages of a [`Kv`] have the same shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KvShape {
    /// Decoder layers.
    pub layers: usize,
    /// KV heads; fewer than query heads where the model groups queries.
    pub heads: usize,
    /// Elements of a head.
    pub head_dim: usize,
    /// Number format.
    pub format: KvFormat,
}

impl KvShape {
    /// Bytes of one page.
    pub fn bytes_per_page(&self) -> usize {
        let element = match self.format {
            KvFormat::F32 => size_of::<f32>(),
            KvFormat::F16 => size_of::<f16>(),
        };
        self.layers * self.page_stride() * element
    }

    /// Elements of one head's keys, or values, in a page.
    fn block(&self) -> usize {
        PAGE_TOKENS * self.head_dim
    }

    /// Elements of one layer in a page.
    fn page_stride(&self) -> usize {
        self.heads * 2 * self.block()
    }

    fn block_start(&self, layer: usize, head: usize, part: usize) -> usize {
        layer * self.page_stride() + (head * 2 + part) * self.block()
    }
}

/// Keys and values of [`PAGE_TOKENS`] tokens, in every layer.
pub(crate) struct Page {
    shape: KvShape,
    data: PageData,
}

/// f16 is stored as its bits: the allocator returns zeroed `u16`s without touching the pages, which are megabytes.
enum PageData {
    F32(Box<[f32]>),
    F16(Box<[u16]>),
}

const KEYS: usize = 0;
const VALUES: usize = 1;

impl Page {
    pub(super) fn new(shape: KvShape) -> Page {
        let elements = shape.layers * shape.page_stride();
        let data = match shape.format {
            KvFormat::F32 => PageData::F32(vec![0.0; elements].into()),
            KvFormat::F16 => PageData::F16(vec![0; elements].into()),
        };
        Page { shape, data }
    }

    /// A head's keys of the first `out.len() / head_dim` tokens of the page, as f32.
    pub(crate) fn keys(&self, layer: usize, head: usize, out: &mut [f32]) {
        self.widen(self.shape.block_start(layer, head, KEYS), out);
    }

    /// A head's values of the first `out.len() / head_dim` tokens of the page, as f32.
    pub(crate) fn values(&self, layer: usize, head: usize, out: &mut [f32]) {
        self.widen(self.shape.block_start(layer, head, VALUES), out);
    }

    fn widen(&self, start: usize, out: &mut [f32]) {
        let run = start..start + out.len();
        match &self.data {
            PageData::F32(data) => out.copy_from_slice(&data[run]),
            PageData::F16(data) => data[run].reinterpret_cast::<f16>().convert_to_f32_slice(out),
        }
    }

    /// Writes the keys and the values of one token, `heads * head_dim` elements each.
    pub(super) fn write(&mut self, layer: usize, slot: usize, keys: &[f32], values: &[f32]) {
        self.write_part(layer, slot, KEYS, keys);
        self.write_part(layer, slot, VALUES, values);
    }

    /// Makes this page equal to another one of its shape.
    pub(super) fn copy_from(&mut self, other: &Page) {
        match (&mut self.data, &other.data) {
            (PageData::F32(to), PageData::F32(from)) => to.copy_from_slice(from),
            (PageData::F16(to), PageData::F16(from)) => to.copy_from_slice(from),
            _ => unreachable!("the pages of a pool have one shape"),
        }
    }

    fn write_part(&mut self, layer: usize, slot: usize, part: usize, row: &[f32]) {
        let dim = self.shape.head_dim;
        for (head, values) in row.chunks_exact(dim).enumerate() {
            let start = self.shape.block_start(layer, head, part) + slot * dim;
            match &mut self.data {
                PageData::F32(data) => data[start..start + dim].copy_from_slice(values),
                PageData::F16(data) => {
                    data[start..start + dim].reinterpret_cast_mut::<f16>().convert_from_f32_slice(values)
                }
            }
        }
    }
}
