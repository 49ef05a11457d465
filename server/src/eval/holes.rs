//! Finds the ranges of a file that can be removed as holes.

use std::ops::Range;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use crate::documents::Document;
use crate::languages::Language;

/// The lines of a block's body: a completion has only a few lines.
const BLOCK_LINES: std::ops::RangeInclusive<usize> = 2..=8;

/// The kind of hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A line without its indentation
    Line,
    /// A line from one of its tokens on
    Rest,
    /// The body of a function or of a branch, if it is short
    Block,
    /// The arguments of a call
    Arguments,
}

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Kind; 4] = [Kind::Line, Kind::Rest, Kind::Block, Kind::Arguments];

    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Line => "line",
            Kind::Rest => "rest",
            Kind::Block => "block",
            Kind::Arguments => "arguments",
        }
    }
}

/// A token of a text, or a comment or string as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Leaf {
    bytes: Range<usize>,
    class: Class,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Code,
    Comment,
    String,
}

/// All holes of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holes {
    /// By [`Kind::Line`]: byte ranges of the text, in its order. The same for the other kinds.
    lines: Vec<Range<usize>>,
    rests: Vec<Range<usize>>,
    blocks: Vec<Range<usize>>,
    arguments: Vec<Range<usize>>,
}

impl Holes {
    /// All possible holes of a document: none in comments or strings, and none of brackets only. `text` is the document's
    /// text.
    pub fn of(document: &Document, text: &str) -> Holes {
        let mut holes = Holes::default();
        let (Some(language), Some(tree)) = (document.language, document.tree()) else { return holes };
        let mut leaves = Vec::new();
        walk(tree.root_node(), &mut |node| {
            let class = class(node);
            if class != Class::Code || node.child_count() == 0 {
                if !node.byte_range().is_empty() {
                    leaves.push(Leaf { bytes: node.byte_range(), class });
                }
                return false;
            }
            if language.role(node).block {
                holes.blocks.extend(block(node, language, text));
            }
            holes.arguments.extend(arguments(node, language, text));
            true
        });
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let bytes = start + (line.len() - line.trim_start().len())..start + line.trim_end().len();
            start += line.len();
            if !bytes.is_empty() {
                holes.take_line(bytes, &leaves, text);
            }
        }
        holes
    }

    /// The holes of one kind, in the order of the text.
    pub fn by_kind(&self, kind: Kind) -> &[Range<usize>] {
        match kind {
            Kind::Line => &self.lines,
            Kind::Rest => &self.rests,
            Kind::Block => &self.blocks,
            Kind::Arguments => &self.arguments,
        }
    }

    fn take_line(&mut self, line: Range<usize>, leaves: &[Leaf], text: &str) {
        let first = leaves.partition_point(|leaf| leaf.bytes.end <= line.start);
        let end = leaves.partition_point(|leaf| leaf.bytes.start < line.end);
        let Some(leaves) = leaves.get(first..end) else { return };
        let whole = |leaf: &Leaf| {
            leaf.class == Class::Code
                || leaf.class == Class::String && leaf.bytes.start >= line.start && leaf.bytes.end <= line.end
        };
        if !leaves.iter().all(whole) || !says_something(&text[line.clone()]) {
            return;
        }
        let inside = leaves.iter().map(|leaf| leaf.bytes.start).filter(|&start| start > line.start);
        let rests = inside.map(|start| start..line.end).filter(|rest| says_something(&text[rest.clone()]));
        self.rests.extend(rests);
        self.lines.push(line);
    }
}

/// The body of a block, from its first statement to the end of its last, if it has lines of its own.
fn block(node: Node, language: &Language, text: &str) -> Option<Range<usize>> {
    if node.parent().is_some_and(|parent| language.role(parent).container) || node.has_error() {
        return None;
    }
    let mut cursor = node.walk();
    let mut statements = node.named_children(&mut cursor).filter(|child| !child.byte_range().is_empty());
    let first = statements.next()?;
    let last = statements.last().unwrap_or(first);
    let range = first.start_byte()..text[..last.end_byte()].trim_end().len().max(first.start_byte());
    let lines = text[range.clone()].lines().count();
    let own_lines = text[..range.start].trim_end_matches([' ', '\t']).ends_with('\n')
        && text[range.end..].trim_start_matches([' ', '\t', '\r']).starts_with('\n');
    let good = BLOCK_LINES.contains(&lines)
        && own_lines
        && class(first) == Class::Code
        && says_something(&text[range.clone()]);
    good.then_some(range)
}

/// The arguments of a call, on one line.
fn arguments(node: Node, language: &Language, text: &str) -> Option<Range<usize>> {
    let is_list = matches!(node.kind(), "arguments" | "argument_list" | "method_arguments");
    // Python writes the bases of a class like the arguments of a call.
    if !is_list || node.has_error() || node.parent().is_some_and(|parent| language.role(parent).container) {
        return None;
    }
    let whole = text[node.byte_range()].strip_prefix('(')?.strip_suffix(')')?;
    let start = node.start_byte() + 1 + (whole.len() - whole.trim_start().len());
    let inner = whole.trim();
    (!inner.contains('\n') && says_something(inner)).then_some(start..start + inner.len())
}

fn says_something(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

fn class(node: Node) -> Class {
    let kind = node.kind();
    if !node.is_named() {
        Class::Code
    } else if kind.contains("comment") {
        Class::Comment
    } else if kind.contains("string") || kind.contains("char_literal") || kind.contains("heredoc") {
        Class::String
    } else {
        Class::Code
    }
}

/// Visits `root` and its descendants, in the order of the text; `enter` returns whether to visit the children.
pub(super) fn walk<'t>(root: Node<'t>, enter: &mut dyn FnMut(Node<'t>) -> bool) {
    // A loop instead of recursion, because the nesting depth of a source file has no bound.
    let mut cursor = root.walk();
    loop {
        if enter(cursor.node()) && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// Whether a node is a comment or a string.
pub(super) fn is_prose(node: Node) -> bool {
    class(node) != Class::Code
}
