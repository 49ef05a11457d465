//! What comes next: a definition has another name or signature than when its document was opened, and what uses it has not
//! followed yet.
//!
//! It does not matter who changed the definition, the user or an action. The rule is simple, and what it finds is only
//! offered:
//! - a function has changed when its signature is another one; a definition that is gone was renamed when one new name
//!   stands in its place and all others of its kind beside it are what they were;
//! - its uses are those of its name, in files that the index knows; a name that is defined elsewhere too is left alone,
//!   because a name alone does not say which one is meant;
//! - a use in a line that was edited since its document was opened is done, and so is an import of a name that stays.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::place::{Place, is_one_of};
use super::{Action, ActionKind};
use crate::assistant::Assistant;
use crate::documents::{Document, DocumentId};
use crate::edits::Drops;
use crate::repository::facts::{self, Symbol, SymbolKind};

/// The [id](Action::id) of the action.
pub const ID: &str = "next";
/// Of so many documents, those that were edited last, definitions are looked at.
const DOCUMENTS: usize = 4;
/// So many files are searched for a use that has not followed.
const FILES: usize = 32;

/// A definition that has changed since its document was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Changed {
    was: Symbol,
    is: Symbol,
}

/// The place that should follow a changed definition.
#[derive(Debug, Clone)]
pub struct Next {
    /// The document that it is in, open or read from disk.
    pub document: Arc<Document>,
    /// Its bytes.
    pub range: Range<usize>,
    /// What is to be done there.
    pub action: Action,
}

/// The first use that has not followed a changed definition: of the definition's own file those below it come first,
/// then those above it, then those of other files. `id` names a document by its path.
pub fn next(assistant: &Assistant, id: &dyn Fn(&Path) -> Option<DocumentId>) -> Option<Next> {
    let shown = assistant.shown();
    let edited = shown.iter().filter_map(|now| {
        let first = assistant.documents.first(&now.id).filter(|first| first.version != now.version)?;
        Some((first, now))
    });
    edited.take(DOCUMENTS).find_map(|(first, now)| {
        changed(&first, now).into_iter().find_map(|change| follow(assistant, id, now, &change))
    })
}

fn symbols(document: &Document) -> Vec<Symbol> {
    let (Some(language), Some(tree)) = (document.language, document.tree()) else { return Vec::new() };
    let mut symbols = facts::definitions(&document.text.to_string(), language, tree);
    symbols.retain(|symbol| symbol.kind != SymbolKind::Field);
    symbols
}

/// Definitions with another name or signature.
fn changed(before: &Document, now: &Document) -> Vec<Changed> {
    let (old, new) = (symbols(before), symbols(now));
    let same = |a: &Symbol, b: &Symbol| (a.kind, &a.container) == (b.kind, &b.container);
    let named = |all: &[Symbol], like: &Symbol| all.iter().filter(|one| one.name == like.name).count();
    let siblings = |all: &[Symbol], like: &Symbol| -> Vec<Symbol> {
        all.iter().filter(|one| same(one, like)).cloned().collect()
    };
    let words = |symbol: &Symbol| symbol.signature.split_whitespace().collect::<String>();
    let change = |was: &Symbol| {
        if named(&old, was) > 1 || named(&new, was) > 1 {
            return None;
        }
        if let Some(is) = new.iter().find(|is| is.name == was.name) {
            let is_function = matches!(is.kind, SymbolKind::Function | SymbolKind::Method);
            let differs = is_function && same(was, is) && words(was) != words(is);
            return differs.then(|| Changed { was: was.clone(), is: is.clone() });
        }
        // Renamed: it is the only one that is gone, and the only new one stands in its place.
        let (old_ones, new_ones) = (siblings(&old, was), siblings(&new, was));
        let at = old_ones.iter().position(|one| one == was)?;
        let is = new_ones.get(at).filter(|is| named(&old, is) == 0)?;
        let others =
            old_ones.iter().zip(&new_ones).enumerate().all(|(other, (a, b))| other == at || a.name == b.name);
        (old_ones.len() == new_ones.len() && others).then(|| Changed { was: was.clone(), is: is.clone() })
    };
    old.iter().filter_map(change).collect()
}

/// The first use that has not followed a change of a definition in `home`.
fn follow(
    assistant: &Assistant,
    id: &dyn Fn(&Path) -> Option<DocumentId>,
    home: &Arc<Document>,
    change: &Changed,
) -> Option<Next> {
    let name = &*change.was.name;
    let files = {
        let index = assistant.repository.index();
        let elsewhere = |file| Some(index.path(file)) != home.path.as_deref();
        if index.definitions(name).any(|definition| elsewhere(definition.file)) {
            return None;
        }
        let mut files: Vec<PathBuf> = index
            .references(name)
            .filter(|(file, _)| elsewhere(*file))
            .map(|(file, _)| index.path(file).to_owned())
            .collect();
        files.dedup();
        files
    };
    if let Some(next) = in_document(home, Some(&change.is.lines), change) {
        return Some(next);
    }
    let open = assistant.documents.recent();
    files.into_iter().take(FILES).find_map(|path| {
        let document = match open.iter().find(|document| document.path.as_ref() == Some(&path)) {
            Some(document) => document.clone(),
            None => read(assistant, &path, id(&path)?)?,
        };
        assistant.may_be_shown(&document).ok()?;
        in_document(&document, None, change)
    })
}

/// A file of the index that is not open, at version 0.
pub fn read(assistant: &Assistant, path: &Path, id: DocumentId) -> Option<Arc<Document>> {
    let index = assistant.repository.index();
    let text = assistant.repository.text(&index, index.file(path)?)?;
    Some(Arc::new(Document::open(id, Some(path.to_owned()), "", 0, &text)))
}

/// The first use in a document; `own` are the lines of the definition, where it is in this one.
fn in_document(document: &Arc<Document>, own: Option<&Range<u32>>, change: &Changed) -> Option<Next> {
    let place = Place::of(document, 0..0, &[])?;
    let name = &*change.was.name;
    let is_renamed = change.was.name != change.is.name;
    let waits = |node: &tree_sitter::Node| {
        let line = place.lines(&node.byte_range()).start;
        let is_own = own.is_some_and(|own| own.contains(&(line as u32)));
        let is_done = document.edited_lines().iter().any(|lines| lines.contains(&line));
        let mut around = std::iter::successors(Some(*node), tree_sitter::Node::parent);
        let mut is_import = || around.any(|node| place.language.role(node).import);
        !is_own && !is_done && (is_renamed || !is_import())
    };
    let mut uses = place.nodes(&(0..document.text.len_bytes()));
    uses.retain(|node| {
        node.child_count() == 0 && is_one_of(place.language.names, node.kind()) && place.text(*node) == name
    });
    uses.retain(waits);
    let first_line = own.map_or(0, |own| own.start as usize);
    let below = uses.iter().find(|node| node.start_position().row >= first_line);
    let range = below.or(uses.first())?.byte_range();
    let at_use = Place::of(document, range.start..range.start, &[])?;
    let whole = || Place::of(document, range.start..range.end.max(range.start + 2), &[])?.target;
    let target = at_use.function.clone().or_else(whole).or(at_use.target)?;
    let lines = place.lines(&range);
    let (was, is) = (&change.was, &change.is);
    let instruction = match is_renamed {
        true => format!("`{}` is now called `{}`. Use the new name. Change nothing else.", was.name, is.name),
        false => format!(
            "The declaration of `{}` has changed, as is shown. Adapt each use of it. Change nothing else.",
            is.name
        ),
    };
    let line = document.text.line(lines.start).to_string();
    let file = document.path.as_deref().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let material = format!(
        "It was declared so:\n{}\n\nIt is now declared so:\n{}\n\nThis line uses it:\n{}",
        was.signature,
        is.signature,
        line.trim()
    );
    let action = Action {
        id: ID.to_owned(),
        title: format!("Update the next use of `{}` ({file}:{})", is.name, lines.start + 1),
        kind: ActionKind::QuickFix,
        target,
        more: Vec::new(),
        instruction,
        drops: Drops::Some,
        may_add_items: false,
        must_touch: Some(lines),
        material: Some(material),
        problem: None,
    };
    Some(Next { document: document.clone(), range, action })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Document {
        Document::open(DocumentId("file:///w/a.rs".into()), Some("/w/a.rs".into()), "rust", 1, text)
    }

    fn check(before: &str, now: &str, expected: &[(&str, &str)]) {
        let changed = changed(&open(before), &open(now));
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

    #[test]
    fn uses_below_come_first_and_an_edited_line_is_done() {
        let before = "fn g() {\n    f(1);\n}\n\nfn f(a: u8) {}\n\nfn h() {\n    f(2);\n}\n";
        let change = |document: &Document, old: &str, new: &str| {
            let start = document.text.to_string().find(old).expect("it is there");
            let change =
                crate::documents::Change::Splice { range: start..start + old.len(), text: new.to_owned() };
            document.apply(document.version + 1, &[change])
        };
        let first = open(before);
        let next_of = |now: Document| {
            let changed = changed(&first, &now);
            let [change] = changed.as_slice() else { return None };
            let next = in_document(&Arc::new(now), Some(&change.is.lines), change)?;
            Some(next.action.title)
        };
        let now = change(&first, "a: u8", "a: u8, b: u8");
        assert_eq!(next_of(now.clone()).as_deref(), Some("Update the next use of `f` (a.rs:8)"));
        let now = change(&now, "f(2)", "f(2, 0)");
        assert_eq!(next_of(now.clone()).as_deref(), Some("Update the next use of `f` (a.rs:2)"));
        let now = change(&now, "f(1)", "f(1, 0)");
        assert_eq!(next_of(now), None);
    }
}
