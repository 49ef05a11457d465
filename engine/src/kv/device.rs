//! KV pages in the memory of a device: one tensor of keys and one of values for each layer, which hold all pages.
//!
//! Layout: `[head][page * PAGE_TOKENS + row][head_dim]`, so that the rows of consecutive pages are a view without a copy. The
//! rows of other pages are gathered.

use candle_core::{DType, Device, Result, Tensor};

use super::page::{KvFormat, KvShape, PAGE_TOKENS};

/// The contents of all pages of a pool.
pub(super) struct DevicePages {
    device: Device,
    shape: KvShape,
    /// The most pages.
    capacity: usize,
    /// Keys and values by layer; allocated by the first pass.
    layers: Vec<(Tensor, Tensor)>,
    /// Pages that the next pass copies before all else: from, to.
    copies: Vec<(usize, usize)>,
}

/// Where the rows of one pass are.
pub(crate) struct DeviceRows {
    /// Runs of the new rows: first slot, first token of the pass, tokens.
    written: Vec<(usize, usize, usize)>,
    /// The rows of the whole sequence.
    all: Slots,
}

enum Slots {
    Consecutive { first: usize, len: usize },
    Scattered(Tensor),
}

impl DevicePages {
    pub(super) fn new(shape: KvShape, capacity: usize, device: &Device) -> DevicePages {
        DevicePages { device: device.clone(), shape, capacity, layers: Vec::new(), copies: Vec::new() }
    }

    /// Copies a page at the beginning of the next pass, which can report an error.
    pub(super) fn copy(&mut self, from: usize, to: usize) {
        self.copies.push((from, to));
    }

    /// Prepares a pass of `n` tokens that follow `start` others in `pages`, which are places in the pool: allocates the tensors,
    /// copies pages, and locates the rows.
    pub(super) fn begin(&mut self, pages: &[usize], start: usize, n: usize) -> Result<DeviceRows> {
        if self.layers.is_empty() {
            let KvShape { layers, heads, head_dim, format } = self.shape;
            let dtype = match format {
                KvFormat::F32 => DType::F32,
                KvFormat::F16 => DType::F16,
            };
            let shape = (heads, self.capacity * PAGE_TOKENS, head_dim);
            let zeros = || Tensor::zeros(shape, dtype, &self.device);
            self.layers = (0..layers).map(|_| Ok((zeros()?, zeros()?))).collect::<Result<_>>()?;
        }
        for (from, to) in std::mem::take(&mut self.copies) {
            for (keys, values) in &self.layers {
                for rows in [keys, values] {
                    let page = rows.narrow(1, from * PAGE_TOKENS, PAGE_TOKENS)?.force_contiguous()?;
                    rows.slice_set(&page, 1, to * PAGE_TOKENS)?;
                }
            }
        }
        let slot = |position: usize| pages[position / PAGE_TOKENS] * PAGE_TOKENS + position % PAGE_TOKENS;
        let mut written: Vec<(usize, usize, usize)> = Vec::new();
        for i in 0..n {
            let slot = slot(start + i);
            match written.last_mut() {
                Some((first, _, len)) if *first + *len == slot => *len += 1,
                _ => written.push((slot, i, 1)),
            }
        }
        let len = start + n;
        let all = if pages.windows(2).all(|pair| pair[0] + 1 == pair[1]) {
            Slots::Consecutive { first: slot(0), len }
        } else {
            let slots = (0..len).map(|position| slot(position) as u32).collect();
            Slots::Scattered(Tensor::from_vec(slots, len, &self.device)?)
        };
        Ok(DeviceRows { written, all })
    }

    /// Writes the new rows of a layer, `[heads][n][head_dim]` each, and returns those of the whole sequence.
    pub(super) fn append(
        &self,
        layer: usize,
        rows: &DeviceRows,
        new: (&Tensor, &Tensor),
    ) -> Result<(Tensor, Tensor)> {
        let (keys, values) = &self.layers[layer];
        let append = |all: &Tensor, new: &Tensor| {
            let new = new.to_dtype(all.dtype())?.contiguous()?;
            for &(slot, first, len) in &rows.written {
                all.slice_set(&new.narrow(1, first, len)?.contiguous()?, 1, slot)?;
            }
            match &rows.all {
                Slots::Consecutive { first, len } => all.narrow(1, *first, *len),
                Slots::Scattered(slots) => all.index_select(slots, 1),
            }
        };
        Ok((append(keys, new.0)?, append(values, new.1)?))
    }
}
