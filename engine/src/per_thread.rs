//! Memory for each thread of a pool, so that parallel tasks need not allocate their own.

use parking_lot::{Mutex, MutexGuard};

/// One value for each thread of a pool.
///
/// A task must not start other tasks while it holds the value: its thread could run one that needs the value too.
pub(crate) struct PerThread<T>(Vec<Mutex<T>>);

impl<T: Default> PerThread<T> {
    pub(crate) fn new(threads: usize) -> PerThread<T> {
        PerThread((0..threads.max(1)).map(|_| Mutex::default()).collect())
    }

    /// The value of the calling thread. Does not wait in a pool of this many threads.
    pub(crate) fn get(&self) -> MutexGuard<'_, T> {
        self.0[rayon::current_thread_index().unwrap_or(0) % self.0.len()].lock()
    }
}
