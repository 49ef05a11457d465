//! Open documents: immutable, versioned snapshots of text with a syntax tree.

mod document;
mod splice;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

pub use document::{Change, Document, DocumentId};

/// The documents that the client has open.
///
/// Snapshots are immutable; [`Documents::change`] creates a new one.
///
/// A document is *stale* if a change could not be read or applied: its text differs from the editor's, and version
/// numbers do not show that. No method returns the text of a stale document, so that no edit is made from it and no
/// prompt contains it. The next full text makes it current again.
#[derive(Debug, Default)]
pub struct Documents {
    /// Most recently opened or edited first. Clients have tens of documents open, so a list is fast enough.
    open: RwLock<Vec<Open>>,
    /// Counts changes.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Open {
    now: Arc<Document>,
    /// The version that was opened; shares unchanged text with `now`.
    first: Arc<Document>,
    /// If set, `now` is the last known text of the editor.
    is_stale: bool,
    /// Whether it has been stale since it was opened.
    was_stale: bool,
    /// Whether its path is canonical.
    is_resolved: bool,
}

/// The state of a file in the editor.
#[derive(Debug, Clone)]
pub enum Buffer {
    /// Not open: the file on disk is current.
    Closed,
    /// Open with this text.
    Current(Arc<Document>),
    /// Open with an unknown text, which may differ from the file.
    Stale,
}

/// A document that has just become stale.
#[derive(Debug, Clone)]
pub struct StaleDocument {
    /// The last known text of the editor.
    pub last: Arc<Document>,
    /// Whether this is the first time since the document was opened.
    pub is_first: bool,
}

impl Open {
    fn current(&self) -> Option<&Arc<Document>> {
        (!self.is_stale).then_some(&self.now)
    }
}

impl Documents {
    /// Opens or replaces a document.
    pub fn open(&self, document: Document) {
        self.insert(document, true);
    }

    /// Opens or replaces a document whose path is not canonical yet; [`Documents::resolve`] follows.
    pub fn open_unresolved(&self, document: Document) {
        self.insert(document, false);
    }

    fn insert(&self, document: Document, is_resolved: bool) {
        let now = Arc::new(document);
        let mut open = self.open.write();
        let replaced = take(&mut open, &now.id);
        open.insert(0, Open { first: now.clone(), now, is_stale: false, was_stale: false, is_resolved });
        drop(open);
        drop(replaced);
        self.notify();
    }

    /// Sets the canonical path of a document's file. Returns the document before and after; `None` if it is closed, or
    /// its path is canonical already.
    pub fn resolve(&self, id: &DocumentId, path: &Path) -> Option<(Arc<Document>, Arc<Document>)> {
        let (before, after) = {
            let mut open = self.open.write();
            let open = open.iter_mut().find(|open| open.now.id == *id && !open.is_resolved)?;
            open.is_resolved = true;
            let before = open.now.clone();
            if before.path.as_deref() != Some(path) {
                open.first = Arc::new(open.first.at(path));
                open.now = Arc::new(open.now.at(path));
            }
            (before, open.now.clone())
        };
        self.notify();
        Some((before, after))
    }

    /// Whether the document is open and its path is canonical.
    pub fn is_resolved(&self, id: &DocumentId) -> bool {
        self.open.read().iter().any(|open| open.now.id == *id && open.is_resolved)
    }

    /// Whether the paths of all documents are canonical.
    pub fn are_resolved(&self) -> bool {
        self.open.read().iter().all(|open| open.is_resolved)
    }

    /// Waits until the paths of all documents are canonical. Before that, [`Documents::buffer`] may not find an open file.
    pub async fn resolved(&self) {
        let mut changes = self.changes();
        // The sender lives as long as `self`.
        while !self.are_resolved() && changes.changed().await.is_ok() {}
    }

    /// Applies changes in order; returns the new snapshot. `None` for a document that is not open, and for a stale one
    /// unless the first change is a full text, which makes it current.
    pub fn change(&self, id: &DocumentId, version: i32, changes: &[Change]) -> Option<Arc<Document>> {
        let mut open = self.open.write();
        let at = open.iter().position(|open| open.now.id == *id)?;
        if open[at].is_stale && !matches!(changes, [Change::Replace(_), ..]) {
            return None;
        }
        // May panic; the list is not modified yet.
        let document = Arc::new(open[at].now.apply(version, changes));
        let before = open.remove(at);
        let Open { now: previous, first, was_stale, is_resolved, .. } = before;
        open.insert(0, Open { now: document.clone(), first, is_stale: false, was_stale, is_resolved });
        // Drop the old tree without the lock, so that readers do not wait.
        drop(open);
        drop(previous);
        self.notify();
        Some(document)
    }

    /// Marks a document as stale: the editor's text is no longer known. `None` if it is not open, or is stale already.
    pub fn mark_stale(&self, id: &DocumentId) -> Option<StaleDocument> {
        let stale = {
            let mut open = self.open.write();
            let open = open.iter_mut().find(|open| open.now.id == *id && !open.is_stale)?;
            open.is_stale = true;
            StaleDocument { last: open.now.clone(), is_first: !std::mem::replace(&mut open.was_stale, true) }
        };
        self.notify();
        Some(stale)
    }

    /// Closes a document. Returns its last text, unless it was stale, and its path, if that is canonical.
    pub fn close(&self, id: &DocumentId) -> (Option<Arc<Document>>, Option<PathBuf>) {
        let Some(closed) = take(&mut self.open.write(), id) else { return (None, None) };
        self.notify();
        let path = closed.now.path.clone().filter(|_| closed.is_resolved);
        (closed.current().cloned(), path)
    }

    /// A receiver that is notified when a document is opened, changed or closed, or becomes stale.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The latest snapshot of a document that is open and not stale.
    pub fn get(&self, id: &DocumentId) -> Option<Arc<Document>> {
        self.open.read().iter().find(|open| open.now.id == *id)?.current().cloned()
    }

    /// The document as the client opened it, unless it is stale.
    pub fn first(&self, id: &DocumentId) -> Option<Arc<Document>> {
        let open = self.open.read();
        open.iter().find(|open| open.now.id == *id && !open.is_stale).map(|open| open.first.clone())
    }

    /// The state of a file in the editor.
    pub fn buffer(&self, path: &Path) -> Buffer {
        let open = self.open.read();
        match open.iter().find(|open| open.now.path.as_deref() == Some(path)) {
            None => Buffer::Closed,
            Some(open) => open.current().map_or(Buffer::Stale, |now| Buffer::Current(now.clone())),
        }
    }

    /// Whether the file is open as a document, stale or not.
    pub fn is_open(&self, path: &Path) -> bool {
        !matches!(self.buffer(path), Buffer::Closed)
    }

    /// Whether the document is open and stale.
    pub fn is_stale(&self, id: &DocumentId) -> bool {
        self.open.read().iter().any(|open| open.now.id == *id && open.is_stale)
    }

    /// All open documents that are not stale, most recently opened or edited first.
    pub fn recent(&self) -> Vec<Arc<Document>> {
        self.open.read().iter().filter_map(|open| open.current().cloned()).collect()
    }

    /// The ids of all open documents, stale ones included.
    pub fn ids(&self) -> Vec<DocumentId> {
        self.open.read().iter().map(|open| open.now.id.clone()).collect()
    }

    fn notify(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

fn take(open: &mut Vec<Open>, id: &DocumentId) -> Option<Open> {
    let at = open.iter().position(|open| open.now.id == *id)?;
    Some(open.remove(at))
}

#[cfg(test)]
mod tests;
