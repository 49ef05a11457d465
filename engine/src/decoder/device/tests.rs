//! The decoder as candle's tensors computes what the engine's own kernels compute. `tests/tests/goldens.rs` compares both with
//! the reference.

use std::cell::Cell;

use super::*;
use crate::kv::KvFormat;
use crate::rope::RopeMode;
use crate::small_phi;

const BUDGET: usize = 1 << 20;

fn on_device() -> Decoder {
    small_phi::phi().on_device(&Device::Cpu).expect("the CPU device supports all")
}

fn forward(decoder: &Decoder, tokens: &[u32], kv: &mut Kv, workspace: &mut Workspace) -> Vec<f32> {
    let all = 0..tokens.len();
    let logits = decoder.forward(tokens, kv, RopeMode::Short, all, workspace, &|| false);
    logits.expect("valid tokens").expect("not cancelled").to_vec()
}

/// The logits of all tokens in one pass of the engine's own kernels.
fn expected(tokens: &[u32]) -> Vec<f32> {
    let decoder = small_phi::phi();
    forward(&decoder, tokens, &mut Kv::default(), &mut decoder.workspace(BUDGET))
}

fn check(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0f32, |largest, logit| largest.max(logit.abs()));
    let error = found.iter().zip(expected).fold(0f32, |error, (a, b)| error.max((a - b).abs()));
    assert!(error <= 1e-5 * largest, "{error} of {largest}");
}

fn tokens(n: u32, step: u32) -> Vec<u32> {
    (0..n).map(|i| 8 + i * step % 256).collect()
}

#[test]
fn logits_do_not_depend_on_the_pieces() {
    let (decoder, tokens) = (on_device(), tokens(50, 37));
    let expected = expected(&tokens);
    for piece in [50, 20, 16, 7, 1] {
        let (mut kv, mut workspace) = (Kv::default(), decoder.workspace(BUDGET));
        let pieces = tokens.chunks(piece);
        let found: Vec<f32> =
            pieces.flat_map(|piece| forward(&decoder, piece, &mut kv, &mut workspace)).collect();
        check(&found, &expected);
        assert_eq!(kv.len(), 50);
    }
}

/// Two sequences that share a partly filled page, and grow in turns, so that their pages are not consecutive.
#[test]
fn sequences_share_pages_and_copy_them_on_write() {
    let (decoder, first) = (on_device(), tokens(60, 37));
    let mut second = first[..21].to_vec();
    second.extend(tokens(39, 11));
    let mut workspace = decoder.workspace(BUDGET);
    let mut a = Kv::default();
    forward(&decoder, &first[..21], &mut a, &mut workspace);
    let mut b = a.clone();
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for piece in [21..30, 30..31, 31..47, 47..60] {
        of_b.extend(forward(&decoder, &second[piece.clone()], &mut b, &mut workspace));
        of_a.extend(forward(&decoder, &first[piece], &mut a, &mut workspace));
    }
    let after = 21 * decoder.config().vocabulary;
    check(&of_a, &expected(&first)[after..]);
    check(&of_b, &expected(&second)[after..]);
    // Pages that a shorter sequence left are used again.
    drop(b);
    a.truncate(5);
    let again = forward(&decoder, &first[5..], &mut a, &mut workspace);
    check(&again, &expected(&first)[5 * decoder.config().vocabulary..]);
}

#[test]
fn a_cancelled_pass_leaves_the_rows_unchanged() {
    let (decoder, tokens) = (on_device(), tokens(40, 37));
    let (mut kv, mut workspace) = (Kv::default(), decoder.workspace(BUDGET));
    forward(&decoder, &tokens[..18], &mut kv, &mut workspace);
    let shared = kv.clone();
    for layer in 0..small_phi::LAYERS {
        let calls = Cell::new(0);
        let cancelled = || calls.replace(calls.get() + 1) == layer;
        let other = [9; 10];
        let result = decoder.forward(&other, &mut kv, RopeMode::Short, 9..10, &mut workspace, &cancelled);
        assert_eq!(result, Ok(None));
        assert_eq!((kv.len(), calls.get()), (18, layer + 1));
    }
    let after = &expected(&tokens)[18 * decoder.config().vocabulary..];
    check(&forward(&decoder, &tokens[18..], &mut kv, &mut workspace), after);
    check(&forward(&decoder, &tokens[18..], &mut shared.clone(), &mut workspace), after);
}

#[test]
fn rows_in_half_precision_are_nearly_exact() {
    let (mut decoder, tokens) = (on_device(), tokens(40, 37));
    decoder.set_kv_format(KvFormat::F16);
    let mut workspace = decoder.workspace(BUDGET);
    let found = forward(&decoder, &tokens, &mut Kv::default(), &mut workspace);
    let expected = expected(&tokens);
    let largest = expected.iter().fold(0f32, |largest, logit| largest.max(logit.abs()));
    let error = found.iter().zip(&expected).fold(0f32, |error, (a, b)| error.max((a - b).abs()));
    assert!(error > 1e-6 * largest && error < 1e-2 * largest, "{error} of {largest}");
}

/// Pages in main memory are refused, and the other way round.
#[test]
fn a_workspace_belongs_to_its_backend() {
    let (host, device) = (small_phi::phi(), on_device());
    let refused = |decoder: &Decoder, mut workspace: Workspace| {
        let result =
            decoder.forward(&[9], &mut Kv::default(), RopeMode::Short, 0..0, &mut workspace, &|| false);
        matches!(result, Err(ForwardError::WrongKv { .. }))
    };
    assert!(refused(&host, device.workspace(BUDGET)));
    assert!(refused(&device, host.workspace(BUDGET)));
}
