//! What the handles ask of the engine's thread.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};

use crate::output::Reply;
use crate::{Priority, Prompt, Request, SourceId};

/// Everything that the engine's thread is ever asked.
#[derive(Debug)]
pub(crate) enum Job {
    /// Answer this.
    Generate(Request, Reply),
    /// Prefill this when there is nothing else to do.
    Warm(Prompt),
    /// Continue text from this one from now on.
    Remember(SourceId, Arc<str>),
    /// Do so no longer.
    Forget(SourceId),
    /// Drop this when all that came before is done.
    CatchUp(SyncSender<()>),
}

/// The jobs that arrived, in order. The engine's thread looks into it in the middle of a step as well, so that a
/// keystroke need not wait for a prefill chunk.
pub(crate) struct Inbox {
    receiver: Receiver<Job>,
    /// Taken from the channel but not handed out.
    waiting: RefCell<VecDeque<Job>>,
    /// Whether the last handle is gone.
    closed: Cell<bool>,
}

impl Inbox {
    pub(crate) fn new(receiver: Receiver<Job>) -> Inbox {
        Inbox { receiver, waiting: RefCell::default(), closed: Cell::new(false) }
    }

    /// The next job that has arrived.
    pub(crate) fn take(&self) -> Option<Job> {
        self.collect();
        self.waiting.borrow_mut().pop_front()
    }

    /// Blocks until a job arrives. `None` when the last handle is gone.
    pub(crate) fn wait(&self) -> Option<Job> {
        self.take().or_else(|| self.receiver.recv().ok())
    }

    /// Whether the last handle is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.collect();
        self.closed.get()
    }

    /// Whether a prefill chunk of this priority is to be given up: the engine stops, or a user types. Lower jobs
    /// wait for the chunk's end, since what it has computed would be lost.
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
