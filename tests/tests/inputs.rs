//! No input makes phi-ls panic, hang or keep a wrong text: damaged samples of every kind of untrusted input.
//! `tests/fuzz` runs the same functions under a fuzzer.

use phi_tests::inputs::{KINDS, Kind};

/// Damaged samples of a kind.
const CASES: usize = 1500;
/// For slow kinds, in which each case starts a server or opens a model.
const SLOW_CASES: usize = 60;

/// One damage of a kind that real files and clients show: bits flipped, bytes lost, doubled, zeroed, cut off, numbers blown
/// up, parts of another sample.
fn damage(random: &mut fastrand::Rng, sample: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..=random.usize(..3) {
        if bytes.is_empty() {
            return bytes;
        }
        let at = random.usize(..bytes.len());
        let end = (at + 1 + random.usize(..16)).min(bytes.len());
        match random.u8(..9) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes[at] = random.u8(..),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => bytes[at..end].fill([0, 0xff, b'[', b'{', b'9'][random.usize(..5)]),
            5 => {
                let part = bytes[at..end].repeat(1 + random.usize(..64));
                bytes.splice(at..at, part);
            }
            6 => {
                let at = at / 8 * 8;
                let number = [u64::MAX, 1 << 63, u32::MAX.into(), 0][random.usize(..4)].to_le_bytes();
                let end = (at + 8).min(bytes.len());
                bytes.splice(at..end, number);
            }
            7 if !other.is_empty() => {
                let from = random.usize(..other.len());
                bytes.splice(at..end, other[from..(from + 64).min(other.len())].iter().copied());
            }
            _ => bytes[at..end].reverse(),
        }
    }
    bytes
}

#[track_caller]
fn check(name: &str, cases: usize) {
    let Kind { feed, samples, .. } = KINDS.iter().find(|kind| kind.name == name).expect("a kind");
    let samples = samples();
    samples.iter().for_each(|sample| feed(sample));
    // The same cases everywhere, so that a failure is the change's own.
    let mut random = fastrand::Rng::with_seed(20);
    for case in 0..cases {
        let (sample, other) = (&samples[case % samples.len()], &samples[random.usize(..samples.len())]);
        let damaged = damage(&mut random, sample, other);
        let fed = std::panic::catch_unwind(|| feed(&damaged));
        assert!(fed.is_ok(), "case {case} of {name}: {:?}", String::from_utf8_lossy(&damaged));
    }
}

#[test]
fn frames() {
    check("frames", SLOW_CASES * 5);
}

#[test]
fn changes() {
    check("changes", SLOW_CASES);
}

#[test]
fn syntax() {
    check("syntax", CASES);
}

#[test]
fn gguf() {
    check("gguf", CASES);
}

#[test]
fn adapter() {
    // Each case opens a model three times.
    check("adapter", CASES / 5);
}

#[test]
fn tokenizer_json() {
    check("tokenizer_json", CASES);
}

#[test]
fn saved_index() {
    check("saved_index", CASES);
}

#[test]
fn journal() {
    check("journal", CASES);
}

#[test]
fn settings() {
    check("settings", CASES);
}

#[test]
fn every_kind_has_a_fuzz_target() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    for Kind { name, .. } in &KINDS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in tests/fuzz/Cargo.toml");
    }
}
