//! The indexer's thread: debounces events.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::watch::Watcher;
use super::{Event, Indexer};

/// Debounce of changes on disk: the quiet time after the last event, and the maximum delay.
const DISK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// The same for changes of an open document.
const TYPING: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(2));
/// The same for git's changes of the working tree.
const BACKGROUND: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// The same for saving the index.
const SAVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(600));
/// The most panics after which the index is rebuilt at once.
const MAX_FAILURES: usize = 3;
/// With more new folders, the whole workspace is walked to find changes from before they were watched.
const NEW_FOLDERS: usize = 64;

/// A debounce timer.
#[derive(Debug)]
struct Timer {
    quiet: Duration,
    at_most: Duration,
    begun: Option<Instant>,
    due: Option<Instant>,
}

impl Timer {
    fn new((quiet, at_most): (Duration, Duration)) -> Timer {
        Timer { quiet, at_most, begun: None, due: None }
    }

    /// Starts or extends the timer.
    fn touch(&mut self, now: Instant) {
        let begun = *self.begun.get_or_insert(now);
        self.due = Some((now + self.quiet).min(begun + self.at_most));
    }

    /// Whether the timer is due; resets it if so.
    fn take(&mut self, now: Instant) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            (self.begun, self.due) = (None, None);
        }
        is_due
    }
}

/// Runs until all senders of events or the documents are dropped. `sender` is the other end of `events`, for the watcher.
pub fn run(mut indexer: Indexer, events: Receiver<Event>, sender: Weak<Sender<Event>>) {
    let mut watcher: Option<Watcher> = None;
    let [mut disk, mut typing, mut background, mut save] = [DISK, TYPING, BACKGROUND, SAVE].map(Timer::new);
    let mut failures = 0;
    let mut guarded = |indexer: &mut Indexer, work: fn(&mut Indexer)| {
        let failed = catch_unwind(AssertUnwindSafe(|| work(indexer))).is_err();
        if failed {
            failures += 1;
            tracing::error!("indexing failed and the index is rebuilt; see the message above");
            indexer.reset();
        }
        // After repeated failures it waits for the next event.
        failed && failures < MAX_FAILURES
    };
    if guarded(&mut indexer, Indexer::start) {
        disk.touch(Instant::now());
    }
    while !indexer.is_abandoned() {
        let due = [&disk, &typing, &background, &save].into_iter().filter_map(|timer| timer.due).min();
        let event = match due {
            Some(due) => events.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let now = Instant::now();
        match event {
            Ok(Event::Watch { files }) => {
                let (sender, repository) = (sender.clone(), indexer.repository.clone());
                watcher = Watcher::start(files, move |event| {
                    repository.notice(&event);
                    if let Some(sender) = sender.upgrade() {
                        let _ = sender.send(event);
                    }
                });
                disk.touch(now);
            }
            Ok(Event::Save(waiting)) => {
                let settle_and_save = |indexer: &mut Indexer| {
                    indexer.settle();
                    indexer.save();
                };
                if guarded(&mut indexer, settle_and_save) {
                    disk.touch(now);
                }
                drop(waiting);
            }
            Ok(event) => {
                match &event {
                    Event::Document(_) => typing.touch(now),
                    _ => disk.touch(now),
                }
                if let (Event::Disk(places), Some(watcher)) = (&event, &mut watcher) {
                    watcher.forget(places);
                }
                indexer.handle(event);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if disk.take(now) {
            if guarded(&mut indexer, Indexer::settle_disk) {
                disk.touch(now);
            }
            background.touch(now);
            if let Some(watcher) = &mut watcher {
                let new = watcher.follow(indexer.repository.rules().roots(), indexer.folders());
                // They may have changed before they were watched.
                if !new.is_empty() {
                    let all = new.len() > NEW_FOLDERS;
                    indexer.handle(if all { Event::Rescan } else { Event::Disk(new) });
                    disk.touch(now);
                }
            }
        }
        if typing.take(now) && guarded(&mut indexer, Indexer::settle_typed) {
            disk.touch(now);
        }
        if background.take(now) && !indexer.refresh_background() {
            background.touch(now);
        }
        if save.take(now) {
            indexer.save();
        } else if indexer.is_unsaved() && save.due.is_none() {
            save.touch(now);
        }
    }
    indexer.save();
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;
    use crate::documents::Documents;
    use crate::repository::Repository;
    use crate::repository::indexer::IndexListener;
    use crate::repository::rules::Rules;

    #[test]
    fn after_a_panic_the_index_is_rebuilt() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.rs", "b.rs"] {
            std::fs::write(folder.path().join(name), "fn f() {}\n").expect("a file");
        }
        let (documents, repository) = (Arc::<Documents>::default(), Repository::default());
        repository.set_rules(Rules::new(&[folder.path().to_owned()], &[]));
        // At the start, and at the first rebuild.
        let mut panics = 2;
        let text = move |path: &std::path::Path, _| {
            if path.ends_with("b.rs") && panics > 0 {
                panics -= 1;
                panic!("this test wants it");
            }
            false
        };
        let listener = IndexListener { text: Box::new(text), progress: Box::new(|_| {}) };
        let indexer = Indexer::new(repository.clone(), &documents, usize::MAX, listener);
        let (sender, events) = mpsc::channel();
        let thread = std::thread::spawn(move || run(indexer, events, Weak::new()));
        for _ in 0..3 {
            let (waiting, done) = mpsc::sync_channel(0);
            sender.send(Event::Save(waiting)).expect("it listens");
            assert!(done.recv().is_err(), "the waiting sender is released");
        }
        assert_eq!(repository.index().files().count(), 2);
        drop(sender);
        thread.join().expect("it ends");
    }

    #[test]
    fn a_timer_waits_for_quiet_but_not_for_ever() {
        let (quiet, at_most) = (Duration::from_millis(10), Duration::from_millis(25));
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut timer = Timer::new((quiet, at_most));
        assert!(!timer.take(at(1000)), "not started");
        timer.touch(at(0));
        assert!(!timer.take(at(9)));
        timer.touch(at(9));
        timer.touch(at(18));
        assert!(!timer.take(at(24)));
        assert!(timer.take(at(25)), "extended again and again");
        assert!(!timer.take(at(1000)), "done");
        timer.touch(at(2000));
        assert!(timer.take(at(2010)));
    }
}
