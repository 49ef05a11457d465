//! Keeps the sources of the n-gram model in sync with the open documents.

use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use phi_engine::{Engine, Origin, SourceId};
use ropey::Rope;
use rustc_hash::FxHashMap;

use crate::documents::{Document, DocumentId};

/// The source id of a file of the workspace. An open document has the id of its file, so that one replaces the other.
pub fn source_id(path: &Path) -> SourceId {
    named(path)
}

fn source_of(document: &Document) -> SourceId {
    document.path.as_deref().map_or_else(|| named(&document.id), named)
}

fn named(name: impl Hash) -> SourceId {
    let mut hasher = std::hash::DefaultHasher::new();
    name.hash(&mut hasher);
    SourceId(hasher.finish())
}

/// The open documents that the engine has as sources.
///
/// A document is added again when a line is finished, not with each key: copying and indexing ten thousand lines
/// costs milliseconds, and the line being typed is no useful source.
#[derive(Debug, Default)]
pub(super) struct SyncedSources {
    texts: Mutex<FxHashMap<DocumentId, SyncedSource>>,
}

/// One document as the engine has it.
#[derive(Debug)]
struct SyncedSource {
    source: SourceId,
    text: Rope,
    /// The line of the cursor at that time.
    line: usize,
}

impl SyncedSources {
    /// Updates the sources from the `open` documents (those that may be shown; others are removed). Returns the
    /// cursor of `document` as a position in its source.
    pub(super) fn update(
        &self,
        engine: &Engine,
        open: &[Arc<Document>],
        document: &Document,
        cursor: usize,
    ) -> Origin {
        let mut texts = self.texts.lock();
        texts.retain(|id, synced| {
            let is_shown = *id == document.id || open.iter().any(|open| open.id == *id);
            if !is_shown {
                engine.remove_source(synced.source);
            }
            is_shown
        });
        for other in open.iter().filter(|other| other.id != document.id) {
            if texts.get(&other.id).is_none_or(|synced| !synced.text.is_instance(&other.text)) {
                add(engine, &mut texts, other, 0);
            }
        }
        let line = document.text.byte_to_line(cursor);
        let synced = texts.get(&document.id).filter(|synced| {
            synced.text.is_instance(&document.text)
                || synced.line == line && synced.text.len_lines() == document.text.len_lines()
        });
        if synced.is_none() {
            add(engine, &mut texts, document, line);
        }
        let synced = &texts[&document.id];
        let column = cursor - document.text.line_to_byte(line);
        // Only this line may differ from the source, so the line numbers are the same, but not the byte offsets.
        let (start, end) = (synced.text.line_to_byte(line), synced.text.line_to_byte(line + 1));
        Origin { source: source_of(document), offset: (start + column).min(end) }
    }

    /// Removes a closed document. Its file can be added again.
    pub(super) fn close(&self, engine: &Engine, document: &Document) {
        self.texts.lock().remove(&document.id);
        engine.remove_source(source_of(document));
    }

    /// Makes the next update add all documents again.
    pub(super) fn reset(&self) {
        self.texts.lock().clear();
    }
}

fn add(engine: &Engine, texts: &mut FxHashMap<DocumentId, SyncedSource>, document: &Document, line: usize) {
    let text = String::from(&document.text);
    engine.add_source(source_of(document), text.into());
    texts.insert(
        document.id.clone(),
        SyncedSource { source: source_of(document), text: document.text.clone(), line },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Arc<Document> {
        let id = DocumentId("file:///w/a.rs".into());
        Arc::new(Document::open(id, Some("/w/a.rs".into()), "rust", 1, text))
    }

    #[test]
    fn a_file_and_its_document_are_the_same_source() {
        assert_eq!(source_of(&document("")), source_id(Path::new("/w/a.rs")));
        assert_ne!(source_id(Path::new("/w/b.rs")), source_id(Path::new("/w/a.rs")));
    }

    #[test]
    fn a_document_that_may_no_longer_be_shown_is_removed() {
        let engine = Engine::scripted(|_| String::new());
        let sources = SyncedSources::default();
        let other = DocumentId("file:///w/b.rs".into());
        let other = Arc::new(Document::open(other, Some("/w/b.rs".into()), "rust", 1, "b"));
        let known = |open: &[Arc<Document>]| {
            sources.update(&engine, open, &document("a"), 0);
            sources.texts.lock().len()
        };
        assert_eq!((known(&[other]), known(&[])), (2, 1));
    }

    #[test]
    fn a_text_is_synced_by_the_line_and_the_origin_with_it() {
        let engine = Engine::scripted(|_| String::new());
        let sources = SyncedSources::default();
        let check = |text: &str, cursor: usize, synced: &str, offset: usize| {
            let origin = sources.update(&engine, &[], &document(text), cursor);
            let texts = sources.texts.lock();
            let known = texts.values().next().expect("a text was added").text.to_string();
            assert_eq!((&*known, origin.offset), (synced, offset));
        };
        check("one\ntwo\n", 7, "one\ntwo\n", 7);
        check("one\ntwo more\n", 12, "one\ntwo\n", 8);
        check("one\ntwo more\n\n", 13, "one\ntwo more\n\n", 13);
        check("one!\ntwo more\n\n", 4, "one!\ntwo more\n\n", 4);
    }
}
