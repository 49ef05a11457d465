//! Attention against the definition in f64.

use proptest::prelude::*;

use super::*;
use crate::kv::{Kv, KvFormat, KvShape, PagePool};

/// Deterministic noise in [-1, 1), on a grid that f16 holds exactly.
fn noise(seed: usize) -> f32 {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed >> 40) as i64 % 512) as f32 / 256.0 - 1.0
}

fn rows(n: usize, width: usize, seed: usize) -> Vec<Vec<f32>> {
    (0..n).map(|i| (0..width).map(|j| noise(seed * 1_000_003 + i * 1009 + j)).collect()).collect()
}

/// softmax(q k / sqrt(d)) v, one query head of one token.
fn naive(query: &[f32], keys: &[&[f32]], values: &[&[f32]]) -> Vec<f64> {
    let scale = 1.0 / (query.len() as f64).sqrt();
    let weights: Vec<f64> = keys
        .iter()
        .map(|key| {
            (query.iter().zip(*key).map(|(&q, &k)| f64::from(q) * f64::from(k)).sum::<f64>() * scale).exp()
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    (0..query.len())
        .map(|i| {
            weights.iter().zip(values).map(|(weight, value)| weight * f64::from(value[i])).sum::<f64>() / sum
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_the_definition(
        (kv_heads, group, head_dim) in (1..4usize, 1..4usize, prop::sample::select(vec![1, 6, 32, 40, 96])),
        chunks in prop::collection::vec(1..45usize, 1..5),
        window in prop::option::of(1..40usize),
        f16 in any::<bool>(),
    ) {
        let heads = kv_heads * group;
        let attention = Attention { heads, kv_heads, head_dim, sliding_window: window };
        let total: usize = chunks.iter().sum();
        let queries = rows(total, heads * head_dim, 1);
        let keys = rows(total, kv_heads * head_dim, 2);
        let values = rows(total, kv_heads * head_dim, 3);

        let format = if f16 { KvFormat::F16 } else { KvFormat::F32 };
        let mut pool = PagePool::new(KvShape { layers: 2, heads: kv_heads, head_dim, format }, 1 << 24);
        let mut kv = Kv::default();
        let mut workspace = Workspace::new(2);
        for n in chunks {
            let start = kv.len();
            assert!(kv.reserve(n, &mut pool));
            kv.write(1, n, &mut pool, |i| (&keys[start + i], &values[start + i]));
            let mut found = Vec::new();
            attention.forward(KvRows { kv: &kv, pool: &pool, layer: 1 }, n, |i| &queries[start + i], &mut found, &mut workspace);
            kv.commit(n);
            for (position, found) in (start..).zip(found.chunks_exact(heads * head_dim)) {
                let visible = window.map_or(0, |window| (position + 1).saturating_sub(window))..position + 1;
                for (head, found) in found.chunks_exact(head_dim).enumerate() {
                    let kv_part = |row: &'_ Vec<f32>| row[head / group * head_dim..][..head_dim].to_vec();
                    let keys: Vec<_> = keys[visible.clone()].iter().map(kv_part).collect();
                    let values: Vec<_> = values[visible.clone()].iter().map(kv_part).collect();
                    let expected = naive(
                        &queries[position][head * head_dim..][..head_dim],
                        &keys.iter().map(|key| &key[..]).collect::<Vec<_>>(),
                        &values.iter().map(|value| &value[..]).collect::<Vec<_>>(),
                    );
                    for (found, expected) in found.iter().zip(expected) {
                        prop_assert!((f64::from(*found) - expected).abs() < 2e-6, "{found} for {expected}");
                    }
                }
            }
        }
    }
}

#[test]
fn scores_far_apart_do_not_overflow() {
    let attention = Attention { heads: 1, kv_heads: 1, head_dim: 1, sliding_window: None };
    let mut pool =
        PagePool::new(KvShape { layers: 1, heads: 1, head_dim: 1, format: KvFormat::F32 }, 1 << 16);
    let mut kv = Kv::default();
    let keys: Vec<[f32; 1]> = (0..40).map(|i| [if i == 20 { 1e4 } else { -1e4 }]).collect();
    let values: Vec<[f32; 1]> = (0..40).map(|i| [i as f32]).collect();
    assert!(kv.reserve(40, &mut pool));
    kv.write(0, 40, &mut pool, |i| (&keys[i], &values[i]));
    let mut found = Vec::new();
    attention.forward(
        KvRows { kv: &kv, pool: &pool, layer: 0 },
        40,
        |_| &[1.0],
        &mut found,
        &mut Workspace::new(2),
    );
    assert_eq!(found[39], 20.0);
    assert_eq!(found[1], 0.5);
}
