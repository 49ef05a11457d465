//! The files of the workspace that are not open as sources of the n-gram model.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use phi_engine::ngram::Ngram;
use rustc_hash::FxHashMap;

use super::{SyncedSources, source_id};
use crate::documents::Documents;

/// Adds files to the n-gram model, one at a time and up to a bound.
pub struct FileSources {
    documents: Weak<Documents>,
    open: Arc<SyncedSources>,
    ngram: Option<Ngram>,
    /// Bytes of each file that was added.
    added: FxHashMap<PathBuf, usize>,
    bytes: usize,
    most: usize,
}

impl FileSources {
    /// Adds at most `most` bytes of text.
    pub fn new(
        documents: Weak<Documents>,
        open: Arc<SyncedSources>,
        ngram: Option<Ngram>,
        most: usize,
    ) -> FileSources {
        FileSources { documents, open, ngram, added: FxHashMap::default(), bytes: 0, most }
    }

    /// Replaces the text of a file, or removes it. Returns whether there is room for more.
    pub fn update(&mut self, path: &Path, text: Option<Arc<str>>) -> bool {
        let Some(ngram) = &self.ngram else { return false };
        let before = self.added.remove(path);
        self.bytes -= before.unwrap_or(0);
        if text.is_none() && (before.is_some() || self.is_open(path)) {
            ngram.remove_source(source_id(path));
        }
        if let Some(text) = text.filter(|text| self.bytes + text.len() <= self.most) {
            self.bytes += text.len();
            self.added.insert(path.to_owned(), text.len());
            ngram.add_source(source_id(path), text);
        }
        // It may have been opened meanwhile, and the model would have the file in place of the open document.
        if self.is_open(path) {
            self.open.reset();
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

    fn sources(documents: &Arc<Documents>, ngram: Option<Ngram>, most: usize) -> FileSources {
        FileSources::new(Arc::downgrade(documents), Arc::default(), ngram, most)
    }

    #[test]
    fn files_are_added_up_to_a_bound() {
        let documents = Arc::<Documents>::default();
        let mut sources = sources(&documents, Some(Ngram::default()), 10);
        assert!(sources.update(Path::new("/w/a"), Some("12345".into())));
        assert!(!sources.update(Path::new("/w/b"), Some("12345".into())), "it is full");
        assert!(!sources.update(Path::new("/w/c"), Some("1".into())));
        assert_eq!((sources.added.len(), sources.bytes), (2, 10));
        assert!(sources.update(Path::new("/w/a"), Some("1".into())), "in place of its old text");
        assert!(sources.update(Path::new("/w/b"), None));
        assert_eq!((sources.added.len(), sources.bytes), (1, 1));
    }

    #[test]
    fn without_the_model_nothing_is_added() {
        let documents = Arc::<Documents>::default();
        let mut sources = sources(&documents, None, 10);
        assert!(!sources.update(Path::new("/w/a"), Some("1".into())));
        assert!(sources.added.is_empty());
    }
}
