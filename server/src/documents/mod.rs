//! Open documents: immutable, versioned snapshots of text with a syntax tree.

mod document;
mod splice;
pub(crate) mod syntax;
mod tree;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

pub use document::{Change, Document, DocumentId};

/// The documents that the client has open.
///
/// A snapshot that was handed out stays as it is; [`Documents::change`] puts a new one in its place.
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
}

impl Documents {
    /// Opens or replaces a document.
    pub fn open(&self, document: Document) {
        let document = Arc::new(document);
        let mut open = self.write();
        let replaced = take(&mut open, &document.id);
        open.insert(0, Open { now: document.clone(), first: document });
        drop(open);
        drop(replaced);
        self.tell();
    }

    /// Applies changes in order; returns the new snapshot, or `None` for a document that is not open.
    pub fn change(&self, id: &DocumentId, version: i32, changes: &[Change]) -> Option<Arc<Document>> {
        let mut open = self.write();
        let at = open.iter().position(|open| open.now.id == *id)?;
        let document = Arc::new(open[at].now.apply(version, changes));
        let Open { now: previous, first } = open.remove(at);
        open.insert(0, Open { now: document.clone(), first });
        // Readers do not wait while the previous version's tree is taken apart.
        drop(open);
        drop(previous);
        self.tell();
        Some(document)
    }

    /// Forgets a document.
    pub fn close(&self, id: &DocumentId) {
        let closed = take(&mut self.write(), id);
        drop(closed);
        self.tell();
    }

    /// Tells whenever a document is opened, changed or closed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The latest snapshot.
    pub fn get(&self, id: &DocumentId) -> Option<Arc<Document>> {
        self.read().iter().find(|open| open.now.id == *id).map(|open| open.now.clone())
    }

    /// The document as the client opened it.
    pub fn first(&self, id: &DocumentId) -> Option<Arc<Document>> {
        self.read().iter().find(|open| open.now.id == *id).map(|open| open.first.clone())
    }

    /// Whether the file is open as a document.
    pub fn is_open(&self, path: &Path) -> bool {
        self.read().iter().any(|open| open.now.path.as_deref() == Some(path))
    }

    /// All open documents, the most recently opened or edited first.
    pub fn recent(&self) -> Vec<Arc<Document>> {
        self.read().iter().map(|open| open.now.clone()).collect()
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    // A panic of a thread that held the lock cannot have left the list half changed.
    fn read(&self) -> RwLockReadGuard<'_, Vec<Open>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Open>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(open: &mut Vec<Open>, id: &DocumentId) -> Option<Open> {
    let at = open.iter().position(|open| open.now.id == *id)?;
    Some(open.remove(at))
}

#[cfg(test)]
mod tests;
