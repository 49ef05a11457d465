//! Document sync and positions: after any sequence of notifications, the server has the client's text.

use std::sync::Arc;

use phi_engine::Engine;
use phi_ls::assistant::Assistant;
use phi_ls::documents::{Document, DocumentId};
use phi_ls::settings::Settings;
use phi_tests::client::{Client, ghost_text};
use serde_json::{Value, json};

const URI: &str = "file:///w/a.rs";

/// A client and the state of the server that it is connected to.
async fn connect(capabilities: Value, answer: fn(&str) -> String) -> (Client, Assistant) {
    let assistant = Assistant::new(Engine::scripted(answer), Settings::default());
    let mut client = Client::in_process(assistant.clone());
    client.initialize(capabilities).await;
    (client, assistant)
}

fn silent(_: &str) -> String {
    String::new()
}

/// The document, once the server has read everything that was sent.
async fn document(client: &mut Client, assistant: &Assistant, uri: &str) -> Option<Arc<Document>> {
    client.status().await;
    assistant.workspace.documents.get(&DocumentId(uri.into()))
}

async fn text(client: &mut Client, assistant: &Assistant) -> String {
    document(client, assistant, URI).await.expect("it is open").text.to_string()
}

#[tokio::test]
async fn positions_in_every_encoding() {
    for (encoding, behind_emoji) in [("utf-8", 6), ("utf-16", 3), ("utf-32", 2)] {
        let (mut client, assistant) =
            connect(json!({"general": {"positionEncodings": [encoding]}}), silent).await;
        client.open(URI, "rust", "é😀b\r\nx").await;
        client.change(URI, 2, &[([0, behind_emoji, 0, behind_emoji + 1], "B")]).await;
        assert_eq!(text(&mut client, &assistant).await, "é😀B\r\nx", "{encoding}");
        client.shutdown().await;
    }
}

#[tokio::test]
async fn the_encoding_is_negotiated() {
    for (offered, chosen) in [
        (json!(["utf-16", "utf-8", "utf-32"]), "utf-8"),
        (json!(["utf-32", "utf-16"]), "utf-32"),
        (json!(["utf-16"]), "utf-16"),
        (json!([]), "utf-16"),
        (Value::Null, "utf-16"),
    ] {
        let assistant = Assistant::new(Engine::scripted(silent), Settings::default());
        let mut client = Client::in_process(assistant);
        let capabilities = client.initialize(json!({"general": {"positionEncodings": offered}})).await;
        assert_eq!(capabilities["positionEncoding"], chosen);
        client.shutdown().await;
    }
}

#[tokio::test]
async fn ranges_outside_the_text_are_clamped() {
    let (mut client, assistant) = connect(json!({}), silent).await;
    client.open(URI, "rust", "ab\r\ncd").await;
    client.change(URI, 2, &[([0, 99, 0, 99], "X")]).await;
    assert_eq!(text(&mut client, &assistant).await, "abX\r\ncd");
    client.change(URI, 3, &[([9, 9, u32::MAX, u32::MAX], "Y")]).await;
    assert_eq!(text(&mut client, &assistant).await, "abX\r\ncdY");
    client.shutdown().await;
}

#[tokio::test]
async fn texts_are_kept_byte_for_byte() {
    let (mut client, assistant) = connect(json!({}), silent).await;
    for original in
        ["", "\n", "a", "\u{feff}fn main() {}\r\n", "a\rb\r\nc\n", "e\u{301}\u{2028}\u{85}x", "\0\u{1}"]
    {
        client.open(URI, "rust", original).await;
        assert_eq!(text(&mut client, &assistant).await, original);
        client.change(URI, 2, &[([0, 0, 0, 0], ""), ([9, 0, 9, 0], "")]).await;
        assert_eq!(text(&mut client, &assistant).await, original);
        client.close_document(URI).await;
    }
    assert!(document(&mut client, &assistant, URI).await.is_none());
    client.shutdown().await;
}

#[tokio::test]
async fn notifications_out_of_order() {
    let (mut client, assistant) = connect(json!({}), silent).await;
    client.change(URI, 2, &[([0, 0, 0, 0], "x")]).await;
    client.close_document(URI).await;
    assert!(document(&mut client, &assistant, URI).await.is_none());

    client.open(URI, "rust", "first").await;
    client.open(URI, "python", "second").await;
    assert_eq!(text(&mut client, &assistant).await, "second");
    client.change(URI, 5, &[([0, 0, 0, 0], "the ")]).await;
    assert_eq!(text(&mut client, &assistant).await, "the second");

    // A full text is applied, whatever its version.
    client.replace(URI, -9, "all new").await;
    assert_eq!(text(&mut client, &assistant).await, "all new");
    // A change that cannot be parsed has changed the text in the editor, so later changes do not apply to the server's text.
    let params = json!({"textDocument": {"uri": URI, "version": 10}, "contentChanges": [{"range": 1}]});
    client.notify("textDocument/didChange", params).await;
    client.change(URI, 11, &[([0, 3, 0, 7], "")]).await;
    assert!(document(&mut client, &assistant, URI).await.is_none());
    client.replace(URI, 12, "all").await;
    assert_eq!(text(&mut client, &assistant).await, "all");
    client.shutdown().await;
}

#[tokio::test]
async fn ten_thousand_rapid_changes() {
    let (mut client, assistant) = connect(json!({}), silent).await;
    client.open(URI, "rust", "").await;
    let mut expected = String::new();
    for number in 0..10_000u32 {
        let char = char::from(b'a' + (number % 26) as u8);
        let line = number / 100;
        let at = [line, number % 100, line, number % 100];
        let typed = if number % 100 == 99 { format!("{char}\n") } else { char.to_string() };
        client.change(URI, number as i32 + 2, &[(at, &typed)]).await;
        expected.push_str(&typed);
    }
    assert_eq!(text(&mut client, &assistant).await, expected);
    client.shutdown().await;
}

#[tokio::test]
async fn huge_and_binary_files() {
    let (mut client, assistant) = connect(json!({}), silent).await;
    let huge = "let x = 1; // é\n".repeat(200_000);
    client.open(URI, "rust", &huge).await;
    client.change(URI, 2, &[([199_999, 0, 199_999, 3], "LET")]).await;
    let id = client.invoke(URI, 199_999, 10).await;
    client.answer(id).await.expect("answered");
    let document_ = document(&mut client, &assistant, URI).await.expect("it is open");
    assert_eq!(document_.text.len_bytes(), huge.len());
    assert!(document_.tree().is_none(), "a huge file is plain text");

    let uri = "file:///w/a.png";
    client.open(uri, "", "\u{89}PNG\0\0\0\rIHDR\0").await;
    let id = client.invoke(uri, 0, 3).await;
    let nothing = Ok(json!({"items": []}));
    assert_eq!(client.answer(id).await, nothing, "nothing to complete in a binary file");
    client.shutdown().await;
}

#[tokio::test]
async fn answers_use_the_position_encoding_of_requests() {
    for (encoding, cursor) in [("utf-8", 13), ("utf-16", 10), ("utf-32", 9)] {
        let (mut client, _) =
            connect(json!({"general": {"positionEncodings": [encoding]}}), |_| "1;".to_owned()).await;
        client.open(URI, "rust", "let é😀 = ;\r\n").await;
        client.change(URI, 2, &[([0, cursor, 0, cursor + 1], "")]).await;
        let id = client.invoke(URI, 0, cursor).await;
        let answer = client.answer(id).await.expect("answered");
        assert_eq!(ghost_text(&answer), Some("1;"), "{encoding}");
        let range = &answer["items"][0]["range"];
        assert_eq!(range["start"], json!({"line": 0, "character": cursor}), "{encoding}");
        assert_eq!(range["end"], json!({"line": 0, "character": cursor}), "{encoding}");
        client.shutdown().await;
    }
}
