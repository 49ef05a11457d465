//! Which definitions have another name or signature than when their document was opened.
//!
//! A function has changed when its signature is another one; a definition that is gone was renamed when one new name
//! stands in its place and all others of its kind beside it are what they were. It does not matter who changed it, the
//! user or an action.

use std::sync::Arc;

use crate::assistant::Assistant;
use crate::documents::Document;
use crate::repository::facts::{self, Symbol, SymbolKind};
use crate::repository::imports;
use crate::repository::index::{Definition, Index};

/// Of so many documents, those that were edited last, definitions are looked at.
const DOCUMENTS: usize = 4;

/// Languages in which a name of another file is known only where an import says so.
const IMPORTING: [&str; 5] = ["rust", "python", "javascript", "typescript", "typescriptreact"];

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

    /// Whether another file defines the old name, too: a name alone does not say which one is meant.
    pub fn is_ambiguous(&self, assistant: &Assistant) -> bool {
        // Where imports say which one is meant, each use is looked at by itself.
        let language = self.home.language.map_or("", |language| language.id);
        if self.is_rename() && IMPORTING.contains(&language) && is_free(&self.was) {
            return false;
        }
        let index = assistant.repository.index();
        let home = self.home.path.as_deref();
        let mut others = index.definitions(&self.was.name).filter(|one| Some(index.path(one.file)) != home);
        if self.is_rename() && matches!(language, "c" | "cpp" | "go") {
            // A field is named behind its value only.
            return others
                .any(|other| other.symbol.kind != SymbolKind::Field && !self.is_the_same(&index, &other));
        }
        others.any(|other| !self.is_the_same(&index, &other))
    }

    /// Whether a definition in another file is the same function, declared: files that include each other say so.
    fn is_the_same(&self, index: &Index, other: &Definition) -> bool {
        let is_c = matches!(index.language(other.file), "c" | "cpp");
        let Some(home) = self.home.path.as_deref().and_then(|path| index.file(path)) else { return false };
        let declares = |from, to| imports::related(index, from).contains(&to);
        is_c && (is_prototype(&self.home, &self.was) || is_prototype_in_c(other.symbol))
            && self.was.container == other.symbol.container
            && (declares(home, other.file) || declares(other.file, home))
    }
}

/// What has changed in the documents that were edited last, the latest document first.
pub(super) fn changes(assistant: &Assistant) -> Vec<Change> {
    let shown = assistant.shown();
    let edited = shown.iter().filter_map(|now| {
        let first = assistant.documents.first(&now.id).filter(|first| first.version != now.version)?;
        Some((first, now))
    });
    edited.take(DOCUMENTS).flat_map(|(first, now)| between(&first, now)).collect()
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

/// Whether names of these kinds are told apart by where they stand: types and values, macros and functions.
fn are_apart(document: &Document, a: &Symbol, b: &Symbol) -> bool {
    let space = |symbol: &Symbol| match symbol.kind {
        SymbolKind::Class | SymbolKind::Interface | SymbolKind::Module => 0,
        SymbolKind::Macro => 1,
        _ => 2,
    };
    match document.language.map_or("", |language| language.id) {
        "rust" => space(a) != space(b),
        "c" => space(a).min(1) != space(b).min(1) && (space(a) == 0 || space(b) == 0),
        "typescript" | "typescriptreact" => {
            (a.kind == SymbolKind::Interface) != (b.kind == SymbolKind::Interface)
        }
        _ => false,
    }
}

/// Whether a symbol of C or C++ is a function that is declared and not defined there.
fn is_prototype(document: &Document, symbol: &Symbol) -> bool {
    let is_c = document.language.is_some_and(|language| matches!(language.id, "c" | "cpp"));
    is_c && is_prototype_in_c(symbol)
}

fn is_prototype_in_c(symbol: &Symbol) -> bool {
    let is_function = matches!(symbol.kind, SymbolKind::Function | SymbolKind::Method);
    is_function && symbol.signature.trim_end().ends_with(';')
}

/// Definitions with another name or signature. A prototype and its definition are looked at one by one.
pub(super) fn between(before: &Document, now: &Arc<Document>) -> Vec<Change> {
    let (old, new) = (symbols(before), symbols(now));
    let declares = |symbol: &Symbol| is_prototype(now, symbol);
    let same =
        |a: &Symbol, b: &Symbol| (a.kind, &a.container, declares(a)) == (b.kind, &b.container, declares(b));
    let is_named = |one: &Symbol, like: &Symbol| one.name == like.name && declares(one) == declares(like);
    let named = |all: &[Symbol], like: &Symbol| all.iter().filter(|one| is_named(one, like)).count();
    // Uses of a function are told from those of a method of the same name, and of what is no value.
    let others = |all: &[Symbol], like: &Symbol| {
        let is_other = |one: &&Symbol| {
            is_named(one, like) && !are_apart(now, one, like) && (is_free(one) || !is_free(like))
        };
        all.iter().filter(is_other).count()
    };
    let siblings = |all: &[Symbol], like: &Symbol| -> Vec<Symbol> {
        all.iter().filter(|one| same(one, like)).cloned().collect()
    };
    let words = |symbol: &Symbol| symbol.signature.split_whitespace().collect::<String>();
    let changed = |was: &Symbol, is: &Symbol| Change { home: now.clone(), was: was.clone(), is: is.clone() };
    let change = |was: &Symbol| {
        let is_same = |is: &&Symbol| is_named(is, was) && same(is, was);
        if others(&old, was) > 1 || others(&new, was) > 1 {
            return None;
        }
        if let Some(is) = new.iter().find(is_same) {
            if named(&old, was) > 1 || named(&new, was) > 1 {
                return None;
            }
            let is_function = matches!(is.kind, SymbolKind::Function | SymbolKind::Method);
            let differs = is_function && words(was) != words(is);
            return differs.then(|| changed(was, is));
        }
        // It is another kind of thing now.
        if others(&new, was) > 0 {
            return None;
        }
        // Renamed: it is the only one that is gone, and the only new one stands in its place.
        let (old_ones, new_ones) = (siblings(&old, was), siblings(&new, was));
        let at = old_ones.iter().position(|one| one == was)?;
        let is = new_ones.get(at).filter(|is| !old.iter().any(|one| one.name == is.name))?;
        let others =
            old_ones.iter().zip(&new_ones).enumerate().all(|(other, (a, b))| other == at || a.name == b.name);
        (old_ones.len() == new_ones.len() && others).then(|| changed(was, is))
    };
    old.iter().filter_map(change).collect()
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
    fn another_signature_is_a_change_and_another_body_is_none() {
        let text = "fn f(a: u8) -> u8 {\n    a\n}\n\nstruct S {\n    a: u8,\n}\n";
        check(text, &text.replace("    a\n}", "    a + 1\n}"), &[]);
        check(text, &text.replace("a: u8)", "a:  u8)"), &[]);
        check(text, &text.replace("a: u8)", "a: u8, b: u8)"), &[("f", "fn f(a: u8, b: u8) -> u8")]);
        check(text, &text.replace("    a: u8,", "    a: u16,"), &[]);
    }

    #[test]
    fn what_takes_the_place_of_the_only_one_that_is_gone_is_its_new_name() {
        let text = "fn f() {}\n\nfn g() {}\n";
        check(text, "fn f() {}\n\nfn h() {}\n", &[("g", "fn h()")]);
        // Two are gone, or one went and another came elsewhere.
        check(text, "fn h() {}\n\nfn k() {}\n", &[]);
        check(text, "fn h() {}\n\nfn f() {}\n", &[]);
        check(text, "fn f() {}\n", &[]);
        check("struct S;\n", "struct T;\n", &[("S", "struct T;")]);
    }
}
