//! Properties of any model. The golden tests compare the numbers with transformers.

use std::cell::Cell;

use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Value;
use proptest::prelude::*;

use super::*;
use crate::weights::tests::{TinyModel, VOCABULARY};

fn tiny() -> Decoder {
    TinyModel::new().open().unwrap()
}

/// More than any sequence here takes.
const KV_BYTES: usize = 1 << 22;

/// The logits of all of `tokens`.
fn run(
    decoder: &Decoder,
    tokens: &[u32],
    (kv, workspace): (&mut Kv, &mut Workspace),
    mode: RopeMode,
) -> Vec<f32> {
    decoder.forward(tokens, kv, mode, 0..tokens.len(), workspace, &|| false).unwrap().unwrap().to_vec()
}

/// As [`run`], as a sequence of its own.
fn run_alone(decoder: &Decoder, tokens: &[u32], mode: RopeMode) -> Vec<f32> {
    run(decoder, tokens, (&mut Kv::default(), &mut decoder.workspace(KV_BYTES)), mode)
}

/// The bits of logits: `==` on floats does not distinguish 0 from -0, and no NaN equals itself.
fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|logit| logit.to_bits()).collect()
}

fn tokens(n: usize) -> Vec<u32> {
    (0..n).map(|i| (i * i * 7 + i * 3 + 5) as u32 % VOCABULARY as u32).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// The logits of a token do not depend on the chunks, bit for bit.
    #[test]
    fn chunks_do_not_change_the_result(
        chunks in prop::collection::vec(1..40usize, 1..6),
        long in any::<bool>(),
        f16 in any::<bool>(),
        again_from in any::<prop::sample::Index>(),
    ) {
        let mut decoder = tiny();
        decoder.set_kv_format(if f16 { KvFormat::F16 } else { KvFormat::F32 });
        let mode = if long { RopeMode::Long } else { RopeMode::Short };
        let tokens = tokens(chunks.iter().sum());
        let whole = run_alone(&decoder, &tokens, mode);

        let mut kv = Kv::default();
        let mut workspace = decoder.workspace(KV_BYTES);
        let mut in_chunks = Vec::new();
        for n in chunks {
            let start = kv.len();
            in_chunks.extend(run(&decoder, &tokens[start..start + n], (&mut kv, &mut workspace), mode));
        }
        prop_assert!(bits(&in_chunks) == bits(&whole));

        // A part again, token by token, with pages that another sequence shares.
        let shared = kv.clone();
        let from = again_from.index(tokens.len());
        kv.truncate(from);
        for i in from..tokens.len().min(from + 5) {
            let logits = decoder.forward(&tokens[i..=i], &mut kv, mode, 0..1, &mut workspace, &|| false).unwrap().unwrap();
            prop_assert!(bits(logits) == bits(&whole[i * VOCABULARY..][..VOCABULARY]));
        }
        drop(shared);
    }
}

#[test]
fn the_modes_differ_and_f16_rows_hardly() {
    // Float weights: rounding activations to 8 bits would make more of a small difference.
    let mut model = TinyModel::new();
    model.tensors.values_mut().for_each(|(_, dtype)| *dtype = GgmlDType::F32);
    let mut decoder = model.open().unwrap();
    let tokens = tokens(60);
    let mut logits = |mode, format| {
        decoder.set_kv_format(format);
        let mut kv = Kv::default();
        decoder
            .forward(&tokens, &mut kv, mode, 59..60, &mut decoder.workspace(KV_BYTES), &|| false)
            .unwrap()
            .unwrap()
            .to_vec()
    };
    let difference = |a: &[f32], b: &[f32]| {
        let largest = a.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        a.iter().zip(b).fold(0f32, |worst, (a, b)| worst.max((a - b).abs())) / largest
    };
    let short = logits(RopeMode::Short, KvFormat::F32);
    assert!(difference(&short, &logits(RopeMode::Long, KvFormat::F32)) > 1e-2);
    assert!(difference(&short, &logits(RopeMode::Short, KvFormat::F16)) < 5e-3);
}

/// The logits of a range are those of the same tokens among all, bit by bit: what verifying a draft needs.
#[test]
fn a_range_of_logits_is_a_part_of_all() {
    let decoder = tiny();
    let tokens = tokens(40);
    let mut before = Kv::default();
    let mut workspace = decoder.workspace(KV_BYTES);
    run(&decoder, &tokens[..21], (&mut before, &mut workspace), RopeMode::Short);
    let all = run(&decoder, &tokens[21..], (&mut before.clone(), &mut workspace), RopeMode::Short);
    for rows in [0..19, 18..19, 0..1, 3..11, 7..7, 0..0, 19..19] {
        let mut kv = before.clone();
        let found = decoder
            .forward(&tokens[21..], &mut kv, RopeMode::Short, rows.clone(), &mut workspace, &|| false)
            .unwrap()
            .unwrap();
        assert_eq!(kv.len(), 40);
        assert_eq!(bits(found), bits(&all[rows.start * VOCABULARY..rows.end * VOCABULARY]), "{rows:?}");
    }
}

#[test]
fn a_separate_output_matrix_is_used() {
    let tied = tiny();
    let mut model = TinyModel::new();
    model.tensors.insert("output.weight".into(), (vec![VOCABULARY, 64], GgmlDType::F32));
    let separate = model.open().unwrap();
    let logits = |decoder: &Decoder| run_alone(decoder, &tokens(3), RopeMode::Short);
    assert_ne!(logits(&tied), logits(&separate));
}

#[test]
fn a_sliding_window_hides_old_tokens() {
    let mut model = TinyModel::new();
    model.metadata.insert("phi3.attention.sliding_window".into(), Value::U32(8));
    let decoder = model.open().unwrap();
    assert_eq!(decoder.config().sliding_window, Some(8));
    let last = |first: u32| {
        let mut all = tokens(30);
        all[0] = first;
        let logits = run_alone(&decoder, &all, RopeMode::Short);
        logits[29 * VOCABULARY..].to_vec()
    };
    // Two layers with a window of 8: the last token depends on the 14 before it and on itself.
    assert_eq!(bits(&last(1)), bits(&last(2)));
}

#[test]
fn cancelling_before_any_layer_leaves_the_rows_as_they_were() {
    let decoder = tiny();
    let mut kv = Kv::default();
    let mut workspace = decoder.workspace(KV_BYTES);
    run(&decoder, &tokens(20), (&mut kv, &mut workspace), RopeMode::Short);
    let expected = run(&decoder, &[7], (&mut kv.clone(), &mut workspace), RopeMode::Short);
    for layer in 0..decoder.config().layers {
        let asked = Cell::new(0);
        let cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() > layer
        };
        assert_eq!(
            decoder.forward(&tokens(30), &mut kv, RopeMode::Short, 29..30, &mut workspace, &cancelled),
            Ok(None)
        );
        assert_eq!((kv.len(), kv.pages().len()), (20, 2));
        let logits = run(&decoder, &[7], (&mut kv.clone(), &mut workspace), RopeMode::Short);
        assert_eq!(bits(&logits), bits(&expected));
    }
}

#[test]
fn what_cannot_run_is_refused() {
    let mut decoder = tiny();
    let mut workspace = decoder.workspace(KV_BYTES);
    let mut kv = Kv::default();
    let mut forward = |decoder: &Decoder, tokens: &[u32], kv: &mut Kv, rows: Range<usize>| {
        decoder.forward(tokens, kv, RopeMode::Short, rows, &mut workspace, &|| false).unwrap_err()
    };
    assert_eq!(forward(&decoder, &[], &mut kv, 0..0), ForwardError::NoTokens);
    assert_eq!(
        forward(&decoder, &[1, VOCABULARY as u32], &mut kv, 0..0),
        ForwardError::UnknownToken { token: VOCABULARY as u32, vocabulary: VOCABULARY }
    );
    assert_eq!(
        forward(&decoder, &tokens(257), &mut kv, 0..0),
        ForwardError::ContextFull { tokens: 257, context: 256 }
    );
    for (first, end) in [(2, 4), (3, 2), (0, usize::MAX)] {
        assert_eq!(
            forward(&decoder, &[1, 2, 3], &mut kv, first..end),
            ForwardError::NoSuchRows { first, end, tokens: 3 }
        );
    }
    let page = decoder.kv_shape().bytes_per_page();
    let small = &mut decoder.workspace(2 * page);
    let no_pages = decoder.forward(&tokens(33), &mut kv, RopeMode::Short, 0..0, small, &|| false);
    assert_eq!(no_pages, Err(ForwardError::NoPages));
    run(&decoder, &tokens(32), (&mut kv, small), RopeMode::Short);
    assert!(matches!(forward(&decoder, &[1], &mut kv, 0..0), ForwardError::WrongKv { .. }), "another pool");
    assert_eq!(kv.len(), 32);
    kv.truncate(0);
    decoder.set_kv_format(KvFormat::F32);
    assert!(matches!(forward(&decoder, &[1], &mut kv, 0..0), ForwardError::WrongKv { .. }), "another format");
    assert!(kv.is_empty());
}
