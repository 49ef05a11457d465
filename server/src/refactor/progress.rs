//! The progress of a run, its cost, and the estimated time left.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use phi_engine::Usage;

use super::Plan;
use crate::rewrite::Stage;

/// The progress of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Finished sites.
    pub done: usize,
    /// All sites.
    pub of: usize,
    /// The current step or item, as a message.
    pub item: String,
    /// The estimated time left, once it is known.
    pub left: Option<Duration>,
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.item)?;
        match self.left.map(|left| left.as_secs()) {
            None => Ok(()),
            Some(seconds @ 0..90) => write!(f, ", about {seconds} s left"),
            Some(seconds) => write!(f, ", about {} min left", seconds.div_ceil(60)),
        }
    }
}

/// Receives the progress of a run.
pub type ProgressSink<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Tracks counts and costs, and estimates the time left.
pub(super) struct ProgressTracker<'a> {
    sink: ProgressSink<'a>,
    started: Instant,
    /// When the last site was finished.
    finished: Instant,
    done: usize,
    of: usize,
    /// Bytes of the rewritten sites, and of those left.
    rewritten: usize,
    left: usize,
    usage: Mutex<Usage>,
}

impl<'a> ProgressTracker<'a> {
    pub(super) fn new(plan: &Plan, sink: ProgressSink<'a>) -> ProgressTracker<'a> {
        let now = Instant::now();
        ProgressTracker {
            sink,
            started: now,
            finished: now,
            done: 0,
            of: plan.sites.len(),
            rewritten: 0,
            left: plan.sites.iter().map(|site| site.bytes).sum(),
            usage: Mutex::default(),
        }
    }

    pub(super) fn report(&self, item: &str, stage: Stage) {
        match stage {
            Stage::Reading { .. } | Stage::Repairing | Stage::Writing { .. } => self.item(item),
            Stage::Answered(cost) => *self.usage.lock() += cost,
        }
    }

    /// Reports a step that is not an item.
    pub(super) fn step(&self, what: &str) {
        let (done, of) = (self.done, self.of);
        (self.sink)(Progress { done, of, item: what.to_owned(), left: None });
    }

    /// Reports the current item.
    pub(super) fn item(&self, item: &str) {
        // The first item is no basis for an estimate: its prompt includes all of its context.
        let per_byte = || (self.finished - self.started).div_f64(self.rewritten as f64);
        let all = (self.rewritten > 0).then(|| per_byte().mul_f64(self.left as f64));
        // An item that takes longer than expected makes the rest unknown.
        let left = all.and_then(|all| all.checked_sub(self.finished.elapsed()));
        (self.sink)(Progress { done: self.done, of: self.of, item: item.to_owned(), left });
    }

    /// Counts a site as done; a resumed site took no time.
    pub(super) fn finished(&mut self, bytes: usize, resumed: bool) {
        self.done += 1;
        self.left = self.left.saturating_sub(bytes);
        if !resumed {
            self.rewritten += bytes;
        }
        self.finished = Instant::now();
    }

    pub(super) fn usage(&self) -> Usage {
        *self.usage.lock()
    }
}
