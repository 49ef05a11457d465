//! The prefix tree: which token sequences were run before, and the KV pages that hold their rows.
//!
//! One node is one page. A path from a root spells a sequence, at most [`PAGE_TOKENS`] tokens a node; only a leaf may
//! have fewer. Each LongRoPE mode has its own root, so rows of one mode are never found in the other.
//!
//! ```text
//!            short                         long            owner of a page     when it is freed
//!   [the system's 16]                  [the ... 16]        this tree           evicted, see below
//!     |            \                       |               a running Kv        when the sequence ends
//!   [16 more]     [other 16]           [5 of 16]           both                when both let go
//!     |
//!   [9 of 16]   a Kv may share these pages and even the first 4 tokens of the last one; it copies that
//!               page before it writes to it, so what the tree holds never changes
//! ```
//!
//! The tree and the running sequences together stay within a budget of pages. To make room, leaves go that no
//! sequence shares, the least recently used first. What many prompts begin with (rules, the project's header) is
//! an inner node as long as any of them is remembered, and used whenever one of them is: it goes last.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::kv::{Kv, KvShape, PAGE_TOKENS, Page};
use crate::phi::RopeMode;

/// All sequences whose KV rows are kept, of one model and one KV format.
#[derive(Debug)]
pub(crate) struct Prefixes {
    shape: KvShape,
    /// Pages that the tree and the running sequences may take together.
    capacity: usize,
    nodes: FxHashMap<NodeId, Node>,
    /// First pages, by mode.
    short: Vec<NodeId>,
    long: Vec<NodeId>,
    /// Tokens of all nodes.
    tokens: usize,
    /// Counts uses, which orders them.
    clock: u64,
    next: NodeId,
}

type NodeId = u64;

#[derive(Debug)]
struct Node {
    /// 1 to [`PAGE_TOKENS`]; fewer than that only in a leaf.
    tokens: Vec<u32>,
    page: Arc<Page>,
    /// None for a first page, whose mode is in `mode`.
    parent: Option<NodeId>,
    mode: RopeMode,
    children: Vec<NodeId>,
    used: u64,
}

impl Prefixes {
    /// An empty tree. `bytes` bounds the pages of tree and sequences together.
    pub(crate) fn new(shape: KvShape, bytes: usize) -> Prefixes {
        Prefixes {
            shape,
            capacity: bytes / shape.bytes_per_page(),
            nodes: FxHashMap::default(),
            short: Vec::new(),
            long: Vec::new(),
            tokens: 0,
            clock: 0,
            next: 0,
        }
    }

    /// What the pages look like.
    pub(crate) fn shape(&self) -> KvShape {
        self.shape
    }

    /// The most tokens of one sequence that fits the budget with nothing else there. One page is left for the copy of
    /// a shared one.
    pub(crate) fn longest_sequence(&self) -> usize {
        self.capacity.saturating_sub(1) * PAGE_TOKENS
    }

    /// Tokens whose rows are here.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Bytes of the pages here, shared ones included.
    pub(crate) fn bytes(&self) -> usize {
        self.nodes.len() * self.shape.bytes_per_page()
    }

    /// The rows of the longest beginning of `tokens` that is known in this mode.
    pub(crate) fn longest(&mut self, mode: RopeMode, tokens: &[u32]) -> Kv {
        let (mut pages, mut len) = (Vec::new(), 0);
        let mut parent = None;
        while let Some((node, matched)) = self.closest(self.children(mode, parent), &tokens[len..]) {
            self.touch(node);
            pages.push(self.nodes[&node].page.clone());
            len += matched;
            if matched < PAGE_TOKENS {
                break;
            }
            parent = Some(node);
        }
        Kv::from_pages(self.shape, pages, len)
    }

    /// Keeps the rows of `kv`, which belong to the first tokens of `tokens`, as far as they are new here. The pages
    /// are shared, not copied.
    pub(crate) fn insert(&mut self, mode: RopeMode, tokens: &[u32], kv: &Kv) {
        let mut parent = None;
        for (tokens, page) in tokens[..kv.len()].chunks(PAGE_TOKENS).zip(kv.pages()) {
            let known = self
                .closest(self.children(mode, parent), tokens)
                .filter(|(_, matched)| *matched == tokens.len());
            let node = match known {
                Some((node, _)) => node,
                None => {
                    self.remove_beginnings(mode, parent, tokens);
                    self.add(mode, parent, tokens, page.clone())
                }
            };
            self.touch(node);
            parent = Some(node);
        }
    }

    /// Evicts until `wanted` more pages fit beside those here and the `private` ones that only sequences hold. False
    /// if the sequences hold too much themselves.
    pub(crate) fn make_room(&mut self, wanted: usize, private: usize) -> bool {
        while self.nodes.len() + private + wanted > self.capacity {
            let evictable = self
                .nodes
                .iter()
                .filter(|(_, node)| node.children.is_empty() && Arc::strong_count(&node.page) == 1);
            let Some((&oldest, _)) = evictable.min_by_key(|(_, node)| node.used) else { return false };
            self.remove(oldest);
        }
        true
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Prefixes::new(self.shape, self.capacity * self.shape.bytes_per_page());
    }

    fn children(&self, mode: RopeMode, parent: Option<NodeId>) -> &[NodeId] {
        match (parent, mode) {
            (Some(parent), _) => &self.nodes[&parent].children,
            (None, RopeMode::Short) => &self.short,
            (None, RopeMode::Long) => &self.long,
        }
    }

    fn children_mut(&mut self, mode: RopeMode, parent: Option<NodeId>) -> &mut Vec<NodeId> {
        match (parent, mode) {
            (Some(parent), _) => {
                &mut self.nodes.get_mut(&parent).expect("a parent outlives its children").children
            }
            (None, RopeMode::Short) => &mut self.short,
            (None, RopeMode::Long) => &mut self.long,
        }
    }

    /// The node that begins with the most of `tokens`, and how many: at least 1.
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

    fn add(&mut self, mode: RopeMode, parent: Option<NodeId>, tokens: &[u32], page: Arc<Page>) -> NodeId {
        let id = self.next;
        self.next += 1;
        self.tokens += tokens.len();
        self.children_mut(mode, parent).push(id);
        self.nodes
            .insert(id, Node { tokens: tokens.to_vec(), page, parent, mode, children: Vec::new(), used: 0 });
        id
    }

    /// Takes out the partial leaves that `tokens` goes on from: what they say, the new node will say too.
    fn remove_beginnings(&mut self, mode: RopeMode, parent: Option<NodeId>, tokens: &[u32]) {
        let beginnings: Vec<NodeId> = self
            .children(mode, parent)
            .iter()
            .copied()
            .filter(|node| tokens.starts_with(&self.nodes[node].tokens))
            .collect();
        beginnings.into_iter().for_each(|node| self.remove(node));
    }

    fn remove(&mut self, leaf: NodeId) {
        let node = self.nodes.remove(&leaf).expect("an id from the tree");
        debug_assert!(node.children.is_empty(), "only leaves go");
        self.tokens -= node.tokens.len();
        self.children_mut(node.mode, node.parent).retain(|child| *child != leaf);
    }
}

#[cfg(test)]
mod tests;
