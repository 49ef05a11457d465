//! Which definitions have another name or signature than when their document was opened.
//!
//! A function has changed when its signature differs. A missing definition was renamed when exactly one new name took
//! its position and all others of its kind next to it are unchanged. It does not matter whether the user or an action
//! made the change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::NextEdits;
use crate::documents::Document;
use crate::facts::{self, Symbol, SymbolKind};
use crate::languages::Language;
use crate::languages::names::Sharing;
use crate::repository::imports;
use crate::repository::index::{Definition, Index};

/// Only the definitions of this many most recently edited documents are compared.
const DOCUMENTS: usize = 4;

/// How long to wait for the trees of these documents.
const PARSING: Duration = Duration::from_millis(100);

/// Above this number of definitions with one name, they are not told apart.
const NAMESAKES: usize = 64;

/// A definition that has changed since its document was opened.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// The document that holds it, as it is now.
    pub home: Arc<Document>,
    pub was: Symbol,
    pub is: Symbol,
}

impl Change {
    pub fn is_rename(&self) -> bool {
        self.was.name != self.is.name
    }

    /// Whether another file also defines the old name: then the name alone does not identify the definition.
    pub fn is_ambiguous(&self, next_edits: &NextEdits) -> bool {
        // Where imports decide which one is meant, each use is examined.
        let sharing = self.home.language.map(|language| language.resolution.sharing);
        if self.is_rename() && sharing == Some(Sharing::Imports) && is_free(&self.was) {
            return false;
        }
        let index = next_edits.workspace.repository.index();
        let home = self.home.path.as_deref();
        let mut others = index.definitions(&self.was.name).filter(|one| Some(index.path(one.file)) != home);
        if self.is_rename() && matches!(sharing, Some(Sharing::Includes | Sharing::Folder)) {
            // A field is only accessed through a value.
            return others
                .any(|other| other.symbol.kind != SymbolKind::Field && !self.is_the_same(&index, &other));
        }
        others.any(|other| !self.is_the_same(&index, &other))
    }

    /// Why the name alone does not identify the definition, for users: the other files that define it.
    pub fn namesakes(&self, next_edits: &NextEdits) -> Vec<String> {
        let index = next_edits.workspace.repository.index();
        let home = self.home.path.as_deref();
        let others = index.definitions(&self.was.name);
        let others =
            others.filter(|one| Some(index.path(one.file)) != home && !self.is_the_same(&index, one));
        let told = others.filter_map(|one| {
            let file = index.path(one.file).file_name()?.to_string_lossy().into_owned();
            Some(format!("{file}:{} defines the name, too", one.symbol.lines.start + 1))
        });
        told.collect()
    }

    /// Whether a definition in another file declares the same function, shown by an include of one file in the other.
    fn is_the_same(&self, index: &Index, other: &Definition) -> bool {
        let may_declare = has_prototypes(index.language_of(other.file));
        let Some(home) = self.home.path.as_deref().and_then(|path| index.file(path)) else { return false };
        let declares = |from, to| imports::related(index, from).contains(&to);
        may_declare
            && (is_prototype(&self.home, &self.was) || is_declared_only(other.symbol))
            && self.was.container == other.symbol.container
            && (declares(home, other.file) || declares(other.file, home))
    }
}

/// The changes in the most recently edited documents, the latest document first.
pub(super) fn changes(next_edits: &NextEdits) -> Vec<Change> {
    let shown = next_edits.workspace.shown();
    let edited = shown.iter().filter_map(|now| {
        let first =
            next_edits.workspace.documents.first(&now.id).filter(|first| first.version != now.version)?;
        Some((first, now))
    });
    // Documents that are still being parsed are compared at the next change.
    let limit = Instant::now() + PARSING;
    let is_parsed =
        |document: &Document| document.language.is_none() || document.until(limit).tree().is_some();
    let edited = edited.take(DOCUMENTS).filter(|(first, now)| is_parsed(first) && is_parsed(now));
    edited.flat_map(|(first, now)| between(&first, now)).collect()
}

fn symbols(document: &Document) -> Vec<Symbol> {
    let (Some(language), Some(tree)) = (document.language, document.tree()) else { return Vec::new() };
    let mut symbols = facts::definitions(&document.text.to_string(), language, tree);
    symbols.retain(|symbol| symbol.kind != SymbolKind::Field);
    symbols
}

/// Whether a definition belongs to no type or module.
fn is_free(symbol: &Symbol) -> bool {
    symbol.container.is_none() && symbol.kind != SymbolKind::Method
}

/// Whether the position of a use tells names of these kinds apart: types and values, macros and functions.
fn are_apart(document: &Document, a: &Symbol, b: &Symbol) -> bool {
    document.language.is_some_and(|language| language.resolution.spaces.are_apart(a.kind, b.kind))
}

/// Whether a symbol is a function that is declared and not defined there.
fn is_prototype(document: &Document, symbol: &Symbol) -> bool {
    has_prototypes(document.language) && is_declared_only(symbol)
}

/// Whether functions of a language can be declared apart from their definition.
fn has_prototypes(language: Option<&Language>) -> bool {
    language.is_some_and(|language| language.resolution.has_prototypes)
}

fn is_declared_only(symbol: &Symbol) -> bool {
    let is_function = matches!(symbol.kind, SymbolKind::Function | SymbolKind::Method);
    is_function && symbol.signature.trim_end().ends_with(';')
}

/// The definitions of one text, by name.
struct Names<'s> {
    all: &'s [Symbol],
    by_name: FxHashMap<&'s str, Vec<&'s Symbol>>,
}

impl<'s> Names<'s> {
    fn of(all: &'s [Symbol]) -> Names<'s> {
        let mut by_name: FxHashMap<&str, Vec<&Symbol>> = FxHashMap::default();
        for symbol in all {
            by_name.entry(&symbol.name).or_default().push(symbol);
        }
        Names { all, by_name }
    }

    /// The definitions with a name; `None` where too many share it to tell them apart.
    fn named(&self, name: &str) -> Option<&[&'s Symbol]> {
        let named = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        (named.len() <= NAMESAKES).then_some(named)
    }

    /// The definitions of each kind in each container, in the order of the text.
    fn siblings(&self, declares: impl Fn(&Symbol) -> bool) -> FxHashMap<DeclarationKey<'s>, Vec<&'s Symbol>> {
        let mut siblings: FxHashMap<DeclarationKey, Vec<&Symbol>> = FxHashMap::default();
        for symbol in self.all {
            siblings.entry(place(symbol, declares(symbol))).or_default().push(symbol);
        }
        siblings
    }
}

/// The position of a definition: its kind, its container, whether it is a prototype.
type DeclarationKey<'s> = (SymbolKind, Option<&'s str>, bool);

fn place(symbol: &Symbol, declares: bool) -> DeclarationKey<'_> {
    (symbol.kind, symbol.container.as_deref(), declares)
}

/// Definitions with another name or signature. A prototype and its definition are compared separately. Takes time in
/// proportion to the number of definitions, because it runs on each keystroke.
pub(super) fn between(before: &Document, now: &Arc<Document>) -> Vec<Change> {
    let (old, new) = (symbols(before), symbols(now));
    let (old, new) = (Names::of(&old), Names::of(&new));
    let declares = |symbol: &Symbol| is_prototype(now, symbol);
    let same = |a: &Symbol, b: &Symbol| place(a, declares(a)) == place(b, declares(b));
    let count =
        |named: &[&Symbol], like: &Symbol| named.iter().filter(|one| declares(one) == declares(like)).count();
    // Uses of a function are told from those of a method of the same name, and of what is not a value.
    let others = |named: &[&Symbol], like: &Symbol| {
        let is_other = |one: &&&Symbol| {
            declares(one) == declares(like) && !are_apart(now, one, like) && (is_free(one) || !is_free(like))
        };
        named.iter().filter(is_other).count()
    };
    let words = |symbol: &Symbol| symbol.signature.split_whitespace().collect::<String>();
    let changed = |was: &Symbol, is: &Symbol| Change { home: now.clone(), was: was.clone(), is: is.clone() };
    let renamed = renamed(&old, &new, declares);
    let change = |was: &Symbol| {
        let (in_old, in_new) = (old.named(&was.name)?, new.named(&was.name)?);
        if others(in_old, was) > 1 || others(in_new, was) > 1 {
            return None;
        }
        if let Some(is) = in_new.iter().find(|is| declares(is) == declares(was) && same(is, was)) {
            if count(in_old, was) > 1 || count(in_new, was) > 1 {
                return None;
            }
            let is_function = matches!(is.kind, SymbolKind::Function | SymbolKind::Method);
            let differs = is_function && words(was) != words(is);
            return differs.then(|| changed(was, is));
        }
        // It is of another kind now.
        if others(in_new, was) > 0 {
            return None;
        }
        let is = renamed.get(&std::ptr::from_ref(was))?;
        old.named(&is.name)?.is_empty().then(|| changed(was, is))
    };
    old.all.iter().filter_map(change).collect()
}

/// Each definition that is the only missing one of its kind and container, with the only new one, which took its
/// position.
fn renamed<'s>(
    old: &Names<'s>,
    new: &Names<'s>,
    declares: impl Fn(&Symbol) -> bool + Copy,
) -> FxHashMap<*const Symbol, &'s Symbol> {
    let after = new.siblings(declares);
    let only_one = |(place, before): (DeclarationKey<'s>, Vec<&'s Symbol>)| {
        let after = after.get(&place).filter(|after| after.len() == before.len())?;
        let pairs = before.into_iter().zip(after.iter().copied());
        let mut differ = pairs.filter(|(was, is)| was.name != is.name);
        let (was, is) = differ.next().filter(|_| differ.next().is_none())?;
        Some((std::ptr::from_ref(was), is))
    };
    old.siblings(declares).into_iter().filter_map(only_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::DocumentId;

    fn open(text: &str) -> Arc<Document> {
        let id = DocumentId("file:///w/a.rs".into());
        Arc::new(Document::open(id, Some("/w/a.rs".into()), "rust", 1, text))
    }

    fn check(before: &str, now: &str, expected: &[(&str, &str)]) {
        let changed = between(&open(before), &open(now));
        let found: Vec<_> = changed.iter().map(|change| (&*change.was.name, &*change.is.signature)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_changed_signature_is_a_change_and_a_changed_body_is_none() {
        let text = "fn f(a: u8) -> u8 {\n    a\n}\n\nstruct S {\n    a: u8,\n}\n";
        check(text, &text.replace("    a\n}", "    a + 1\n}"), &[]);
        check(text, &text.replace("a: u8)", "a:  u8)"), &[]);
        check(text, &text.replace("a: u8)", "a: u8, b: u8)"), &[("f", "fn f(a: u8, b: u8) -> u8")]);
        check(text, &text.replace("    a: u8,", "    a: u16,"), &[]);
    }

    /// A pairwise comparison would take minutes.
    #[test]
    fn many_definitions_are_compared_in_one_go() {
        let text = |first: &str| {
            let rest = (0..8000).map(|n| format!("fn f{n}(a: u8) {{}}\nfn same() {{}}\n"));
            std::iter::once(format!("fn {first}() {{}}\n")).chain(rest).collect::<String>()
        };
        check(&text("first"), &text("other"), &[("first", "fn other()")]);
        check(&text("first"), &text("first").replace("f77(a", "f77(b"), &[("f77", "fn f77(b: u8)")]);
    }

    #[test]
    fn a_definition_in_the_place_of_the_only_removed_one_is_a_rename() {
        let text = "fn f() {}\n\nfn g() {}\n";
        check(text, "fn f() {}\n\nfn h() {}\n", &[("g", "fn h()")]);
        // Two are missing, or one disappeared and another appeared elsewhere.
        check(text, "fn h() {}\n\nfn k() {}\n", &[]);
        check(text, "fn h() {}\n\nfn f() {}\n", &[]);
        check(text, "fn f() {}\n", &[]);
        check("struct S;\n", "struct T;\n", &[("S", "struct T;")]);
    }
}
