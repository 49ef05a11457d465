//! Stale documents: after a change that could not be applied, a document gets no suggestions and reaches no prompt until its full
//! text arrives, and the user gets one message.

use std::sync::mpsc::{Receiver, channel};

use phi_engine::Engine;
use phi_ls::assistant::Assistant;
use phi_ls::settings::Settings;
use phi_tests::client::{Client, Wanted, framed, ghost_text, range};
use serde_json::{Value, json};

const URI: &str = "file:///w/a.rs";
const OTHER: &str = "file:///w/b.rs";
const TEXT: &str = "fn compute_total() -> u8 {\n    todo!()\n}\n\nfn more() {\n    let a = \n}\n";
const FIXES: Wanted = Wanted { diagnostics: &[], only: &["quickfix"], trigger: None };
const DONE: &str = "fn compute_total() -> u8 {\n    2\n}\n";

/// A client with two open documents, and the prompts of the model.
async fn connect(encoding: &str) -> (Client, Receiver<String>) {
    let (tell, prompts) = channel();
    let engine = Engine::scripted(move |prompt| {
        let _ = tell.send(prompt.to_owned());
        if prompt.contains("The item:") { DONE.to_owned() } else { "1;".to_owned() }
    });
    let mut client = Client::in_process(Assistant::new(engine, Settings::default()));
    let capabilities = json!({
        "general": {"positionEncodings": [encoding]},
        "textDocument": {"codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}},
            "resolveSupport": {"properties": ["edit"]},
        }},
        "workspace": {"workspaceEdit": {"documentChanges": true}},
    });
    client.initialize(capabilities).await;
    client.open(URI, "rust", TEXT).await;
    client.open(OTHER, "rust", &TEXT.replace("compute_total", "compute_other_total")).await;
    (client, prompts)
}

async fn actions(client: &mut Client, uri: &str) -> Vec<Value> {
    client.code_actions(uri, [1, 6, 1, 6], FIXES).await
}

async fn offers_ghost_text(client: &mut Client, uri: &str) -> bool {
    let id = client.invoke(uri, 5, 12).await;
    ghost_text(&client.answer(id).await.expect("answered")).is_some()
}

/// Whether anything is offered for the first document: all or nothing.
async fn is_current(client: &mut Client) -> bool {
    let has_actions = !actions(client, URI).await.is_empty();
    let explained = client.execute("phi-ls.context", json!([URI, {"line": 1, "character": 4}])).await.is_ok();
    assert_eq!(has_actions, explained);
    assert_eq!(has_actions, offers_ghost_text(client, URI).await);
    if !has_actions {
        let rewrite = json!([URI, range([1, 6, 1, 6]), "do it"]);
        let refused = client.execute("phi-ls.rewrite", rewrite).await.expect_err("refused");
        assert!(refused.message.contains("reopen"), "{}", refused.message);
    }
    has_actions
}

fn changed(version: Value, changes: Value) -> String {
    let params = json!({"textDocument": {"uri": URI, "version": version}, "contentChanges": changes});
    json!({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": params}).to_string()
}

#[tokio::test]
async fn a_stale_document_gets_no_suggestion_and_reaches_no_prompt() {
    let (mut client, prompts) = connect("utf-16").await;
    let before = actions(&mut client, URI).await.remove(0);
    assert!(is_current(&mut client).await);

    client.raw(framed(&changed(json!(2), json!([{"range": range([0, 3, 0, 16]), "text": 5}])))).await;
    let message = client.notification("window/showMessage").await;
    assert_eq!(message["type"], 2);
    let message = message["message"].as_str().expect("text");
    assert!(message.contains("w/a.rs") && message.contains("reopen"), "{message}");
    assert!(!is_current(&mut client).await);
    let refused = client.resolve(before).await.expect_err("refused");
    assert!(refused.message.contains("reopen"), "{}", refused.message);
    // Changes that would fit the old text do not help.
    client.change(URI, 3, &[([1, 4, 1, 4], "x")]).await;
    client.raw(framed(&changed(Value::Null, json!([])))).await;
    assert!(!is_current(&mut client).await);

    // Another document is as it was, and sees nothing of this one.
    while prompts.try_recv().is_ok() {}
    assert!(offers_ghost_text(&mut client, OTHER).await);
    let prompt = prompts.try_recv().expect("the model got a prompt");
    assert!(prompt.contains("compute_other_total") && !prompt.contains("compute_total"), "{prompt}");

    client.replace(URI, 4, &format!("// new\n\n{TEXT}")).await;
    let mut actions = client.code_actions(URI, [3, 6, 3, 6], FIXES).await;
    assert_eq!(actions[0]["data"]["version"], 4);
    let resolved = client.resolve(actions[0].take()).await.expect("resolved");
    let edit = &resolved["edit"]["documentChanges"][0];
    assert_eq!(edit["textDocument"], json!({"uri": URI, "version": 4}));
    assert_eq!(edit["edits"], json!([{"range": range([3, 0, 4, 0]), "newText": "    2\n"}]));
    let said = client.shutdown().await;
    assert!(said.iter().all(|message| message["method"] != "window/showMessage"), "shown once: {said:?}");
}

#[tokio::test]
async fn a_reopened_document_is_current() {
    let (mut client, _prompts) = connect("utf-16").await;
    client.raw(framed(&changed(json!(1), json!([{"range": range([0, 0, 0, 0]), "text": "x"}])))).await;
    assert!(!is_current(&mut client).await);
    client.close_document(URI).await;
    client.open(URI, "rust", TEXT).await;
    assert!(is_current(&mut client).await);
    client.shutdown().await;
}

#[tokio::test]
async fn the_status_says_that_a_document_is_stale() {
    let (mut client, _prompts) = connect("utf-16").await;
    // Nothing was asked about the second one before.
    for uri in [URI, OTHER] {
        if uri == URI {
            assert!(offers_ghost_text(&mut client, uri).await);
        }
        let lost = changed(json!(1), json!([{"range": range([0, 0, 0, 0]), "text": "x"}]));
        client.raw(framed(&lost.replace(URI, uri))).await;
        if uri == OTHER {
            assert!(!offers_ghost_text(&mut client, uri).await);
        }
        let status = status_of(&mut client, uri, true).await;
        assert_eq!(status["document"]["nothingOffered"]["reason"], "stale");
        let message = status["message"].as_str().expect("text");
        assert!(message.contains("reopen"), "{message}");
        client.close_document(uri).await;
        client.open(uri, "rust", TEXT).await;
        assert!(offers_ghost_text(&mut client, uri).await);
        let status = status_of(&mut client, uri, false).await;
        assert_eq!(status["document"]["nothingOffered"], Value::Null);
    }
    client.shutdown().await;
}

/// The next status that says so of this document.
async fn status_of(client: &mut Client, uri: &str, is_stale: bool) -> Value {
    loop {
        let status = client.notification("phi-ls/status").await;
        if status["document"]["uri"] == uri && status["document"]["stale"] == is_stale {
            return status;
        }
    }
}

/// Neovim pastes a byte that is no UTF-8 as it is; its places count bytes.
#[tokio::test]
async fn a_pasted_byte_that_is_not_utf_8() {
    for (encoding, is_read) in [("utf-8", false), ("utf-16", true), ("utf-32", true)] {
        let (mut client, _prompts) = connect(encoding).await;
        let body = changed(json!(2), json!([{"range": range([0, 3, 0, 3]), "text": "caf?"}]));
        let (front, back) = body.split_once('?').expect("it is there");
        let length = body.len();
        client.raw(format!("Content-Length: {length}\r\n\r\n{front}")).await;
        client.raw(b"\xe9").await;
        client.raw(back).await;
        assert_eq!(is_current(&mut client).await, is_read, "{encoding}");
        client.shutdown().await;
    }
}

#[tokio::test]
async fn an_unreadable_message_makes_documents_stale() {
    let whole = changed(json!(2), json!([{"range": range([0, 0, 0, 0]), "text": "x"}]));
    let cut = whole.len() - 4;
    for (body, is_a_current, is_b_current) in [
        // It still says which document it is about.
        (whole[..cut].to_owned(), false, true),
        (whole[..40].to_owned(), false, false),
        (r#"{"jsonrpc":"2.0","id":9,"method":"textDocument/hover","params":{"#.to_owned(), true, true),
        (r#"{"jsonrpc":"2.0","id":9,"result":{"#.to_owned(), true, true),
    ] {
        let (mut client, _prompts) = connect("utf-16").await;
        client.raw(framed(&body)).await;
        client.answer(Value::Null).await.expect_err("no message");
        assert_eq!(is_current(&mut client).await, is_a_current, "{body}");
        assert_eq!(!actions(&mut client, OTHER).await.is_empty(), is_b_current, "{body}");
        client.shutdown().await;
    }
}

#[tokio::test]
async fn a_change_sent_as_a_request_is_refused_and_its_document_stale() {
    let (mut client, _prompts) = connect("utf-16").await;
    let params = json!({"textDocument": {"uri": URI, "version": 2}, "contentChanges": []});
    client.result("textDocument/didChange", params).await.expect_err("it is no request");
    assert!(!is_current(&mut client).await);
    assert!(!actions(&mut client, OTHER).await.is_empty());
    client.shutdown().await;
}
