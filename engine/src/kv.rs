//! The KV cache in pages: keys and values of the tokens that have run.
//!
//! A [`PagePool`] owns the pages, of [`PAGE_TOKENS`] consecutive tokens of every layer each. A [`Kv`] is one sequence: a list
//! of handles ([`PageId`]) and its length in tokens. Sequences with a common prefix share pages. A shared page is never
//! changed: a sequence that grows copies its last, partly filled page first (copy on write):
//!
//! ```text
//! a: [0..16) [16..32) [32..37)          b branches off a at 35, or a grows at 37 while the prefix tree still
//!        \      \        \ copied        shares its last page: only that page is copied, then written
//! b: [0..16) [16..32) [32..35|..
//! ```

mod device;
mod page;
mod pool;

use std::ops::Range;

pub(crate) use device::DeviceRows;
pub use page::{KvFormat, KvShape, PAGE_TOKENS};
pub use pool::{PageId, PagePool};

/// One sequence's KV rows, in pages of a [`PagePool`]. Cloning shares the pages.
///
/// A forward pass takes three steps: [`reserve`](Kv::reserve) takes pages for rows after the last one,
/// [`write`](Kv::write) fills them layer by layer, and [`commit`](Kv::commit) increases [`len`](Kv::len). A forward
/// pass that fails or is cancelled leaves the sequence unchanged.
#[derive(Clone, Debug, Default)]
pub struct Kv {
    /// At least `len.div_ceil(PAGE_TOKENS)` pages; more only between `reserve` and `commit`.
    pages: Vec<PageId>,
    len: usize,
    /// The pages with reserved rows: their place in the pool, ascending, and in `pages`.
    reserved: Vec<(usize, usize)>,
}

impl Kv {
    /// A sequence of the first `len` tokens of existing pages; it may end inside the last page.
    ///
    /// # Panics
    /// The number of pages does not fit `len`.
    pub(crate) fn from_pages(pages: Vec<PageId>, len: usize) -> Kv {
        assert_eq!(pages.len(), len.div_ceil(PAGE_TOKENS), "pages for {len} tokens");
        Kv { pages, len, reserved: Vec::new() }
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
    pub fn pages(&self) -> &[PageId] {
        &self.pages[..self.len.div_ceil(PAGE_TOKENS)]
    }

    /// Removes all tokens from `len` on; does nothing if the sequence is not longer.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.pages.truncate(self.len.div_ceil(PAGE_TOKENS));
        self.reserved.clear();
    }

    /// Takes pages for `n` more tokens: copies the last page if it is partly filled and shared, and adds others. False,
    /// and nothing has changed, if the pool has too few.
    pub(crate) fn reserve(&mut self, n: usize, pool: &mut PagePool) -> bool {
        self.truncate(self.len);
        let all = (self.len + n).div_ceil(PAGE_TOKENS);
        let first = self.len / PAGE_TOKENS;
        let copied = self.pages.get(first).is_some_and(PageId::is_shared) && n > 0;
        if pool.available() < all - self.pages.len() + usize::from(copied) {
            return false;
        }
        let available = "the pool has as many pages as were counted";
        if copied {
            self.pages[first] = pool.copy(&self.pages[first]).expect(available);
        }
        self.pages.resize_with(all, || pool.take().expect(available));
        self.reserved.extend((first..all).map(|place| (self.pages[place].index(), place)));
        self.reserved.sort_unstable();
        true
    }

    /// Writes one layer of the `n` reserved tokens. `row(i)` returns the keys and the values of the i-th token,
    /// `heads * head_dim` elements each. Fills the pages in parallel.
    ///
    /// # Panics
    /// The rows were not reserved in this pool: see [`reserve`](Kv::reserve).
    pub(crate) fn write<'a>(
        &self,
        layer: usize,
        n: usize,
        pool: &mut PagePool,
        row: impl Fn(usize) -> (&'a [f32], &'a [f32]) + Sync,
    ) {
        let Range { start, end } = self.len..self.len + n;
        pool.write_each(&self.reserved, |place, page| {
            let page_start = place * PAGE_TOKENS;
            for position in start.max(page_start)..end.min(page_start + PAGE_TOKENS) {
                let (keys, values) = row(position - start);
                page.write(layer, position - page_start, keys, values);
            }
        });
    }

    /// All pages, reserved ones included: attention reads the rows of the running tokens.
    pub(crate) fn reserved_pages(&self) -> &[PageId] {
        &self.pages
    }

    /// Adds the `n` tokens that were written to every layer.
    pub(crate) fn commit(&mut self, n: usize) {
        self.len += n;
        self.reserved.clear();
        debug_assert_eq!(self.pages.len(), self.len.div_ceil(PAGE_TOKENS));
    }
}

#[cfg(test)]
mod tests;
