//! The sending end of a [`Generation`](crate::Generation): applies the stop rules to the text, counts tokens and
//! time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::error::EngineError;
use crate::generation::{Event, Finish, FinishReason, Priority, Request, Usage};
use crate::status::{Phase, SharedStatus, Work};
use crate::stop::StopRules;

/// Sends the events of one generation, which counts as a job until this is dropped.
#[derive(Debug)]
pub(crate) struct Reply {
    events: UnboundedSender<Result<Event, EngineError>>,
    status: Arc<SharedStatus>,
}

impl Reply {
    pub(crate) fn new(
        events: UnboundedSender<Result<Event, EngineError>>,
        status: Arc<SharedStatus>,
    ) -> Reply {
        status.job_added();
        Reply { events, status }
    }

    /// Whether the receiver was dropped.
    pub(crate) fn is_closed(&self) -> bool {
        self.events.is_closed()
    }

    fn send(&self, event: Event) {
        // An error means that the receiver was dropped: the next step notices that and cancels the task.
        let _ = self.events.send(Ok(event));
    }

    /// Sends the last event. The generation no longer counts as a job when the receiver gets it.
    fn end(self, last: Result<Event, EngineError>) {
        let events = self.events.clone();
        drop(self);
        let _ = events.send(last);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // A panic while the job was still queued drops the reply without an answer.
        if std::thread::panicking() {
            let _ = self.events.send(Err(EngineError::panicked("the log says where")));
        }
        self.status.job_ended();
    }
}

/// The output of one unfinished generation.
pub(crate) struct Output {
    /// None for idle prefill, which has no receiver.
    reply: Option<Reply>,
    stops: StopRules,
    max_tokens: usize,
    priority: Priority,
    status: Arc<SharedStatus>,
    /// The cost so far.
    pub(crate) usage: Usage,
}

impl Output {
    pub(crate) fn new(request: &Request, reply: Option<Reply>) -> Output {
        let status = reply.as_ref().map(|reply| reply.status.clone()).unwrap_or_default();
        Output {
            reply,
            stops: StopRules::new(&request.stop),
            max_tokens: request.max_tokens,
            priority: request.priority,
            status,
            usage: Usage::default(),
        }
    }

    /// The output of idle prefill, which sends no events but reports its progress in `status`.
    pub(crate) fn idle_prefill(request: &Request, status: &Arc<SharedStatus>) -> Output {
        Output { status: status.clone(), ..Output::new(request, None) }
    }

    /// Reports that `read` of the prompt's `of` tokens have KV rows.
    pub(crate) fn prefill_progress(&self, read: usize, of: usize) {
        self.show(Phase::Reading { read, of });
        if let Some(reply) = &self.reply {
            reply.send(Event::Read { read, of });
        }
    }

    fn show(&self, phase: Phase) {
        let work = Some(Work { priority: self.priority, phase });
        self.status.update(|status| status.work = work);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.reply.as_ref().is_some_and(Reply::is_closed)
    }

    /// Whether this is idle prefill.
    pub(crate) fn is_idle_prefill(&self) -> bool {
        self.reply.is_none()
    }

    /// Whether the token limit is reached.
    pub(crate) fn is_full(&self) -> bool {
        self.usage.generated >= self.max_tokens
    }

    /// Adds a generated token and the text that it completes. The text may be empty: a character can take several
    /// tokens, and healed bytes are not part of the answer. Returns the reason if the generation ends here.
    pub(crate) fn token(&mut self, text: &str) -> Option<FinishReason> {
        self.usage.generated += 1;
        self.show(Phase::Writing { tokens: self.usage.generated });
        if self.text(text) {
            return Some(FinishReason::Stop);
        }
        self.is_full().then_some(FinishReason::MaxTokens)
    }

    /// Adds text and sends what no stop rule can cut any more. True if a stop rule matches.
    fn text(&mut self, text: &str) -> bool {
        let mut out = String::new();
        let stopped = self.stops.push(text, &mut out);
        self.send(out);
        stopped
    }

    fn send(&self, text: String) {
        if let Some(reply) = self.reply.as_ref().filter(|_| !text.is_empty()) {
            reply.send(Event::Text(text));
        }
    }

    /// Counts prefilled tokens of a prompt of `prompt` tokens. Tokens that run again, because their rows were evicted
    /// for another task, count once.
    pub(crate) fn add_prefilled(&mut self, prompt: usize, tokens: usize) {
        let prefilled = (self.usage.prefilled + tokens).min(prompt);
        self.usage = Usage { prompt, prefilled, cached: prompt - prefilled, ..self.usage };
    }

    /// Counts the time of one step.
    pub(crate) fn add_time(&mut self, time: Duration, generated_before: usize) {
        match generated_before {
            0 => self.usage.prefill_time += time,
            _ => self.usage.decode_time += time,
        }
    }

    /// Sends the text held back for the stop rules, then the end.
    pub(crate) fn finish(mut self, reason: FinishReason) {
        let mut rest = String::new();
        let reason = if self.stops.finish(&mut rest) { FinishReason::Stop } else { reason };
        self.send(rest);
        if let Some(reply) = self.reply {
            reply.end(Ok(Event::Done(Finish { reason, usage: self.usage })));
        }
    }

    /// Ends the generation with an error.
    pub(crate) fn fail(self, error: EngineError) {
        if let Some(reply) = self.reply {
            reply.end(Err(error));
        }
    }

    /// Decode speed. The time of the first token belongs to prefill.
    pub(crate) fn tokens_per_second(&self) -> Option<f32> {
        let seconds = self.usage.decode_time.as_secs_f32();
        (self.usage.generated > 1 && seconds > 0.0).then(|| (self.usage.generated - 1) as f32 / seconds)
    }
}
