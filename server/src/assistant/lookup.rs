//! What the lookup model is told of the files that nobody has open.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use phi_engine::{Engine, ModelKind};
use rustc_hash::FxHashMap;

use crate::complete::{Completions, source_id};
use crate::documents::Documents;

/// Hands texts to the lookup model, one at a time and within a bound.
pub(super) struct Feed {
    documents: Weak<Documents>,
    completions: Arc<Completions>,
    engine: Arc<RwLock<Engine>>,
    /// Bytes of each text that it was told of.
    told: FxHashMap<PathBuf, usize>,
    bytes: usize,
    most: usize,
}

impl Feed {
    /// For at most so many bytes of text.
    pub(super) fn new(
        documents: Weak<Documents>,
        completions: Arc<Completions>,
        engine: Arc<RwLock<Engine>>,
        most: usize,
    ) -> Feed {
        Feed { documents, completions, engine, told: FxHashMap::default(), bytes: 0, most }
    }

    /// A file says this from now on, or is there no longer. Returns whether there is room for more.
    pub(super) fn tell(&mut self, path: &Path, text: Option<Arc<str>>) -> bool {
        let engine = self.engine.read().clone();
        if engine.model().kind != ModelKind::Lookup {
            return false;
        }
        let before = self.told.remove(path);
        self.bytes -= before.unwrap_or(0);
        if text.is_none() && (before.is_some() || self.is_open(path)) {
            engine.forget(source_id(path));
        }
        if let Some(text) = text.filter(|text| self.bytes + text.len() <= self.most) {
            self.bytes += text.len();
            self.told.insert(path.to_owned(), text.len());
            engine.remember(source_id(path), text);
            // A keystroke waits for one text at the most.
            engine.catch_up();
        }
        // It may have been opened in between, and the engine would know the file in place of the buffer.
        if self.is_open(path) {
            self.completions.tell_anew();
        }
        self.bytes < self.most
    }

    fn is_open(&self, path: &Path) -> bool {
        self.documents.upgrade().is_some_and(|documents| documents.is_open(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(documents: &Arc<Documents>, engine: Engine, most: usize) -> Feed {
        Feed::new(Arc::downgrade(documents), Arc::default(), Arc::new(RwLock::new(engine)), most)
    }

    #[test]
    fn texts_are_told_within_a_bound() {
        let documents = Arc::<Documents>::default();
        let mut feed = feed(&documents, Engine::lookup(), 10);
        assert!(feed.tell(Path::new("/w/a"), Some("12345".into())));
        assert!(!feed.tell(Path::new("/w/b"), Some("12345".into())), "it is full");
        assert!(!feed.tell(Path::new("/w/c"), Some("1".into())));
        assert_eq!((feed.told.len(), feed.bytes), (2, 10));
        assert!(feed.tell(Path::new("/w/a"), Some("1".into())), "in place of what it said before");
        assert!(feed.tell(Path::new("/w/b"), None));
        assert_eq!((feed.told.len(), feed.bytes), (1, 1));
    }

    #[test]
    fn a_neural_model_is_told_nothing() {
        let documents = Arc::<Documents>::default();
        let mut feed = feed(&documents, Engine::scripted(|_| String::new()), 10);
        assert!(!feed.tell(Path::new("/w/a"), Some("1".into())));
        assert!(feed.told.is_empty());
    }
}
