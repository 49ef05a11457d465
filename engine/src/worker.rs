//! The one thread that owns the model. It takes jobs from its inbox and does one [`Worker::step`] after another;
//! with nothing to do it sleeps in the inbox.
//!
//! The order of jobs is decided here: each step serves the job of the highest priority, the oldest among equals
//! (finishing one answer before the next begins gives the first one sooner and the second one no later). A step is
//! short, one prefill chunk or one token, so a higher job waits for no more than that, and what it preempts goes
//! on later from where it was. A job nobody listens to any more is dropped before the next step.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::inbox::{Inbox, Job};
use crate::output::{Gauges, Output};
use crate::scripted::{self, Scripted};
use crate::{EngineError, FinishReason, Priority, Prompt, Request, Sampling};

/// What answers.
pub(crate) enum Model {
    Scripted(Scripted),
}

/// One generation, or idle prefill, that is not over.
pub(crate) struct Live {
    request: Request,
    output: Output,
    progress: Progress,
}

/// How far a generation is.
enum Progress {
    /// It waits for its first step.
    New,
    /// The whole answer is known; `at` bytes of it were handed out.
    Known { answer: String, at: usize },
}

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

    fn accept(&mut self, job: Job) {
        match job {
            Job::Generate(request, reply) => {
                let output = Output::new(&request, Some(reply));
                self.live.push(Live { request, output, progress: Progress::New });
            }
            Job::Warm(prompt) => {
                self.live.retain(|live| !live.output.is_warm());
                self.live.push(Live::warm(prompt));
            }
            Job::Remember(..) | Job::Forget(_) => {}
        }
    }

    /// Does one thing for the most urgent job. False when there is none.
    fn step(&mut self) -> bool {
        self.live.retain(|live| !live.output.is_cancelled());
        // The last of the reversed equals is the oldest.
        let Some(index) = (0..self.live.len()).rev().max_by_key(|&index| self.live[index].request.priority)
        else {
            return false;
        };
        let before = self.live[index].output.usage.generated;
        let start = Instant::now();
        // A panic costs this one job. The model holds no half-made state then: see `Model::reset`.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.model.step(&mut self.live, index, &self.inbox)));
        self.live[index].output.spent(start.elapsed(), before);
        match outcome {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(reason))) => self.finish(index, reason),
            Ok(Err(error)) => self.live.remove(index).output.fail(error),
            Err(panic) => {
                let error = EngineError::Model(format!("it panicked: {}", message(&*panic)).into());
                self.live.remove(index).output.fail(error);
            }
        }
        true
    }

    fn finish(&mut self, index: usize, reason: FinishReason) {
        let Live { output, .. } = self.live.remove(index);
        if let Some(speed) = output.tokens_per_second() {
            self.gauges.update(|status| status.tokens_per_second = speed);
        }
        output.finish(reason);
    }
}

impl Live {
    /// Idle prefill is a generation of no tokens that nobody listens to.
    fn warm(prompt: Prompt) -> Live {
        let request = Request {
            prompt,
            priority: Priority::Warm,
            max_tokens: 0,
            sampling: Sampling::Greedy,
            stop: Vec::new(),
            heal: false,
            origin: None,
        };
        Live { output: Output::new(&request, None), request, progress: Progress::New }
    }
}

impl Model {
    /// One step of `live[index]`: says why it is over, if it is.
    fn step(
        &mut self,
        live: &mut [Live],
        index: usize,
        _inbox: &Inbox,
    ) -> Result<Option<FinishReason>, EngineError> {
        let Live { request, output, progress } = &mut live[index];
        match (self, &mut *progress) {
            (Model::Scripted(model), Progress::New) => {
                let (prompt, cached) = model.admit(&request.prompt);
                admissible(prompt, request.max_tokens, scripted::CONTEXT)?;
                (output.usage.prompt, output.usage.cached, output.usage.prefilled) =
                    (prompt, cached, prompt - cached);
                if output.is_full() {
                    return Ok(Some(FinishReason::MaxTokens));
                }
                *progress = Progress::Known { answer: model.answer(&request.prompt), at: 0 };
                Ok(None)
            }
            (Model::Scripted(_), Progress::Known { answer, at }) => {
                let Some(piece) = scripted::pieces(&answer[*at..]).next() else {
                    return Ok(Some(FinishReason::EndOfTurn));
                };
                *at += piece.len();
                Ok(output.token(piece))
            }
        }
    }
}

/// Whether a sequence can be run at all.
fn admissible(prompt: usize, max_tokens: usize, context: usize) -> Result<(), EngineError> {
    match prompt {
        0 => Err(EngineError::EmptyPrompt),
        _ if prompt.saturating_add(max_tokens) > context => {
            Err(EngineError::TooLong { prompt, max_tokens, context })
        }
        _ => Ok(()),
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod tests;
