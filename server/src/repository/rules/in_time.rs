//! The rules for open files on a file system that may not answer: a network share, a suspended machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashMap;

use super::{Excluded, Rules};

/// The running checks, by path. All callers wait for the same check, so that a file system that hangs holds one thread for
/// each path.
#[derive(Debug, Default)]
pub(super) struct RunningChecks(Mutex<FxHashMap<PathBuf, Arc<RunningCheck>>>);

#[derive(Debug)]
struct RunningCheck {
    began: Instant,
    verdict: Mutex<Option<Result<(), Excluded>>>,
    is_done: Condvar,
}

impl Rules {
    /// [`Rules::check`], for which the disk gets `limit`, from the beginning of the check. A late check continues, and its
    /// result is cached.
    ///
    /// # Errors
    /// The rule that excludes the file, or [`Excluded::Unresponsive`].
    pub fn check_in_time(self: &Arc<Self>, path: &Path, limit: Duration) -> Result<(), Excluded> {
        self.known(path).unwrap_or_else(|| self.check_again_in_time(path, limit, limit))
    }

    /// [`Rules::check_again`], for which the disk gets `limit`, or `limit_if_known` if there is a cached result, which is
    /// returned if the disk is late.
    ///
    /// # Errors
    /// The rule that excludes the file, or [`Excluded::Unresponsive`].
    pub fn check_again_in_time(
        self: &Arc<Self>,
        path: &Path,
        limit: Duration,
        limit_if_known: Duration,
    ) -> Result<(), Excluded> {
        let known = self.known(path);
        let check = self.running_check(path)?;
        let mut verdict = check.verdict.lock();
        let end = check.began + if known.is_some() { limit_if_known } else { limit };
        while verdict.is_none() && !check.is_done.wait_until(&mut verdict, end).timed_out() {}
        verdict.clone().or(known).unwrap_or(Err(Excluded::Unresponsive))
    }

    fn running_check(self: &Arc<Self>, path: &Path) -> Result<Arc<RunningCheck>, Excluded> {
        let mut running = self.running.0.lock();
        if let Some(check) = running.get(path) {
            return Ok(check.clone());
        }
        let check = Arc::new(RunningCheck {
            began: Instant::now(),
            verdict: Mutex::default(),
            is_done: Condvar::new(),
        });
        let (rules, path, result) = (self.clone(), path.to_owned(), check.clone());
        running.insert(path.clone(), check.clone());
        let work = {
            let path = path.clone();
            move || {
                let verdict = rules.check_again(&path);
                rules.running.0.lock().remove(&path);
                *result.verdict.lock() = Some(verdict);
                result.is_done.notify_all();
            }
        };
        if thread::Builder::new().name("rules".into()).spawn(work).is_err() {
            running.remove(&path);
            return Err(Excluded::Unresponsive);
        }
        Ok(check)
    }
}
