//! The KV cache in pages: keys and values of the tokens that have run.
//!
//! A [`Page`] holds [`PAGE_TOKENS`] consecutive tokens of every layer. A [`Kv`] is one sequence: a list of pages and
//! its length in tokens. Sequences with a common prefix share pages by reference count. A shared page is never
//! changed: a sequence that grows copies its last, partly filled page first (copy on write):
//!
//! ```text
//! a: [0..16) [16..32) [32..37)          b branches off a at 35, or a grows at 37 while the prefix tree still
//!        \      \        \ copied        shares its last page: only that page is copied, then written
//! b: [0..16) [16..32) [32..35|..
//! ```
//!
//! Layout of a page: `[layer][head][K, V][PAGE_TOKENS][head_dim]`. One head's keys, and its values, are contiguous:
//! attention converts them to f32 once for all query rows.

use std::ops::Range;
use std::sync::Arc;

use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use rayon::prelude::*;

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

/// Keys and values of [`PAGE_TOKENS`] tokens, in every layer. Only a [`Kv`] that is the sole owner changes it.
pub struct Page {
    shape: KvShape,
    data: PageData,
}

/// f16 is stored as its bits: the allocator returns zeroed `u16`s without touching the pages, which are megabytes.
#[derive(Clone)]
enum PageData {
    F32(Box<[f32]>),
    F16(Box<[u16]>),
}

const KEYS: usize = 0;
const VALUES: usize = 1;

impl Page {
    fn new(shape: KvShape) -> Page {
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

    fn write(&mut self, layer: usize, slot: usize, part: usize, row: &[f32]) {
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

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// One sequence's KV rows. Cloning shares the pages.
///
/// A forward pass takes three steps: [`reserve`](Kv::reserve) allocates rows after the last one, [`write`](Kv::write)
/// fills them layer by layer, and [`commit`](Kv::commit) increases [`len`](Kv::len). A forward pass that fails or is
/// cancelled leaves the sequence unchanged.
#[derive(Clone, Debug)]
pub struct Kv {
    shape: KvShape,
    /// At least `len.div_ceil(PAGE_TOKENS)` pages; more only between `reserve` and `commit`.
    pages: Vec<Arc<Page>>,
    len: usize,
}

impl Kv {
    /// A sequence without tokens.
    pub fn new(shape: KvShape) -> Kv {
        Kv { shape, pages: Vec::new(), len: 0 }
    }

    /// A sequence of the first `len` tokens of existing pages; it may end inside the last page.
    ///
    /// # Panics
    /// The pages have another shape, or their number does not fit `len`.
    pub fn from_pages(shape: KvShape, pages: Vec<Arc<Page>>, len: usize) -> Kv {
        assert_eq!(pages.len(), len.div_ceil(PAGE_TOKENS), "pages for {len} tokens");
        assert!(pages.iter().all(|page| page.shape == shape), "a page of another shape than {shape:?}");
        Kv { shape, pages, len }
    }

    /// The shape of the pages.
    pub fn shape(&self) -> KvShape {
        self.shape
    }

    /// Tokens that have rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no token has run.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pages of these tokens; the last one may be partly filled.
    pub fn pages(&self) -> &[Arc<Page>] {
        &self.pages[..self.len.div_ceil(PAGE_TOKENS)]
    }

    /// Removes all tokens from `len` on; does nothing if the sequence is not longer.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.pages.truncate(self.len.div_ceil(PAGE_TOKENS));
    }

    /// Allocates rows for `n` more tokens: copies the last page if it is partly filled and shared, and adds empty
    /// pages.
    pub(crate) fn reserve(&mut self, n: usize) {
        self.pages.truncate(self.len.div_ceil(PAGE_TOKENS));
        if n > 0
            && !self.len.is_multiple_of(PAGE_TOKENS)
            && let Some(last) = self.pages.last_mut()
            && Arc::get_mut(last).is_none()
        {
            *last = Arc::new(Page { shape: last.shape, data: last.data.clone() });
        }
        let shape = self.shape;
        self.pages.resize_with((self.len + n).div_ceil(PAGE_TOKENS), || Arc::new(Page::new(shape)));
    }

    /// Writes one layer of the `n` reserved tokens. `row(i)` returns the keys and the values of the i-th token,
    /// `heads * head_dim` elements each. Fills the pages in parallel.
    ///
    /// # Panics
    /// The rows were not reserved: see [`reserve`](Kv::reserve).
    pub(crate) fn write<'a>(
        &mut self,
        layer: usize,
        n: usize,
        row: impl Fn(usize) -> (&'a [f32], &'a [f32]) + Sync,
    ) {
        let Range { start, end } = self.len..self.len + n;
        let first = start / PAGE_TOKENS;
        self.pages[first..end.div_ceil(PAGE_TOKENS)].par_iter_mut().enumerate().for_each(|(i, page)| {
            let page_start = (first + i) * PAGE_TOKENS;
            let page = Arc::get_mut(page).expect("reserve() leaves no shared page after the last row");
            for position in start.max(page_start)..end.min(page_start + PAGE_TOKENS) {
                let (keys, values) = row(position - start);
                page.write(layer, position - page_start, KEYS, keys);
                page.write(layer, position - page_start, VALUES, values);
            }
        });
    }

    /// All pages, reserved ones included: attention reads the rows of the running tokens.
    pub(crate) fn reserved_pages(&self) -> &[Arc<Page>] {
        &self.pages
    }

    /// Adds the `n` tokens that were written to every layer.
    pub(crate) fn commit(&mut self, n: usize) {
        self.len += n;
        debug_assert_eq!(self.pages.len(), self.len.div_ceil(PAGE_TOKENS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: KvShape = KvShape { layers: 2, heads: 3, head_dim: 5, format: KvFormat::F32 };

    /// Rows that differ by token, layer and part; multiples of a quarter, which f16 represents exactly.
    fn row(token: usize, layer: usize, part: usize) -> Vec<f32> {
        (0..15).map(|i| (token * 4 + layer * 2 + part) as f32 + i as f32 * 0.25).collect()
    }

    fn append(kv: &mut Kv, tokens: Range<usize>) {
        let n = tokens.len();
        kv.reserve(n);
        for layer in 0..2 {
            let rows: Vec<_> =
                tokens.clone().map(|token| (row(token, layer, 0), row(token, layer, 1))).collect();
            kv.write(layer, n, |i| (&rows[i].0, &rows[i].1));
        }
        kv.commit(n);
    }

    fn check(kv: &Kv, tokens: &[usize]) {
        assert_eq!(kv.len(), tokens.len());
        assert_eq!(kv.pages().len(), tokens.len().div_ceil(PAGE_TOKENS));
        let mut block = [0.0; PAGE_TOKENS * 5];
        for (position, &token) in tokens.iter().enumerate() {
            let page = &kv.pages()[position / PAGE_TOKENS];
            for (layer, head) in (0..2).flat_map(|layer| (0..3).map(move |head| (layer, head))) {
                for part in [KEYS, VALUES] {
                    if part == KEYS {
                        page.keys(layer, head, &mut block)
                    } else {
                        page.values(layer, head, &mut block)
                    }
                    let slot = position % PAGE_TOKENS;
                    assert_eq!(block[slot * 5..][..5], row(token, layer, part)[head * 5..][..5]);
                }
            }
        }
    }

    #[test]
    fn rows_come_back_in_both_formats() {
        for format in [KvFormat::F32, KvFormat::F16] {
            let mut kv = Kv::new(KvShape { format, ..SHAPE });
            for chunk in [0..1, 1..16, 16..17, 17..50] {
                append(&mut kv, chunk);
            }
            check(&kv, &(0..50).collect::<Vec<_>>());
        }
        assert_eq!(SHAPE.bytes_per_page(), 2 * 3 * 2 * 16 * 5 * 4);
    }

    #[test]
    fn a_shared_page_is_copied_before_it_is_written() {
        let mut a = Kv::new(SHAPE);
        append(&mut a, 0..20);
        let mut b = Kv::from_pages(SHAPE, a.pages().to_vec(), 18);
        append(&mut b, 100..103);
        append(&mut a, 20..22);
        check(&a, &(0..22).collect::<Vec<_>>());
        check(&b, &(0..18).chain(100..103).collect::<Vec<_>>());
        assert!(Arc::ptr_eq(&a.pages()[0], &b.pages()[0]), "full pages stay shared");
        assert!(!Arc::ptr_eq(&a.pages()[1], &b.pages()[1]));
    }

    #[test]
    fn a_page_of_its_own_is_written_in_place() {
        let mut kv = Kv::new(SHAPE);
        append(&mut kv, 0..5);
        let before = Arc::as_ptr(&kv.pages()[0]);
        append(&mut kv, 5..6);
        assert_eq!(before, Arc::as_ptr(&kv.pages()[0]));
    }

    #[test]
    fn truncated_tokens_can_be_rewritten() {
        let mut kv = Kv::new(SHAPE);
        append(&mut kv, 0..40);
        let whole = kv.clone();
        kv.truncate(99);
        assert_eq!(kv.len(), 40);
        kv.truncate(17);
        append(&mut kv, 60..80);
        check(&kv, &(0..17).chain(60..80).collect::<Vec<_>>());
        check(&whole, &(0..40).collect::<Vec<_>>());
        kv.truncate(16);
        assert_eq!(kv.pages().len(), 1);
        kv.truncate(0);
        assert!(kv.is_empty() && kv.pages().is_empty());
    }

    #[test]
    fn without_commit_nothing_changes() {
        let mut kv = Kv::new(SHAPE);
        append(&mut kv, 0..10);
        let shared = kv.clone();
        kv.reserve(30);
        let rows = row(7, 0, 0);
        kv.write(0, 30, |_| (&rows, &rows));
        check(&kv, &(0..10).collect::<Vec<_>>());
        check(&shared, &(0..10).collect::<Vec<_>>());
        append(&mut kv, 10..11);
        check(&kv, &(0..11).collect::<Vec<_>>());
    }
}
