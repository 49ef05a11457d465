//! The public interface of the engine, with the small golden models.

use std::path::{Path, PathBuf};

use phi_engine::{
    Adapter, DeviceChoice, Engine, EngineError, Event, Finish, FinishReason, Generation, Options, Priority,
    Prompt, Request, Role, Sampling,
};

const OPTIONS: Options =
    Options { adapters: Vec::new(), device: DeviceChoice::Cpu, threads: 1, kv_bytes: 1 << 20, context: 4096 };

fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(path)
}

fn open(path: &str) -> Engine {
    Engine::open(&golden(path), &OPTIONS, |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

fn request(text: &str) -> Request {
    Request {
        prompt: Prompt::default().turn(Role::User).text(text).turn(Role::Assistant),
        priority: Priority::Interactive,
        max_tokens: 12,
        sampling: Sampling::Greedy,
        stop: Vec::new(),
        heal: false,
    }
}

/// Text and end event of a generation, which has exactly one end event.
fn answer(mut generation: Generation) -> Result<(String, Finish), EngineError> {
    let mut text = String::new();
    loop {
        match generation.blocking_next().expect("an end") {
            Ok(Event::Text(piece)) => text.push_str(&piece),
            Ok(Event::Read { .. }) => {}
            Ok(Event::Done(finish)) => {
                assert!(generation.blocking_next().is_none());
                return Ok((text, finish));
            }
            Err(error) => {
                assert!(generation.blocking_next().is_none());
                return Err(error);
            }
        }
    }
}

#[test]
fn a_gguf_file_and_a_folder_of_the_same_model_generate_the_same() {
    let mut told = Vec::new();
    let file = Engine::open(&golden("gqa/model.gguf"), &OPTIONS, |part| told.push(part)).unwrap();
    assert!(told.is_sorted() && told.last() == Some(&1.0), "{told:?}");
    let folder = open("gqa/hf");
    for text in ["fn main() {", "x", "let a = b;\n    c"] {
        let (from_file, finish) = answer(file.generate(request(text))).unwrap();
        let (from_folder, _) = answer(folder.generate(request(text))).unwrap();
        assert_eq!(from_file, from_folder);
        assert!(finish.usage.generated > 0);
    }
    let model = file.model();
    assert_eq!((&*model.architecture, model.context, model.short_context), ("phi3", 128, 32));
    assert_eq!(model.path.as_deref(), Some(golden("gqa/model.gguf").as_path()));
}

#[test]
fn a_repeated_prompt_runs_one_token_in_either_mode() {
    let engine = open("dense/model.gguf");
    // The second one is beyond the short window of 32.
    for text in ["a", "fn main() { let total = sum(a, b, c); print(total) } // and so on"] {
        let (first, before) = answer(engine.generate(request(text))).unwrap();
        let (second, after) = answer(engine.generate(request(text))).unwrap();
        assert_eq!(first, second);
        assert_eq!(
            (before.usage.prompt, before.usage.generated),
            (after.usage.prompt, after.usage.generated)
        );
        assert_eq!(after.usage.prefilled, 1);
    }
    let status = engine.status();
    assert!(status.cached_tokens > 32 && status.cached_bytes > 0 && status.jobs == 0, "{status:?}");
}

#[test]
fn a_seed_makes_sampling_reproducible() {
    let engine = open("dense/model.gguf");
    let draw = |seed| {
        let sampling = Sampling::Nucleus { temperature: 1.5, top_p: 0.95, seed };
        answer(engine.generate(Request { sampling, ..request("x") })).unwrap().0
    };
    assert_eq!(draw(1), draw(1));
    assert!((2..9).any(|seed| draw(seed) != draw(1)));
    let sampling = Sampling::Nucleus { temperature: -1.0, top_p: 0.95, seed: 1 };
    let error = answer(engine.generate(Request { sampling, ..request("x") })).unwrap_err();
    assert!(error.to_string().contains("temperature -1"), "{error}");
}

#[test]
fn a_prompt_that_does_not_fit_is_refused() {
    let engine = open("window/model.gguf");
    let error = answer(engine.generate(request(&"word ".repeat(500)))).unwrap_err();
    assert!(matches!(error, EngineError::TooLong { max_tokens: 12, .. }), "{error}");
    // Memory for fewer tokens than the model's context.
    let small = Options { kv_bytes: 32 << 10, ..OPTIONS };
    let engine = Engine::open(&golden("dense/model.gguf"), &small, |_| {}).unwrap();
    assert!(engine.model().context < 128);
    assert!(answer(engine.generate(request("x"))).is_ok());
    let missing = Engine::open(&golden("dense/none.gguf"), &OPTIONS, |_| {}).unwrap_err().to_string();
    assert!(missing.contains("none.gguf"), "{missing}");
}

/// Generations of all priorities, some dropped early, and too little KV memory for all of them: each of the others gets one end
/// event, and the text that it would get alone.
#[test]
fn many_concurrent_generations() {
    let small = Options { kv_bytes: 40 << 10, ..OPTIONS };
    let engine = Engine::open(&golden("gqa/model.gguf"), &small, |_| {}).unwrap();
    let texts = ["a", "fn main() {", "let total = sum(a, b, c);", "x y z x y z x y z x y z"];
    let alone = texts.map(|text| answer(open("gqa/model.gguf").generate(request(text))).unwrap().0);
    std::thread::scope(|scope| {
        for caller in 0..8 {
            let (engine, alone) = (engine.clone(), &alone);
            scope.spawn(move || {
                for round in 0..12 {
                    let which = (caller + round) % texts.len();
                    let priorities =
                        [Priority::Idle, Priority::Background, Priority::Interactive, Priority::Typing];
                    let priority = priorities[(caller + round / 4) % 4];
                    let mut generation = engine.generate(Request { priority, ..request(texts[which]) });
                    match (caller + round) % 3 {
                        0 => drop(generation),
                        1 => drop(generation.blocking_next()),
                        _ => assert_eq!(answer(generation).unwrap().0, alone[which]),
                    }
                    engine.warm(request(texts[(which + 1) % texts.len()]).prompt);
                }
            });
        }
    });
    let (text, finish) =
        answer(engine.generate(Request { priority: Priority::Idle, ..request("a") })).unwrap();
    assert_eq!(text, alone[0]);
    assert_ne!(finish.reason, FinishReason::Stop);
    let status = engine.status();
    assert_eq!(status.jobs, 0);
    assert!(status.cached_bytes <= small.kv_bytes);
}

#[test]
fn an_adapter_changes_the_answers_and_the_fingerprint() {
    let plain = open("gqa/model.gguf");
    let open = |adapter: &str| {
        let adapters = vec![Adapter { path: golden(adapter), scale: 1.0 }];
        Engine::open(&golden("gqa/model.gguf"), &Options { adapters, ..OPTIONS }, |_| {})
    };
    let adapted = open("gqa/lora.gguf").unwrap();
    assert_eq!((plain.model().adapters.len(), &adapted.model().adapters[..]), (0, &["lora".to_owned()][..]));
    assert_ne!(plain.model().fingerprint, adapted.model().fingerprint);
    let text = |engine: &Engine| answer(engine.generate(request("fn main() {"))).unwrap().0;
    assert_ne!(text(&plain), text(&adapted));
    assert_eq!(text(&adapted), text(&open("gqa/lora").unwrap()), "both formats of one adapter");
    let wrong = open("llama/lora.gguf").unwrap_err().to_string();
    assert!(wrong.contains("`general.architecture` is `llama`, not `phi3`"), "{wrong}");
}
