//! The engine thread. It owns the model, takes jobs from its inbox and runs one [`Worker::step`] after another.
//! Without work it blocks in the inbox.
//!
//! # Scheduling
//!
//! Each step serves the task of the highest priority, the oldest among equals (finishing one answer before starting
//! the next returns the first one sooner and the second one no later). A step is one prefill chunk or one token, so a
//! request of higher priority waits for no more than that. A preempted task resumes where it was. Cancelled tasks are
//! removed before the next step.
//!
//! # Panics
//!
//! A panic does not end the thread. A panic within a step is the error of that one generation. A panic anywhere else
//! may have left any state inconsistent: all running generations end with an error, the model restarts
//! ([`Model::restart`]), and the jobs that are still queued are served.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::error::EngineError;
use crate::inbox::{Inbox, Job};
use crate::model::{Model, Task};
use crate::output::Output;
use crate::status::SharedStatus;

/// The state of the engine thread.
pub(crate) struct Worker {
    model: Model,
    inbox: Inbox,
    /// In order of arrival.
    tasks: Vec<Task>,
    status: Arc<SharedStatus>,
}

impl Worker {
    pub(crate) fn new(model: Model, inbox: Inbox, status: Arc<SharedStatus>) -> Worker {
        Worker { model, inbox, tasks: Vec::new(), status }
    }

    /// Works until the last handle is dropped. Unfinished generations end with [`EngineError::Stopped`].
    pub(crate) fn run(mut self) {
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.work())) {
            let recovered = catch_unwind(AssertUnwindSafe(|| self.restart(message(&*panic))));
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

    /// After a panic: ends all running generations and discards state that may be inconsistent.
    fn restart(&mut self, reason: &str) {
        tracing::error!("the engine panicked and restarts: {reason}");
        for task in std::mem::take(&mut self.tasks) {
            task.output.fail(EngineError::panicked(reason));
        }
        self.model.restart();
        self.status.update(|status| {
            status.restarts += 1;
            (status.cached_tokens, status.cached_bytes) = (0, 0);
        });
    }

    fn accept(&mut self, job: Job) {
        #[cfg(test)]
        self.model.panic_if_scripted(&format!("{job:?}"));
        match job {
            Job::Generate(request, reply) => self.tasks.push(Task::new(request, reply)),
            Job::Warm(prompt) => {
                self.tasks.retain(|task| !task.output.is_idle_prefill());
                self.tasks.push(Task::idle_prefill(prompt, &self.status));
            }
        }
    }

    /// Runs one step of the most urgent task. False if there is no task.
    fn step(&mut self) -> bool {
        while let Some(index) = self.tasks.iter().position(|task| task.output.is_cancelled()) {
            self.take(index);
        }
        // `max_by_key` returns the last of equals: of the reversed order, the oldest.
        let Some(index) = (0..self.tasks.len()).rev().max_by_key(|&index| self.tasks[index].request.priority)
        else {
            self.status.update(|status| status.work = None);
            return false;
        };
        let before = self.tasks[index].output.usage.generated;
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.model.step(&mut self.tasks, index, &self.inbox)));
        self.tasks[index].output.add_time(start.elapsed(), before);
        match outcome {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(reason))) => self.take(index).finish(reason),
            Ok(Err(error)) => self.take(index).fail(error),
            Err(panic) => {
                let reason = message(&*panic);
                tracing::error!("the model failed on one request: {reason}");
                self.abandon(index).fail(EngineError::panicked(reason));
            }
        }
        true
    }

    /// Removes a task and keeps its KV rows in the prefix tree.
    fn take(&mut self, index: usize) -> Output {
        let output = self.model.retire(self.tasks.remove(index));
        let speed = output.tokens_per_second();
        let (tokens, bytes) = self.model.cached();
        self.status.update(|status| {
            (status.cached_tokens, status.cached_bytes) = (tokens, bytes);
            status.tokens_per_second = speed.unwrap_or(status.tokens_per_second);
        });
        output
    }

    /// Removes a task that panicked and discards the prefix tree, which it may have left inconsistent.
    fn abandon(&mut self, index: usize) -> Output {
        self.model.clear_prefixes();
        self.tasks.remove(index).output
    }
}

/// The message of a panic.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod tests;
