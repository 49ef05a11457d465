//! The one thread that owns the model. It takes jobs from its inbox and does one [`Worker::step`] after another;
//! with nothing to do it sleeps in the inbox.
//!
//! The order of jobs is decided here: each step serves the job of the highest priority, the oldest among equals
//! (finishing one answer before the next begins gives the first one sooner and the second one no later). A step is
//! short, one prefill chunk or one token, so a higher job waits for no more than that, and what it preempts goes
//! on later from where it was. A job nobody listens to any more is dropped before the next step.
//!
//! A panic does not end the thread. In a step it is the error of that one generation; anywhere else nobody can say
//! what it has touched, so whatever was being answered ends with an error, the model begins again
//! ([`Model::begin_again`]), and the jobs that arrived meanwhile are done.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::EngineError;
use crate::inbox::{Inbox, Job};
use crate::model::{Live, Model};
use crate::output::{Gauges, Output};

/// The thread's state.
pub(crate) struct Worker {
    model: Model,
    inbox: Inbox,
    /// In the order of arrival.
    live: Vec<Live>,
    gauges: Arc<Gauges>,
}

impl Worker {
    pub(crate) fn new(model: Model, inbox: Inbox, gauges: Arc<Gauges>) -> Worker {
        Worker { model, inbox, live: Vec::new(), gauges }
    }

    /// Works until the last handle is gone. Generations that are not over end with [`EngineError::Stopped`].
    pub(crate) fn run(mut self) {
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.work())) {
            let recovered = catch_unwind(AssertUnwindSafe(|| self.begin_again(message(&*panic))));
            if recovered.is_err() {
                return tracing::error!("the engine failed twice and has stopped; restart phi-ls");
            }
        }
    }

    fn work(&mut self) {
        while !self.inbox.is_closed() {
            while let Some(job) = self.inbox.take() {
                self.accept(job);
            }
            if !self.step() {
                match self.inbox.wait() {
                    Some(job) => self.accept(job),
                    None => return,
                }
            }
        }
    }

    /// After a panic: ends what was being answered, and keeps nothing that may be half done.
    fn begin_again(&mut self, reason: &str) {
        tracing::error!("the engine failed and begins again: {reason}");
        for live in std::mem::take(&mut self.live) {
            live.output.fail(panicked(reason));
        }
        self.model.begin_again();
        self.gauges.update(|status| {
            status.restarts += 1;
            (status.cached_tokens, status.cached_bytes) = (0, 0);
        });
    }

    fn accept(&mut self, job: Job) {
        #[cfg(test)]
        self.model.may_panic(&format!("{job:?}"));
        match job {
            Job::Generate(request, reply) => self.live.push(Live::new(request, reply)),
            Job::Warm(prompt) => {
                self.live.retain(|live| !live.output.is_warm());
                self.live.push(Live::warm(prompt, &self.gauges));
            }
            Job::Remember(source, text) => self.model.remember(source, text),
            Job::Forget(source) => self.model.forget(source),
            Job::CatchUp(waiting) => drop(waiting),
        }
    }

    /// Does one thing for the most urgent job. False when there is none.
    fn step(&mut self) -> bool {
        while let Some(index) = self.live.iter().position(|live| live.output.is_cancelled()) {
            self.take(index);
        }
        // The last of the reversed equals is the oldest.
        let Some(index) = (0..self.live.len()).rev().max_by_key(|&index| self.live[index].request.priority)
        else {
            self.gauges.update(|status| status.work = None);
            return false;
        };
        let before = self.live[index].output.usage.generated;
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.model.step(&mut self.live, index, &self.inbox)));
        self.live[index].output.spent(start.elapsed(), before);
        match outcome {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(reason))) => self.take(index).finish(reason),
            Ok(Err(error)) => self.take(index).fail(error),
            Err(panic) => {
                let reason = message(&*panic);
                tracing::error!("the model failed on one request: {reason}");
                self.abandon(index).fail(panicked(reason));
            }
        }
        true
    }

    /// Takes a job out; what it computed is kept.
    fn take(&mut self, index: usize) -> Output {
        let output = self.model.retire(self.live.remove(index));
        let speed = output.tokens_per_second();
        let (tokens, bytes) = self.model.cached();
        self.gauges.update(|status| {
            (status.cached_tokens, status.cached_bytes) = (tokens, bytes);
            status.tokens_per_second = speed.unwrap_or(status.tokens_per_second);
        });
        output
    }

    /// Takes out a job that panicked; nothing that it may have touched is kept.
    fn abandon(&mut self, index: usize) -> Output {
        self.model.forget_prefixes();
        self.live.remove(index).output
    }
}

/// What a generation is told that a panic has ended.
pub(crate) fn panicked(reason: &str) -> EngineError {
    EngineError::Model(format!("it panicked: {reason}").into())
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod tests;
