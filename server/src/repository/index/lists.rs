//! Lists of numbers. A list of at most one number, the common case, takes four bytes.

/// A list in a [`Pool`]: empty, one item, or the index of several.
#[derive(Debug, Clone, Copy)]
pub(super) struct List(u32);

const EMPTY: u32 = u32::MAX;
/// The flag for several items.
const SEVERAL: u32 = 1 << 31;
/// The bits of an item.
pub(super) const ITEM_BITS: u32 = 31;

impl Default for List {
    fn default() -> List {
        List(EMPTY)
    }
}

/// The storage of the lists.
#[derive(Debug, Default)]
pub(super) struct Pool {
    lists: Vec<Vec<u32>>,
    free: Vec<u32>,
}

impl Pool {
    pub fn items<'a>(&'a self, list: &'a List) -> &'a [u32] {
        match list.0 {
            EMPTY => &[],
            several if several & SEVERAL != 0 => &self.lists[(several & !SEVERAL) as usize],
            _ => std::slice::from_ref(&list.0),
        }
    }

    /// Adds an item, of [`ITEM_BITS`].
    pub fn push(&mut self, list: &mut List, item: u32) {
        debug_assert!(item < SEVERAL);
        match list.0 {
            EMPTY => list.0 = item,
            several if several & SEVERAL != 0 => self.lists[(several & !SEVERAL) as usize].push(item),
            one => {
                let items = vec![one, item];
                let place = self.free.pop().unwrap_or(self.lists.len() as u32);
                match self.lists.get_mut(place as usize) {
                    Some(vacant) => *vacant = items,
                    None => self.lists.push(items),
                }
                list.0 = place | SEVERAL;
            }
        }
    }

    /// Removes the items for which `keep` is false, and frees their memory.
    pub fn retain(&mut self, list: &mut List, keep: impl Fn(u32) -> bool) {
        match list.0 {
            EMPTY => {}
            several if several & SEVERAL != 0 => {
                let items = &mut self.lists[(several & !SEVERAL) as usize];
                items.retain(|&item| keep(item));
                if let [] | [_] = **items {
                    list.0 = items.first().copied().unwrap_or(EMPTY);
                    *items = Vec::new();
                    self.free.push(several & !SEVERAL);
                } else if items.capacity() > 4 * items.len() {
                    items.shrink_to_fit();
                }
            }
            one if keep(one) => {}
            _ => list.0 = EMPTY,
        }
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        let items: usize = self.lists.iter().map(|items| items.capacity() * size_of::<u32>()).sum();
        items + self.lists.capacity() * size_of::<Vec<u32>>() + self.free.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_grow_and_shrink() {
        let mut pool = Pool::default();
        let mut lists = [List::default(); 3];
        for item in 0..300u32 {
            pool.push(&mut lists[item as usize % 3], item);
        }
        assert_eq!(pool.items(&lists[1]).len(), 100);
        pool.retain(&mut lists[1], |item| item == 4);
        assert_eq!(pool.items(&lists[1]), [4]);
        pool.push(&mut lists[1], 7);
        assert_eq!((pool.items(&lists[1]), pool.lists.len()), (&[4, 7][..], 3), "the slot is reused");
        for list in &mut lists {
            pool.retain(list, |_| false);
            assert!(pool.items(list).is_empty());
        }
        pool.push(&mut lists[0], 0);
        pool.retain(&mut lists[0], |_| false);
        assert!(pool.items(&lists[0]).is_empty());
    }
}
