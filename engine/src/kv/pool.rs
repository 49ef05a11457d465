//! The pool that owns all KV pages, and the handles to them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use parking_lot::Mutex;

use candle_core::{Device, Tensor};

use super::device::{DevicePages, DeviceRows};
use super::page::{KvShape, PAGE_TOKENS, Page};

/// All KV pages of a model, within a budget of bytes. Pages that no handle refers to are used again.
pub struct PagePool {
    shape: KvShape,
    /// The most pages.
    capacity: usize,
    contents: Contents,
    counts: Arc<Mutex<Counts>>,
}

/// The rows of all pages.
enum Contents {
    /// In main memory, by index; allocated when they are first used.
    Host(Vec<Page>),
    Device(DevicePages),
}

/// How many handles each page has.
#[derive(Debug, Default)]
struct Counts {
    /// By index.
    handles: Vec<u32>,
    /// The pages without a handle. The first one is taken first, so that the pages of a sequence tend to be consecutive,
    /// whose rows a device need not gather.
    free: BinaryHeap<Reverse<usize>>,
}

/// A handle to a page of a [`PagePool`]. Cloning shares the page; the last handle that is dropped frees it.
#[derive(Debug)]
pub struct PageId {
    index: usize,
    counts: Arc<Mutex<Counts>>,
}

impl PagePool {
    /// A pool of as many pages of this shape as `bytes` hold.
    pub fn new(shape: KvShape, bytes: usize) -> PagePool {
        let capacity = bytes / shape.bytes_per_page();
        PagePool { shape, capacity, contents: Contents::Host(Vec::new()), counts: Arc::default() }
    }

    /// A pool whose pages are in the memory of `device`.
    pub(crate) fn on_device(shape: KvShape, bytes: usize, device: &Device) -> PagePool {
        let pool = PagePool::new(shape, bytes);
        let contents = Contents::Device(DevicePages::new(shape, pool.capacity, device));
        PagePool { contents, ..pool }
    }

    /// The shape of its pages.
    pub fn shape(&self) -> KvShape {
        self.shape
    }

    /// The most tokens of a sequence that fits the budget alone. One page is reserved for the copy of a shared page.
    pub(crate) fn longest_sequence(&self) -> usize {
        self.capacity.saturating_sub(1) * PAGE_TOKENS
    }

    /// Pages that can be taken.
    pub(crate) fn available(&self) -> usize {
        self.capacity - self.in_use()
    }

    /// Pages that a handle refers to.
    pub(crate) fn in_use(&self) -> usize {
        let counts = self.counts.lock();
        counts.handles.len() - counts.free.len()
    }

    /// A page with any contents; `None` if all are in use.
    pub(super) fn take(&mut self) -> Option<PageId> {
        let mut counts = self.counts.lock();
        let index = match counts.free.pop() {
            Some(Reverse(index)) => index,
            None if counts.handles.len() == self.capacity => return None,
            None => {
                if let Contents::Host(pages) = &mut self.contents {
                    pages.push(Page::new(self.shape));
                }
                counts.handles.push(0);
                // Freeing a page must not allocate memory.
                let pages = counts.handles.len();
                counts.free.reserve(pages);
                pages - 1
            }
        };
        counts.handles[index] = 1;
        drop(counts);
        Some(PageId { index, counts: self.counts.clone() })
    }

    /// A page of its own with the contents of `page`; `None` if all are in use.
    pub(super) fn copy(&mut self, page: &PageId) -> Option<PageId> {
        self.check(page);
        let copy = self.take()?;
        match &mut self.contents {
            Contents::Host(pages) => {
                let [from, to] = pages
                    .get_disjoint_mut([page.index, copy.index])
                    .expect("the copy is another page of the pool");
                to.copy_from(from);
            }
            Contents::Device(pages) => pages.copy(page.index, copy.index),
        }
        Some(copy)
    }

    /// Prepares the pass of `n` tokens on the device, which follow `start` others in `pages`.
    ///
    /// # Errors
    /// The device reports one: the rows of a partly filled page may be lost.
    pub(crate) fn begin(
        &mut self,
        pages: &[PageId],
        start: usize,
        n: usize,
    ) -> candle_core::Result<DeviceRows> {
        match &mut self.contents {
            Contents::Device(contents) => {
                let places: Vec<usize> = pages.iter().map(PageId::index).collect();
                contents.begin(&places, start, n)
            }
            Contents::Host(_) => candle_core::bail!("the KV pages are not on a device"),
        }
    }

    /// Writes one layer of the keys and values of a pass on the device, `[heads][n][head_dim]` each. Returns those of the
    /// whole sequence.
    ///
    /// # Errors
    /// The device reports one.
    pub(crate) fn append(
        &self,
        layer: usize,
        rows: &DeviceRows,
        new: (&Tensor, &Tensor),
    ) -> candle_core::Result<(Tensor, Tensor)> {
        match &self.contents {
            Contents::Device(pages) => pages.append(layer, rows, new),
            Contents::Host(_) => candle_core::bail!("the KV pages are not on a device"),
        }
    }

    /// Whether the pages are in main memory.
    pub(crate) fn is_host(&self) -> bool {
        matches!(self.contents, Contents::Host(_))
    }

    /// The page of a handle, in main memory.
    pub(crate) fn page(&self, id: &PageId) -> &Page {
        debug_assert!(self.owns(id));
        match &self.contents {
            Contents::Host(pages) => &pages[id.index],
            Contents::Device(_) => unreachable!("a forward pass checks where the pages are"),
        }
    }

    /// Whether a handle is one of this pool.
    pub(crate) fn owns(&self, id: &PageId) -> bool {
        Arc::ptr_eq(&self.counts, &id.counts)
    }

    /// Calls `write` for pages that only one handle refers to, in parallel. `places` are indices of pages, ascending,
    /// with numbers that are passed on.
    pub(super) fn write_each(&mut self, places: &[(usize, usize)], write: impl Fn(usize, &mut Page) + Sync) {
        {
            let counts = self.counts.lock();
            assert!(
                places.iter().all(|(index, _)| counts.handles[*index] == 1),
                "a shared page is not written"
            );
        }
        match &mut self.contents {
            Contents::Host(pages) => write_each(pages, 0, places, &write),
            Contents::Device(_) => unreachable!("a forward pass checks where the pages are"),
        }
    }

    fn check(&self, id: &PageId) {
        assert!(self.owns(id), "a page of another pool");
    }
}

/// `pages` begins with the page of the index `first`.
fn write_each(
    pages: &mut [Page],
    first: usize,
    places: &[(usize, usize)],
    write: &(impl Fn(usize, &mut Page) + Sync),
) {
    match places {
        [] => {}
        [(index, number)] => write(*number, &mut pages[index - first]),
        _ => {
            let (low, high) = places.split_at(places.len() / 2);
            let middle = high[0].0;
            let (left, right) = pages.split_at_mut(middle - first);
            rayon::join(|| write_each(left, first, low, write), || write_each(right, middle, high, write));
        }
    }
}

impl PageId {
    /// Its place in the pool.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// Whether another handle refers to the same page.
    pub(crate) fn is_shared(&self) -> bool {
        self.counts.lock().handles[self.index] > 1
    }
}

impl Clone for PageId {
    fn clone(&self) -> PageId {
        self.counts.lock().handles[self.index] += 1;
        PageId { index: self.index, counts: self.counts.clone() }
    }
}

impl Drop for PageId {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        counts.handles[self.index] -= 1;
        if counts.handles[self.index] == 0 {
            counts.free.push(Reverse(self.index));
        }
    }
}

/// Whether two handles refer to the same page.
impl PartialEq for PageId {
    fn eq(&self, other: &PageId) -> bool {
        self.index == other.index && Arc::ptr_eq(&self.counts, &other.counts)
    }
}

impl std::fmt::Debug for PagePool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PagePool").field("shape", &self.shape).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::page::KvFormat;
    use super::*;

    #[test]
    fn pages_are_freed_with_their_last_handle_and_used_again() {
        let shape = KvShape { layers: 1, heads: 1, head_dim: 1, format: KvFormat::F16 };
        let mut pool = PagePool::new(shape, 2 * shape.bytes_per_page() + 1);
        let (a, b) = (pool.take().expect("a page"), pool.take().expect("a page"));
        assert!(a != b && pool.take().is_none() && pool.available() == 0);
        let again = a.clone();
        assert!(a.is_shared() && again == a && !b.is_shared());
        drop(a);
        assert!(!again.is_shared() && pool.take().is_none(), "one handle is left");
        let index = again.index();
        drop(again);
        assert_eq!(pool.available(), 1);
        let next = pool.take().expect("a page");
        assert_eq!((next.index(), next.is_shared(), pool.available()), (index, false, 0));
        assert!(!PagePool::new(shape, 1000).owns(&next) && pool.owns(&next));
    }
}
