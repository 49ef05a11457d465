//! Which texts the engine can continue from, kept in step with the open documents.

use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use phi_engine::{Engine, Origin, SourceId};
use ropey::Rope;
use rustc_hash::FxHashMap;

use crate::documents::{Document, DocumentId};

/// The name under which the engine remembers a file of the workspace. An open document has the same name as the
/// file that it lies in, so that one takes the place of the other.
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

/// What the engine has been told of the open documents.
///
/// A text is handed over when a line has been finished, not with each key: copying ten thousand lines and taking
/// them into the index costs milliseconds, and the line being typed is the one that nothing can be learnt from.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    texts: Mutex<FxHashMap<DocumentId, Told>>,
}

/// One document as the engine knows it.
#[derive(Debug)]
struct Told {
    source: SourceId,
    text: Rope,
    /// The line that was being typed.
    line: usize,
}

impl Remembered {
    /// Tells the engine what has changed in `open` documents (those that may be shown; others are forgotten), and says where the cursor of `document` stands in
    /// the text that the engine knows.
    pub(super) fn update(
        &self,
        engine: &Engine,
        open: &[Arc<Document>],
        document: &Document,
        cursor: usize,
    ) -> Origin {
        let mut texts = self.texts.lock();
        texts.retain(|id, told| {
            let is_shown = *id == document.id || open.iter().any(|open| open.id == *id);
            if !is_shown {
                engine.forget(told.source);
            }
            is_shown
        });
        for other in open.iter().filter(|other| other.id != document.id) {
            if texts.get(&other.id).is_none_or(|told| !told.text.is_instance(&other.text)) {
                tell(engine, &mut texts, other, 0);
            }
        }
        let line = document.text.byte_to_line(cursor);
        let told = texts.get(&document.id).filter(|told| {
            told.text.is_instance(&document.text)
                || told.line == line && told.text.len_lines() == document.text.len_lines()
        });
        if told.is_none() {
            tell(engine, &mut texts, document, line);
        }
        let told = &texts[&document.id];
        let column = cursor - document.text.line_to_byte(line);
        // Only this line may differ from what was told, so it begins at the same line, if not the same byte.
        let (start, end) = (told.text.line_to_byte(line), told.text.line_to_byte(line + 1));
        Origin { source: source_of(document), offset: (start + column).min(end) }
    }

    /// Takes a closed document back; what counts from now on is the file.
    pub(super) fn close(&self, engine: &Engine, document: &Document) {
        self.texts.lock().remove(&document.id);
        engine.forget(source_of(document));
    }

    /// Forgets what was told, so that it is told anew.
    pub(super) fn reset(&self) {
        self.texts.lock().clear();
    }
}

fn tell(engine: &Engine, texts: &mut FxHashMap<DocumentId, Told>, document: &Document, line: usize) {
    let text = String::from(&document.text);
    engine.remember(source_of(document), text.into());
    texts
        .insert(document.id.clone(), Told { source: source_of(document), text: document.text.clone(), line });
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
    fn a_document_that_may_be_shown_no_longer_is_forgotten() {
        let engine = Engine::scripted(|_| String::new());
        let remembered = Remembered::default();
        let other = DocumentId("file:///w/b.rs".into());
        let other = Arc::new(Document::open(other, Some("/w/b.rs".into()), "rust", 1, "b"));
        let known = |open: &[Arc<Document>]| {
            remembered.update(&engine, open, &document("a"), 0);
            remembered.texts.lock().len()
        };
        assert_eq!((known(&[other]), known(&[])), (2, 1));
    }

    #[test]
    fn a_text_is_told_by_the_line_and_the_origin_stays_in_step() {
        let engine = Engine::scripted(|_| String::new());
        let remembered = Remembered::default();
        let check = |text: &str, cursor: usize, told: &str, offset: usize| {
            let origin = remembered.update(&engine, &[], &document(text), cursor);
            let texts = remembered.texts.lock();
            let known = texts.values().next().expect("a text was told").text.to_string();
            assert_eq!((&*known, origin.offset), (told, offset));
        };
        check("one\ntwo\n", 7, "one\ntwo\n", 7);
        check("one\ntwo more\n", 12, "one\ntwo\n", 8);
        check("one\ntwo more\n\n", 13, "one\ntwo more\n\n", 13);
        check("one!\ntwo more\n\n", 4, "one!\ntwo more\n\n", 4);
    }
}
