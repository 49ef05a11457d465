//! Which names are bindings, and in which ranges they are visible, by the language's locals query.

use std::ops::Range;

use super::{Named, Reader};
use crate::facts::SymbolKind;
use crate::languages::locals::{Known, Local, Role, ScopeKind};
use crate::syntax::is_one_of;

/// The role of a name in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// It uses a definition.
    Use,
    /// It binds a name.
    Binding,
    /// It declares a function that is defined elsewhere.
    Prototype,
    /// It is a key, a label, a member, an argument's name.
    Label,
    /// One of these.
    Unclear,
}

/// Something else with the name, and where it is visible.
#[derive(Debug)]
pub(super) struct Binding {
    /// The bytes in which it is visible...
    scope: Range<usize>,
    /// ...except before this byte, in languages that are read from top to bottom...
    from: usize,
    /// ...and except in its own initial value.
    value: Range<usize>,
}

impl Binding {
    /// The bytes of its scope.
    pub(super) fn length(&self) -> usize {
        self.scope.len()
    }

    /// Whether the name at `at` refers to it.
    pub(super) fn reaches(&self, at: &Range<usize>) -> bool {
        let is_in = |range: &Range<usize>| range.start <= at.start && at.end <= range.end;
        is_in(&self.scope) && self.from <= at.start && !is_in(&self.value)
    }
}

impl Reader<'_> {
    /// The result of the locals query for a name.
    fn local<'n>(&'n self, named: &Named<'n>) -> Option<Local<'n>> {
        let tree = self.place.document.tree()?;
        Some(self.locals.of(tree, named.node, &self.text))
    }

    /// The binding that a name makes, if any.
    pub(super) fn binding(&self, named: &Named) -> Option<Binding> {
        if !self.is_of_kind(named) {
            return None;
        }
        if self.import_of(named).is_some()
            || named.is_in("export_specifier")
            || stands(self, named) != Stands::Binding
        {
            return None;
        }
        let local = self.local(named)?;
        let known = match local.role {
            Role::Definition(known) => known,
            _ => Known::FromHere,
        };
        let scope = local.scope(known, named.parent())?;
        // It is visible only with a qualifying type.
        if scope.kind == ScopeKind::Members {
            return None;
        }
        let is_from_here = matches!(known, Known::FromHere | Known::UnlessCompared);
        let from = if is_from_here { named.node.start_byte() } else { 0 };
        let value = local.value(scope).filter(|_| is_from_here).unwrap_or(0..0);
        Some(Binding { scope: scope.node.byte_range(), from, value })
    }
}

/// The role of a name in the text.
pub(super) fn stands(reader: &Reader, named: &Named) -> Stands {
    if let Some(stands) = in_macro(reader, named) {
        return stands;
    }
    let Some(local) = reader.local(named) else { return Stands::Unclear };
    let kind = reader.change.was.kind;
    match local.role {
        Role::Reference => Stands::Use,
        Role::Definition(Known::UnlessCompared) if is_compared(reader) => Stands::Use,
        Role::Definition(_) => Stands::Binding,
        // The name of a member does not identify its type.
        Role::Member if kind == SymbolKind::Method => Stands::Use,
        Role::Member | Role::Label => Stands::Label,
        Role::Unclear => Stands::Unclear,
        // A constructor has the name of its type.
        Role::Constructor | Role::Declaration if reader.is_type() => Stands::Use,
        Role::Constructor => Stands::Label,
        Role::Declaration => declared(kind, &local),
    }
}

/// The name of a declared function: outside of other functions, its prototype or its definition.
fn declared(kind: SymbolKind, local: &Local) -> Stands {
    let is_in = |kind: ScopeKind| local.scopes.iter().any(|scope| scope.kind == kind);
    let is_member = is_in(ScopeKind::Class);
    match kind {
        SymbolKind::Method if !is_in(ScopeKind::Block) => Stands::Prototype,
        SymbolKind::Function | SymbolKind::Constant if !is_in(ScopeKind::Block) && !is_member => {
            Stands::Prototype
        }
        _ if is_member && !is_in(ScopeKind::Block) => Stands::Label,
        _ => Stands::Binding,
    }
}

/// The role of a name among the tokens of a macro, which have no tree.
fn in_macro(reader: &Reader, named: &Named) -> Option<Stands> {
    let (node, parent) = (named.node, named.parent()?);
    let is_method = reader.change.was.kind == SymbolKind::Method;
    if !is_one_of(reader.names.macros.1, parent.kind()) {
        return None;
    }
    let before = reader.text[..node.start_byte()].trim_end();
    let after = reader.text[node.end_byte()..].trim_start();
    let words = ["let", "mut", "ref", "fn", "struct", "enum", "mod", "const", "static", "type", "trait"];
    let last = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
    if words.contains(&last) || before.ends_with(['$', '|']) {
        return Some(Stands::Unclear);
    }
    if after.starts_with(':') && !after.starts_with("::")
        || after.starts_with('=') && !after.starts_with("==")
    {
        return Some(Stands::Label);
    }
    let is_member = before.ends_with('.') && !before.ends_with("..");
    let is_path = after.starts_with("::") && reader.change.was.kind != SymbolKind::Class;
    Some(match is_member && !is_method || is_path {
        true => Stands::Label,
        false => Stands::Use,
    })
}

/// Whether a constant or a type in a pattern is compared rather than bound.
fn is_compared(reader: &Reader) -> bool {
    let is_constant = matches!(reader.change.was.kind, SymbolKind::Constant | SymbolKind::Class);
    is_constant && reader.change.was.name.starts_with(char::is_uppercase)
}
