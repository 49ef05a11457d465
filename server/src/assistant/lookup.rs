//! What the lookup model is told of the files that nobody has open.

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock, Weak};

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
        let engine = self.engine.read().expect("no writer panics").clone();
        if engine.model().kind != ModelKind::Lookup {
            return false;
        }
        if let Some(bytes) = self.told.remove(path) {
            self.bytes -= bytes;
            if text.is_none() && !self.is_open(path) {
                engine.forget(source_id(path));
            }
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
