//! The engine thread. With scripted answers it runs in its thread, and a test that needs a busy engine blocks the
//! closure on a channel. No test waits for time to pass.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

mod steps;

use super::Worker;
use crate::inbox::{Inbox, Job};
use crate::model::Model;
use crate::output::Reply;
use crate::status::SharedStatus;
use crate::{
    Engine, EngineError, Event, FinishReason, Generation, Priority, Prompt, Request, Sampling, StopRule,
};

fn request(text: &str, priority: Priority) -> Request {
    Request {
        prompt: Prompt::default().text(text),
        priority,
        max_tokens: 100,
        sampling: Sampling::Greedy,
        stop: Vec::new(),
        heal: false,
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

/// An engine that answers with the prompt. It sends each prompt to the test, then waits for the test to let it
/// continue.
fn gated() -> (Engine, Receiver<String>, Sender<()>) {
    let (asked, prompts) = channel();
    let (go, gate) = channel();
    let engine = Engine::scripted(move |prompt| {
        asked.send(prompt.to_string()).expect("the test receives");
        // An error means that the test lets all prompts continue.
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
fn a_request_that_cannot_run_is_an_error_with_its_reason() {
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
fn typing_preempts_between_two_tokens_and_the_other_resumes() {
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
fn idle_prefill_is_cached_and_the_newest_replaces() {
    let (engine, prompts, go) = gated();
    let busy = engine.generate(request("busy", Priority::Typing));
    prompts.recv().unwrap();
    engine.warm(Prompt::default().text("the older prompt"));
    engine.warm(Prompt::default().text("some newer prompt"));
    drop(go);
    run(busy).unwrap();
    // Idle prefill has run once a job of the same priority that came later is answered.
    run(engine.generate(request("barrier", Priority::Idle))).unwrap();
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

/// After a panic anywhere in the thread, running generations end with an error, later requests are answered, and the
/// status counts the restart.
#[test]
fn a_panic_anywhere_is_an_error_and_the_engine_restarts() {
    for place in ["Generate", "Warm", "retire"] {
        let (inbox, receiver) = channel();
        let status = Arc::new(SharedStatus::default());
        let model = Model::Scripted(crate::scripted::ScriptedModel::panicking(place));
        let worker = Worker::new(model, Inbox::new(receiver), status.clone());
        let job = |text: &str| {
            let (events, generation) = Generation::channel();
            let reply = Reply::new(events, status.clone());
            (Job::Generate(request(text, Priority::Typing), reply), generation)
        };
        // All jobs are queued before the thread starts.
        let (first, failed) = job("first");
        for job in [first, Job::Warm(Prompt::default().text("warm"))] {
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
            // Two tasks were running.
            ("retire", Err(EngineError::Model(_))) => {}
            (_, Ok((text, _))) => assert_eq!(text, "last", "{place}"),
            (_, other) => panic!("{place}: {other:?}"),
        }
        let (again, generation) = job("again");
        inbox.send(again).expect("it is open");
        assert_eq!(run(generation).expect("answered").0, "again", "{place}");
        assert_eq!((status.read().restarts, status.read().jobs), (1, 0), "{place}");
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
    // The closure was dropped with its sender: the thread has ended.
    assert!(prompts.recv().is_err());
}
