//! Members of the type around the cursor, and of the receiver of the name that you are typing.

use super::evidence::Evidence;
use super::focus::{Focus, Receiver, names};
use super::rank::{self, Signal};
use super::scope::{Scope, is_type};
use crate::facts::{Symbol, SymbolKind};
use crate::repository::index::{Definition, FileId};

/// The names of a method's own receiver.
const SELF: [&str; 6] = ["self", "this", "Self", "cls", "super", "static"];
/// The most members of one type.
const MOST_MEMBERS: usize = 200;
/// The most types of a variable, and the most files of a module name.
const MOST_TYPES_OF_ONE: usize = 3;
const MOST_MODULES: usize = 4;
/// The number of lines above the cursor that are searched for the binding of a variable.
const MOST_LINES: usize = 60;

/// Members of the type around the cursor.
pub fn enclosing<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>, focus: &'s Focus) {
    let Some(container) = focus.enclosing.container.as_deref() else { return };
    let own = scope.own;
    // An `impl` whose type is elsewhere, or a module, has members of that name in this file.
    let here = scope.index.members(container).filter(|member| Some(member.file) == own).take(MOST_MEMBERS);
    add(evidence, scope, here.collect(), Signal::Enclosing, 1.0, || {
        format!("`{container}`, around the cursor")
    });
    for (definition, certainty) in scope.types(container) {
        of_bases(evidence, scope, definition, Signal::Enclosing, certainty);
    }
}

/// What the receiver of a member access is, as far as known.
pub enum ReceiverType<'s> {
    /// A type, or a value of one of these.
    Types(Vec<&'s str>),
    /// A value of a type in this file.
    OwnFile,
    /// A module of these files.
    Modules(Vec<FileId>),
    /// Something from outside the workspace.
    External,
    /// Not known.
    Unknown,
}

/// The type of a receiver near the cursor; `above` is the text before the cursor.
pub fn receiver_type<'s>(
    scope: &'s Scope<'s>,
    focus: &'s Focus,
    receiver: &'s Receiver,
    above: &'s str,
) -> ReceiverType<'s> {
    let Receiver { name, called } = receiver;
    if let Some(container) = focus.enclosing.container.as_deref().filter(|_| SELF.contains(&&**name)) {
        return ReceiverType::Types(vec![container]);
    }
    if scope.types(name).is_empty() {
        let types = if *called { returned(scope, name) } else { given(scope, focus, name, above) };
        if !types.is_empty() {
            return ReceiverType::Types(types);
        }
    }
    receiver_type_anywhere(scope, receiver)
}

/// The type of a receiver anywhere in this file.
pub fn receiver_type_anywhere<'s>(scope: &'s Scope<'s>, receiver: &'s Receiver) -> ReceiverType<'s> {
    let Receiver { name, called } = receiver;
    if SELF.contains(&&**name) {
        return ReceiverType::OwnFile;
    }
    if !scope.types(name).is_empty() {
        return ReceiverType::Types(vec![name]);
    }
    if *called {
        return ReceiverType::Unknown;
    }
    match scope.imported(name) {
        Some([]) => ReceiverType::External,
        _ => match scope.modules(name) {
            files if files.is_empty() => ReceiverType::Unknown,
            files => ReceiverType::Modules(files),
        },
    }
}

/// Members of the receiver; `above` is the text before the cursor.
pub fn receiver<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>, focus: &'s Focus, above: &'s str) {
    let Some(receiver) = &focus.receiver else { return };
    let name = &*receiver.name;
    match receiver_type(scope, focus, receiver, above) {
        ReceiverType::Types(types) => {
            let what = match types[0] {
                _ if SELF.contains(&name) => "around the cursor",
                own if *own == *name => "before the cursor",
                _ => "the type of the receiver",
            };
            for name in types.into_iter().take(MOST_TYPES_OF_ONE) {
                of_type(evidence, scope, name, Signal::Receiver, 1.0, what);
                for (definition, certainty) in scope.types(name) {
                    of_bases(evidence, scope, definition, Signal::Receiver, certainty);
                }
            }
        }
        ReceiverType::Modules(files) => {
            for file in files.into_iter().take(MOST_MODULES) {
                let symbols = scope.index.symbols(file).iter().filter(|symbol| symbol.container.is_none());
                let members = symbols.map(|symbol| Definition { file, symbol }).take(MOST_MEMBERS).collect();
                add(evidence, scope, members, Signal::Receiver, 1.0, || {
                    format!("`{name}`, before the cursor")
                });
            }
        }
        ReceiverType::OwnFile | ReceiverType::External | ReceiverType::Unknown => {}
    }
}

fn of_type<'s>(
    evidence: &mut Evidence<'s>,
    scope: &'s Scope<'s>,
    name: &'s str,
    signal: Signal,
    strength: f32,
    what: &str,
) {
    for (definition, certainty) in scope.types(name) {
        // Methods may be in other files of the folder than their type.
        let folder = scope.index.path(definition.file).parent();
        let is_its = |member: &Definition| scope.index.path(member.file).parent() == folder;
        let members: Vec<_> = scope.index.members(name).filter(is_its).take(MOST_MEMBERS).collect();
        add(evidence, scope, members, signal, strength * certainty, || format!("`{name}`, {what}"));
    }
}

/// Members of the types in a type's header: the inherited ones.
fn of_bases<'s>(
    evidence: &mut Evidence<'s>,
    scope: &'s Scope<'s>,
    of: Definition<'s>,
    signal: Signal,
    strength: f32,
) {
    const INHERITED: f32 = 0.5;
    let head = of.symbol.signature.lines().find(|line| line.contains(&*of.symbol.name)).unwrap_or_default();
    for name in names(head).filter(|name| **name != *of.symbol.name).take(4) {
        of_type(evidence, scope, name, signal, strength * INHERITED, "a base type");
    }
}

/// Adds members; the more files use a member, the stronger.
fn add<'s>(
    evidence: &mut Evidence<'s>,
    scope: &'s Scope<'s>,
    members: Vec<Definition<'s>>,
    signal: Signal,
    strength: f32,
    of: impl Fn() -> String,
) {
    for member in members {
        let popularity = rank::popularity(scope.index.frequency(&member.symbol.name));
        evidence.add(signal, member, strength * (0.5 + 0.5 * popularity), || {
            format!("`{}` of {}", member.symbol.name, of())
        });
    }
}

/// The types that a variable or field may have, by its declaration in the lines above the cursor or in a type that is
/// in scope.
fn given<'s>(scope: &'s Scope<'s>, focus: &'s Focus, name: &str, above: &'s str) -> Vec<&'s str> {
    for line in above.rsplit('\n').take(MOST_LINES) {
        let Some(at) = binding(line, name) else { continue };
        let (front, after) = (&line[..at], &line[at + name.len()..]);
        // `name: Type`, `name = Type(...)`, `name := make(...)`; `Type name`.
        let after = after.split([',', ';', '{']).next().unwrap_or_default();
        let hints = names(after).chain(names(front).last());
        let types: Vec<_> = hints.flat_map(|hint| type_of(scope, hint)).collect();
        if !types.is_empty() {
            return types;
        }
    }
    let mut fields: Vec<(u8, Definition)> = scope
        .index
        .definitions(focus.names.iter().find(|named| *named.name == *name).map_or("", |named| &named.name))
        .filter(|definition| {
            definition.symbol.kind == SymbolKind::Field && scope.shares_language(definition.file)
        })
        .map(|definition| {
            let is_own = definition.symbol.container == focus.enclosing.container;
            (if is_own { 0 } else { 1 + scope.distance(definition.file, name) as u8 }, definition)
        })
        .collect();
    fields.sort_by_key(|(distance, _)| *distance);
    let field = fields.first().map(|(_, field)| field.symbol);
    field
        .into_iter()
        .flat_map(|field| names(&field.signature))
        .filter(|name| is_type_name(scope, name))
        .collect()
}

/// The types that a function may return.
fn returned<'s>(scope: &'s Scope<'s>, name: &'s str) -> Vec<&'s str> {
    scope.resolve(name).into_iter().flat_map(|(definition, _)| result_of(scope, definition.symbol)).collect()
}

fn type_of<'s>(scope: &'s Scope<'s>, hint: &'s str) -> Vec<&'s str> {
    if is_type_name(scope, hint) { vec![hint] } else { returned(scope, hint) }
}

fn is_type_name(scope: &Scope, name: &str) -> bool {
    scope.resolve(name).iter().any(|(definition, _)| is_type(definition))
}

/// The types that a signature names outside its parameters.
fn result_of<'s>(scope: &'s Scope<'s>, symbol: &'s Symbol) -> Vec<&'s str> {
    if !matches!(symbol.kind, SymbolKind::Function | SymbolKind::Method) {
        return Vec::new();
    }
    let signature = &*symbol.signature;
    let at = signature.find(&*symbol.name).unwrap_or_default();
    let parameters = signature[at..].find('(').map_or(signature.len(), |open| at + open);
    let mut depth = 0;
    let close = signature[parameters..].find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    let after = close.map_or("", |close| &signature[parameters + close..]);
    let before = signature[..at].rsplit('\n').next().unwrap_or_default();
    // In Go the receiver precedes the name.
    let before = if before.contains('(') { "" } else { before };
    let own = symbol.container.as_deref();
    names(after)
        .chain(names(before))
        .filter_map(|name| if matches!(name, "Self" | "self" | "this") { own } else { Some(name) })
        .filter(|name| is_type_name(scope, name))
        .collect()
}

/// The position at which a line binds a variable.
fn binding(line: &str, name: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).map(|(at, _)| at).find(|&at| {
        let (front, after) = (&line[..at], &line[at + name.len()..]);
        if front.ends_with(is_part) || front.ends_with(['.', '>']) || after.starts_with(is_part) {
            return false;
        }
        let after = after.trim_start();
        after.starts_with(':') && !after.starts_with("::")
            || after.starts_with('=') && !after.starts_with("==")
            // `Type name`, `name Type`
            || front.ends_with([' ', '*', '&']) && front.trim_end_matches([' ', '*', '&', '>', ']']).ends_with(is_part)
            || after.starts_with(|c: char| is_part(c) || c == '*')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_bound_where_it_gets_a_value_or_a_type() {
        for line in [
            "let stock = Stock::new();",
            "fn f(a: u8, stock: &mut Stock) {",
            "stock := NewStock()",
            "func f(stock *Stock) {",
            "Stock stock = new Stock();",
            "void f(const Stock &stock) {",
        ] {
            assert!(binding(line, "stock").is_some(), "{line}");
        }
        for line in ["stock.take();", "a.stock = b;", "stocks = 1", "if (stock == 1)", "f(stock)", ""] {
            assert_eq!(binding(line, "stock"), None, "{line}");
        }
    }
}
