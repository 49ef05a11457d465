//! The engine's end of a [`Generation`]: text goes through the stop rules and out, tokens and time are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use crate::stop::Stops;
use crate::worker::panicked;
use crate::{EngineError, Event, Finish, FinishReason, Phase, Priority, Request, Status, Usage, Work};

/// What the handles may read while the engine's thread works.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    jobs: AtomicUsize,
    /// All but `jobs`, which the handles count themselves.
    latest: Mutex<Status>,
}

impl Gauges {
    pub(crate) fn read(&self) -> Status {
        let latest = *self.latest.lock();
        Status { jobs: self.jobs.load(Ordering::SeqCst), ..latest }
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.latest.lock());
    }
}

/// Where the events of one generation go. While it lives, the generation counts as a job.
#[derive(Debug)]
pub(crate) struct Reply {
    events: UnboundedSender<Result<Event, EngineError>>,
    gauges: Arc<Gauges>,
}

impl Reply {
    pub(crate) fn new(events: UnboundedSender<Result<Event, EngineError>>, gauges: Arc<Gauges>) -> Reply {
        gauges.jobs.fetch_add(1, Ordering::SeqCst);
        Reply { events, gauges }
    }

    /// Whether nobody listens any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.events.is_closed()
    }

    fn send(&self, event: Event) {
        // Nobody listens: the job is cancelled, which its next step notices.
        let _ = self.events.send(Ok(event));
    }

    /// Sends what ends the generation, which is no job any more when that arrives.
    fn end(self, last: Result<Event, EngineError>) {
        let events = self.events.clone();
        drop(self);
        let _ = events.send(last);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // Of a job that nobody has taken in hand yet, this is all that is left.
        if std::thread::panicking() {
            let _ = self.events.send(Err(panicked("the log says where")));
        }
        self.gauges.jobs.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One answer in the making.
pub(crate) struct Output {
    /// None for idle prefill, which nobody waits for.
    reply: Option<Reply>,
    stops: Stops,
    max_tokens: usize,
    priority: Priority,
    gauges: Arc<Gauges>,
    /// What it cost so far.
    pub(crate) usage: Usage,
}

impl Output {
    pub(crate) fn new(request: &Request, reply: Option<Reply>) -> Output {
        let gauges = reply.as_ref().map(|reply| reply.gauges.clone()).unwrap_or_default();
        Output {
            reply,
            stops: Stops::new(&request.stop),
            max_tokens: request.max_tokens,
            priority: request.priority,
            gauges,
            usage: Usage::default(),
        }
    }

    /// The output of idle prefill, which shows in the same gauges as all else.
    pub(crate) fn warm(request: &Request, gauges: &Arc<Gauges>) -> Output {
        Output { gauges: gauges.clone(), ..Output::new(request, None) }
    }

    /// So many tokens of the prompt have their KV rows.
    pub(crate) fn has_read(&self, read: usize, of: usize) {
        self.show(Phase::Reading { read, of });
        if let Some(reply) = &self.reply {
            reply.send(Event::Read { read, of });
        }
    }

    fn show(&self, phase: Phase) {
        let work = Some(Work { priority: self.priority, phase });
        self.gauges.update(|status| status.work = work);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.reply.as_ref().is_some_and(Reply::is_closed)
    }

    /// Whether this is idle prefill.
    pub(crate) fn is_warm(&self) -> bool {
        self.reply.is_none()
    }

    /// Whether no further token may be picked.
    pub(crate) fn is_full(&self) -> bool {
        self.usage.generated >= self.max_tokens
    }

    /// Takes a generated token with the text that it completes, which may be none: a character can take several
    /// tokens, and text backed up over is not part of the answer. Says why the generation ends here, if it does.
    pub(crate) fn token(&mut self, text: &str) -> Option<FinishReason> {
        self.usage.generated += 1;
        self.show(Phase::Writing { tokens: self.usage.generated });
        if self.text(text) {
            return Some(FinishReason::Stop);
        }
        self.is_full().then_some(FinishReason::MaxTokens)
    }

    /// Takes a whole answer of so many tokens at once.
    pub(crate) fn answer(&mut self, text: &str, tokens: usize) -> FinishReason {
        self.usage.generated = tokens;
        if self.text(text) { FinishReason::Stop } else { FinishReason::EndOfTurn }
    }

    /// Sends what is final of further text. True when a stop rule holds.
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

    /// Counts tokens of a prompt of `prompt` tokens that were run. Those run again, because their rows had to make
    /// room for another job, count once.
    pub(crate) fn ran(&mut self, prompt: usize, tokens: usize) {
        let prefilled = (self.usage.prefilled + tokens).min(prompt);
        self.usage = Usage { prompt, prefilled, cached: prompt - prefilled, ..self.usage };
    }

    /// Counts the time of one step of this job.
    pub(crate) fn spent(&mut self, time: Duration, generated_before: usize) {
        match generated_before {
            0 => self.usage.prefill_time += time,
            _ => self.usage.decode_time += time,
        }
    }

    /// Sends what was held back and the end.
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

    /// Decode speed: the first token is the prefill's.
    pub(crate) fn tokens_per_second(&self) -> Option<f32> {
        let seconds = self.usage.decode_time.as_secs_f32();
        (self.usage.generated > 1 && seconds > 0.0).then(|| (self.usage.generated - 1) as f32 / seconds)
    }
}
