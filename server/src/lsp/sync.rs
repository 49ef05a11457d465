//! The client's documents: `textDocument/did*` applied to [`Documents`], in order and without an `await`.

use std::sync::Arc;

use ropey::Rope;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_lsp::ls_types::*;

use super::capabilities;
use super::positions::Encoding;
use crate::documents::{Change, Document, DocumentId, Documents};

/// Whether [`apply`] takes this notification.
pub fn is_sync(method: &str) -> bool {
    method.starts_with("textDocument/did")
}

/// The name under which a document is kept.
pub fn document_id(uri: &Uri) -> DocumentId {
    DocumentId(Arc::from(uri.as_str()))
}

/// Applies one notification.
///
/// # Errors
/// Says why it was ignored; the documents are then as they were.
pub fn apply(documents: &Documents, encoding: Encoding, method: &str, params: Value) -> Result<(), String> {
    match method {
        "textDocument/didOpen" => {
            let TextDocumentItem { uri, language_id, version, text } =
                read::<DidOpenTextDocumentParams>(params)?.text_document;
            let (id, path) = (document_id(&uri), capabilities::path(&uri));
            documents.open(Document::open(id, path, &language_id, version, &text));
        }
        "textDocument/didChange" => {
            let DidChangeTextDocumentParams { text_document, content_changes } = read(params)?;
            let id = document_id(&text_document.uri);
            let document =
                documents.get(&id).ok_or_else(|| format!("{} is not open; ignored", text_document.uri.as_str()))?;
            if text_document.version <= document.version {
                let (new, old) = (text_document.version, document.version);
                tracing::warn!("{}: version {new} follows version {old}", text_document.uri.as_str());
            }
            let changes = changes(&document.text, encoding, content_changes);
            documents.change(&id, text_document.version, &changes);
        }
        "textDocument/didClose" => {
            let params: DidCloseTextDocumentParams = read(params)?;
            documents.close(&document_id(&params.text_document.uri));
        }
        _ => {}
    }
    Ok(())
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

    fn uri() -> Uri {
        "file:///a.txt".parse().expect("a URI")
    }

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
    fn a_document_that_is_not_open_is_named() {
        let params = json!({"textDocument": {"uri": uri(), "version": 2}, "contentChanges": []});
        let error = apply(&Documents::default(), Encoding::Utf16, "textDocument/didChange", params);
        assert_eq!(error.unwrap_err(), "file:///a.txt is not open; ignored");
    }

    #[test]
    fn parameters_that_cannot_be_read_are_named() {
        for method in ["textDocument/didOpen", "textDocument/didChange", "textDocument/didClose"] {
            for params in [Value::Null, json!([]), json!({"textDocument": {"uri": "not a uri"}})] {
                let error = apply(&Documents::default(), Encoding::Utf16, method, params).unwrap_err();
                assert!(error.starts_with("the parameters cannot be read"), "{error}");
            }
        }
    }

    proptest! {
        /// Changes sent one by one and all at once give the same text, which is that of a plain string.
        #[test]
        fn documents_follow_the_client(
            edits in prop::collection::vec((0u32..4, 0u32..8, 0u32..4, 0u32..8, "[aé😀\r\n]{0,4}"), 0..12),
            together in any::<bool>(),
        ) {
            let documents = Documents::default();
            let mut version = 1;
            let open = json!({"textDocument": {"uri": uri(), "languageId": "", "version": version, "text": "a😀\r\nbé"}});
            apply(&documents, Encoding::Utf16, "textDocument/didOpen", open).unwrap();
            let mut expected = Rope::from_str("a😀\r\nbé");
            let mut events = Vec::new();
            for (line, character, end_line, end_character, text) in edits {
                let range = lsp_range(line, character, end_line, end_character);
                let bytes = Encoding::Utf16.offsets(&expected, range);
                let mut plain = expected.to_string();
                plain.replace_range(bytes, &text);
                expected = Rope::from_str(&plain);
                events.push(json!({"range": range, "text": text}));
            }
            let batches = if together { vec![events] } else { events.into_iter().map(|event| vec![event]).collect() };
            for batch in batches {
                version += 1;
                let params = json!({"textDocument": {"uri": uri(), "version": version}, "contentChanges": batch});
                apply(&documents, Encoding::Utf16, "textDocument/didChange", params).unwrap();
            }
            let document = documents.get(&document_id(&uri())).expect("it is open");
            prop_assert_eq!(document.text.to_string(), expected.to_string());
            prop_assert_eq!(document.version, version);
        }
    }

    fn lsp_range(line: u32, character: u32, end_line: u32, end_character: u32) -> Range {
        Range::new(Position::new(line, character), Position::new(end_line, end_character))
    }
}
