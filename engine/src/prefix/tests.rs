//! The tree compared with a simple model of it: matches, copy on write, eviction, page counts.

use proptest::prelude::*;

use super::*;
use crate::kv::{KvFormat, KvShape};

const SHORT: PrefixKey = PrefixKey { mode: RopeMode::Short, adapter: 0 };
const LONG: PrefixKey = PrefixKey { mode: RopeMode::Long, adapter: 0 };
/// An adapter of the short mode.
const ADAPTED: PrefixKey = PrefixKey { adapter: 7, ..SHORT };
const KEYS: [PrefixKey; 3] = [SHORT, LONG, ADAPTED];

const SHAPE: KvShape = KvShape { layers: 1, heads: 1, head_dim: 1, format: KvFormat::F32 };

impl Prefixes {
    /// Recounts all nodes and compares the result with the counters of the tree.
    pub(crate) fn check(&self) {
        let mut reached = 0;
        let mut tokens = 0;
        for &key in self.roots.keys() {
            let mut left: Vec<Option<NodeId>> = vec![None];
            while let Some(parent) = left.pop() {
                let children = self.children(key, parent);
                for child in children {
                    let node = &self.nodes[child];
                    assert_eq!((node.parent, node.key), (parent, key));
                    assert!(!node.tokens.is_empty() && node.tokens.len() <= PAGE_TOKENS);
                    assert!(
                        node.tokens.len() == PAGE_TOKENS || node.children.is_empty(),
                        "inner nodes are full"
                    );
                    assert!(node.children.iter().all(|child| self.nodes[child].used <= self.clock));
                    let twins =
                        children.iter().filter(|twin| self.nodes[*twin].tokens.starts_with(&node.tokens));
                    assert_eq!(twins.count(), 1, "no node begins a sibling");
                    reached += 1;
                    tokens += node.tokens.len();
                    left.push(Some(*child));
                }
            }
        }
        assert_eq!(reached, self.nodes.len(), "every node hangs on a root");
        assert_eq!(tokens, self.tokens());
    }
}

/// An empty tree, and a pool of this many pages.
fn tree(pages: usize) -> (Prefixes, PagePool) {
    (Prefixes::default(), PagePool::new(SHAPE, pages * SHAPE.bytes_per_page()))
}

/// Appends `n` rows, as a forward pass would.
fn run(kv: &mut Kv, pool: &mut PagePool, n: usize) {
    assert!(kv.reserve(n, pool), "room was made");
    kv.commit(n);
}

fn keep(tree: &mut Prefixes, pool: &mut PagePool, key: PrefixKey, tokens: &[u32]) -> Kv {
    let mut kv = tree.longest(key, tokens);
    let new = tokens.len() - kv.len();
    run(&mut kv, pool, new);
    tree.insert(key, tokens, &kv);
    tree.check();
    kv
}

fn sequence(range: std::ops::Range<u32>) -> Vec<u32> {
    range.collect()
}

#[test]
fn a_match_is_token_granular_and_shares_pages() {
    let (mut tree, mut pool) = tree(100);
    let kept = keep(&mut tree, &mut pool, SHORT, &sequence(0..40));
    assert_eq!((tree.tokens(), tree.pages(), pool.in_use()), (40, 3, 3));

    let mut other = sequence(0..37);
    other.extend([900, 901]);
    let found = tree.longest(SHORT, &other);
    assert_eq!(found.len(), 37);
    assert!(found.pages().iter().zip(kept.pages()).all(|(a, b)| a == b));

    assert_eq!(tree.longest(SHORT, &sequence(0..16)).len(), 16);
    assert_eq!(tree.longest(SHORT, &sequence(0..99)).len(), 40);
    assert_eq!(tree.longest(SHORT, &sequence(1..99)).len(), 0);
    assert_eq!(tree.longest(SHORT, &[]).len(), 0);
}

#[test]
fn keys_never_meet() {
    let (mut tree, mut pool) = tree(100);
    keep(&mut tree, &mut pool, SHORT, &sequence(0..40));
    assert_eq!(tree.longest(LONG, &sequence(0..40)).len(), 0);
    keep(&mut tree, &mut pool, LONG, &sequence(0..20));
    assert_eq!(tree.longest(LONG, &sequence(0..40)).len(), 20);
    assert_eq!(tree.longest(ADAPTED, &sequence(0..40)).len(), 0);
    assert_eq!(tree.tokens(), 60);
}

#[test]
fn a_longer_sequence_replaces_the_partial_page() {
    let (mut tree, mut pool) = tree(100);
    keep(&mut tree, &mut pool, SHORT, &sequence(0..20));
    keep(&mut tree, &mut pool, SHORT, &sequence(0..25));
    assert_eq!((tree.nodes.len(), tree.tokens()), (2, 25));
    keep(&mut tree, &mut pool, SHORT, &sequence(0..50));
    assert_eq!((tree.nodes.len(), tree.tokens()), (4, 50));
    keep(&mut tree, &mut pool, SHORT, &sequence(0..30));
    assert_eq!((tree.nodes.len(), tree.tokens()), (4, 50), "nothing new");
}

#[test]
fn only_rows_that_were_run_are_kept() {
    let (mut tree, mut pool) = tree(100);
    let mut kv = Kv::default();
    run(&mut kv, &mut pool, 20);
    tree.insert(SHORT, &sequence(0..21), &kv);
    tree.check();
    assert_eq!(tree.longest(SHORT, &sequence(0..21)).len(), 20);
}

#[test]
fn the_least_recently_used_leaf_goes_first_and_shared_heads_last() {
    let (mut tree, mut pool) = tree(4);
    let mut with_head = |tail: u32, tree: &mut Prefixes| {
        let mut tokens = sequence(0..16);
        tokens.extend([tail; 16]);
        keep(tree, &mut pool, SHORT, &tokens);
        tokens
    };
    let (a, b) = (with_head(100, &mut tree), with_head(200, &mut tree));
    let c = with_head(300, &mut tree);
    tree.longest(SHORT, &a);
    assert!(tree.make_room(&pool, 1));
    tree.check();
    assert_eq!(tree.longest(SHORT, &b).len(), 16, "the oldest leaf is evicted, its parent is not");
    assert_eq!(tree.longest(SHORT, &a).len(), 32);
    assert_eq!(tree.longest(SHORT, &c).len(), 32);
    assert!(tree.make_room(&pool, 4));
    assert_eq!(tree.tokens(), 0);
    assert!(!tree.make_room(&pool, 5));
}

#[test]
fn pages_of_running_sequences_stay() {
    let (mut tree, mut pool) = tree(3);
    let running = keep(&mut tree, &mut pool, SHORT, &sequence(0..32));
    assert!(!tree.make_room(&pool, 2));
    assert_eq!(tree.tokens(), 32);
    drop(running);
    assert!(tree.make_room(&pool, 2));
    tree.check();
    assert_eq!(tree.tokens(), 16, "the leaf went, the head fits");
}

proptest! {
    /// Against the plain definition: every beginning that was inserted and never evicted is found, to the token.
    #[test]
    fn finds_what_a_list_of_sequences_finds(
        sequences in proptest::collection::vec((0..KEYS.len(), proptest::collection::vec(0u32..2, 0..60)), 1..12),
    ) {
        let (mut tree, mut pool) = tree(1000);
        let mut known: Vec<(PrefixKey, Vec<u32>)> = Vec::new();
        for (key, tokens) in sequences {
            let key = KEYS[key];
            let common = |(other, seen): &(PrefixKey, Vec<u32>)| match *other == key {
                true => seen.iter().zip(&tokens).take_while(|(a, b)| a == b).count(),
                false => 0,
            };
            let want = known.iter().map(common).max().unwrap_or(0);
            prop_assert_eq!(tree.longest(key, &tokens).len(), want);
            keep(&mut tree, &mut pool, key, &tokens);
            known.push((key, tokens));
        }
    }

    /// The budget holds under any order of use, while sequences run.
    #[test]
    fn stays_within_the_budget(
        steps in proptest::collection::vec((0u32..3, 0u32..3, 1usize..50, any::<bool>()), 1..40),
    ) {
        let (mut tree, mut pool) = tree(10);
        let mut running: Option<Kv> = None;
        for (head, tail, len, hold) in steps {
            let mut tokens = vec![head; 16];
            tokens.resize(16 + len, tail);
            let mut kv = tree.longest(SHORT, &tokens);
            let wanted = tokens.len().div_ceil(PAGE_TOKENS) - kv.len() / PAGE_TOKENS;
            if tree.make_room(&pool, wanted) {
                let new = tokens.len() - kv.len();
                run(&mut kv, &mut pool, new);
                tree.insert(SHORT, &tokens, &kv);
                if hold {
                    running = Some(kv);
                }
            } else {
                running = None;
            }
            tree.check();
            prop_assert!(pool.in_use() <= 10);
            let held = running.as_ref().map_or(0, |kv| kv.pages().len());
            prop_assert!((tree.pages()..=tree.pages() + held).contains(&pool.in_use()), "no page is lost");
        }
    }
}
