//! The client's documents: `textDocument/did*` applied in order and without an `await`.

use std::sync::Arc;

use ropey::Rope;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_lsp::ls_types::*;

use super::capabilities;
use super::judged_path::judged_path;
use super::positions::Encoding;
use crate::assistant::Assistant;
use crate::complete;
use crate::documents::{Change, Document, DocumentId};
use crate::repository::indexer::Event;

/// Whether [`apply`] takes this notification.
pub fn is_sync(method: &str) -> bool {
    method.starts_with("textDocument/did")
}

/// Whether this notification says that a file of this name was saved.
pub fn saves(method: &str, params: &Value, name: &str) -> bool {
    let uri = params["textDocument"]["uri"].as_str();
    method == "textDocument/didSave" && uri.and_then(|uri| uri.rsplit('/').next()) == Some(name)
}

/// The name under which a document is kept.
pub fn document_id(uri: &Uri) -> DocumentId {
    DocumentId(Arc::from(uri.as_str()))
}

/// Applies one notification.
///
/// # Errors
/// Says why it was ignored; the documents are then as they were.
pub fn apply(assistant: &Assistant, encoding: Encoding, method: &str, params: Value) -> Result<(), String> {
    let documents = &assistant.documents;
    match method {
        "textDocument/didOpen" => {
            let TextDocumentItem { uri, language_id, version, text } =
                read::<DidOpenTextDocumentParams>(params)?.text_document;
            let (id, path) = (document_id(&uri), capabilities::path(&uri));
            let path = path.map(|path| assistant.repository.rules().identity(&path));
            let document =
                Document::open(id, path, &language_id, version, &text).named(judged_path(uri.as_str()));
            complete::opened(assistant, &document);
            documents.open(document.clone());
            notice(assistant, &document);
        }
        "textDocument/didChange" => {
            let DidChangeTextDocumentParams { text_document, content_changes } = read(params)?;
            let id = document_id(&text_document.uri);
            let document = documents
                .get(&id)
                .ok_or_else(|| format!("{} is not open; ignored", text_document.uri.as_str()))?;
            if text_document.version <= document.version {
                let (new, old) = (text_document.version, document.version);
                tracing::warn!("{}: version {new} follows version {old}", text_document.uri.as_str());
            }
            let changes = changes(&document.text, encoding, content_changes);
            if let Some(document) = documents.change(&id, text_document.version, &changes) {
                complete::changed(assistant, &document, &changes);
                notice(assistant, &document);
            }
        }
        "textDocument/didClose" => {
            let params: DidCloseTextDocumentParams = read(params)?;
            let id = document_id(&params.text_document.uri);
            if let Some(document) = documents.get(&id) {
                documents.close(&id);
                complete::closed(assistant, &document);
                notice(assistant, &document);
            }
        }
        "textDocument/didSave" => {
            let params: DidSaveTextDocumentParams = read(params)?;
            if let Some(path) = capabilities::path(&params.text_document.uri) {
                assistant.notice(Event::Disk(vec![path]));
            }
        }
        _ => {}
    }
    Ok(())
}

/// The index takes note of a document that was opened, changed or closed.
fn notice(assistant: &Assistant, document: &Document) {
    if let Some(path) = &document.path {
        assistant.notice(Event::Document(path.clone()));
    }
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, String> {
    serde_json::from_value(params).map_err(|error| format!("the parameters cannot be read, ignored: {error}"))
}

/// Positions to byte offsets. Each change's range is one of the text that the changes before it have made.
fn changes(text: &Rope, encoding: Encoding, events: Vec<TextDocumentContentChangeEvent>) -> Vec<Change> {
    let mut text = text.clone();
    let last = events.len().saturating_sub(1);
    let step = |(index, event): (usize, TextDocumentContentChangeEvent)| {
        let Some(range) = event.range else {
            text = Rope::from_str(&event.text);
            return Change::Replace(event.text);
        };
        let range = encoding.offsets(&text, range);
        if index < last {
            let start = text.byte_to_char(range.start);
            text.remove(start..text.byte_to_char(range.end));
            text.insert(start, &event.text);
        }
        Change::Splice { range, text: event.text }
    };
    events.into_iter().enumerate().map(step).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn event(value: Value) -> TextDocumentContentChangeEvent {
        serde_json::from_value(value).expect("an event")
    }

    fn insert(line: u32, character: u32, text: &str) -> Value {
        let at = json!({"line": line, "character": character});
        json!({"range": {"start": at, "end": at}, "text": text})
    }

    #[test]
    fn later_ranges_are_of_the_text_that_earlier_changes_made() {
        let events = [insert(0, 0, "é😀\n"), insert(1, 1, "x"), insert(0, 3, "y")].map(event).to_vec();
        let changes = changes(&Rope::from_str("ab"), Encoding::Utf16, events);
        let at = |at, text: &str| Change::Splice { range: at..at, text: text.into() };
        assert_eq!(changes, [at(0, "é😀\n"), at(8, "x"), at(6, "y")]);
    }

    #[test]
    fn parameters_that_cannot_be_read_are_an_error() {
        for params in [Value::Null, json!([]), json!({"textDocument": {"uri": "not a uri"}})] {
            let error = read::<DidChangeTextDocumentParams>(params).unwrap_err();
            assert!(error.starts_with("the parameters cannot be read"), "{error}");
        }
    }

    proptest! {
        /// Changes sent one by one and all at once give the same text, which is that of a plain string.
        #[test]
        fn documents_follow_the_client(
            edits in prop::collection::vec((0u32..4, 0u32..8, 0u32..4, 0u32..8, "[aé😀\r\n]{0,4}"), 0..12),
            together in any::<bool>(),
        ) {
            let id = document_id(&"file:///a.txt".parse().expect("a URI"));
            let mut document = Document::open(id, None, "", 1, "a😀\r\nbé");
            let mut expected = Rope::from_str("a😀\r\nbé");
            let mut events = Vec::new();
            for (line, character, end_line, end_character, text) in edits {
                let range = Range::new(Position::new(line, character), Position::new(end_line, end_character));
                let mut plain = expected.to_string();
                plain.replace_range(Encoding::Utf16.offsets(&expected, range), &text);
                expected = Rope::from_str(&plain);
                events.push(event(json!({"range": range, "text": text})));
            }
            let batches = if together { vec![events] } else { events.into_iter().map(|event| vec![event]).collect() };
            for batch in batches {
                document = document.apply(document.version + 1, &changes(&document.text, Encoding::Utf16, batch));
            }
            prop_assert_eq!(document.text.to_string(), expected.to_string());
        }
    }
}
