//! Extracts definitions, names, comments and imports from a syntax tree, with their ranges in the text.
//!
//! It takes one walk over the tree, with a cursor instead of recursion, so that no nesting is too deep. The query runs only
//! at nodes where one of its patterns starts (see [`crate::languages::tags`]); names are leaves of certain kinds, without a
//! query. Both are for speed: a query over the whole tree takes twice the time of the walk.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::ops::Range;

use rustc_hash::FxHashSet;
use streaming_iterator::StreamingIterator;
use tree_sitter::{Node, QueryCursor, QueryMatch, Tree};

use super::imports::{self, Part};
use super::{Name, SymbolKind, declarators, quoted};
use crate::languages::tags::{Capture, Tags};

/// The most definitions of one file. A file with more is a table, not code.
const MOST_DEFINITIONS: usize = 20_000;

/// The parts of a text.
#[derive(Default)]
pub(super) struct Tagged {
    /// In the order of the text, outer before inner.
    pub definitions: Vec<Definition>,
    /// Uses of names, in the order of the text.
    pub names: Vec<Name>,
    /// In the order of the text.
    pub leads: Vec<Lead>,
    /// The parts of imports.
    pub imports: Vec<Part>,
    /// Names in strings and comments, unordered; they are merged into the others.
    quoted: Vec<Name>,
    /// Documentation inside its definition.
    docs: Vec<Range<usize>>,
}

/// A definition, or the scope of one's members.
pub(super) struct Definition {
    /// `None` for a scope, which is not a symbol.
    pub kind: Option<SymbolKind>,
    /// The bytes of its name.
    pub name: Range<usize>,
    /// The bytes of its container's name.
    pub container: Option<Range<usize>>,
    /// Its bytes.
    pub bytes: Range<usize>,
    /// Its lines.
    pub lines: Range<u32>,
    /// Its body, brackets included.
    pub body: Option<Range<usize>>,
    /// Documentation inside.
    pub doc: Option<Range<usize>>,
    /// The enclosing definition or scope.
    pub parent: Option<usize>,
    pattern: usize,
}

/// A comment or attribute on lines of its own, as above definitions.
pub(super) struct Lead {
    /// Its bytes.
    pub bytes: Range<usize>,
    /// Its lines.
    pub lines: Range<u32>,
    /// Its kind.
    pub kind: LeadKind,
}

/// The kind of text above a definition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LeadKind {
    /// Documentation of the definition.
    Comment,
    /// A directive to the compiler.
    Attribute,
    /// An attribute that changes the definition.
    Decorator,
}

thread_local! {
    static CURSOR: RefCell<QueryCursor> = RefCell::new(single_nodes());
}

/// A cursor for queries on single nodes.
fn single_nodes() -> QueryCursor {
    let mut cursor = QueryCursor::new();
    cursor.set_max_start_depth(Some(0));
    cursor
}

/// Extracts the parts of `text` from its `tree`.
pub(super) fn read(text: &str, tags: &Tags, tree: &Tree) -> Tagged {
    let mut tagged = Tagged::default();
    CURSOR.with_borrow_mut(|query| {
        let mut cursor = tree.walk();
        loop {
            let node = cursor.node();
            let step = tags.step(node.kind_id());
            if step.starts {
                let mut matches = query.matches(&tags.query, node, text.as_bytes());
                while let Some(found) = matches.next() {
                    tagged.take(found, tags, text);
                }
            }
            if step.name {
                tagged.names.push(Name { bytes: node.byte_range(), line: node.start_position().row as u32 });
            }
            if step.comment && !tags.doc_links.is_empty() {
                tagged.quoted.extend(quoted::linked(&node, text, tags.doc_links));
            }
            if step.comment || step.attribute || step.decorator {
                tagged.take_lead(
                    &node,
                    text,
                    match step {
                        _ if step.comment => LeadKind::Comment,
                        _ if step.attribute => LeadKind::Attribute,
                        _ => LeadKind::Decorator,
                    },
                );
            }
            if !step.leaf && cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
            }
        }
    });
    tagged.settle(text);
    tagged
}

impl Tagged {
    fn take(&mut self, found: &QueryMatch, tags: &Tags, text: &str) {
        let node = |wanted: Capture| {
            let mut captures = found.captures().iter();
            captures
                .find(|capture| tags.captures[capture.index as usize] == wanted)
                .map(|capture| capture.node)
        };
        let mut definition = None;
        for capture in found.captures() {
            match tags.captures[capture.index as usize] {
                Capture::Definition(kind) => definition = Some((Some(kind), capture.node)),
                Capture::Scope => definition = Some((None, capture.node)),
                Capture::Doc => self.docs.push(capture.node.byte_range()),
                Capture::Reference => self.quoted.extend(quoted::names(&capture.node, text)),
                Capture::Import => imports::take(&mut self.imports, capture.node, found, tags, text),
                _ => {}
            }
        }
        let Some((mut kind, whole)) = definition else { return };
        let declared = node(Capture::Declarator).and_then(declarators::declared);
        if declared.as_ref().is_some_and(|declared| declared.is_function) {
            kind = Some(SymbolKind::Function);
        }
        let container =
            declared.as_ref().and_then(|declared| declared.container).or(node(Capture::Container));
        let Some(name) = declared.map(|declared| declared.name).or(node(Capture::Name)) else { return };
        if self.definitions.len() < MOST_DEFINITIONS {
            let body = node(Capture::Body).or_else(|| whole.child_by_field_name("body"));
            self.definitions.push(Definition {
                kind,
                name: name.byte_range(),
                container: container.map(|container| container.byte_range()),
                bytes: whole.byte_range(),
                lines: lines_of(&whole),
                body: body.map(|body| body.byte_range()),
                doc: None,
                parent: None,
                pattern: found.pattern_index,
            });
        }
    }

    fn take_lead(&mut self, node: &Node, text: &str, kind: LeadKind) {
        // Rust's `//!` documents the enclosing item, not the next one.
        if node.child_by_field_name("inner").is_some() {
            return;
        }
        let bytes = node.byte_range();
        let before = text.get(..bytes.start).unwrap_or("");
        if before.bytes().rev().find(|byte| !matches!(byte, b' ' | b'\t')).is_none_or(|byte| byte == b'\n') {
            self.leads.push(Lead { bytes, lines: lines_of(node), kind });
        }
    }

    /// Sorts and deduplicates definitions, sets their parents, and removes them from the names.
    fn settle(&mut self, text: &str) {
        if !self.quoted.is_empty() {
            self.names.append(&mut self.quoted);
            self.names.sort_by_key(|name| name.bytes.start);
            self.names.dedup_by_key(|name| name.bytes.start);
        }
        // If several patterns match one name, the first of the query wins.
        self.definitions.sort_unstable_by_key(|found| (found.name.start, found.pattern));
        self.definitions.dedup_by_key(|found| found.name.start);
        let defined: Vec<usize> = self
            .definitions
            .iter()
            .filter(|definition| definition.kind.is_some())
            .map(|definition| definition.name.start)
            .collect();
        self.names.retain(|name| defined.binary_search(&name.bytes.start).is_err());
        self.definitions
            .sort_unstable_by_key(|found| (found.bytes.start, Reverse(found.bytes.end), found.name.start));
        self.docs.sort_unstable_by_key(|doc| doc.start);
        self.nest(text);
    }

    fn nest(&mut self, text: &str) {
        let mut open: Vec<usize> = Vec::new();
        let mut docs = std::mem::take(&mut self.docs).into_iter().peekable();
        let mut fields: FxHashSet<(Option<usize>, &str)> = FxHashSet::default();
        let mut repeated = Vec::new();
        for at in 0..=self.definitions.len() {
            let start = self.definitions.get(at).map_or(usize::MAX, |definition| definition.bytes.start);
            while let Some(doc) = docs.next_if(|doc| doc.start < start) {
                self.close(&mut open, doc.start);
                if let Some(&inner) = open.last() {
                    self.definitions[inner].doc = Some(doc);
                }
            }
            if at == self.definitions.len() {
                break;
            }
            self.close(&mut open, start);
            let definition = &self.definitions[at];
            let is_type = |outer: &usize| self.definitions[*outer].holds_members();
            // A definition of several names (`a, b = 1, 2`) is not the parent of any.
            let mut around =
                open.iter().copied().filter(|&outer| self.definitions[outer].bytes != definition.bytes);
            let outer = around.clone().next_back();
            let parent = match definition.kind {
                // Fields that a constructor sets belong to its class.
                Some(SymbolKind::Field) => around.rfind(is_type).or(outer),
                _ => outer,
            };
            if definition.kind == Some(SymbolKind::Field)
                && !fields.insert((parent, text.get(definition.name.clone()).unwrap_or("")))
            {
                repeated.push(at);
            }
            let is_member = definition.container.is_some() || parent.as_ref().is_some_and(is_type);
            let definition = &mut self.definitions[at];
            definition.parent = parent;
            if definition.kind == Some(SymbolKind::Function) && is_member {
                definition.kind = Some(SymbolKind::Method);
            }
            if definition.may_contain() {
                open.push(at);
            }
        }
        // Scopes are not symbols.
        for at in repeated {
            self.definitions[at].kind = None;
        }
    }

    fn close(&self, open: &mut Vec<usize>, at: usize) {
        while open.last().is_some_and(|&inner| self.definitions[inner].bytes.end <= at) {
            open.pop();
        }
    }

    /// The name of a definition's container.
    pub(super) fn container(&self, definition: &Definition) -> Option<Range<usize>> {
        let parent = || definition.parent.map(|parent| self.definitions[parent].name.clone());
        definition.container.clone().or_else(parent)
    }

    /// The start of a body, with the comments above its first statement.
    pub(super) fn start_of_body(&self, body: &Range<usize>, text: &str) -> usize {
        let above = self.leads.partition_point(|lead| lead.bytes.start < body.start);
        self.leads[above.saturating_sub(40)..above].iter().rev().fold(body.start, |start, lead| {
            let between = text.get(lead.bytes.end..start);
            if between.is_some_and(|between| between.trim().is_empty()) { lead.bytes.start } else { start }
        })
    }

    /// The comments and attributes directly above a definition, the lowest first.
    pub(super) fn leads(&self, definition: &Definition) -> impl Iterator<Item = &Lead> {
        let above = self.leads.partition_point(|lead| lead.bytes.start < definition.bytes.start);
        let mut line = definition.lines.start;
        self.leads[..above].iter().rev().take_while(move |lead| {
            let is_adjacent = lead.lines.end == line;
            line = lead.lines.start;
            is_adjacent
        })
    }
}

impl Definition {
    /// Whether functions inside are methods.
    fn holds_members(&self) -> bool {
        matches!(self.kind, None | Some(SymbolKind::Class | SymbolKind::Interface))
    }

    fn may_contain(&self) -> bool {
        !matches!(self.kind, Some(SymbolKind::Field | SymbolKind::Macro))
    }
}

/// The lines of a node; a trailing line break does not begin a line.
fn lines_of(node: &Node) -> Range<u32> {
    let (start, end) = (node.start_position(), node.end_position());
    let past = if end.column == 0 && end.row > start.row { end.row } else { end.row + 1 };
    start.row as u32..past as u32
}
