//! A language's locals query: which nodes are scopes, and the role of each name in them.
//!
//! The queries in `queries/` are in the form that editors know: `@local.scope`, `@local.definition`, `@local.reference`. Of
//! the patterns that match a name, the first one in the file counts; a name that none matches is unclear. The captures:
//!
//! | capture | meaning |
//! | --- | --- |
//! | `local.scope` | a block: names that it defines are visible in it |
//! | `local.scope.function` | the same, and the scope of names that are visible in the whole function |
//! | `local.scope.module` | the same; a file, a namespace |
//! | `local.scope.class` | the same; a type, whose members need no qualifier inside |
//! | `local.scope.members` | a type whose members are visible only with the type or a value as a qualifier |
//! | `local.definition` | defines a name from here on, to the end of the scope |
//! | `local.definition.hoisted` | defines a name in the whole scope |
//! | `local.definition.function` | defines a name in the whole function |
//! | `local.definition.outer` | the name of its parent node: visible in the whole scope around that node |
//! | `local.definition.pattern` | defines a name from here on, unless it is a constant or type, which is compared |
//! | `local.binder`, `local.value` | what defines names, and their value, in which they are not visible yet |
//! | `local.declaration` | declares a function that may be defined elsewhere |
//! | `local.constructor` | the name of a type where it names its constructor or destructor |
//! | `local.member` | a member of a value, where no function is one |
//! | `local.label` | a key, a label, a member, an argument's name |
//! | `local.unclear` | a label or a use |
//! | `local.reference` | uses a name |

use std::cell::RefCell;
use std::ops::Range;

use streaming_iterator::StreamingIterator;
use tree_sitter::{Language as Grammar, Node, Query, QueryCursor, Tree};

/// A compiled locals query.
pub struct Locals {
    query: Query,
    captures: Vec<Capture>,
}

/// What a capture means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Capture {
    Scope(ScopeKind),
    Role(Role),
    Binder,
    Value,
    /// No known meaning.
    Other,
}

/// The role of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Uses the named definition.
    Reference,
    /// Defines the name.
    Definition(Known),
    /// Declares a function that may be defined elsewhere.
    Declaration,
    /// Names the constructor or destructor of its type.
    Constructor,
    /// A member of a value.
    Member,
    /// A key, a label, a member, an argument's name.
    Label,
    /// A label or a use.
    Unclear,
}

/// Where a definition is visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// From here to the end of the scope.
    FromHere,
    /// The same, unless the name is a constant or type, which is compared.
    UnlessCompared,
    /// In the whole scope.
    InScope,
    /// In the whole function.
    InFunction,
    /// In the whole scope around the node that it names.
    Around,
}

/// What a scope contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    /// The names of a block.
    Block,
    /// Names that are visible in a whole function.
    Function,
    /// The names of a file or namespace.
    Module,
    /// The members of a type, which need no qualifier inside.
    Class,
    /// The members of a type, which need the type or a value as a qualifier.
    Members,
}

/// A scope around a name.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'t> {
    /// The node.
    pub node: Node<'t>,
    /// What it contains.
    pub kind: ScopeKind,
}

/// The result of a query for one name.
pub struct Local<'t> {
    /// The role of the name.
    pub role: Role,
    /// The scopes around it, the innermost first.
    pub scopes: Vec<Scope<'t>>,
    /// What defines names around it, the innermost first, and the value of each.
    values: Vec<(Node<'t>, Node<'t>)>,
}

thread_local! {
    static CURSOR: RefCell<QueryCursor> = RefCell::new(QueryCursor::new());
}

impl Locals {
    pub(super) fn new(source: &str, grammar: &Grammar) -> Locals {
        // A test compiles each query.
        let query = Query::new(grammar, source).expect("the query fits its grammar");
        let captures = query.capture_names().iter().map(|name| Capture::named(name)).collect();
        Locals { query, captures }
    }

    /// The result of the query for a leaf of a text's tree.
    pub fn of<'t>(&self, tree: &'t Tree, leaf: Node<'t>, text: &str) -> Local<'t> {
        let mut local = Local { role: Role::Unclear, scopes: Vec::new(), values: Vec::new() };
        let mut first = usize::MAX;
        CURSOR.with_borrow_mut(|cursor| {
            cursor.set_byte_range(leaf.byte_range());
            let mut matches = cursor.matches(&self.query, tree.root_node(), text.as_bytes());
            while let Some(found) = matches.next() {
                let named = |meaning: Capture| {
                    let is_it = |index: u32| self.captures[index as usize] == meaning;
                    found.captures().iter().find(|capture| is_it(capture.index)).map(|capture| capture.node)
                };
                if let (Some(binder), Some(value)) = (named(Capture::Binder), named(Capture::Value))
                    && holds(binder, leaf)
                    && value != leaf
                    && !holds(value, leaf)
                {
                    local.values.push((binder, value));
                }
                for capture in found.captures() {
                    match self.captures[capture.index as usize] {
                        Capture::Scope(kind) if holds(capture.node, leaf) && !local.has(capture.node) => {
                            local.scopes.push(Scope { node: capture.node, kind });
                        }
                        Capture::Role(role) if capture.node == leaf && found.pattern_index < first => {
                            first = found.pattern_index;
                            local.role = role;
                        }
                        _ => {}
                    }
                }
            }
        });
        // Outer scopes come before inner ones, which may have the same length.
        local.scopes.reverse();
        local.scopes.sort_by_key(|scope| scope.node.byte_range().len());
        local.values.sort_by_key(|(binder, _)| binder.byte_range().len());
        local
    }

    /// The captures without a known meaning.
    #[cfg(test)]
    pub(super) fn unknown(&self) -> Vec<&str> {
        let names = self.query.capture_names().iter().zip(&self.captures);
        names.filter(|(_, capture)| **capture == Capture::Other).map(|(name, _)| *name).collect()
    }
}

impl<'t> Local<'t> {
    /// The scope in which a definition is visible, if the name is a direct child of `parent`.
    pub fn scope(&self, known: Known, parent: Option<Node>) -> Option<Scope<'t>> {
        let mut scopes = self.scopes.iter();
        let scope = match known {
            Known::FromHere | Known::UnlessCompared | Known::InScope => scopes.next(),
            Known::InFunction => {
                scopes.find(|scope| matches!(scope.kind, ScopeKind::Function | ScopeKind::Module))
            }
            Known::Around => scopes.find(|scope| Some(scope.node) != parent),
        };
        scope.copied()
    }

    fn has(&self, scope: Node) -> bool {
        self.scopes.iter().any(|known| known.node == scope)
    }

    /// The bytes of the initial value of what the name defines in a scope.
    pub fn value(&self, scope: Scope) -> Option<Range<usize>> {
        let is_in = |binder: Node| binder == scope.node || holds(scope.node, binder);
        self.values.iter().find(|(binder, _)| is_in(*binder)).map(|(_, value)| value.byte_range())
    }
}

fn holds(outer: Node, inner: Node) -> bool {
    outer != inner && outer.start_byte() <= inner.start_byte() && inner.end_byte() <= outer.end_byte()
}

impl Capture {
    fn named(name: &str) -> Capture {
        match name {
            "local.scope" => Capture::Scope(ScopeKind::Block),
            "local.scope.function" => Capture::Scope(ScopeKind::Function),
            "local.scope.module" => Capture::Scope(ScopeKind::Module),
            "local.scope.class" => Capture::Scope(ScopeKind::Class),
            "local.scope.members" => Capture::Scope(ScopeKind::Members),
            "local.definition" => Capture::Role(Role::Definition(Known::FromHere)),
            "local.definition.hoisted" => Capture::Role(Role::Definition(Known::InScope)),
            "local.definition.function" => Capture::Role(Role::Definition(Known::InFunction)),
            "local.definition.outer" => Capture::Role(Role::Definition(Known::Around)),
            "local.definition.pattern" => Capture::Role(Role::Definition(Known::UnlessCompared)),
            "local.binder" => Capture::Binder,
            "local.value" => Capture::Value,
            "local.declaration" => Capture::Role(Role::Declaration),
            "local.constructor" => Capture::Role(Role::Constructor),
            "local.member" => Capture::Role(Role::Member),
            "local.label" => Capture::Role(Role::Label),
            "local.unclear" => Capture::Role(Role::Unclear),
            "local.reference" => Capture::Role(Role::Reference),
            _ => Capture::Other,
        }
    }
}
