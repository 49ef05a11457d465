//! Uses of a changed definition that have not been updated.
//!
//! The rule is simple, because its results are only offered. Uses are occurrences of the name in indexed files; a name
//! that is also defined elsewhere is skipped. Where the declaration has changed, a use on a line that was edited since
//! its document was opened is done, and so is an import. Where the name has changed, a use of the old name that refers
//! to the definition is pending; uses that are not renamed, because they are ambiguous or in text, are listed.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashSet;
use tree_sitter::Node;

use super::NextEdits;
use super::changed::Change;
use super::meaning::{self, Meaning, Use};
use super::{ID, NextEdit};
use crate::actions::{Action, ActionKind, SelectionContext};
use crate::documents::{Buffer, Document, DocumentId};
use crate::edits::DeletionAllowance;
use crate::facts::terms;
use crate::messages;
use crate::prompt::Material;
use crate::syntax::is_one_of;
use crate::syntax::path_to;
use crate::workspace::Workspace;

/// The number of texts that are searched for a renamed definition's name.
const SEARCHED: usize = 40;
/// The number of remaining uses that a title names.
const SHOWN: usize = 3;
/// The number of files that are searched for a pending use.
const FILES: usize = 32;

/// The first use that has not followed a change: in the definition's own file those below it come first, then those
/// above it, then those in other files.
pub(super) fn first(
    next_edits: &NextEdits,
    id: &dyn Fn(&Path) -> Option<DocumentId>,
    change: &Change,
) -> Option<NextEdit> {
    if change.is_ambiguous(next_edits) {
        return None;
    }
    if change.is_rename() {
        return renames(next_edits, id, change).into_next(next_edits);
    }
    let (documents, _) = documents(next_edits, id, change);
    documents.into_iter().find_map(|document| {
        let range = waiting(&document, change).into_iter().next()?;
        offer(&document, range, change)
    })
}

/// The uses of a renamed definition's old name that are not renamed, for users.
pub(super) fn left(
    next_edits: &NextEdits,
    id: &dyn Fn(&Path) -> Option<DocumentId>,
    change: &Change,
) -> Vec<String> {
    if !change.is_rename() {
        return Vec::new();
    }
    if change.is_ambiguous(next_edits) {
        return change.namesakes(next_edits);
    }
    renames(next_edits, id, change).left
}

/// The occurrences of a renamed definition's old name.
fn renames(next_edits: &NextEdits, id: &dyn Fn(&Path) -> Option<DocumentId>, change: &Change) -> Renames {
    let mut found = Renames { next: None, unsure: None, more: 0, left: Vec::new() };
    let (documents, left_out) = documents(next_edits, id, change);
    for document in documents {
        found.look_at(next_edits, &document, change);
    }
    if left_out > 0 {
        found.left.push(messages::counted(left_out, "more file"));
    }
    found
}

/// The documents that may use a definition, its own first, and the number of those that are not searched.
fn documents(
    next_edits: &NextEdits,
    id: &dyn Fn(&Path) -> Option<DocumentId>,
    change: &Change,
) -> (Vec<Arc<Document>>, usize) {
    let other = |path: PathBuf| {
        let document = match next_edits.workspace.documents.buffer(&path) {
            Buffer::Current(document) => document,
            Buffer::Closed => read(&next_edits.workspace, &path, id(&path)?)?,
            // The file differs from the editor's buffer.
            Buffer::Stale => return None,
        };
        next_edits.workspace.may_be_shown(&document).ok()?;
        Some(document)
    };
    let files = files(next_edits, change);
    let left_out = files.len().saturating_sub(FILES);
    let others = files.into_iter().take(FILES).filter_map(other);
    (std::iter::once(change.home.clone()).chain(others).collect(), left_out)
}

/// The files other than its own that may use or mention a definition.
fn files(next_edits: &NextEdits, change: &Change) -> Vec<PathBuf> {
    let index = next_edits.workspace.repository.index();
    let name = &*change.was.name;
    let mut files: Vec<&Path> = index.references(name).map(|(file, _)| index.path(file)).collect();
    if change.is_rename() {
        // Where it occurs in strings only, or in a declaration.
        files.extend(index.definitions(name).map(|definition| index.path(definition.file)));
        let mut words = Vec::new();
        terms(name, |term| words.push((term.to_owned(), 1.0)));
        let hits = index.search(&words, SEARCHED, &|_, _| true);
        files.extend(hits.into_iter().map(|hit| index.path(hit.file)));
    }
    let home = change.home.path.as_deref();
    let mut seen = FxHashSet::default();
    files.retain(|path| Some(*path) != home && seen.insert(*path));
    files.into_iter().map(Path::to_owned).collect()
}

/// Occurrences of the old name of a renamed definition.
struct Renames {
    /// The first use that is certain, and its item.
    next: Option<NextEdit>,
    /// The first ambiguous one.
    unsure: Option<NextEdit>,
    /// Certain uses in other items than the first.
    more: usize,
    /// Uses that are not renamed, for users.
    left: Vec<String>,
}

impl Renames {
    fn look_at(&mut self, next_edits: &NextEdits, document: &Arc<Document>, change: &Change) {
        let uses = meaning::uses(next_edits, document, change);
        let mut offered: Option<Range<usize>> = None;
        for one in in_order(document, change, &uses) {
            let line = document.text.byte_to_line(one.range.start);
            let file =
                document.path.as_deref().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
            let mut leave = |why: &str| self.left.push(format!("{file}:{} {why}", line + 1));
            match one.meaning {
                Meaning::Other => {}
                Meaning::Same if offered.as_ref().is_some_and(|item| item.contains(&one.range.start)) => {}
                Meaning::Same => match offer(document, one.range.clone(), change) {
                    // A refused edit would block all others.
                    Some(next) if self.next.is_none() && next.known(next_edits).is_some() => {
                        offered = Some(next.action.target.range.clone());
                        self.next = Some(next);
                    }
                    Some(_) if self.next.is_some() => self.more += 1,
                    _ => leave("cannot be rewritten as a whole"),
                },
                Meaning::Unsure(why) => {
                    if one.is_code && self.unsure.is_none() {
                        self.unsure = offer(document, one.range.clone(), change);
                    }
                    if !one.is_code || !next_edits.models.is_neural() {
                        leave(why);
                    }
                }
                Meaning::Alias => one.meaning.left().into_iter().for_each(leave),
            }
        }
    }

    fn into_next(self, next_edits: &NextEdits) -> Option<NextEdit> {
        let mut next = match self.next {
            Some(next) => next,
            None => self.unsure.filter(|_| next_edits.models.is_neural())?,
        };
        if !self.left.is_empty() {
            next.action.title += &format!("; {}", summary(&self.left));
            next.left = self.left;
        }
        next.is_last = self.more == 0;
        Some(next)
    }
}

/// The number of uses that are not renamed, and the first ones.
pub(super) fn summary(left: &[String]) -> String {
    let shown = left.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    let beyond = left.len().saturating_sub(SHOWN);
    let beyond = if beyond > 0 { format!(" and {beyond} more") } else { String::new() };
    format!("{} left: {shown}{beyond}", left.len())
}

/// Uses below the definition first, then those above it.
fn in_order<'u>(document: &Document, change: &Change, uses: &'u [Use]) -> impl Iterator<Item = &'u Use> {
    let first_line = if document.id == change.home.id { change.is.lines.start as usize } else { 0 };
    let is_below = |one: &&Use| document.text.byte_to_line(one.range.start) >= first_line;
    let (below, above): (Vec<_>, Vec<_>) = uses.iter().partition(is_below);
    below.into_iter().chain(above)
}

/// The first use in a line, counted from 0.
pub(super) fn in_line(
    next_edits: &NextEdits,
    document: &Arc<Document>,
    line: usize,
    change: &Change,
) -> Option<NextEdit> {
    let name = &*change.was.name;
    if !document.text.line(line).to_string().contains(name) || change.is_ambiguous(next_edits) {
        return None;
    }
    let of_line = |range: &Range<usize>| document.text.byte_to_line(range.start) == line;
    let range = match change.is_rename() {
        true => {
            let may_be = |one: &Use| match one.meaning {
                Meaning::Same => true,
                Meaning::Unsure(_) => one.is_code && next_edits.models.is_neural(),
                Meaning::Alias | Meaning::Other => false,
            };
            let uses = meaning::uses(next_edits, document, change);
            uses.into_iter().filter(may_be).map(|one| one.range).find(of_line)?
        }
        false => waiting(document, change).into_iter().find(of_line)?,
    };
    offer(document, range, change)
}

/// A file of the index that is not open, at version 0.
pub(super) fn read(workspace: &Workspace, path: &Path, id: DocumentId) -> Option<Arc<Document>> {
    let text = workspace.repository.text(path)?;
    Some(Arc::new(Document::open(id, Some(path.to_owned()), "", 0, &text)))
}

/// The occurrences of a name in a range, as nodes.
fn named<'d>(place: &SelectionContext<'d>, range: &Range<usize>, name: &str) -> Vec<Node<'d>> {
    let mut nodes = place.nodes(range);
    nodes.retain(|node| {
        node.child_count() == 0 && is_one_of(place.language.names, node.kind()) && place.text(*node) == name
    });
    nodes
}

/// The bytes of all uses in a document that a changed declaration leaves to update, those below the definition first.
fn waiting(document: &Arc<Document>, change: &Change) -> Vec<Range<usize>> {
    let Some(place) = SelectionContext::of(document, 0..0, &[]) else { return Vec::new() };
    let own = (document.id == change.home.id).then_some(&change.is.lines);
    let waits = |node: &Node| {
        let line = place.lines(&node.byte_range()).start;
        let is_own = own.is_some_and(|own| own.contains(&(line as u32)));
        let is_done = document.edited_lines().iter().any(|lines| lines.contains(&line));
        !is_own && !is_done && !is_import(&place, *node)
    };
    let mut uses = named(&place, &(0..document.text.len_bytes()), &change.was.name);
    uses.retain(waits);
    let first_line = own.map_or(0, |own| own.start as usize);
    let (below, above): (Vec<_>, Vec<_>) =
        uses.into_iter().partition(|node| node.start_position().row >= first_line);
    below.into_iter().chain(above).map(|node| node.byte_range()).collect()
}

/// Whether a node is part of an import.
fn is_import(place: &SelectionContext, node: Node) -> bool {
    let Some(tree) = place.document.tree() else { return false };
    path_to(tree.root_node(), node).into_iter().any(|node| place.language.role(node).import)
}

/// The edit to offer for a use.
fn offer(document: &Arc<Document>, range: Range<usize>, change: &Change) -> Option<NextEdit> {
    let at_use = SelectionContext::of(document, range.start..range.start, &[])?;
    let whole = || SelectionContext::of(document, range.start..range.end.max(range.start + 2), &[])?.target;
    let target = at_use.function.clone().or_else(whole).or(at_use.target.clone())?;
    let lines = at_use.lines(&range);
    let (was, is) = (&change.was, &change.is);
    let instruction = match change.is_rename() {
        true => {
            format!("`{}` was renamed to `{}`. Use the new name. Change nothing else.", was.name, is.name)
        }
        false => format!(
            "The declaration of `{}` has changed; see the excerpt. Update every use of it in the item. Change nothing else.",
            is.name
        ),
    };
    let line = document.text.line(lines.start).to_string();
    let file = document.path.as_deref().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let material = format!(
        "Old declaration:\n{}\n\nNew declaration:\n{}\n\nThis line uses it:\n{}",
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
        may_delete: DeletionAllowance::Some,
        may_add_items: false,
        must_touch: Some(lines),
        material: Some(Material::Excerpt(material)),
        problem: None,
    };
    let (document, change) = (document.clone(), change.clone());
    Some(NextEdit { document, range, action, change, left: Vec::new(), is_last: false })
}

#[cfg(test)]
mod tests {
    use super::super::changed::between;
    use super::*;

    #[test]
    fn uses_below_come_first_and_an_edited_line_is_done() {
        let before = "fn g() {\n    f(1);\n}\n\nfn f(a: u8) {}\n\nfn h() {\n    f(2);\n}\n";
        let change = |document: &Document, old: &str, new: &str| {
            let start = document.text.to_string().find(old).expect("it is there");
            let change =
                crate::documents::Change::Splice { range: start..start + old.len(), text: new.to_owned() };
            document.apply(document.version + 1, &[change])
        };
        let id = DocumentId("file:///w/a.rs".into());
        let first = Document::open(id, Some("/w/a.rs".into()), "rust", 1, before);
        let next_of = |now: Document| {
            let now = Arc::new(now);
            let changed = between(&first, &now);
            let [change] = changed.as_slice() else { return None };
            let range = waiting(&now, change).into_iter().next()?;
            Some(offer(&now, range, change)?.action.title)
        };
        let now = change(&first, "a: u8", "a: u8, b: u8");
        assert_eq!(next_of(now.clone()).as_deref(), Some("Update the next use of `f` (a.rs:8)"));
        let now = change(&now, "f(2)", "f(2, 0)");
        assert_eq!(next_of(now.clone()).as_deref(), Some("Update the next use of `f` (a.rs:2)"));
        let now = change(&now, "f(1)", "f(1, 0)");
        assert_eq!(next_of(now), None);
    }
}
