//! The loop around the model. With scripted answers it runs in its thread, and a test that needs the engine to be
//! busy lets the closure block on a channel; with a small Phi the test itself takes the steps. Nothing waits for time
//! to pass.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::Worker;
use crate::inbox::{Inbox, Job};
use crate::model::Model;
use crate::output::{Gauges, Reply};
use crate::sequence::tests::{neural, request as prompt_of};
use crate::{
    Engine, EngineError, Event, FinishReason, Generation, Phase, Priority, Prompt, Request, Sampling,
    SourceId, StopRule,
};

fn request(text: &str, priority: Priority) -> Request {
    Request {
        prompt: Prompt::default().text(text),
        priority,
        max_tokens: 100,
        sampling: Sampling::Greedy,
        stop: Vec::new(),
        heal: false,
        origin: None,
    }
}

fn run(mut generation: Generation) -> Result<(String, crate::Finish), EngineError> {
    let mut text = String::new();
    loop {
        match generation.blocking_next().expect("exactly one end")? {
            Event::Read { .. } => {}
            Event::Text(piece) => text.push_str(&piece),
            Event::Done(finish) => {
                assert!(generation.blocking_next().is_none(), "nothing follows the end");
                return Ok((text, finish));
            }
        }
    }
}

/// An engine that answers with the prompt, tells each prompt it is asked, and waits to be let go once for
/// each.
fn gated() -> (Engine, Receiver<String>, Sender<()>) {
    let (asked, prompts) = channel();
    let (go, gate) = channel();
    let engine = Engine::scripted(move |prompt| {
        asked.send(prompt.to_string()).expect("the test listens");
        // An error means that the test let all go.
        let _ = gate.recv();
        prompt.to_string()
    });
    (engine, prompts, go)
}

#[test]
fn an_answer_comes_in_pieces_with_its_usage() {
    let engine = Engine::scripted(|prompt| format!("answer to {prompt}"));
    let (text, finish) = run(engine.generate(request("12345", Priority::Typing))).unwrap();
    assert_eq!(text, "answer to 12345");
    assert_eq!(finish.reason, FinishReason::EndOfTurn);
    assert_eq!((finish.usage.prompt, finish.usage.cached, finish.usage.generated), (2, 0, 4));
    let (_, finish) = run(engine.generate(request("123456789", Priority::Typing))).unwrap();
    assert_eq!((finish.usage.prompt, finish.usage.cached, finish.usage.prefilled), (3, 1, 2));
    assert_eq!(engine.status().jobs, 0);
}

#[test]
fn stop_rules_and_max_tokens_end_an_answer() {
    let engine = Engine::scripted(|_| "one\ntwo\nthree\n".into());
    let mut two_lines = request("x", Priority::Typing);
    two_lines.stop = vec![StopRule::Lines(2)];
    let (text, finish) = run(engine.generate(two_lines)).unwrap();
    assert_eq!((text.as_str(), finish.reason), ("one\ntwo", FinishReason::Stop));

    let mut short = request("x", Priority::Typing);
    short.max_tokens = 2;
    let (text, finish) = run(engine.generate(short.clone())).unwrap();
    assert_eq!((text.as_str(), finish.reason), ("one\ntwo\n", FinishReason::MaxTokens));
    assert_eq!(finish.usage.generated, 2);

    short.max_tokens = 0;
    let (text, finish) = run(engine.generate(short)).unwrap();
    assert_eq!((text.as_str(), finish.reason), ("", FinishReason::MaxTokens));
}

#[test]
fn what_cannot_be_run_is_an_error_that_says_why() {
    let engine = Engine::scripted(|_| "never asked".into());
    assert!(matches!(run(engine.generate(request("", Priority::Typing))), Err(EngineError::EmptyPrompt)));
    let long = request(&"x".repeat(4 * 4000), Priority::Typing);
    match run(engine.generate(long)) {
        Err(EngineError::TooLong { prompt: 4000, max_tokens: 100, context: 4096 }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_highest_priority_goes_first_and_the_oldest_among_equals() {
    let (engine, prompts, go) = gated();
    let first = engine.generate(request("first", Priority::Background));
    assert_eq!(prompts.recv().unwrap(), "first");
    // The engine's thread is inside the closure now: all of these arrive while it is busy.
    engine.warm(Prompt::default().text("warm"));
    let wanted = [
        ("background", Priority::Background),
        ("typing 1", Priority::Typing),
        ("interactive", Priority::Interactive),
        ("typing 2", Priority::Typing),
    ];
    let rest = wanted.map(|(text, priority)| engine.generate(request(text, priority)));
    assert_eq!(engine.status().jobs, 5, "idle prefill does not count");
    drop(go);
    assert_eq!(
        prompts.iter().take(4).collect::<Vec<_>>(),
        ["typing 1", "typing 2", "interactive", "background"]
    );
    assert_eq!(run(first).unwrap().0, "first");
    for (generation, (text, _)) in rest.into_iter().zip(wanted) {
        assert_eq!(run(generation).unwrap().0, text);
    }
    assert_eq!(engine.status().jobs, 0);
}

#[test]
fn typing_preempts_between_two_tokens_and_the_other_goes_on() {
    let (engine, prompts, go) = gated();
    let mut slow = engine.generate(request("a long answer", Priority::Interactive));
    prompts.recv().unwrap();
    let fast = engine.generate(request("fast", Priority::Typing));
    go.send(()).unwrap();
    // The slow answer is known, but none of it may come before the fast one's closure has run.
    assert_eq!(prompts.recv().unwrap(), "fast");
    while let Some(event) = slow.try_next() {
        assert!(matches!(event, Ok(Event::Read { .. })), "{event:?}");
    }
    go.send(()).unwrap();
    assert_eq!(run(fast).unwrap().0, "fast");
    assert_eq!(run(slow).unwrap().0, "a long answer");
}

#[test]
fn a_dropped_generation_is_not_answered() {
    let (engine, prompts, go) = gated();
    let running = engine.generate(request("running", Priority::Typing));
    prompts.recv().unwrap();
    let waiting = engine.generate(request("waiting", Priority::Typing));
    let last = engine.generate(request("last", Priority::Background));
    drop(running);
    drop(waiting);
    drop(go);
    assert_eq!(run(last).unwrap().0, "last");
    assert_eq!(prompts.try_iter().collect::<Vec<_>>(), ["last"], "the waiting one was never asked");
    assert_eq!(engine.status().jobs, 0);
}

#[test]
fn warming_counts_as_seen_and_the_newest_replaces() {
    let (engine, prompts, go) = gated();
    let busy = engine.generate(request("busy", Priority::Typing));
    prompts.recv().unwrap();
    engine.warm(Prompt::default().text("the older prompt"));
    engine.warm(Prompt::default().text("some newer prompt"));
    drop(go);
    run(busy).unwrap();
    // Idle prefill has run once a job of the same priority that came later is answered.
    run(engine.generate(request("barrier", Priority::Warm))).unwrap();
    let usage = |text| run(engine.generate(request(text, Priority::Typing))).unwrap().1.usage;
    assert_eq!(usage("some newer prompt").cached, 4);
    assert_eq!(usage("the older prompt").cached, 0);
}

#[test]
fn a_panic_is_an_error_of_one_generation() {
    let mut calls = 0;
    let engine = Engine::scripted(move |_| {
        calls += 1;
        assert!(calls > 1, "the first call fails");
        "fine".into()
    });
    match run(engine.generate(request("x", Priority::Typing))) {
        Err(EngineError::Model(message)) => assert!(message.contains("the first call fails"), "{message}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(run(engine.generate(request("x", Priority::Typing))).unwrap().0, "fine");
}

/// Wherever the thread panics, what it was answering ends with an error, what arrives later is answered, and the
/// status says so.
#[test]
fn a_panic_anywhere_is_an_error_and_the_engine_goes_on() {
    for place in ["Generate", "Warm", "Remember", "Forget", "CatchUp", "retire"] {
        let (inbox, receiver) = channel();
        let gauges = Arc::new(Gauges::default());
        let model = Model::Scripted(crate::scripted::Scripted::panicking(place));
        let worker = Worker::new(model, Inbox::new(receiver), gauges.clone());
        let job = |text: &str| {
            let (events, generation) = Generation::channel();
            let reply = Reply::new(events, gauges.clone());
            (Job::Generate(request(text, Priority::Typing), reply), generation)
        };
        // All of it waits when the thread begins.
        let (first, failed) = job("first");
        let (caught_up, done) = std::sync::mpsc::sync_channel(0);
        let jobs = [
            first,
            Job::Warm(Prompt::default().text("warm")),
            Job::Remember(SourceId(1), "text".into()),
            Job::Forget(SourceId(1)),
            Job::CatchUp(caught_up),
        ];
        for job in jobs {
            inbox.send(job).expect("it is open");
        }
        let (last, answered) = job("last");
        inbox.send(last).expect("it is open");
        let thread = std::thread::spawn(move || worker.run());
        match run(failed) {
            Err(EngineError::Model(reason)) => assert!(reason.contains("panicked"), "{place}: {reason}"),
            other => panic!("{place}: {other:?}"),
        }
        match (place, run(answered)) {
            // Two were being answered.
            ("retire", Err(EngineError::Model(_))) => {}
            (_, Ok((text, _))) => assert_eq!(text, "last", "{place}"),
            (_, other) => panic!("{place}: {other:?}"),
        }
        assert!(done.recv().is_err(), "nobody waits for ever");
        let (again, generation) = job("again");
        inbox.send(again).expect("it is open");
        assert_eq!(run(generation).expect("answered").0, "again", "{place}");
        assert_eq!((gauges.read().restarts, gauges.read().jobs), (1, 0), "{place}");
        drop(inbox);
        thread.join().expect("it ends as it should");
    }
}

#[test]
fn dropping_the_last_handle_ends_thread_and_generations() {
    let (engine, prompts, go) = gated();
    let running = engine.generate(request("running", Priority::Typing));
    let waiting = engine.generate(request("waiting", Priority::Typing));
    prompts.recv().unwrap();
    drop(engine.clone());
    drop(engine);
    drop(go);
    assert!(matches!(run(running), Err(EngineError::Stopped)));
    assert!(matches!(run(waiting), Err(EngineError::Stopped)));
    // The closure, and the sender in it, are gone: the thread has ended.
    assert!(prompts.recv().is_err());
}

#[test]
fn the_lookup_model_answers_from_what_it_was_told() {
    let engine = Engine::lookup();
    let ask =
        |engine: &Engine| run(engine.generate(request("    let total = sum_of_", Priority::Typing))).unwrap();
    assert_eq!((ask(&engine).0.as_str(), ask(&engine).1.reason), ("", FinishReason::Unsure));
    let text = "fn f() {\n    let total = sum_of_parts(parts);\n    total\n}\n".repeat(4);
    engine.remember(SourceId(1), text.into());
    let (answer, finish) = ask(&engine);
    assert!(answer.starts_with("parts"), "{answer:?}");
    assert_eq!(finish.reason, FinishReason::EndOfTurn);
    assert!(finish.usage.generated > 0 && finish.usage.generated <= 100);
    engine.forget(SourceId(1));
    assert_eq!(ask(&engine).1.reason, FinishReason::Unsure);
}

/// A worker over the small Phi, whose steps the test takes itself.
struct Hand {
    worker: Worker,
    inbox: Sender<Job>,
    gauges: Arc<Gauges>,
}

impl Hand {
    fn new(pages: usize) -> Hand {
        let (inbox, receiver) = channel();
        let gauges = Arc::new(Gauges::default());
        let model = Model::Phi(Box::new(neural(pages)));
        Hand { worker: Worker::new(model, Inbox::new(receiver), gauges.clone()), inbox, gauges }
    }

    /// A request at the worker's door.
    fn job(&self, text: &str, priority: Priority) -> (Job, Generation) {
        let (events, generation) = Generation::channel();
        let request = Request { priority, ..prompt_of(text, 8) };
        (Job::Generate(request, Reply::new(events, self.gauges.clone())), generation)
    }

    fn accept(&mut self, text: &str, priority: Priority) -> Generation {
        let (job, generation) = self.job(text, priority);
        self.worker.accept(job);
        generation
    }

    /// Steps until nothing is left, then the answer.
    fn answer(&mut self, generation: Generation) -> (String, crate::Usage) {
        while self.worker.step() {}
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

    /// What a worker that has nothing else to do and plenty of memory answers.
    fn undisturbed(text: &str) -> (String, crate::Usage) {
        let mut hand = Hand::new(1000);
        let generation = hand.accept(text, Priority::Background);
        hand.answer(generation)
    }

    fn prefilled(&self, index: usize) -> usize {
        self.worker.live[index].output.usage.prefilled
    }
}

#[test]
fn cancelling_is_noticed_within_one_decode_step_and_keeps_the_rows() {
    let mut hand = Hand::new(1000);
    let generation = hand.accept(&"x".repeat(60), Priority::Typing);
    while hand.worker.live[0].output.usage.generated < 3 {
        assert!(hand.worker.step());
    }
    let prompt = hand.worker.live[0].output.usage.prompt;
    drop(generation);
    assert!(!hand.worker.step(), "nothing is left to do");
    assert!(hand.worker.live.is_empty());
    let status = hand.gauges.read();
    assert_eq!((status.jobs, status.cached_tokens), (0, prompt + 2));
    assert!(status.cached_bytes > 0);
}

#[test]
fn a_preempted_job_goes_on_from_where_it_was() {
    let (slow, fast) = ("a".repeat(90), "bcx ".repeat(15));
    let mut hand = Hand::new(1000);
    let background = hand.accept(&slow, Priority::Background);
    assert!(hand.worker.step());
    assert_eq!(hand.prefilled(0), 32);
    let typing = hand.accept(&fast, Priority::Typing);
    assert!(hand.worker.step());
    assert_eq!((hand.prefilled(0), hand.prefilled(1)), (32, 32), "typing goes first");
    assert_eq!(hand.answer(typing).0, Hand::undisturbed(&fast).0);
    // Nothing was run twice: the figures are the same too.
    assert_eq!(hand.answer(background), Hand::undisturbed(&slow));
}

#[test]
fn a_chunk_is_given_up_for_typing_only() {
    let mut hand = Hand::new(1000);
    let background = hand.accept(&"a".repeat(90), Priority::Background);
    let (job, interactive) = hand.job("b", Priority::Interactive);
    hand.inbox.send(job).unwrap();
    assert!(hand.worker.step());
    assert_eq!(hand.prefilled(0), 32);
    let (job, typing) = hand.job("c", Priority::Typing);
    hand.inbox.send(job).unwrap();
    assert!(hand.worker.step());
    assert_eq!(hand.prefilled(0), 32, "the chunk was given up");
    while let Some(job) = hand.worker.inbox.take() {
        hand.worker.accept(job);
    }
    assert!(hand.worker.step());
    assert!(hand.prefilled(2) > 0, "and typing goes first");
    for (generation, text) in [(typing, "c"), (interactive, "b"), (background, &"a".repeat(90))] {
        assert_eq!(hand.answer(generation).0, Hand::undisturbed(text).0);
    }
}

#[test]
fn rows_are_taken_from_the_less_urgent_when_memory_is_short() {
    let (slow, fast) = ("a".repeat(90), "bcx ".repeat(20));
    // Eight pages hold 128 tokens: either of the two, but not both.
    let mut hand = Hand::new(8);
    let background = hand.accept(&slow, Priority::Background);
    while hand.worker.live[0].output.usage.generated < 3 {
        assert!(hand.worker.step());
    }
    let typing = hand.accept(&fast, Priority::Typing);
    while hand.worker.live.len() == 2 {
        assert!(hand.worker.step());
    }
    assert!(!hand.worker.live[0].sequence().unwrap().has_rows());
    assert!(hand.gauges.read().cached_bytes <= 8 * small_page());
    assert_eq!(hand.answer(typing).0, Hand::undisturbed(&fast).0);
    // It runs its tokens again, and nobody can tell.
    assert_eq!(hand.answer(background), Hand::undisturbed(&slow));
}

fn small_page() -> usize {
    crate::small_phi::phi().kv_shape().bytes_per_page()
}

#[test]
fn idle_prefill_yields_and_pays_off() {
    let mut hand = Hand::new(1000);
    let text = "a ".repeat(45);
    hand.worker.accept(Job::Warm(prompt_of("replaced", 0).prompt));
    hand.worker.accept(Job::Warm(prompt_of(&text, 0).prompt));
    assert_eq!(hand.worker.live.len(), 1, "the newer replaces the older");
    let first = hand.accept("b", Priority::Background);
    assert!(hand.worker.step());
    assert_eq!(hand.prefilled(0), 0, "idle prefill waits");
    hand.answer(first);
    assert!(hand.worker.live.is_empty(), "and ends by itself");
    let warmed = hand.accept(&format!("{text}b"), Priority::Typing);
    let (_, usage) = hand.answer(warmed);
    assert!(usage.cached > 40 && usage.prefilled <= 3, "{usage:?}");
}

#[test]
fn the_status_counts_the_tokens_read_and_written() {
    let mut hand = Hand::new(1000);
    let mut generation = hand.accept(&"x".repeat(90), Priority::Interactive);
    let (mut seen, mut prompt) = (Vec::new(), 0);
    while hand.worker.step() {
        let work = hand.gauges.read().work.expect("it works");
        assert_eq!(work.priority, Priority::Interactive);
        prompt = hand.worker.live.first().map_or(prompt, |live| live.output.usage.prompt);
        seen.push(work.phase);
    }
    let reading = |read| Phase::Reading { read, of: prompt };
    // The third chunk is the last, and gives the first token.
    assert_eq!(seen[..3], [reading(0), reading(32), Phase::Writing { tokens: 1 }]);
    assert_eq!(hand.gauges.read().work, None, "nothing is left to do");
    let mut told = Vec::new();
    while let Some(Ok(event)) = generation.blocking_next() {
        if let Event::Read { read, of } = event {
            assert_eq!(of, prompt);
            told.push(read);
        }
    }
    assert_eq!(told, [0, 32, 64]);

    // What the cache holds counts as read from the start.
    let mut again = hand.accept(&"x".repeat(90), Priority::Typing);
    assert!(hand.worker.step());
    assert!(
        matches!(again.blocking_next(), Some(Ok(Event::Read { read, of })) if read + 1 == of),
        "only the last token is run"
    );
}

#[test]
fn idle_prefill_shows_as_reading() {
    let mut hand = Hand::new(1000);
    hand.worker.accept(Job::Warm(prompt_of(&"x".repeat(60), 0).prompt));
    assert!(hand.worker.step());
    let work = hand.gauges.read().work.expect("it works");
    assert_eq!(work.priority, Priority::Warm);
    assert!(matches!(work.phase, Phase::Reading { read: 0, .. }), "{work:?}");
}
