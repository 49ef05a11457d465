//! The steps of the worker with a small Phi. The test itself calls `step`.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use super::run;
use crate::inbox::{Inbox, Job};
use crate::model::Model;
use crate::output::Reply;
use crate::sequence::tests::{neural, request as prompt_of};
use crate::status::SharedStatus;
use crate::worker::Worker;
use crate::{Event, Generation, Phase, Priority, Request};

/// More steps than any test here needs.
const MAX_STEPS: usize = 1000;

/// A worker with the small Phi. The test runs its steps.
struct Stepper {
    worker: Worker,
    inbox: Sender<Job>,
    status: Arc<SharedStatus>,
}

impl Stepper {
    fn new(pages: usize) -> Stepper {
        let (inbox, receiver) = channel();
        let status = Arc::new(SharedStatus::default());
        let model = Model::Decoder(Box::new(neural(pages)));
        Stepper { worker: Worker::new(model, Inbox::new(receiver), status.clone()), inbox, status }
    }

    /// A job that the worker has not accepted yet.
    fn job(&self, text: &str, priority: Priority) -> (Job, Generation) {
        let (events, generation) = Generation::channel();
        let request = Request { priority, ..prompt_of(text, 8) };
        (Job::Generate(request, Reply::new(events, self.status.clone())), generation)
    }

    fn accept(&mut self, text: &str, priority: Priority) -> Generation {
        let (job, generation) = self.job(text, priority);
        self.worker.accept(job);
        generation
    }

    /// Steps until no task is left, then returns the answer.
    fn answer(&mut self, generation: Generation) -> (String, crate::Usage) {
        self.step_until("no task is left", |worker| worker.tasks.is_empty());
        assert!(!self.worker.step(), "there is nothing to do");
        let (text, finish) = run(generation).unwrap();
        (
            text,
            crate::Usage {
                prefill_time: Default::default(),
                decode_time: Default::default(),
                ..finish.usage
            },
        )
    }

    /// The answer of a worker with no other task and enough memory.
    fn undisturbed(text: &str) -> (String, crate::Usage) {
        let mut stepper = Stepper::new(1000);
        let generation = stepper.accept(text, Priority::Background);
        stepper.answer(generation)
    }

    /// Steps until `done`, at most [`MAX_STEPS`] times.
    fn step_until(&mut self, what: &str, done: impl Fn(&Worker) -> bool) {
        for _ in 0..MAX_STEPS {
            if done(&self.worker) {
                return;
            }
            self.worker.step();
        }
        panic!("not after {MAX_STEPS} steps: {what}");
    }

    fn prefilled(&self, index: usize) -> usize {
        self.worker.tasks[index].output.usage.prefilled
    }
}

#[test]
fn cancelling_is_noticed_within_one_decode_step_and_keeps_the_rows() {
    let mut stepper = Stepper::new(1000);
    let generation = stepper.accept(&"x".repeat(60), Priority::Typing);
    stepper.step_until("3 tokens", |worker| worker.tasks[0].output.usage.generated >= 3);
    let prompt = stepper.worker.tasks[0].output.usage.prompt;
    drop(generation);
    assert!(!stepper.worker.step(), "nothing is left to do");
    assert!(stepper.worker.tasks.is_empty());
    let status = stepper.status.read();
    assert_eq!((status.jobs, status.cached_tokens), (0, prompt + 2));
    assert!(status.cached_bytes > 0);
}

#[test]
fn a_preempted_task_resumes_where_it_was() {
    let (slow, fast) = ("a".repeat(90), "bcx ".repeat(15));
    let mut stepper = Stepper::new(1000);
    let background = stepper.accept(&slow, Priority::Background);
    assert!(stepper.worker.step());
    assert_eq!(stepper.prefilled(0), 32);
    let typing = stepper.accept(&fast, Priority::Typing);
    assert!(stepper.worker.step());
    assert_eq!((stepper.prefilled(0), stepper.prefilled(1)), (32, 32), "typing goes first");
    assert_eq!(stepper.answer(typing).0, Stepper::undisturbed(&fast).0);
    // No token ran twice: the usage is the same too.
    assert_eq!(stepper.answer(background), Stepper::undisturbed(&slow));
}

#[test]
fn a_chunk_is_cancelled_for_typing_only() {
    let mut stepper = Stepper::new(1000);
    let background = stepper.accept(&"a".repeat(90), Priority::Background);
    let (job, interactive) = stepper.job("b", Priority::Interactive);
    stepper.inbox.send(job).unwrap();
    assert!(stepper.worker.step());
    assert_eq!(stepper.prefilled(0), 32);
    let (job, typing) = stepper.job("c", Priority::Typing);
    stepper.inbox.send(job).unwrap();
    assert!(stepper.worker.step());
    assert_eq!(stepper.prefilled(0), 32, "the chunk was cancelled");
    while let Some(job) = stepper.worker.inbox.take() {
        stepper.worker.accept(job);
    }
    assert!(stepper.worker.step());
    assert!(stepper.prefilled(2) > 0, "and typing goes first");
    for (generation, text) in [(typing, "c"), (interactive, "b"), (background, &"a".repeat(90))] {
        assert_eq!(stepper.answer(generation).0, Stepper::undisturbed(text).0);
    }
}

#[test]
fn rows_are_evicted_from_the_less_urgent_task() {
    let (slow, fast) = ("a".repeat(90), "bcx ".repeat(20));
    // Eight pages hold 128 tokens: either of the two, but not both.
    let mut stepper = Stepper::new(8);
    let background = stepper.accept(&slow, Priority::Background);
    stepper.step_until("3 tokens", |worker| worker.tasks[0].output.usage.generated >= 3);
    let typing = stepper.accept(&fast, Priority::Typing);
    stepper.step_until("one task is done", |worker| worker.tasks.len() < 2);
    assert!(!stepper.worker.tasks[0].sequence().unwrap().has_rows());
    assert!(stepper.status.read().cached_bytes <= 8 * small_page());
    assert_eq!(stepper.answer(typing).0, Stepper::undisturbed(&fast).0);
    // It runs its tokens again, with the same result and the same usage.
    assert_eq!(stepper.answer(background), Stepper::undisturbed(&slow));
}

fn small_page() -> usize {
    crate::small_phi::phi().kv_shape().bytes_per_page()
}

#[test]
fn idle_prefill_yields_and_is_cached() {
    let mut stepper = Stepper::new(1000);
    let text = "a ".repeat(45);
    stepper.worker.accept(Job::Warm(prompt_of("replaced", 0).prompt));
    stepper.worker.accept(Job::Warm(prompt_of(&text, 0).prompt));
    assert_eq!(stepper.worker.tasks.len(), 1, "the newer replaces the older");
    let first = stepper.accept("b", Priority::Background);
    assert!(stepper.worker.step());
    assert_eq!(stepper.prefilled(0), 0, "idle prefill waits");
    stepper.answer(first);
    assert!(stepper.worker.tasks.is_empty(), "and ends");
    let warmed = stepper.accept(&format!("{text}b"), Priority::Typing);
    let (_, usage) = stepper.answer(warmed);
    assert!(usage.cached > 40 && usage.prefilled <= 3, "{usage:?}");
}

#[test]
fn the_status_counts_the_tokens_read_and_written() {
    let mut stepper = Stepper::new(1000);
    let mut generation = stepper.accept(&"x".repeat(90), Priority::Interactive);
    let (mut seen, mut prompt) = (Vec::new(), 0);
    for _ in 0..MAX_STEPS {
        if !stepper.worker.step() {
            break;
        }
        let work = stepper.status.read().work.expect("it works");
        assert_eq!(work.priority, Priority::Interactive);
        prompt = stepper.worker.tasks.first().map_or(prompt, |task| task.output.usage.prompt);
        seen.push(work.phase);
    }
    let reading = |read| Phase::Reading { read, of: prompt };
    // The third chunk is the last, and gives the first token.
    assert_eq!(seen[..3], [reading(0), reading(32), Phase::Writing { tokens: 1 }]);
    assert_eq!(stepper.status.read().work, None, "nothing is left to do");
    let mut seen_reads = Vec::new();
    while let Some(Ok(event)) = generation.blocking_next() {
        if let Event::Read { read, of } = event {
            assert_eq!(of, prompt);
            seen_reads.push(read);
        }
    }
    assert_eq!(seen_reads, [0, 32, 64]);

    // What the cache holds counts as read from the start.
    let mut again = stepper.accept(&"x".repeat(90), Priority::Typing);
    assert!(stepper.worker.step());
    assert!(
        matches!(again.blocking_next(), Some(Ok(Event::Read { read, of })) if read + 1 == of),
        "only the last token is run"
    );
}

#[test]
fn idle_prefill_shows_as_reading() {
    let mut stepper = Stepper::new(1000);
    stepper.worker.accept(Job::Warm(prompt_of(&"x".repeat(60), 0).prompt));
    assert!(stepper.worker.step());
    let work = stepper.status.read().work.expect("it works");
    assert_eq!(work.priority, Priority::Idle);
    assert!(matches!(work.phase, Phase::Reading { read: 0, .. }), "{work:?}");
}
