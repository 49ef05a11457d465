//! The worker threads that read files, and the order in which their results are processed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use rustc_hash::FxHashMap;

/// The most results that wait to be processed.
const AHEAD: usize = 32;
/// The most threads. More would wait for the disk and for the index.
const MOST_THREADS: usize = 8;
/// The niceness of the worker threads.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Processes the items on the threads of a pool, and passes the results to `take` on this thread, in the order of the
/// items.
pub(super) fn in_order<T: Sync, R: Send>(
    pool: &rayon::ThreadPool,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(usize, &T, R),
) {
    let (sender, results) = mpsc::sync_channel(AHEAD);
    let next = AtomicUsize::new(0);
    pool.in_place_scope(|scope| {
        for _ in 0..pool.current_num_threads().min(items.len()) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move |_| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    if sender.send((at, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        // Results that are early wait; their number is bounded by what gets done during one slow item.
        let mut early = FxHashMap::default();
        let mut due = 0;
        for (at, result) in results {
            early.insert(at, result);
            while let Some(result) = early.remove(&due) {
                take(due, &items[due], result);
                due += 1;
            }
        }
    });
}

/// A pool of low-priority threads.
pub(super) fn pool() -> rayon::ThreadPool {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = if cores <= 2 { cores } else { cores - 1 };
    let builder = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.min(MOST_THREADS))
        .thread_name(|number| format!("phi-ls-index-{number}"))
        .start_handler(|_| {
            // On other systems the niceness would apply to the whole process.
            #[cfg(target_os = "linux")]
            if let Err(error) = rustix::process::nice(NICE) {
                tracing::debug!("indexing runs at normal priority: {error}");
            }
        });
    builder.build().expect("the operating system starts threads")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..1000).collect();
        // The more work, the earlier the item.
        let work = |item: &u64| (0..(1000 - item) * 10).fold(*item, |sum, next| sum.wrapping_add(next % 2));
        let mut taken = Vec::new();
        in_order(&pool(), &items, work, |at, item, result| {
            taken.push((at as u64 == *item, *item, result == work(item)))
        });
        assert!(taken.iter().all(|(is_its_turn, _, is_right)| *is_its_turn && *is_right));
        assert_eq!(taken.iter().map(|(_, item, _)| *item).collect::<Vec<_>>(), items);
    }
}
