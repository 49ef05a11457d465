//! Inline completions: an empty list where there is nothing, line endings that the client can insert, and a notification when
//! a late answer is ready.

use std::sync::mpsc;

use phi_engine::Engine;
use phi_ls::assistant::Assistant;
use phi_ls::settings::Settings;
use phi_tests::client::{Client, Introduction, Trigger, ghost_text};
use serde_json::{Value, json};

const URI: &str = "file:///w/a.rs";
const READY: &str = "phi-ls/completionReady";

/// An engine that answers when the test says so, for a server that waits for it no longer than this.
fn held(answer: &'static str, budget_ms: u64) -> (Assistant, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel();
    let engine = Engine::scripted(move |_| {
        // The test is over, or lets everything pass.
        let _ = wait.recv();
        answer.to_owned()
    });
    let mut settings = Settings::default();
    settings.completion.budget_ms = budget_ms;
    settings.completion.debounce_ms = 0;
    settings.completion.prefetch = false;
    (Assistant::new(engine, settings), go)
}

/// Sends an automatic request, as an editor does after a change.
async fn request(client: &mut Client, line: u32, character: u32) -> Value {
    client.suggestion(URI, [line, character], Trigger::Automatic).await
}

fn announced() -> Value {
    json!({"textDocument": {"inlineCompletion": {}}, "experimental": {"completionReady": true}})
}

#[tokio::test]
async fn without_a_suggestion_the_list_is_empty() {
    let engine = Engine::scripted(|_| String::new());
    let mut client = Client::in_process(Assistant::new(engine, Settings::default()));
    client.initialize(json!({})).await;
    let nothing = json!({"items": []});
    assert_eq!(request(&mut client, 0, 0).await, nothing, "the document is not open");
    client.open(URI, "rust", "fn f() {\n    pri\n    let value = 1;\n}\n").await;
    assert_eq!(request(&mut client, 1, 7).await, nothing, "the model says nothing");
    assert_eq!(request(&mut client, 2, 10).await, nothing, "not wanted inside a word");
    assert_eq!(request(&mut client, 99, 99).await, nothing, "a position after the end");
    // The item that is selected in the menu lies elsewhere.
    let selected = ([2, 4, 2, 7], "letter");
    let answer = client.suggestion_with(URI, [1, 7], Trigger::Invoked, selected).await;
    assert_eq!(answer, nothing);
    client.open("file:///w/.env", "plaintext", "TOKEN=").await;
    let id = client.invoke("file:///w/.env", 0, 6).await;
    assert_eq!(client.answer(id).await, Ok(nothing), "the file is not shown to a model");
    client.shutdown().await;
}

#[tokio::test]
async fn line_endings_fit_the_client() {
    for (name, text) in [("Neovim", "let a = 1;\n    a"), ("another", "let a = 1;\r\n    a")] {
        let engine = Engine::scripted(|_| "let a = 1;\n    a".to_owned());
        let mut client = Client::in_process(Assistant::new(engine, Settings::default()));
        client.introduce(Introduction { name: Some(name), ..Introduction::default() }).await;
        client.open(URI, "rust", "fn f() -> u32 {\r\n    \r\n}\r\n").await;
        let id = client.invoke(URI, 1, 4).await;
        assert_eq!(ghost_text(&client.answer(id).await.expect("answered")), Some(text), "{name}");
        let menu = client.menu(URI, 1, 4).await;
        assert_eq!(menu["items"][0]["textEdit"]["newText"], text, "{name}");
        assert_ne!(menu["items"][0]["kind"], 15, "a snippet would be indented and filled in once more");
        client.shutdown().await;
    }
}

/// A client of this name, a document with the cursor at `$0`, and a model that answers `model`.
async fn at_cursor(
    name: &'static str,
    capabilities: &Value,
    text: &str,
    model: &'static str,
) -> (Client, [u32; 2]) {
    let engine = Engine::scripted(move |_| model.to_owned());
    let mut client = Client::in_process(Assistant::new(engine, Settings::default()));
    let capabilities = capabilities.clone();
    client.introduce(Introduction { name: Some(name), capabilities, ..Introduction::default() }).await;
    let before: Vec<_> = text.split("$0").next().expect("text").split('\n').collect();
    let units = before.last().expect("a line").encode_utf16().count();
    client.open(URI, "javascript", &text.replacen("$0", "", 1)).await;
    (client, [before.len() as u32 - 1, units as u32])
}

const IN_BLOCK: &str = "function f(a) {\n  $0\n}\n";

#[tokio::test]
async fn the_cursor_goes_into_an_empty_block_if_the_client_supports_it() {
    let able = json!({"experimental": {"cursorAfterAccept": true}});
    let in_block = json!([URI, {"line": 2, "character": 4}]);
    let behind_emoji = json!([URI, {"line": 1, "character": 17}]);
    for (capabilities, text, model, inserted, arguments) in [
        (&able, IN_BLOCK, "if (a) {", "if (a) {\n    \n  }", in_block),
        (&able, IN_BLOCK, "return a;", "return a;", json!([URI])),
        (&able, "function f() {$0}\n", "\n  g(\"é😀\", 1, 2);\n", "\n  g(\"é😀\", 1, 2);\n", behind_emoji),
        (&json!({}), IN_BLOCK, "if (a) {", "if (a) {\n    \n  }", json!([URI])),
    ] {
        let (mut client, [line, character]) = at_cursor("any", capabilities, text, model).await;
        let id = client.invoke(URI, line, character).await;
        let answer = client.answer(id).await.expect("answered");
        assert_eq!(ghost_text(&answer), Some(inserted), "{model}");
        let command = &answer["items"][0]["command"];
        assert_eq!(command["arguments"], arguments, "{model}");
        let name = command["command"].as_str().expect("a command");
        assert_eq!(client.execute(name, command["arguments"].clone()).await, Ok(Value::Null));
        client.shutdown().await;
    }
}

#[tokio::test]
async fn the_cursor_goes_into_the_block_after_a_selected_menu_item() {
    let able = json!({"experimental": {"cursorAfterAccept": true}});
    let text = "function f(ready) {\n  if (re$0\n}\n";
    let (mut client, [line, character]) = at_cursor("any", &able, text, ") {").await;
    let selected = ([1, 6, 1, 8], "ready");
    let answer = client.suggestion_with(URI, [line, character], Trigger::Invoked, selected).await;
    assert_eq!(ghost_text(&answer), Some("ready) {\n    \n  }"));
    let arguments = json!([URI, {"line": 2, "character": 4}]);
    assert_eq!(answer["items"][0]["command"]["arguments"], arguments);
    client.shutdown().await;
}

/// A menu item is a snippet if the client is known to insert the same text, and if the cursor does not end up after it.
#[tokio::test]
async fn a_menu_item_is_a_snippet_only_if_the_inserted_text_is_known() {
    let snippets = |modes: Value| {
        let item = json!({"snippetSupport": true, "insertTextModeSupport": modes});
        json!({"textDocument": {"completion": {"completionItem": item}}})
    };
    let (as_is, unknown) = (snippets(json!({"valueSet": [1, 2]})), snippets(Value::Null));
    let (block, dollar) = ("if (a) {", "if (`${a}\\n`) {");
    let plain = "if (a) {\n    \n  }";
    for (name, capabilities, model, format, inserted) in [
        ("any", &as_is, block, 2, "if (a) {\n    $0\n  \\}"),
        ("any", &as_is, dollar, 2, "if (`\\${a\\}\\\\n`) {\n    $0\n  \\}"),
        ("any", &as_is, "return `${a}`;", 1, "return `${a}`;"),
        ("helix", &unknown, block, 2, "if (a) {\n  $0\n\\}"),
        ("any", &unknown, block, 1, plain),
        ("helix", &json!({}), block, 1, plain),
    ] {
        let (mut client, [line, character]) = at_cursor(name, capabilities, IN_BLOCK, model).await;
        // The menu shows only answers that are ready.
        let id = client.invoke(URI, line, character).await;
        client.answer(id).await.expect("answered");
        let answer = client.menu(URI, line, character).await;
        let item = &answer["items"][0];
        assert_eq!(
            (&item["insertTextFormat"], &item["textEdit"]["newText"]),
            (&json!(format), &json!(inserted))
        );
        assert_ne!(item["kind"], 15, "a snippet in any case for Helix");
        assert_eq!(item["insertTextMode"], 1, "as it is");
        let item = client.result("completionItem/resolve", item.clone()).await.expect("resolved");
        assert!(!item["documentation"].to_string().contains("$0"), "the user reads the text: {item}");
        client.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_notified_and_ready_for_the_next_request() {
    let (assistant, go) = held("let b = 2;", 50);
    let mut client = Client::in_process(assistant);
    client.initialize(announced()).await;
    client.open(URI, "rust", "fn f() {\n    /* é😀 */ \n}\n").await;
    let at = json!({"line": 1, "character": 14});
    assert_eq!(request(&mut client, 1, 14).await, json!({"items": []}), "the engine has not answered");
    go.send(()).expect("the engine waits");
    assert_eq!(client.notification(READY).await, json!({"uri": URI, "version": 1, "position": at}));
    assert_eq!(ghost_text(&request(&mut client, 1, 14).await), Some("let b = 2;"));
    let rest = client.shutdown().await;
    assert!(rest.iter().all(|message| message["method"] != READY), "announced once: {rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_not_notified_after_a_change_or_without_the_capability() {
    for (capabilities, goes_on) in [(announced(), true), (json!({}), false)] {
        let (assistant, go) = held("let b = 2;", 50);
        let mut client = Client::in_process(assistant);
        client.initialize(capabilities).await;
        client.open(URI, "rust", "fn f() {\n    \n}\n").await;
        assert_eq!(request(&mut client, 1, 4).await, json!({"items": []}));
        if goes_on {
            client.change(URI, 2, &[([1, 4, 1, 4], "x")]).await;
            // What was sent before it is applied by then.
            client.status().await;
        }
        drop(go);
        // The engine answers one after the other.
        let id = client.invoke(URI, 2, 1).await;
        client.answer(id).await.expect("answered");
        let rest = client.shutdown().await;
        assert!(rest.iter().all(|message| message["method"] != READY), "{rest:?}");
    }
}

/// The user has typed the beginning of the answer: the notification names the newest request.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_position_is_notified() {
    let (assistant, go) = held("let b = 2;", 50);
    let mut client = Client::in_process(assistant);
    client.initialize(announced()).await;
    client.open(URI, "rust", "fn f() {\n    \n}\n").await;
    assert_eq!(request(&mut client, 1, 4).await, json!({"items": []}));
    client.change(URI, 2, &[([1, 4, 1, 4], "let")]).await;
    assert_eq!(request(&mut client, 1, 7).await, json!({"items": []}));
    go.send(()).expect("the engine waits");
    let at = json!({"line": 1, "character": 7});
    assert_eq!(client.notification(READY).await, json!({"uri": URI, "version": 2, "position": at}));
    assert_eq!(ghost_text(&request(&mut client, 1, 7).await), Some(" b = 2;"));
    client.shutdown().await;
}

/// The user has typed other text than the answer, while the engine was busy with the older request.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_for_another_text_is_generated_again() {
    let (assistant, go) = held("let b = 2;", 50);
    let mut client = Client::in_process(assistant);
    client.initialize(announced()).await;
    client.open(URI, "rust", "fn f() {\n    \n}\n").await;
    assert_eq!(request(&mut client, 1, 4).await, json!({"items": []}));
    client.change(URI, 2, &[([1, 4, 1, 4], "if a {}; ")]).await;
    assert_eq!(request(&mut client, 1, 13).await, json!({"items": []}));
    go.send(()).expect("the engine waits");
    let at = json!({"uri": URI, "version": 2, "position": {"line": 1, "character": 13}});
    assert_eq!(client.notification(READY).await, at);
    assert_eq!(request(&mut client, 1, 13).await, json!({"items": []}), "the engine waits again");
    go.send(()).expect("the engine waits");
    assert_eq!(client.notification(READY).await, at);
    assert_eq!(ghost_text(&request(&mut client, 1, 13).await), Some("let b = 2;"));
    client.shutdown().await;
}

/// VS Code cancels a request after 750 ms.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_of_a_cancelled_request_is_notified() {
    let (go, wait) = mpsc::channel();
    let (asked, mut is_asked) = tokio::sync::mpsc::unbounded_channel();
    let engine = Engine::scripted(move |_| {
        let _ = (asked.send(()), wait.recv());
        "let b = 2;".to_owned()
    });
    let mut client = Client::in_process(Assistant::new(engine, Settings::default()));
    client.initialize(announced()).await;
    client.open(URI, "rust", "fn f() {\n    \n}\n").await;
    let id = client.invoke(URI, 1, 4).await;
    is_asked.recv().await.expect("the engine runs");
    client.cancel(id).await;
    client.answer(id).await.expect_err("cancelled");
    go.send(()).expect("the engine waits");
    let at = json!({"line": 1, "character": 4});
    assert_eq!(client.notification(READY).await, json!({"uri": URI, "version": 1, "position": at}));
    assert_eq!(ghost_text(&request(&mut client, 1, 4).await), Some("let b = 2;"));
    client.shutdown().await;
}

/// VS Code sends a request for each key and cancels the one before, and in the end the last one too.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_notified_once_if_all_requests_were_cancelled() {
    // With a budget of zero, the request is answered before the generation starts.
    for budget_ms in [0, 50, 60_000] {
        let (assistant, go) = held("2;", budget_ms);
        let mut client = Client::in_process(assistant);
        client.initialize(announced()).await;
        client.open(URI, "rust", "fn f() {\n    \n}\n").await;
        let mut version = 1;
        for (at, letter) in "let b = ".chars().enumerate() {
            let column = 4 + u32::try_from(at).expect("a few");
            version += 1;
            client.change(URI, version, &[([1, column, 1, column], &letter.to_string())]).await;
            let id = client.inline(URI, [1, column + 1], Trigger::Automatic).await;
            client.cancel(id).await;
            // The request may be answered already.
            let _ = client.answer(id).await;
        }
        drop(go);
        let at = json!({"uri": URI, "version": version, "position": {"line": 1, "character": 12}});
        assert_eq!(client.notification(READY).await, at, "{budget_ms} ms");
        let id = client.invoke(URI, 1, 12).await;
        assert_eq!(ghost_text(&client.answer(id).await.expect("answered")), Some("2;"), "{budget_ms} ms");
        let rest = client.shutdown().await;
        assert!(rest.iter().all(|message| message["method"] != READY), "{budget_ms} ms: {rest:?}");
    }
}

/// The completion is for the line with the selected menu item, but the client's cursor is in the line without it.
#[tokio::test(flavor = "multi_thread")]
async fn the_notified_position_is_the_clients_cursor_if_a_menu_item_is_selected() {
    let (assistant, go) = held("(b);", 50);
    let mut client = Client::in_process(assistant);
    client.initialize(announced()).await;
    client.open(URI, "rust", "fn f() {\n    le\n}\n").await;
    let selected = ([1, 4, 1, 6], "letter");
    let answer = client.suggestion_with(URI, [1, 6], Trigger::Automatic, selected).await;
    assert_eq!(answer, json!({"items": []}));
    drop(go);
    let at = json!({"line": 1, "character": 6});
    assert_eq!(client.notification(READY).await, json!({"uri": URI, "version": 1, "position": at}));
    let answer = client.suggestion_with(URI, [1, 6], Trigger::Automatic, selected).await;
    assert_eq!(ghost_text(&answer), Some("letter(b);"));
    client.shutdown().await;
}

/// Gathering the context took the whole budget, so no generation had started at the deadline.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_starts_after_the_deadline_is_notified() {
    let (assistant, go) = held("let b = 2;", 0);
    let mut client = Client::in_process(assistant);
    client.initialize(announced()).await;
    client.open(URI, "rust", "fn f() {\n    \n}\n").await;
    assert_eq!(request(&mut client, 1, 4).await, json!({"items": []}));
    drop(go);
    let at = json!({"line": 1, "character": 4});
    assert_eq!(client.notification(READY).await, json!({"uri": URI, "version": 1, "position": at}));
    assert_eq!(ghost_text(&request(&mut client, 1, 4).await), Some("let b = 2;"));
    let rest = client.shutdown().await;
    assert!(rest.iter().all(|message| message["method"] != READY), "announced once: {rest:?}");
}
