//! The prefix tree: maps token sequences that ran before to handles of the KV pages with their rows.
//!
//! One node is one page of at most [`PAGE_TOKENS`] tokens; only a leaf may have fewer. The nodes on a path from a
//! root are one sequence. Each [`PrefixKey`] has its own roots, so a search under one key never returns rows of
//! another.
//!
//! ```text
//!            one key                       another         owner of a page     when it is freed
//!   [16 tokens]                        [16 tokens]         this tree           evicted, see below
//!     |        \                           |               a running Kv        when the sequence ends
//!   [16]      [16]                     [5 of 16]           both                when both release it
//!     |
//!   [9 of 16]   a Kv may share these pages, and also only the first 4 tokens of the last one; it copies
//!               that page before it writes to it, so pages of the tree never change
//! ```
//!
//! The pages of the tree and of the running sequences are of one pool, which has a budget. To make room, the tree evicts leaves
//! that no sequence shares, least recently used first. A common prefix of many prompts (rules, the project's header)
//! is an inner node as long as any of these prompts is cached, and each use of one of them also uses it: it is
//! evicted last.

use rustc_hash::FxHashMap;

use crate::kv::{Kv, PAGE_TOKENS, PageId, PagePool};
use crate::rope::RopeMode;

/// What KV rows depend on besides the tokens: rows of one key are wrong under any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PrefixKey {
    /// The LongRoPE mode.
    pub(crate) mode: RopeMode,
    /// Identifies the LoRA adapters and their scales; 0 without any.
    pub(crate) adapter: u64,
}

/// The cached sequences of one pool of pages.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    nodes: FxHashMap<NodeId, Node>,
    roots: FxHashMap<PrefixKey, Vec<NodeId>>,
    /// Tokens of all nodes.
    tokens: usize,
    /// Incremented by each use; orders the nodes by their last use.
    clock: u64,
    next: NodeId,
}

type NodeId = u64;

#[derive(Debug)]
struct Node {
    /// 1 to [`PAGE_TOKENS`]; fewer than that only in a leaf.
    tokens: Vec<u32>,
    page: PageId,
    /// None for a root.
    parent: Option<NodeId>,
    key: PrefixKey,
    children: Vec<NodeId>,
    /// [`Prefixes::clock`] at the last use.
    used: u64,
}

impl Prefixes {
    /// Tokens whose rows are cached.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// The cached pages, shared ones included.
    pub(crate) fn pages(&self) -> usize {
        self.nodes.len()
    }

    /// The rows of the longest prefix of `tokens` that is cached under this key.
    pub(crate) fn longest(&mut self, key: PrefixKey, tokens: &[u32]) -> Kv {
        let (mut pages, mut len) = (Vec::new(), 0);
        let mut parent = None;
        while let Some((node, matched)) = self.closest(self.children(key, parent), &tokens[len..]) {
            self.touch(node);
            pages.push(self.nodes[&node].page.clone());
            len += matched;
            if matched < PAGE_TOKENS {
                break;
            }
            parent = Some(node);
        }
        Kv::from_pages(pages, len)
    }

    /// Caches the rows of `kv`, which belong to the first tokens of `tokens`. Shares the pages instead of copying
    /// them.
    pub(crate) fn insert(&mut self, key: PrefixKey, tokens: &[u32], kv: &Kv) {
        let mut parent = None;
        for (tokens, page) in tokens[..kv.len()].chunks(PAGE_TOKENS).zip(kv.pages()) {
            let known = self
                .closest(self.children(key, parent), tokens)
                .filter(|(_, matched)| *matched == tokens.len());
            let node = match known {
                Some((node, _)) => node,
                None => {
                    self.remove_prefixes_of(key, parent, tokens);
                    self.add(key, parent, tokens, page.clone())
                }
            };
            self.touch(node);
            parent = Some(node);
        }
    }

    /// Evicts until the pool has `needed` pages. False if sequences hold too many.
    pub(crate) fn make_room(&mut self, pool: &PagePool, needed: usize) -> bool {
        while pool.available() < needed {
            let evictable =
                self.nodes.iter().filter(|(_, node)| node.children.is_empty() && !node.page.is_shared());
            let Some((&oldest, _)) = evictable.min_by_key(|(_, node)| node.used) else { return false };
            self.remove(oldest);
        }
        true
    }

    /// Removes all sequences.
    pub(crate) fn clear(&mut self) {
        *self = Prefixes::default();
    }

    fn children(&self, key: PrefixKey, parent: Option<NodeId>) -> &[NodeId] {
        match parent {
            Some(parent) => &self.nodes[&parent].children,
            None => self.roots.get(&key).map_or(&[], Vec::as_slice),
        }
    }

    fn children_mut(&mut self, key: PrefixKey, parent: Option<NodeId>) -> &mut Vec<NodeId> {
        match parent {
            Some(parent) => {
                &mut self.nodes.get_mut(&parent).expect("a parent outlives its children").children
            }
            None => self.roots.entry(key).or_default(),
        }
    }

    /// The node that shares the longest prefix with `tokens`, and its length: at least 1.
    fn closest(&self, nodes: &[NodeId], tokens: &[u32]) -> Option<(NodeId, usize)> {
        let matched =
            |node: &NodeId| self.nodes[node].tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        nodes
            .iter()
            .map(|node| (*node, matched(node)))
            .max_by_key(|(_, matched)| *matched)
            .filter(|(_, matched)| *matched > 0)
    }

    fn touch(&mut self, node: NodeId) {
        self.clock += 1;
        self.nodes.get_mut(&node).expect("an id from the tree").used = self.clock;
    }

    fn add(&mut self, key: PrefixKey, parent: Option<NodeId>, tokens: &[u32], page: PageId) -> NodeId {
        let id = self.next;
        self.next += 1;
        self.tokens += tokens.len();
        self.children_mut(key, parent).push(id);
        self.nodes
            .insert(id, Node { tokens: tokens.to_vec(), page, parent, key, children: Vec::new(), used: 0 });
        id
    }

    /// Removes the partial leaves whose tokens are a prefix of `tokens`: the new node covers them.
    fn remove_prefixes_of(&mut self, key: PrefixKey, parent: Option<NodeId>, tokens: &[u32]) {
        let covered: Vec<NodeId> = self
            .children(key, parent)
            .iter()
            .copied()
            .filter(|node| tokens.starts_with(&self.nodes[node].tokens))
            .collect();
        covered.into_iter().for_each(|node| self.remove(node));
    }

    fn remove(&mut self, leaf: NodeId) {
        let node = self.nodes.remove(&leaf).expect("an id from the tree");
        debug_assert!(node.children.is_empty(), "only leaves are removed");
        self.tokens -= node.tokens.len();
        self.children_mut(node.key, node.parent).retain(|child| *child != leaf);
    }
}

#[cfg(test)]
mod tests;
