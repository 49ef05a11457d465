//! The indexer's thread: when to do what it has been told of.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::{Event, Indexer};

/// After so long without another event, and at the latest after so long, the disk is looked at.
const DISK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// The same for a document that is being typed in.
const TYPING: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(2));

/// Something to be done once it has been quiet for a while.
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

    /// Takes note of something.
    fn touch(&mut self, now: Instant) {
        let begun = *self.begun.get_or_insert(now);
        self.due = Some((now + self.quiet).min(begun + self.at_most));
    }

    /// Whether it is time; it is then as if nothing had been noted.
    fn take(&mut self, now: Instant) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            (self.begun, self.due) = (None, None);
        }
        is_due
    }
}

/// Works until nobody can send events any more, or nobody holds the documents.
pub fn run(mut indexer: Indexer, events: Receiver<Event>) {
    indexer.settle_disk();
    indexer.settle_typed();
    indexer.tell_rest();
    (indexer.listener.progress)(None);
    let (mut disk, mut typing) = (Timer::new(DISK), Timer::new(TYPING));
    while !indexer.is_abandoned() {
        let now = Instant::now();
        let event = match [disk.due, typing.due].into_iter().flatten().min() {
            Some(due) => events.recv_timeout(due.saturating_duration_since(now)),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(event) => {
                match &event {
                    Event::Document(_) => typing.touch(Instant::now()),
                    Event::Disk(_) | Event::Rescan | Event::Rules => disk.touch(Instant::now()),
                    Event::Watch { .. } | Event::Save(_) => {}
                }
                indexer.handle(event);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        if disk.take(now) {
            indexer.settle_disk();
            (indexer.listener.progress)(None);
        }
        if typing.take(now) {
            indexer.settle_typed();
        }
    }
}
