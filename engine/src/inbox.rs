//! The queue of jobs between the handles and the engine thread.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};

use crate::generation::{Priority, Request};
use crate::output::Reply;
use crate::prompt::Prompt;

/// All jobs of the engine thread.
#[derive(Debug)]
pub(crate) enum Job {
    /// Generate an answer.
    Generate(Request, Reply),
    /// Prefill this prompt when idle.
    Warm(Prompt),
}

/// The jobs that have arrived, in order. The engine thread also checks it within a step, so that a keystroke does not
/// wait for a whole prefill chunk.
pub(crate) struct Inbox {
    receiver: Receiver<Job>,
    /// Received from the channel, not yet taken.
    waiting: RefCell<VecDeque<Job>>,
    /// Whether the last handle was dropped.
    closed: Cell<bool>,
}

impl Inbox {
    pub(crate) fn new(receiver: Receiver<Job>) -> Inbox {
        Inbox { receiver, waiting: RefCell::default(), closed: Cell::new(false) }
    }

    /// The next job, if one has arrived.
    pub(crate) fn take(&self) -> Option<Job> {
        self.collect();
        self.waiting.borrow_mut().pop_front()
    }

    /// Blocks until a job arrives. `None` if the last handle was dropped.
    pub(crate) fn wait(&self) -> Option<Job> {
        self.take().or_else(|| self.receiver.recv().ok())
    }

    /// Whether the last handle was dropped.
    pub(crate) fn is_closed(&self) -> bool {
        self.collect();
        self.closed.get()
    }

    /// Whether a running prefill chunk of this priority is to be cancelled: the engine stops, or a request of
    /// [`Priority::Typing`] waits. Other requests wait for the end of the chunk, because cancelling it discards its
    /// work.
    pub(crate) fn interrupts(&self, running: Priority) -> bool {
        self.is_closed()
            || running < Priority::Typing
                && self.waiting.borrow().iter().any(|job| match job {
                    Job::Generate(request, reply) => {
                        request.priority == Priority::Typing && !reply.is_closed()
                    }
                    _ => false,
                })
    }

    fn collect(&self) {
        loop {
            match self.receiver.try_recv() {
                Ok(job) => self.waiting.borrow_mut().push_back(job),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => return self.closed.set(true),
            }
        }
    }
}
