//! Members at hand: of the type around the cursor, and of what stands in front of the name that is being typed.

use super::evidence::Evidence;
use super::focus::{Focus, Receiver, names};
use super::rank::{self, Sign};
use super::scope::{Scope, is_type};
use crate::facts::{Symbol, SymbolKind};
use crate::repository::index::{Definition, FileId};

/// What languages call the value that a method belongs to.
const SELF: [&str; 6] = ["self", "this", "Self", "cls", "super", "static"];
/// So many members of one type.
const MOST_MEMBERS: usize = 200;
/// A variable may have one of so many types, a name may stand for so many files.
const MOST_TYPES_OF_ONE: usize = 3;
const MOST_MODULES: usize = 4;
/// In so many lines above the cursor it is looked for what a variable was given.
const MOST_LINES: usize = 60;

/// Members of the type around the cursor.
pub fn enclosing<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>, focus: &'s Focus) {
    let Some(container) = focus.around.container.as_deref() else { return };
    let own = scope.own;
    // An `impl` without its type, or a module, still has members of that name in this file.
    let here = scope.index.members(container).filter(|member| Some(member.file) == own).take(MOST_MEMBERS);
    add(evidence, scope, here.collect(), Sign::Enclosing, 1.0, || {
        format!("`{container}`, which the cursor is in")
    });
    for (definition, certainty) in scope.types(container) {
        of_bases(evidence, scope, definition, Sign::Enclosing, certainty);
    }
}

/// What a receiver is, as far as it tells what may be asked of it.
pub enum Owned<'s> {
    /// A type, or a value of one of these.
    ByTypes(Vec<&'s str>),
    /// A value of a type that this file has.
    ByFile,
    /// A module that lies in these files.
    ByModules(Vec<FileId>),
    /// Something from outside the workspace.
    Elsewhere,
    /// Nobody can tell.
    Unknown,
}

/// What a receiver near the cursor is; `above` is the text in front of the cursor.
pub fn owned<'s>(
    scope: &'s Scope<'s>,
    focus: &'s Focus,
    receiver: &'s Receiver,
    above: &'s str,
) -> Owned<'s> {
    let Receiver { name, called } = receiver;
    if let Some(container) = focus.around.container.as_deref().filter(|_| SELF.contains(&&**name)) {
        return Owned::ByTypes(vec![container]);
    }
    if scope.types(name).is_empty() {
        let types = if *called { returned(scope, name) } else { given(scope, focus, name, above) };
        if !types.is_empty() {
            return Owned::ByTypes(types);
        }
    }
    owned_anywhere(scope, receiver)
}

/// What a receiver is wherever it stands in this file.
pub fn owned_anywhere<'s>(scope: &'s Scope<'s>, receiver: &'s Receiver) -> Owned<'s> {
    let Receiver { name, called } = receiver;
    if SELF.contains(&&**name) {
        return Owned::ByFile;
    }
    if !scope.types(name).is_empty() {
        return Owned::ByTypes(vec![name]);
    }
    if *called {
        return Owned::Unknown;
    }
    match scope.imported(name) {
        Some([]) => Owned::Elsewhere,
        _ => match scope.modules(name) {
            files if files.is_empty() => Owned::Unknown,
            files => Owned::ByModules(files),
        },
    }
}

/// Members of the receiver; `above` is the text in front of the cursor.
pub fn receiver<'s>(evidence: &mut Evidence<'s>, scope: &'s Scope<'s>, focus: &'s Focus, above: &'s str) {
    let Some(receiver) = &focus.receiver else { return };
    let name = &*receiver.name;
    match owned(scope, focus, receiver, above) {
        Owned::ByTypes(types) => {
            let what = match types[0] {
                _ if SELF.contains(&name) => "which the cursor is in",
                own if *own == *name => "in front of the cursor",
                _ => "the type of what is in front of the cursor",
            };
            for name in types.into_iter().take(MOST_TYPES_OF_ONE) {
                of_type(evidence, scope, name, Sign::Receiver, 1.0, what);
                for (definition, certainty) in scope.types(name) {
                    of_bases(evidence, scope, definition, Sign::Receiver, certainty);
                }
            }
        }
        Owned::ByModules(files) => {
            for file in files.into_iter().take(MOST_MODULES) {
                let symbols = scope.index.symbols(file).iter().filter(|symbol| symbol.container.is_none());
                let members = symbols.map(|symbol| Definition { file, symbol }).take(MOST_MEMBERS).collect();
                add(evidence, scope, members, Sign::Receiver, 1.0, || {
                    format!("`{name}`, in front of the cursor")
                });
            }
        }
        Owned::ByFile | Owned::Elsewhere | Owned::Unknown => {}
    }
}

fn of_type<'s>(
    evidence: &mut Evidence<'s>,
    scope: &'s Scope<'s>,
    name: &'s str,
    sign: Sign,
    strength: f32,
    what: &str,
) {
    for (definition, certainty) in scope.types(name) {
        // Methods may be written in other files of the folder than their type.
        let folder = scope.index.path(definition.file).parent();
        let is_its = |member: &Definition| scope.index.path(member.file).parent() == folder;
        let members: Vec<_> = scope.index.members(name).filter(is_its).take(MOST_MEMBERS).collect();
        add(evidence, scope, members, sign, strength * certainty, || format!("`{name}`, {what}"));
    }
}

/// Members of the types that a type's head names: what it inherits.
fn of_bases<'s>(
    evidence: &mut Evidence<'s>,
    scope: &'s Scope<'s>,
    of: Definition<'s>,
    sign: Sign,
    strength: f32,
) {
    const INHERITED: f32 = 0.5;
    let head = of.symbol.signature.lines().find(|line| line.contains(&*of.symbol.name)).unwrap_or_default();
    for name in names(head).filter(|name| **name != *of.symbol.name).take(4) {
        of_type(evidence, scope, name, sign, strength * INHERITED, "which the type around the cursor names");
    }
}

/// Adds members, the stronger the more files use them.
fn add<'s>(
    evidence: &mut Evidence<'s>,
    scope: &'s Scope<'s>,
    members: Vec<Definition<'s>>,
    sign: Sign,
    strength: f32,
    of: impl Fn() -> String,
) {
    for member in members {
        let popularity = rank::popularity(scope.index.frequency(&member.symbol.name));
        evidence.add(sign, member, strength * (0.5 + 0.5 * popularity), || {
            format!("`{}` of {}", member.symbol.name, of())
        });
    }
}

/// The types that a variable or field may have, by where it is declared: in the lines above the cursor, or as
/// a field of a type that this file knows.
fn given<'s>(scope: &'s Scope<'s>, focus: &'s Focus, name: &str, above: &'s str) -> Vec<&'s str> {
    for line in above.rsplit('\n').take(MOST_LINES) {
        let Some(at) = binding(line, name) else { continue };
        let (front, behind) = (&line[..at], &line[at + name.len()..]);
        // `name: Type`, `name = Type(...)`, `name := make(...)`; `Type name`.
        let behind = behind.split([',', ';', '{']).next().unwrap_or_default();
        let hints = names(behind).chain(names(front).last());
        let types: Vec<_> = hints.flat_map(|hint| type_of(scope, hint)).collect();
        if !types.is_empty() {
            return types;
        }
    }
    let mut fields: Vec<(u8, Definition)> = scope
        .index
        .definitions(focus.names.iter().find(|named| *named.name == *name).map_or("", |named| &named.name))
        .filter(|definition| definition.symbol.kind == SymbolKind::Field && scope.speaks(definition.file))
        .map(|definition| {
            let is_own = definition.symbol.container == focus.around.container;
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
    scope.meant(name).into_iter().flat_map(|(definition, _)| result_of(scope, definition.symbol)).collect()
}

fn type_of<'s>(scope: &'s Scope<'s>, hint: &'s str) -> Vec<&'s str> {
    if is_type_name(scope, hint) { vec![hint] } else { returned(scope, hint) }
}

fn is_type_name(scope: &Scope, name: &str) -> bool {
    scope.meant(name).iter().any(|(definition, _)| is_type(definition))
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
    let behind = close.map_or("", |close| &signature[parameters + close..]);
    let before = signature[..at].rsplit('\n').next().unwrap_or_default();
    // In Go what stands in front is the receiver.
    let before = if before.contains('(') { "" } else { before };
    let own = symbol.container.as_deref();
    names(behind)
        .chain(names(before))
        .filter_map(|name| if matches!(name, "Self" | "self" | "this") { own } else { Some(name) })
        .filter(|name| is_type_name(scope, name))
        .collect()
}

/// Where a line gives something to a variable.
fn binding(line: &str, name: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).map(|(at, _)| at).find(|&at| {
        let (front, behind) = (&line[..at], &line[at + name.len()..]);
        if front.ends_with(is_part) || front.ends_with(['.', '>']) || behind.starts_with(is_part) {
            return false;
        }
        let behind = behind.trim_start();
        behind.starts_with(':') && !behind.starts_with("::")
            || behind.starts_with('=') && !behind.starts_with("==")
            // `Type name`, `name Type`
            || front.ends_with([' ', '*', '&']) && front.trim_end_matches([' ', '*', '&', '>', ']']).ends_with(is_part)
            || behind.starts_with(|c: char| is_part(c) || c == '*')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_bound_where_it_is_given_something() {
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
