//! What the engine is doing, as its handles can read it at any time.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::generation::Priority;

/// What the engine is doing, for a status line.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Status {
    /// Generations waiting or running, idle prefill excluded.
    pub jobs: usize,
    /// Decode speed of the latest generation; 0 before the first.
    pub tokens_per_second: f32,
    /// Tokens whose KV rows are in the prefix tree.
    pub cached_tokens: usize,
    /// Bytes of these rows.
    pub cached_bytes: usize,
    /// What a neural model works on now; `None` while it is idle.
    pub work: Option<Work>,
    /// How often the engine has restarted after a panic.
    pub restarts: usize,
}

/// The generation that the engine thread works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Priority of the request; [`Priority::Idle`] for idle prefill.
    pub priority: Priority,
    /// Its progress.
    pub phase: Phase,
}

/// The progress of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Prefill.
    Reading {
        /// Tokens of the prompt that have KV rows, cached ones included.
        read: usize,
        /// Tokens of the prompt.
        of: usize,
    },
    /// Decode.
    Writing {
        /// Tokens generated so far.
        tokens: usize,
    },
}

/// The status shared between the handles and the engine thread.
#[derive(Debug, Default)]
pub(crate) struct SharedStatus {
    jobs: AtomicUsize,
    /// All fields but `jobs`.
    latest: Mutex<Status>,
}

impl SharedStatus {
    pub(crate) fn read(&self) -> Status {
        let latest = *self.latest.lock();
        Status { jobs: self.jobs.load(Ordering::SeqCst), ..latest }
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.latest.lock());
    }

    pub(crate) fn job_added(&self) {
        self.jobs.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn job_ended(&self) {
        self.jobs.fetch_sub(1, Ordering::SeqCst);
    }
}
