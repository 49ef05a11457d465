//! Open documents: immutable, versioned snapshots of text with a syntax tree.

mod document;
mod splice;
mod tree;

use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

pub use document::{Change, Document, DocumentId};

/// The documents that the client has open.
///
/// A snapshot that was handed out stays as it is; [`Documents::change`] puts a new one in its place.
///
/// A document is *stale* when a change of it could not be read or applied: its text here is not the editor's any more, and
/// version numbers do not show that. Nothing here hands out the text of a stale document, so no flow can make an edit
/// of it or show it to a model; it is current again with the next full text.
#[derive(Debug, Default)]
pub struct Documents {
    /// The most recently opened or edited first. Clients hold tens of documents open, so a list is quick enough.
    open: RwLock<Vec<Open>>,
    /// How often something has changed.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Open {
    now: Arc<Document>,
    /// As it was opened; shares with `now` what has not changed.
    first: Arc<Document>,
    /// `now` is the last text that was the editor's.
    is_stale: bool,
    /// Whether it was ever stale since it was opened.
    was_stale: bool,
}

/// What is known of a file through the documents.
#[derive(Debug, Clone)]
pub enum Buffer {
    /// No document of it is open: the file counts.
    Closed,
    /// The editor has this text.
    Current(Arc<Document>),
    /// The editor has a text that is not known; the file may say something else.
    Stale,
}

/// A document that has just become stale.
#[derive(Debug, Clone)]
pub struct StaleDocument {
    /// The last text that was the editor's.
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
        let document = Arc::new(document);
        let mut open = self.open.write();
        let replaced = take(&mut open, &document.id);
        let opened = Open { now: document.clone(), first: document, is_stale: false, was_stale: false };
        open.insert(0, opened);
        drop(open);
        drop(replaced);
        self.tell();
    }

    /// Applies changes in order; returns the new snapshot. `None` for a document that is not open, and for a stale one
    /// unless the first change is a full text, which makes it current.
    pub fn change(&self, id: &DocumentId, version: i32, changes: &[Change]) -> Option<Arc<Document>> {
        let mut open = self.open.write();
        let at = open.iter().position(|open| open.now.id == *id)?;
        if open[at].is_stale && !matches!(changes, [Change::Replace(_), ..]) {
            return None;
        }
        // Whatever panics does so before the list is touched.
        let document = Arc::new(open[at].now.apply(version, changes));
        let Open { now: previous, first, was_stale, .. } = open.remove(at);
        open.insert(0, Open { now: document.clone(), first, is_stale: false, was_stale });
        // Readers do not wait while the previous version's tree is taken apart.
        drop(open);
        drop(previous);
        self.tell();
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
        self.tell();
        Some(stale)
    }

    /// Forgets a document.
    pub fn close(&self, id: &DocumentId) {
        let closed = take(&mut self.open.write(), id);
        drop(closed);
        self.tell();
    }

    /// Tells whenever a document is opened, changed or closed, or becomes stale.
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

    /// What the editor has of a file.
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

    /// All open documents that are not stale, the most recently opened or edited first.
    pub fn recent(&self) -> Vec<Arc<Document>> {
        self.open.read().iter().filter_map(|open| open.current().cloned()).collect()
    }

    /// The ids of all open documents, stale ones included.
    pub fn ids(&self) -> Vec<DocumentId> {
        self.open.read().iter().map(|open| open.now.id.clone()).collect()
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

fn take(open: &mut Vec<Open>, id: &DocumentId) -> Option<Open> {
    let at = open.iter().position(|open| open.now.id == *id)?;
    Some(open.remove(at))
}

#[cfg(test)]
mod tests;
