//! Which definitions have another name or signature than when their document was opened.
//!
//! A function has changed when its signature is another one; a definition that is gone was renamed when one new name
//! stands in its place and all others of its kind beside it are what they were. It does not matter who changed it, the
//! user or an action.

use std::sync::Arc;

use crate::assistant::Assistant;
use crate::documents::Document;
use crate::repository::facts::{self, Symbol, SymbolKind};

/// Of so many documents, those that were edited last, definitions are looked at.
const DOCUMENTS: usize = 4;

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
        let index = assistant.repository.index();
        let home = self.home.path.as_deref();
        index.definitions(&self.was.name).any(|definition| Some(index.path(definition.file)) != home)
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

/// Definitions with another name or signature.
pub(super) fn between(before: &Document, now: &Arc<Document>) -> Vec<Change> {
    let (old, new) = (symbols(before), symbols(now));
    let same = |a: &Symbol, b: &Symbol| (a.kind, &a.container) == (b.kind, &b.container);
    let named = |all: &[Symbol], like: &Symbol| all.iter().filter(|one| one.name == like.name).count();
    let siblings = |all: &[Symbol], like: &Symbol| -> Vec<Symbol> {
        all.iter().filter(|one| same(one, like)).cloned().collect()
    };
    let words = |symbol: &Symbol| symbol.signature.split_whitespace().collect::<String>();
    let changed = |was: &Symbol, is: &Symbol| Change { home: now.clone(), was: was.clone(), is: is.clone() };
    let change = |was: &Symbol| {
        if named(&old, was) > 1 || named(&new, was) > 1 {
            return None;
        }
        if let Some(is) = new.iter().find(|is| is.name == was.name) {
            let is_function = matches!(is.kind, SymbolKind::Function | SymbolKind::Method);
            let differs = is_function && same(was, is) && words(was) != words(is);
            return differs.then(|| changed(was, is));
        }
        // Renamed: it is the only one that is gone, and the only new one stands in its place.
        let (old_ones, new_ones) = (siblings(&old, was), siblings(&new, was));
        let at = old_ones.iter().position(|one| one == was)?;
        let is = new_ones.get(at).filter(|is| named(&old, is) == 0)?;
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
