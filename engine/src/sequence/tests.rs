//! Cached equals recomputed: after any runs, cancellations and evictions, a sequence computes the same logits, bit
//! for bit, as one that runs all its tokens at once.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;

use super::*;
use crate::output::Reply;
use crate::small_phi::{self, CONTEXT, LAYERS, SHORT_CONTEXT};
use crate::status::SharedStatus;
use crate::{Generation, Priority, Prompt, Role, Sampling};

/// A small model with this many KV pages.
pub(crate) fn neural(pages: usize) -> NeuralModel {
    neural_of(small_phi::phi(), pages)
}

fn neural_of(decoder: Decoder, pages: usize) -> NeuralModel {
    let bytes = pages * decoder.kv_shape().bytes_per_page();
    let mut neural = NeuralModel::new(decoder, Arc::new(small_phi::tokenizer()), bytes, CONTEXT, 0);
    neural.chunk = 32;
    neural
}

/// A request for the prompt whose assistant's turn begins with `text`.
pub(crate) fn request(text: &str, max_tokens: usize) -> Request {
    Request {
        prompt: Prompt::default().turn(Role::User).text("q").turn(Role::Assistant).text(text),
        priority: Priority::Background,
        max_tokens,
        sampling: Sampling::Greedy,
        stop: Vec::new(),
        heal: false,
    }
}

/// An output without a receiver.
fn output_of(request: &Request) -> Output {
    Output::new(request, None)
}

/// The bits of logits: `==` on floats does not distinguish 0 from -0, and no NaN equals itself.
fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|logit| logit.to_bits()).collect()
}

/// More steps than any request here takes.
const MAX_STEPS: usize = 100;

/// Steps until the generation ends, and returns why it did.
fn finish(model: &mut NeuralModel, sequence: &mut Sequence, output: &mut Output) -> FinishReason {
    for _ in 0..MAX_STEPS {
        sequence.resume(&mut model.prefixes);
        if let Some(reason) = sequence.step(model, output, &|| false).unwrap() {
            return reason;
        }
    }
    panic!("the generation has not ended after {MAX_STEPS} steps");
}

/// Runs one request to its end and compares the logits of each sampled token with recomputed ones.
fn serve(model: &mut NeuralModel, request: &Request) {
    let mut sequence = model.admit(request).unwrap();
    let mut output = output_of(request);
    let prompt = sequence.prompt;
    let whole = prompt + request.max_tokens;
    assert_eq!(sequence.key.mode, if whole <= SHORT_CONTEXT { RopeMode::Short } else { RopeMode::Long });
    let mut ended = false;
    for _ in 0..MAX_STEPS {
        sequence.resume(&mut model.prefixes);
        let (start, before) = (sequence.kv.len(), sequence.tokens.len());
        assert!(start < before, "at least one token is run");
        assert!(model.prefixes.make_room(&model.workspace.pages, sequence.pages_needed(model.chunk)));
        let NeuralModel { decoder, workspace, chunk, .. } = &mut *model;
        let logits = sequence.run(decoder, *chunk, workspace, &mut output, &|| false).unwrap().unwrap();
        let mut logits = logits.to_vec();
        assert!(sequence.kv.len() > start && sequence.kv.len() <= before);
        if sequence.kv.len() < before {
            model.prefixes.insert(sequence.key, &sequence.tokens, &sequence.kv);
            continue;
        }
        // In a workspace of its own, so that it evicts nothing.
        let mut workspace = model.decoder.workspace(1 << 22);
        let mut fresh = Kv::default();
        let recomputed = model
            .decoder
            .forward(
                &sequence.tokens,
                &mut fresh,
                sequence.key.mode,
                before - 1..before,
                &mut workspace,
                &|| false,
            )
            .unwrap()
            .unwrap();
        assert_eq!(bits(&logits), bits(recomputed));
        ended = sequence.sample(&mut logits, &model.tokenizer, &mut output).unwrap().is_some();
        if ended {
            break;
        }
        assert_eq!(sequence.kv.len() + 1, sequence.tokens.len(), "the token picked last has no row");
    }
    assert!(ended, "the generation has not ended after {MAX_STEPS} steps");
    let usage = output.usage;
    assert_eq!(usage.cached + usage.prefilled, usage.prompt);
    sequence.suspend(&mut model.prefixes);
    model.prefixes.check();
    assert_eq!(model.workspace.pages.in_use(), model.prefixes.pages(), "no page is lost");
}

/// A change to a text between two requests.
#[derive(Debug, Clone)]
enum Edit {
    Append(String),
    Truncate(usize),
    Change(usize, String),
    Switch(usize),
    /// A request is cancelled at this layer of this step.
    Cancel(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => "[abcx \n]{1,30}".prop_map(Edit::Append),
        2 => (0usize..60).prop_map(Edit::Truncate),
        2 => (0usize..150, "[abcx é]{1,5}").prop_map(|(at, text)| Edit::Change(at, text)),
        1 => (0usize..3).prop_map(Edit::Switch),
        1 => (0usize..4, 0usize..LAYERS).prop_map(|(step, layer)| Edit::Cancel(step, layer)),
    ]
}

fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// With room for everything (200 pages) and with hardly more than one sequence takes (18).
    #[test]
    fn cached_equals_recomputed(
        edits in proptest::collection::vec(edit(), 1..14),
        texts in proptest::collection::vec("[abcx \n]{0,120}", 3),
        pages in prop_oneof![Just(200usize), Just(18)],
        heal in any::<bool>(),
        max_tokens in 1usize..4,
    ) {
        let mut model = neural(pages);
        let mut texts = texts;
        let mut current = 0;
        let build = |text: &str| Request { heal, ..request(text, max_tokens) };
        for edit in edits {
            let text = &mut texts[current];
            match edit {
                Edit::Append(more) if text.len() + more.len() < 180 => text.push_str(&more),
                Edit::Append(_) => text.clear(),
                Edit::Truncate(len) => text.truncate(boundary(text, len)),
                Edit::Change(at, new) => {
                    let at = boundary(text, at);
                    text.insert_str(at, &new);
                    text.truncate(boundary(text, 180));
                }
                Edit::Switch(to) => current = to,
                Edit::Cancel(at_step, at_layer) => cancel(&mut model, &build(text), at_step, at_layer),
            }
            serve(&mut model, &build(&texts[current]));
        }
    }
}

/// Runs some steps, then one that is cancelled at a layer: that one has no effect, the ones before keep theirs.
fn cancel(model: &mut NeuralModel, request: &Request, at_step: usize, at_layer: usize) {
    let mut sequence = model.admit(request).unwrap();
    let mut output = output_of(request);
    for _ in 0..at_step {
        sequence.resume(&mut model.prefixes);
        model.prefixes.make_room(&model.workspace.pages, sequence.pages_needed(model.chunk));
        if sequence.step(model, &mut output, &|| false).unwrap().is_some() {
            return sequence.suspend(&mut model.prefixes);
        }
    }
    sequence.resume(&mut model.prefixes);
    model.prefixes.make_room(&model.workspace.pages, sequence.pages_needed(model.chunk));
    let before = (sequence.kv.len(), sequence.tokens.len());
    let single = sequence.tokens.len() - sequence.kv.len() == 1;
    let asked = Cell::new(0);
    let over = sequence.step(model, &mut output, &|| asked.replace(asked.get() + 1) == at_layer).unwrap();
    if !single && sequence.chunk_end(model.chunk) - before.0 > 1 {
        assert!(over.is_none());
        assert_eq!((sequence.kv.len(), sequence.tokens.len()), before);
        assert_eq!(asked.get(), at_layer + 1, "no layer ran after the cancelled one");
    }
    sequence.suspend(&mut model.prefixes);
    model.prefixes.check();
}

#[test]
fn the_short_window_divides_the_modes() {
    let mut model = neural(200);
    // Four special tokens, one for "q", and one for each "x" and its space.
    let text = "x".repeat(SHORT_CONTEXT - 10);
    let lengths: Vec<usize> = ["", "x", "xx", "xxx", "xxxx"]
        .iter()
        .map(|more| {
            let request = request(&format!("{text}{more}"), 4);
            serve(&mut model, &request);
            model.admit(&request).unwrap().prompt + 4
        })
        .collect();
    assert!(lengths.contains(&SHORT_CONTEXT) && lengths.contains(&(SHORT_CONTEXT + 1)), "{lengths:?}");
    // The same tokens are known in both modes, each with its own rows.
    let tokens = model.admit(&request(&text, 4)).unwrap().tokens;
    let short = model.prefixes.longest(PrefixKey { mode: RopeMode::Short, adapter: 0 }, &tokens);
    let long = model.prefixes.longest(PrefixKey { mode: RopeMode::Long, adapter: 0 }, &tokens);
    assert_eq!((short.len(), long.len()), (tokens.len(), tokens.len()));
    assert!(short.pages().iter().zip(long.pages()).all(|(short, long)| short != long));
}

#[test]
fn typing_costs_the_new_tokens() {
    let mut model = neural(200);
    let usage = |model: &mut NeuralModel, text: &str| {
        let request = request(text, 2);
        let mut sequence = model.admit(&request).unwrap();
        let mut output = output_of(&request);
        finish(model, &mut sequence, &mut output);
        sequence.suspend(&mut model.prefixes);
        output.usage
    };
    let first = usage(&mut model, &"x".repeat(70));
    assert_eq!((first.cached, first.generated), (0, 2));
    let next = usage(&mut model, &"x".repeat(71));
    assert_eq!(next.prompt, first.prompt + 1);
    assert!(next.prefilled <= 2, "{next:?}");
    let same = usage(&mut model, &"x".repeat(71));
    assert_eq!(same.prefilled, 1, "the last token is always run");
}

#[test]
fn cancelling_is_noticed_within_one_layer() {
    let mut model = neural(200);
    let request = request(&"x".repeat(60), 4);
    let mut sequence = model.admit(&request).unwrap();
    let (events, generation) = Generation::channel();
    let mut output = Output::new(&request, Some(Reply::new(events, Arc::new(SharedStatus::default()))));
    let generation = RefCell::new(Some(generation));
    let layers = Cell::new(0);
    // Called before each layer: the caller drops the generation while the first one runs.
    let asked = || {
        layers.set(layers.get() + 1);
        generation.borrow_mut().take();
        false
    };
    assert_eq!(sequence.step(&mut model, &mut output, &asked).unwrap(), None);
    assert_eq!(layers.get(), 1);
    assert_eq!(sequence.kv.len(), 0);
}

#[test]
fn healing_constrains_the_answer_to_the_removed_bytes() {
    let mut model = neural(200);
    for text in ["x ab", "xab", "x  a", "aba", "x"] {
        let healed = Request { heal: true, ..request(text, 6) };
        let mut sequence = model.admit(&healed).unwrap();
        let plain = model.admit(&request(text, 6)).unwrap();
        let bytes = |tokens: &[u32]| -> Vec<u8> {
            tokens.iter().flat_map(|token| model.tokenizer.bytes(*token)).copied().collect()
        };
        let whole = bytes(&plain.tokens);
        assert_eq!([bytes(&sequence.tokens), sequence.required.clone()].concat(), whole);
        let (events, mut generation) = Generation::channel();
        let mut output = Output::new(&healed, Some(Reply::new(events, Arc::new(SharedStatus::default()))));
        let reason = finish(&mut model, &mut sequence, &mut output);
        output.finish(reason);
        let mut answer = String::new();
        while let Some(Ok(event)) = generation.blocking_next() {
            if let crate::Event::Text(piece) = event {
                answer.push_str(&piece);
            }
        }
        let tokenizer = &model.tokenizer;
        let all: Vec<u8> =
            sequence.tokens.iter().flat_map(|token| tokenizer.bytes(*token)).copied().collect();
        assert!(all.starts_with(&whole), "the prompt's bytes come back");
        let rest = String::from_utf8_lossy(&all[whole.len()..]);
        assert!(rest.starts_with(answer.trim_end_matches('\u{FFFD}')), "{rest:?} {answer:?}");
    }
}

#[test]
fn a_request_that_cannot_run_is_refused() {
    let model = neural(200);
    let error = |request: &Request| model.admit(request).err().expect("an error");
    assert!(matches!(
        error(&Request { prompt: Prompt::default(), ..request("", 1) }),
        EngineError::EmptyPrompt
    ));
    assert!(matches!(
        error(&request(&"x".repeat(CONTEXT), 1)),
        EngineError::TooLong { context: CONTEXT, .. }
    ));
    assert!(matches!(error(&request("x", usize::MAX)), EngineError::TooLong { .. }));
    // Five pages: one is left for a copy.
    assert_eq!(neural(5).context, 64);
}

/// With few pages, so that sequences evict each other's rows.
#[test]
fn a_device_answers_like_the_processor_from_its_own_pages() {
    let on_device = small_phi::phi().on_device(&candle_core::Device::Cpu).unwrap();
    let [mut processor, mut device] = [small_phi::phi(), on_device].map(|decoder| neural_of(decoder, 14));
    let long = "abca ab x ".repeat(9);
    for text in ["a b c", "a b c ab", &long, "a b x", &long[..40], "c", &format!("{long}ab"), "a b c abc"] {
        let request = request(text, 12);
        let [expected, found] = [&mut processor, &mut device].map(|model| {
            let (mut sequence, mut output) = (model.admit(&request).unwrap(), output_of(&request));
            let mut ended = false;
            for _ in 0..MAX_STEPS {
                sequence.resume(&mut model.prefixes);
                let needed = sequence.pages_needed(model.chunk);
                assert!(model.prefixes.make_room(&model.workspace.pages, needed));
                ended = sequence.step(model, &mut output, &|| false).unwrap().is_some();
                if ended {
                    break;
                }
            }
            assert!(ended, "the generation has not ended after {MAX_STEPS} steps");
            sequence.suspend(&mut model.prefixes);
            model.prefixes.check();
            let usage = output.usage;
            (sequence.tokens, usage.cached, usage.prefilled)
        });
        assert_eq!(found, expected, "{text}");
    }
    assert!(device.prefixes.tokens() > 0);
}
