//! Document changes of every kind: applied correctly, or the document is stale.

use phi_engine::Engine;
use proptest::prelude::*;
use serde_json::{Value, json};
use tower_lsp::ls_types::{self as lsp, Position};

use super::*;
use crate::documents::DocumentId;
use crate::settings::Settings;

fn event(value: Value) -> ChangeEvent {
    serde_json::from_value(value).expect("an event")
}

fn insert(line: u32, character: u32, text: &str) -> Value {
    let at = json!({"line": line, "character": character});
    json!({"range": {"start": at, "end": at}, "text": text})
}

#[test]
fn later_ranges_are_of_the_text_that_earlier_changes_made() {
    let events = [insert(0, 0, "é😀\n"), insert(1, 1, "x"), insert(0, 3, "y")].map(event).into();
    let changes = changes(Rope::from_str("ab"), Encoding::Utf16, events).expect("places of the text");
    let at = |at, text: &str| Change::Splice { range: at..at, text: text.into() };
    assert_eq!(changes, [at(0, "é😀\n"), at(8, "x"), at(6, "y")]);
}

const URI: &str = "file:///w/a.rs";

/// A document `one\ntwo\u{1f600}\n` at version 1.
fn opened() -> Assistant {
    let assistant = Assistant::new(Engine::scripted(|_| String::new()), Settings::default());
    let id = DocumentId(URI.into());
    assistant.workspace.documents.open(Document::open(id, Some("/w/a.rs".into()), "rust", 1, TEXT));
    assistant
}

const TEXT: &str = "one\ntwo\u{1f600}\n";

fn notify(assistant: &Assistant, encoding: Encoding, method: &str, params: &str) -> Applied {
    let body = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#);
    let text = message::Text::of(body.as_bytes());
    let message::Incoming::Document(notification) = message::parse(&text) else {
        panic!("{params} is a notification");
    };
    apply(assistant, &Spellings::default(), encoding, &notification)
}

fn change(version: Value, changes: Value) -> String {
    json!({"textDocument": {"uri": URI, "version": version}, "contentChanges": changes}).to_string()
}

/// The text after a change; `None` if it is stale.
fn after(encoding: Encoding, params: &str) -> Option<String> {
    let assistant = opened();
    let applied = notify(&assistant, encoding, "textDocument/didChange", params);
    let id = DocumentId(URI.into());
    let document = assistant.workspace.documents.get(&id);
    assert_eq!(document.is_none(), assistant.workspace.documents.is_stale(&id), "{params}");
    assert_eq!(document.is_none(), applied.stale.is_some_and(|(_, stale)| stale.len() == 1), "{params}");
    document.map(|document| document.text.to_string())
}

#[tokio::test]
async fn a_change_that_cannot_be_applied_makes_its_document_stale() {
    let at = |range: Value| change(json!(2), json!([{"range": range, "text": "x"}]));
    let place = |line: Value, character: Value| json!({"line": line, "character": character});
    let insert = |line: Value, character: Value| {
        at(json!({"start": place(line.clone(), character.clone()), "end": place(line, character)}))
    };
    let stale = [
        "null".to_owned(),
        "[]".to_owned(),
        change(json!(2), json!([{"range": 1, "text": ""}])),
        change(json!(2), json!([{"text": 1}])),
        change(json!(2), json!([{}])),
        change(json!(2), json!({})),
        change(json!(2), Value::Null),
        insert(json!(-1), json!(0)),
        insert(json!(0), json!(-1)),
        insert(json!(0), json!(1.5)),
        insert(json!("0"), json!(0)),
        insert(Value::Null, json!(0)),
        at(json!({"start": place(json!(1), json!(0)), "end": place(json!(0), json!(0))})),
        at(json!({"start": place(json!(0), json!(2)), "end": place(json!(0), json!(1))})),
        // Between two surrogates.
        insert(json!(1), json!(4)),
        change(Value::Null, json!([{"text": "x"}])),
        change(json!("2"), json!([{"text": "x"}])),
        change(json!(1.5), json!([{"text": "x"}])),
        change(json!(5_000_000_000_i64), json!([{"text": "x"}])),
        change(
            json!(1),
            json!([{"range": {"start": place(json!(0), json!(0)), "end": place(json!(0), json!(0))}, "text": "x"}]),
        ),
        change(json!(0), json!([])),
        json!({"textDocument": {"uri": URI}, "contentChanges": []}).to_string(),
        json!({"textDocument": {"version": 2}, "contentChanges": []}).to_string(),
        json!({"textDocument": {"uri": 7, "version": 2}, "contentChanges": []}).to_string(),
    ];
    for params in stale {
        assert_eq!(after(Encoding::Utf16, &params), None, "{params}");
    }
    let current = [
        (insert(json!(0), json!(9)), "onex\ntwo\u{1f600}\n"),
        (insert(json!(0), json!(4_294_967_296_i64)), "onex\ntwo\u{1f600}\n"),
        (insert(json!(9), json!(9)), "one\ntwo\u{1f600}\nx"),
        (insert(json!(4_294_967_296_i64), json!(0)), "one\ntwo\u{1f600}\nx"),
        (insert(json!(1.0), json!(5.0)), "one\ntwo\u{1f600}x\n"),
        (change(json!(7.0), json!([])), TEXT),
        (change(json!(-1), json!([{"text": "x"}])), "x"),
        (change(json!(2), json!([{"range": 1, "text": ""}])).replace("\"range\":1", "\"range\":null"), ""),
    ];
    for (params, text) in current {
        assert_eq!(after(Encoding::Utf16, &params).as_deref(), Some(text), "{params}");
    }
    for length in ["-1", "4294967296", "0.5", "null", "\"x\"", "{}"] {
        let params =
            insert(json!(0), json!(0)).replace("\"text\"", &format!("\"rangeLength\":{length},\"text\""));
        assert_eq!(after(Encoding::Utf16, &params).as_deref(), Some("xone\ntwo\u{1f600}\n"), "{params}");
    }
}

#[tokio::test]
async fn half_a_surrogate_is_read_if_its_replacement_has_the_same_length() {
    let text = |text: &str, at: u32| change(json!(2), json!([insert(0, at, "?")])).replace("?", text);
    let read = Some("\u{fffd}one\ntwo\u{1f600}\n");
    assert_eq!(after(Encoding::Utf16, &text("\\ud83d", 0)).as_deref(), read);
    assert_eq!(after(Encoding::Utf32, &text("\\ud83d", 0)).as_deref(), read);
    assert_eq!(after(Encoding::Utf8, &text("\\ud83d", 0)), None);
    assert_eq!(
        after(Encoding::Utf8, &text("\\ud83d\\ude00", 0)).as_deref(),
        Some("\u{1f600}one\ntwo\u{1f600}\n")
    );
    // In the editor, the two halves are one character.
    let changes = json!([insert(0, 1, "?"), insert(0, 2, "!")]);
    let halves = change(json!(2), changes).replace('?', "\\ud83d").replace('!', "\\ude00");
    assert_eq!(after(Encoding::Utf16, &halves), None);
}

#[tokio::test]
async fn a_stale_document_is_current_again_with_a_full_text() {
    let assistant = opened();
    let id = DocumentId(URI.into());
    let send = |version: i32, changes: Value| {
        let params = change(json!(version), changes);
        notify(&assistant, Encoding::Utf16, "textDocument/didChange", &params)
    };
    let text = || {
        assistant.workspace.documents.get(&id).map(|document| (document.version, document.text.to_string()))
    };
    let stale = |applied: Applied| applied.stale.expect("stale").1;
    assert!(stale(send(1, json!([insert(0, 0, "x")])))[0].is_first);
    assert!(send(2, json!([insert(0, 0, "x")])).stale.is_none(), "said once");
    assert_eq!((text(), assistant.workspace.documents.recent().len()), (None, 0));
    assert!(assistant.workspace.documents.is_open(std::path::Path::new("/w/a.rs")));
    send(3, json!([insert(0, 0, "x"), {"text": "ab"}, insert(0, 1, "x")]));
    assert_eq!(text(), Some((3, "axb".to_owned())));
    send(4, json!([insert(0, 0, "y")]));
    assert_eq!(text(), Some((4, "yaxb".to_owned())));
    assert!(!stale(send(4, json!([insert(0, 0, "y")])))[0].is_first);

    let open = |version: Value, text: Value| {
        let item = json!({"uri": URI, "languageId": "rust", "version": version, "text": text});
        let params = json!({"textDocument": item}).to_string();
        notify(&assistant, Encoding::Utf16, "textDocument/didOpen", &params)
    };
    assert!(open(json!(1), json!("a")).stale.is_none());
    assert_eq!(text(), Some((1, "a".to_owned())));
    assert!(stale(open(json!(1), json!(1)))[0].is_first);
    assert_eq!(text(), None);
    assert!(stale(open(Value::Null, json!("a")))[0].is_first);
    notify(
        &assistant,
        Encoding::Utf16,
        "textDocument/didClose",
        &json!({"textDocument": {"uri": URI}}).to_string(),
    );
    assert!(!assistant.workspace.documents.is_stale(&id) && assistant.workspace.documents.ids().is_empty());
}

#[tokio::test]
async fn a_panic_makes_its_document_stale_and_no_other() {
    let assistant = opened();
    let other = DocumentId("file:///w/b.rs".into());
    assistant.workspace.documents.open(Document::open(other.clone(), None, "rust", 1, ""));
    let params = change(json!(2), json!([]));
    let notification =
        Notification { method: "textDocument/didChange".into(), params: &params, is_lossy: false };
    let applied = guarded(&assistant, &notification, || panic!("this test wants it"));
    assert_eq!(applied.stale.expect("stale").1.len(), 1);
    assert!(assistant.workspace.documents.is_stale(&DocumentId(URI.into())));
    assert!(assistant.workspace.documents.get(&other).is_some());
    // The lock is released, and the document is not stale.
    notify(&assistant, Encoding::Utf16, "textDocument/didChange", &change(json!(3), json!([{"text": "x"}])));
    assert!(assistant.workspace.documents.get(&DocumentId(URI.into())).is_some());
}

#[tokio::test]
async fn a_change_of_a_closed_document_is_ignored() {
    let assistant = opened();
    let params = change(json!(2), json!([{"text": "x"}])).replace("a.rs", "b.rs");
    assert!(notify(&assistant, Encoding::Utf16, "textDocument/didChange", &params).stale.is_none());
    assert_eq!(assistant.workspace.documents.ids().len(), 1);
}

proptest! {
    /// Changes sent one by one or all at once give the same text as a plain string.
    #[test]
    fn documents_follow_the_client(
        edits in prop::collection::vec((0u32..4, 0u32..8, 0u32..4, 0u32..8, "[aé😀\r\n]{0,4}"), 0..12),
        together in any::<bool>(),
    ) {
        let id = DocumentId("file:///a.txt".into());
        let mut document = Document::open(id, None, "", 1, "a😀\r\nbé");
        let mut expected = Rope::from_str("a😀\r\nbé");
        let mut events = Vec::new();
        for (line, character, end_line, end_character, text) in edits {
            let range = lsp::Range::new(Position::new(line, character), Position::new(end_line, end_character));
            // Valid ranges only.
            let place = |at: Position| RawPosition { line: at.line.into(), character: at.character.into() };
            let range = match Encoding::Utf16.changed(&expected, place(range.start), place(range.end)) {
                Ok(_) => range,
                Err(_) => Encoding::Utf16.range(&expected, Encoding::Utf16.offsets(&expected, range)),
            };
            let mut plain = expected.to_string();
            plain.replace_range(Encoding::Utf16.offsets(&expected, range), &text);
            expected = Rope::from_str(&plain);
            events.push(event(json!({"range": range, "text": text})));
        }
        let batches = if together { vec![events] } else { events.into_iter().map(|event| vec![event]).collect() };
        for batch in batches {
            let changes = changes(document.text.clone(), Encoding::Utf16, batch).expect("places of the text");
            document = document.apply(document.version + 1, &changes);
        }
        prop_assert_eq!(document.text.to_string(), expected.to_string());
    }
}
