//! The open documents as sources of the n-gram model.

use std::sync::Arc;

use parking_lot::Mutex;
use phi_engine::ngram::Ngram;
use phi_engine::{Origin, SourceId};
use ropey::Rope;
use rustc_hash::FxHashMap;

use super::source_of;
use crate::documents::{Document, DocumentId};

/// The open documents that the model has as sources.
///
/// A source is replaced when a line has been finished, not with each key: copying ten thousand lines and indexing them
/// costs milliseconds, and the line being typed is of no use as a source.
#[derive(Debug, Default)]
pub struct SyncedSources {
    texts: Mutex<FxHashMap<DocumentId, Synced>>,
}

/// One document as the model has it.
#[derive(Debug)]
struct Synced {
    source: SourceId,
    text: Rope,
    /// The line with the cursor.
    line: usize,
}

impl SyncedSources {
    /// Updates the model's sources to the `open` documents, which a model may see, and removes all others. Returns where the
    /// cursor of `document` is in the text that the model has.
    pub fn update(
        &self,
        ngram: &Ngram,
        open: &[Arc<Document>],
        document: &Document,
        cursor: usize,
    ) -> Origin {
        let mut texts = self.texts.lock();
        texts.retain(|id, synced| {
            let is_shown = *id == document.id || open.iter().any(|open| open.id == *id);
            if !is_shown {
                ngram.remove_source(synced.source);
            }
            is_shown
        });
        for other in open.iter().filter(|other| other.id != document.id) {
            if texts.get(&other.id).is_none_or(|synced| !synced.text.is_instance(&other.text)) {
                sync(ngram, &mut texts, other, 0);
            }
        }
        let line = document.text.byte_to_line(cursor);
        let synced = texts.get(&document.id).filter(|synced| {
            synced.text.is_instance(&document.text)
                || synced.line == line && synced.text.len_lines() == document.text.len_lines()
        });
        if synced.is_none() {
            sync(ngram, &mut texts, document, line);
        }
        let synced = &texts[&document.id];
        let column = cursor - document.text.line_to_byte(line);
        // Only this line may differ, so it begins at the same line, if not at the same byte.
        let (start, end) = (synced.text.line_to_byte(line), synced.text.line_to_byte(line + 1));
        Origin { source: source_of(document), offset: (start + column).min(end) }
    }

    /// Removes the source of a closed document; the file on disk takes its place.
    pub fn close(&self, ngram: &Ngram, document: &Document) {
        self.texts.lock().remove(&document.id);
        ngram.remove_source(source_of(document));
    }

    /// Sends all open documents to the model again with the next update.
    pub fn reset(&self) {
        self.texts.lock().clear();
    }
}

fn sync(ngram: &Ngram, texts: &mut FxHashMap<DocumentId, Synced>, document: &Document, line: usize) {
    let text = String::from(&document.text);
    ngram.add_source(source_of(document), text.into());
    texts.insert(
        document.id.clone(),
        Synced { source: source_of(document), text: document.text.clone(), line },
    );
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::ngram::source_id;

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
    fn a_withheld_document_is_removed_from_the_sources() {
        let ngram = Ngram::default();
        let sources = SyncedSources::default();
        let other = DocumentId("file:///w/b.rs".into());
        let other = Arc::new(Document::open(other, Some("/w/b.rs".into()), "rust", 1, "b"));
        let known = |open: &[Arc<Document>]| {
            sources.update(&ngram, open, &document("a"), 0);
            sources.texts.lock().len()
        };
        assert_eq!((known(&[other]), known(&[])), (2, 1));
    }

    #[test]
    fn text_is_added_line_by_line_with_its_origin() {
        let ngram = Ngram::default();
        let sources = SyncedSources::default();
        let check = |text: &str, cursor: usize, text_of_model: &str, offset: usize| {
            let origin = sources.update(&ngram, &[], &document(text), cursor);
            let texts = sources.texts.lock();
            let known = texts.values().next().expect("a text was told").text.to_string();
            assert_eq!((&*known, origin.offset), (text_of_model, offset));
        };
        check("one\ntwo\n", 7, "one\ntwo\n", 7);
        check("one\ntwo more\n", 12, "one\ntwo\n", 8);
        check("one\ntwo more\n\n", 13, "one\ntwo more\n\n", 13);
        check("one!\ntwo more\n\n", 4, "one!\ntwo more\n\n", 4);
    }
}
