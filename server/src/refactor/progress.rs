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
    done: usize,
    of: usize,
    /// Bytes of the rewritten sites, and of those left.
    rewritten: usize,
    left: usize,
    usage: Mutex<Usage>,
}

impl<'a> ProgressTracker<'a> {
    pub(super) fn new(plan: &Plan, sink: ProgressSink<'a>) -> ProgressTracker<'a> {
        ProgressTracker {
            sink,
            started: Instant::now(),
            done: 0,
            of: plan.sites.len(),
            rewritten: 0,
            left: plan.sites.iter().map(|site| site.bytes).sum(),
            usage: Mutex::default(),
        }
    }

    pub(super) fn report(&self, item: &str, stage: Stage) {
        match stage {
            Stage::Reading { .. } | Stage::Repairing => self.item(item, 0),
            Stage::Writing { bytes, of } => self.item(item, bytes.min(of)),
            Stage::Answered(cost) => *self.usage.lock() += cost,
        }
    }

    /// Reports a step that is not an item.
    pub(super) fn step(&self, what: &str) {
        let (done, of) = (self.done, self.of);
        (self.sink)(Progress { done, of, item: what.to_owned(), left: None });
    }

    /// Reports that `written` bytes of the current item have been generated.
    pub(super) fn item(&self, item: &str, written: usize) {
        let bytes = self.rewritten + written;
        // The first item is no basis for an estimate: its prompt includes all of its context.
        let per_byte = (self.rewritten > 0).then(|| self.started.elapsed().as_secs_f64() / bytes as f64);
        let left = per_byte.map(|seconds| seconds * self.left.saturating_sub(written) as f64);
        (self.sink)(Progress {
            done: self.done,
            of: self.of,
            item: item.to_owned(),
            left: left.map(|seconds| Duration::from_secs(seconds.round() as u64)),
        });
    }

    /// Counts a site as done; a resumed site took no time.
    pub(super) fn finished(&mut self, bytes: usize, resumed: bool) {
        self.done += 1;
        self.left = self.left.saturating_sub(bytes);
        if !resumed {
            self.rewritten += bytes;
        }
    }

    pub(super) fn usage(&self) -> Usage {
        *self.usage.lock()
    }
}
