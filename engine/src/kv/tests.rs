//! Pages are shared, copied before they are written, and freed.

use super::*;

const SHAPE: KvShape = KvShape { layers: 2, heads: 3, head_dim: 5, format: KvFormat::F32 };

fn pool(shape: KvShape) -> PagePool {
    PagePool::new(shape, 20 * shape.bytes_per_page())
}

/// Rows that differ by token, layer and part; multiples of a quarter, which f16 represents exactly.
fn row(token: usize, layer: usize, part: usize) -> Vec<f32> {
    (0..15).map(|i| (token * 4 + layer * 2 + part) as f32 + i as f32 * 0.25).collect()
}

fn append(kv: &mut Kv, pool: &mut PagePool, tokens: Range<usize>) {
    let n = tokens.len();
    assert!(kv.reserve(n, pool));
    for layer in 0..2 {
        let rows: Vec<_> = tokens.clone().map(|token| (row(token, layer, 0), row(token, layer, 1))).collect();
        kv.write(layer, n, pool, |i| (&rows[i].0, &rows[i].1));
    }
    kv.commit(n);
}

fn check(kv: &Kv, pool: &PagePool, tokens: &[usize]) {
    assert_eq!(kv.len(), tokens.len());
    assert_eq!(kv.pages().len(), tokens.len().div_ceil(PAGE_TOKENS));
    let mut block = [0.0; PAGE_TOKENS * 5];
    for (position, &token) in tokens.iter().enumerate() {
        let page = pool.page(&kv.pages()[position / PAGE_TOKENS]);
        for (layer, head) in (0..2).flat_map(|layer| (0..3).map(move |head| (layer, head))) {
            for part in [0, 1] {
                match part {
                    0 => page.keys(layer, head, &mut block),
                    _ => page.values(layer, head, &mut block),
                }
                let slot = position % PAGE_TOKENS;
                assert_eq!(block[slot * 5..][..5], row(token, layer, part)[head * 5..][..5]);
            }
        }
    }
}

#[test]
fn rows_come_back_in_both_formats() {
    for format in [KvFormat::F32, KvFormat::F16] {
        let mut pool = pool(KvShape { format, ..SHAPE });
        let mut kv = Kv::default();
        for chunk in [0..1, 1..16, 16..17, 17..50] {
            append(&mut kv, &mut pool, chunk);
        }
        check(&kv, &pool, &(0..50).collect::<Vec<_>>());
    }
    assert_eq!(SHAPE.bytes_per_page(), 2 * 3 * 2 * 16 * 5 * 4);
}

#[test]
fn a_shared_page_is_copied_before_it_is_written() {
    let mut pool = pool(SHAPE);
    let mut a = Kv::default();
    append(&mut a, &mut pool, 0..20);
    let mut b = Kv::from_pages(a.pages().to_vec(), 18);
    append(&mut b, &mut pool, 100..103);
    append(&mut a, &mut pool, 20..22);
    check(&a, &pool, &(0..22).collect::<Vec<_>>());
    check(&b, &pool, &(0..18).chain(100..103).collect::<Vec<_>>());
    assert!(a.pages()[0] == b.pages()[0], "full pages stay shared");
    assert!(a.pages()[1] != b.pages()[1]);
}

#[test]
fn a_page_of_its_own_is_written_in_place() {
    let mut pool = pool(SHAPE);
    let mut kv = Kv::default();
    append(&mut kv, &mut pool, 0..5);
    let before = kv.pages()[0].index();
    append(&mut kv, &mut pool, 5..6);
    assert_eq!(before, kv.pages()[0].index());
}

#[test]
fn truncated_tokens_can_be_rewritten() {
    let mut pool = pool(SHAPE);
    let mut kv = Kv::default();
    append(&mut kv, &mut pool, 0..40);
    let whole = kv.clone();
    kv.truncate(99);
    assert_eq!(kv.len(), 40);
    kv.truncate(17);
    append(&mut kv, &mut pool, 60..80);
    check(&kv, &pool, &(0..17).chain(60..80).collect::<Vec<_>>());
    check(&whole, &pool, &(0..40).collect::<Vec<_>>());
    kv.truncate(16);
    assert_eq!(kv.pages().len(), 1);
    kv.truncate(0);
    assert!(kv.is_empty() && kv.pages().is_empty());
}

#[test]
fn without_commit_nothing_changes() {
    let mut pool = pool(SHAPE);
    let mut kv = Kv::default();
    append(&mut kv, &mut pool, 0..10);
    let shared = kv.clone();
    assert!(kv.reserve(30, &mut pool));
    let rows = row(7, 0, 0);
    kv.write(0, 30, &mut pool, |_| (&rows, &rows));
    check(&kv, &pool, &(0..10).collect::<Vec<_>>());
    check(&shared, &pool, &(0..10).collect::<Vec<_>>());
    append(&mut kv, &mut pool, 10..11);
    check(&kv, &pool, &(0..11).collect::<Vec<_>>());
}

#[test]
fn a_sequence_that_does_not_fit_the_pool_stays_as_it_was() {
    let mut pool = PagePool::new(SHAPE, 3 * SHAPE.bytes_per_page());
    let mut kv = Kv::default();
    append(&mut kv, &mut pool, 0..20);
    let shared = kv.clone();
    assert!(!kv.reserve(13, &mut pool), "one page for a copy, one for the rest");
    check(&kv, &pool, &(0..20).collect::<Vec<_>>());
    append(&mut kv, &mut pool, 20..32);
    check(&shared, &pool, &(0..20).collect::<Vec<_>>());
    assert_eq!(pool.available(), 0);
    drop(shared);
    assert_eq!(pool.available(), 1);
    append(&mut kv, &mut pool, 32..48);
    check(&kv, &pool, &(0..48).collect::<Vec<_>>());
    drop(kv);
    assert_eq!(pool.available(), 3);
}
