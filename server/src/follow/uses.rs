//! Where a changed definition is used and its user has not followed yet.
//!
//! The rule is simple, and what it finds is only offered: uses are those of the name, in files that the index knows; a
//! name that is defined elsewhere too is left alone; a use in a line that was edited since its document was opened is
//! done, and so is an import of a name that stays.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tree_sitter::Node;

use super::changed::Change;
use super::{ID, Next};
use crate::actions::{Action, ActionKind, Place, is_one_of};
use crate::assistant::Assistant;
use crate::documents::{Buffer, Document, DocumentId};
use crate::edits::Drops;
use crate::prompt::Material;

/// So many files are searched for a use that has not followed.
const FILES: usize = 32;

/// The first use that has not followed a change: of the definition's own file those below it come first, then those
/// above it, then those of other files.
pub(super) fn first(
    assistant: &Assistant,
    id: &dyn Fn(&Path) -> Option<DocumentId>,
    change: &Change,
) -> Option<Next> {
    if change.is_ambiguous(assistant) {
        return None;
    }
    let home = change.home.path.as_deref();
    let files: Vec<PathBuf> = {
        let index = assistant.repository.index();
        let files = index.references(&change.was.name).map(|(file, _)| index.path(file));
        let mut files: Vec<_> = files.filter(|path| Some(*path) != home).map(Path::to_owned).collect();
        files.dedup();
        files
    };
    let first_in = |document: &Arc<Document>| {
        let range = waiting(document, change).into_iter().next()?;
        offer(document, range, change)
    };
    if let Some(next) = first_in(&change.home) {
        return Some(next);
    }
    files.into_iter().take(FILES).find_map(|path| {
        let document = match assistant.documents.buffer(&path) {
            Buffer::Current(document) => document,
            Buffer::Closed => read(assistant, &path, id(&path)?)?,
            // The file is not what the editor has.
            Buffer::Stale => return None,
        };
        assistant.may_be_shown(&document).ok()?;
        first_in(&document)
    })
}

/// The first use in a line, counted from 0.
pub(super) fn in_line(
    assistant: &Assistant,
    document: &Arc<Document>,
    line: usize,
    change: &Change,
) -> Option<Next> {
    let name = &*change.was.name;
    if !document.text.line(line).to_string().contains(name) || change.is_ambiguous(assistant) {
        return None;
    }
    let of_line = |range: &Range<usize>| document.text.byte_to_line(range.start) == line;
    let range = waiting(document, change).into_iter().find(of_line)?;
    offer(document, range, change)
}

/// A file of the index that is not open, at version 0.
pub(super) fn read(assistant: &Assistant, path: &Path, id: DocumentId) -> Option<Arc<Document>> {
    let index = assistant.repository.index();
    let text = assistant.repository.text(&index, index.file(path)?)?;
    Some(Arc::new(Document::open(id, Some(path.to_owned()), "", 0, &text)))
}

/// The names in a document that are written like this one, as nodes.
pub(super) fn named<'d>(place: &Place<'d>, range: &Range<usize>, name: &str) -> Vec<Node<'d>> {
    let mut nodes = place.nodes(range);
    nodes.retain(|node| {
        node.child_count() == 0 && is_one_of(place.language.names, node.kind()) && place.text(*node) == name
    });
    nodes
}

/// The bytes of all uses in a document that wait, those below the definition first.
pub(super) fn waiting(document: &Arc<Document>, change: &Change) -> Vec<Range<usize>> {
    let Some(place) = Place::of(document, 0..0, &[]) else { return Vec::new() };
    let own = (document.id == change.home.id).then_some(&change.is.lines);
    let waits = |node: &Node| {
        let line = place.lines(&node.byte_range()).start;
        let is_own = own.is_some_and(|own| own.contains(&(line as u32)));
        let is_done = document.edited_lines().iter().any(|lines| lines.contains(&line));
        !is_own && !is_done && (change.is_rename() || !is_import(&place, *node))
    };
    let mut uses = named(&place, &(0..document.text.len_bytes()), &change.was.name);
    uses.retain(waits);
    let first_line = own.map_or(0, |own| own.start as usize);
    let (below, above): (Vec<_>, Vec<_>) =
        uses.into_iter().partition(|node| node.start_position().row >= first_line);
    below.into_iter().chain(above).map(|node| node.byte_range()).collect()
}

/// Whether a node is part of what brings in names from other files.
pub(super) fn is_import(place: &Place, node: Node) -> bool {
    std::iter::successors(Some(node), Node::parent).any(|node| place.language.role(node).import)
}

/// What is to be done for a use.
fn offer(document: &Arc<Document>, range: Range<usize>, change: &Change) -> Option<Next> {
    let at_use = Place::of(document, range.start..range.start, &[])?;
    let whole = || Place::of(document, range.start..range.end.max(range.start + 2), &[])?.target;
    let target = at_use.function.clone().or_else(whole).or(at_use.target.clone())?;
    let lines = at_use.lines(&range);
    let (was, is) = (&change.was, &change.is);
    let instruction = match change.is_rename() {
        true => format!("`{}` is now called `{}`. Use the new name. Change nothing else.", was.name, is.name),
        false => format!(
            "The declaration of `{}` has changed, as is shown apart. Adapt each use of it. Change nothing else.",
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
        material: Some(Material::Apart(material)),
        problem: None,
    };
    Some(Next { document: document.clone(), range, action, change: change.clone() })
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
