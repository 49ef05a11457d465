//! The sources of the n-gram model that are files without an open document.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use phi_engine::{Engine, ModelKind};
use rustc_hash::FxHashMap;

use crate::complete::{Completions, source_id};
use crate::documents::Documents;

/// Adds files to the n-gram model, one at a time and within a bound.
pub(super) struct FileSources {
    documents: Weak<Documents>,
    completions: Arc<Completions>,
    engine: Arc<RwLock<Engine>>,
    /// Bytes of each file that was added.
    added: FxHashMap<PathBuf, usize>,
    bytes: usize,
    max_bytes: usize,
}

impl FileSources {
    /// For at most `max_bytes` bytes of text.
    pub(super) fn new(
        documents: Weak<Documents>,
        completions: Arc<Completions>,
        engine: Arc<RwLock<Engine>>,
        max_bytes: usize,
    ) -> FileSources {
        FileSources { documents, completions, engine, added: FxHashMap::default(), bytes: 0, max_bytes }
    }

    /// Replaces the text of a file, or removes the file. Returns whether there is room for more.
    pub(super) fn update(&mut self, path: &Path, text: Option<Arc<str>>) -> bool {
        let engine = self.engine.read().clone();
        if engine.model().kind != ModelKind::Ngram {
            return false;
        }
        let before = self.added.remove(path);
        self.bytes -= before.unwrap_or(0);
        if text.is_none() && (before.is_some() || self.is_open(path)) {
            engine.remove_source(source_id(path));
        }
        if let Some(text) = text.filter(|text| self.bytes + text.len() <= self.max_bytes) {
            self.bytes += text.len();
            self.added.insert(path.to_owned(), text.len());
            engine.add_source(source_id(path), text);
            // A keystroke then waits for at most one text.
            engine.flush();
        }
        // The file may have been opened in between, and the engine would have the file instead of the buffer.
        if self.is_open(path) {
            self.completions.reset_sources();
        }
        self.bytes < self.max_bytes
    }

    fn is_open(&self, path: &Path) -> bool {
        self.documents.upgrade().is_some_and(|documents| documents.is_open(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(documents: &Arc<Documents>, engine: Engine, max_bytes: usize) -> FileSources {
        FileSources::new(Arc::downgrade(documents), Arc::default(), Arc::new(RwLock::new(engine)), max_bytes)
    }

    #[test]
    fn files_are_added_within_a_bound() {
        let documents = Arc::<Documents>::default();
        let mut sources = sources(&documents, Engine::ngram(), 10);
        assert!(sources.update(Path::new("/w/a"), Some("12345".into())));
        assert!(!sources.update(Path::new("/w/b"), Some("12345".into())), "it is full");
        assert!(!sources.update(Path::new("/w/c"), Some("1".into())));
        assert_eq!((sources.added.len(), sources.bytes), (2, 10));
        assert!(sources.update(Path::new("/w/a"), Some("1".into())), "replaces its old text");
        assert!(sources.update(Path::new("/w/b"), None));
        assert_eq!((sources.added.len(), sources.bytes), (1, 1));
    }

    #[test]
    fn a_neural_model_gets_no_sources() {
        let documents = Arc::<Documents>::default();
        let mut sources = sources(&documents, Engine::scripted(|_| String::new()), 10);
        assert!(!sources.update(Path::new("/w/a"), Some("1".into())));
        assert!(sources.added.is_empty());
    }
}
