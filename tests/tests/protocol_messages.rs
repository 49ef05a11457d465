//! Messages that the server sends by itself: status, settings, the install hint, log messages. Also the completion menu.

use std::path::Path;

use phi_engine::Engine;
use phi_ls::assistant::Assistant;
use phi_ls::lsp::Setup;
use phi_ls::models::Models;
use phi_ls::settings::Settings;
use phi_tests::client::{Client, Trigger, ghost_text, range};
use phi_tests::until;
use serde_json::{Value, json};

const URI: &str = "file:///w/a.rs";

fn scripted(answer: fn(&str) -> String) -> Assistant {
    Assistant::new(Engine::scripted(answer), Settings::default())
}

fn without_model() -> Assistant {
    Assistant::new(Models::default(), Settings::default())
}

#[tokio::test]
async fn status_changes_are_notified() {
    let mut client = Client::in_process(scripted(|_| "compute(a, b);".to_owned()));
    client.initialize(json!({})).await;
    let status = client.notification("phi-ls/status").await;
    assert_eq!(status["state"], "ready");
    assert_eq!(status["model"], "scripted");
    assert_eq!(status["tokensPerSecond"], 0.0);
    assert_eq!(client.result("phi-ls/status", Value::Null).await, Ok(status));

    client.open(URI, "rust", "fn f() {\n    let a = \n}\n").await;
    let id = client.invoke(URI, 1, 12).await;
    assert_eq!(ghost_text(&client.answer(id).await.expect("answered")), Some("compute(a, b);"));
    // The activity of the model and the document of the request come first.
    while client.notification("phi-ls/status").await["tokensPerSecond"] == 0.0 {}
    client.shutdown().await;
}

#[tokio::test]
async fn the_status_says_that_there_is_no_model() {
    let mut client = Client::in_process(without_model());
    client.initialize(json!({})).await;
    let status = client.notification("phi-ls/status").await;
    assert_eq!(status["state"], "ngram");
    assert_eq!(status["message"], "phi-ls: n-gram model only, no model installed");
    client.shutdown().await;
}

/// Waits for a status that satisfies the condition.
async fn status(client: &mut Client, is_it: impl Fn(&Value) -> bool) -> Value {
    loop {
        let status = client.notification("phi-ls/status").await;
        if is_it(&status) {
            return status;
        }
    }
}

#[tokio::test]
async fn the_status_says_why_nothing_was_offered() {
    let mut client = Client::in_process(without_model());
    client.initialize(json!({})).await;
    client.open(URI, "rust", "fn f() {\n    let a = \n}\n").await;
    let id = client.invoke(URI, 1, 12).await;
    assert_eq!(ghost_text(&client.answer(id).await.expect("answered")), None);
    let told = status(&mut client, |status| status["document"]["nothingOffered"].is_object()).await;
    assert_eq!(told["document"]["uri"], URI);
    assert_eq!(told["document"]["withheld"], Value::Null);
    let nothing = &told["document"]["nothingOffered"];
    assert_eq!(nothing["reason"], "noModel");
    assert!(nothing["message"].as_str().expect("text").contains("n-gram model is not sure"), "{nothing}");

    // The status describes the document of the latest request.
    let secret = "file:///w/.env";
    client.open(secret, "plaintext", "TOKEN=\n").await;
    let id = client.invoke(secret, 0, 6).await;
    client.answer(id).await.expect("answered");
    let told = status(&mut client, |status| status["document"]["uri"] == secret).await;
    let told = match told["document"]["nothingOffered"].is_null() {
        true => status(&mut client, |status| status["document"]["nothingOffered"].is_object()).await,
        false => told,
    };
    assert_eq!(told["document"]["nothingOffered"]["reason"], "withheld");
    let why = told["document"]["withheld"].as_str().expect("a reason");
    assert_eq!(
        told["message"],
        format!("phi-ls: n-gram model only, no model installed; this file is withheld: {why}")
    );
    client.shutdown().await;
}

#[tokio::test]
async fn the_status_says_why_a_model_offers_nothing() {
    let assistant = scripted(|_| "".to_owned());
    let mut client = Client::in_process(assistant.clone());
    client.initialize(json!({})).await;
    client.open(URI, "rust", "fn f() {\n    let abc = 1;\n}\n").await;
    let reason = async |client: &mut Client, character: u32, trigger: Trigger| {
        client.suggestion(URI, [1, character], trigger).await;
        let mut status = client.status().await;
        status["document"]["nothingOffered"]["reason"].take()
    };
    assert_eq!(reason(&mut client, 9, Trigger::Automatic).await, "notWantedHere", "inside a word");
    assert_eq!(reason(&mut client, 16, Trigger::Invoked).await, "saidNothing");
    client.configure(json!({"phi-ls.completion.enabled": false})).await;
    until("the setting to be read", || !assistant.workspace.settings().completion.enabled).await;
    assert_eq!(reason(&mut client, 16, Trigger::Invoked).await, "disabled");
    client.shutdown().await;
}

#[tokio::test]
async fn the_status_shows_the_progress_of_prefill() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let engine = Engine::scripted(move |_| {
        // An error means that the test has released it.
        let _ = gate.recv();
        "compute(a, b);".to_owned()
    });
    let mut client = Client::in_process(Assistant::new(engine, Settings::default()));
    client.initialize(json!({})).await;
    client.open(URI, "rust", "fn f() {\n    let a = \n}\n").await;
    let id = client.invoke(URI, 1, 12).await;
    let told = status(&mut client, |status| status["activity"]["kind"] == "reading").await;
    let (read, of) = (&told["activity"]["read"], &told["activity"]["of"]);
    assert!(read.as_u64() < of.as_u64() && of.as_u64() > Some(1), "{told}");
    assert_eq!(told["activity"]["ahead"], false);
    assert_eq!(told["message"], format!("phi-ls: scripted, reading {read} of {of} tokens"));
    drop(go);
    assert_eq!(ghost_text(&client.answer(id).await.expect("answered")), Some("compute(a, b);"));
    let told = status(&mut client, |status| status["activity"]["kind"] == "idle").await;
    assert_eq!(told["message"], "phi-ls: scripted");
    client.shutdown().await;
}

#[tokio::test]
async fn a_large_document_gets_completions_and_is_reported_as_not_indexed() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("it is there");
    let assistant = scripted(|_| "compute(a, b);".to_owned());
    assistant.workspace.set_folders(std::slice::from_ref(&root));
    let mut client = Client::in_process(assistant);
    client.initialize(json!({})).await;
    let uri = format!("file://{}", root.join("large.rs").display());
    let text = format!("{}fn f() {{\n    let a = \n}}\n", "// a line that makes it large\n".repeat(20_000));
    client.open(&uri, "rust", &text).await;
    let id = client.invoke(&uri, 20_001, 12).await;
    assert_eq!(ghost_text(&client.answer(id).await.expect("answered")), Some("compute(a, b);"));
    let told = status(&mut client, |status| status["document"]["uri"] == uri).await;
    let why = told["document"]["notIndexed"].as_str().expect("a reason");
    assert!(why.contains("larger than 512 KB"), "{why}");
    assert!(told["message"].as_str().expect("text").contains("not indexed: it is larger"), "{told}");
    client.shutdown().await;
}

fn on_machine(folder: &Path) -> Setup {
    Setup { hint_shown: Some(folder.join("deep").join("install-hint-shown")), ..Default::default() }
}

fn asks(message: &Value) -> bool {
    message["method"] == "window/showMessageRequest"
}

#[tokio::test]
async fn the_install_hint_is_shown_once_per_machine() {
    let machine = tempfile::tempdir().expect("a folder");
    let shows = json!({"window": {"showMessage": {}}});

    let mut client = Client::in_process_with(on_machine(machine.path()), without_model());
    client.initialize(json!({})).await;
    client.notification("phi-ls/status").await;
    assert!(!client.shutdown().await.iter().any(asks), "this client supports no message requests");

    let mut client = Client::in_process_with(on_machine(machine.path()), without_model());
    client.reply("window/showMessageRequest", json!({"title": "How to install"}));
    client.initialize(shows.clone()).await;
    let question = client.notification("window/showMessageRequest").await;
    assert_eq!(question["actions"][0]["title"], "How to install");
    let answer = client.notification("window/showMessage").await;
    assert!(answer["message"].as_str().expect("text").contains("phi-ls model list"), "{answer}");
    client.shutdown().await;

    let mut client = Client::in_process_with(on_machine(machine.path()), without_model());
    client.initialize(shows).await;
    client.notification("phi-ls/status").await;
    assert!(!client.shutdown().await.iter().any(asks), "shown twice");
}

#[tokio::test]
async fn settings_come_from_the_client_and_are_checked() {
    let assistant = scripted(|_| String::new());
    let mut client = Client::in_process(assistant.clone());
    client.reply("workspace/configuration", json!([{"completion": {"maxLines": 3, "maxLin": 1}}]));
    client.initialize(json!({"workspace": {"configuration": true}})).await;
    let request = client.notification("workspace/configuration").await;
    assert_eq!(request["items"], json!([{"section": "phi-ls"}]));
    let warning = client.notification("window/showMessage").await;
    assert!(warning["message"].as_str().expect("text").contains("completion.maxLin"), "{warning}");
    assert_eq!(assistant.workspace.settings().completion.max_lines, 3);

    client.reply("workspace/configuration", json!([{"completion": {"maxLines": 5, "maxTokens": "many"}}]));
    client.configure(Value::Null).await;
    let warning = client.notification("window/showMessage").await;
    assert!(warning["message"].as_str().expect("text").contains("completion.maxTokens"), "{warning}");
    assert_eq!(assistant.workspace.settings().completion.max_lines, 5);
    client.shutdown().await;
}

#[tokio::test]
async fn settings_of_a_client_without_workspace_configuration() {
    let assistant = scripted(|_| String::new());
    let mut client = Client::in_process(assistant.clone());
    client.initialize(json!({})).await;
    client.configure(json!({"phi-ls": {"completion": {"maxLines": 4}, "wrong": 1}})).await;
    client.notification("window/showMessage").await;
    assert_eq!(assistant.workspace.settings().completion.max_lines, 4);
    client.shutdown().await;
}

#[tokio::test]
async fn a_settings_warning_is_shown_once() {
    let assistant = scripted(|_| String::new());
    let setup = Setup::default();
    let mut client = Client::in_process_with(setup, assistant.clone());
    client
        .reply("workspace/configuration", json!([{"phi-ls": {"completion": {"maxLines": 3, "maxLin": 1}}}]));
    let options = json!({"phi-ls": {"completion": {"maxLin": 1}}});
    client.initialize_with(json!({"workspace": {"configuration": true}}), options).await;
    let warning = client.notification("window/showMessage").await;
    let text = warning["message"].as_str().expect("text");
    assert!(
        text.contains("completion.maxLin") && text.contains("did you mean `completion.maxLines`?"),
        "{text}"
    );
    assert!(!text.contains("more in the log"), "the same is wrong in both places: {text}");
    assert_eq!(assistant.workspace.settings().completion.max_lines, 3, "nested in an answer as well");
    for lines in [4, 5, 6] {
        let answer = json!([{"phi-ls.completion.maxLines": lines, "phi-ls.completion.maxLin": 1}]);
        client.reply("workspace/configuration", answer);
        client.configure(Value::Null).await;
        client.notification("workspace/configuration").await;
    }
    let rest = client.shutdown().await;
    let complaints: Vec<_> =
        rest.iter().filter(|message| message["method"] == "window/showMessage").collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[tokio::test]
async fn the_menu_holds_one_item_that_keeps_the_typed_word() {
    let mut client = Client::in_process(scripted(|_| "nt(x);".to_owned()));
    let capabilities = client.initialize(json!({})).await;
    assert_eq!(capabilities["completionProvider"]["resolveProvider"], true);
    client.open(URI, "rust", "fn f() {\n    pri\n}\n").await;
    // An answer that is not ready within the menu's budget is ready for the next request.
    let id = client.invoke(URI, 1, 7).await;
    client.answer(id).await.expect("answered");
    let list = client.menu(URI, 1, 7).await;
    assert_eq!(list["isIncomplete"], true);
    let item = &list["items"][0];
    assert_eq!(item["label"], "print(x);");
    assert_eq!(item["filterText"], "print(x);");
    assert_eq!(item["textEdit"]["newText"], "print(x);");
    assert_eq!(item["textEdit"]["range"]["start"], json!({"line": 1, "character": 4}));
    assert_eq!(item["textEdit"]["range"]["end"], json!({"line": 1, "character": 7}));
    let resolved = client.result("completionItem/resolve", item.clone()).await.expect("resolved");
    assert_eq!(resolved["documentation"], "print(x);");
    client.shutdown().await;
}

#[tokio::test]
async fn ghost_text_extends_what_is_selected_in_the_menu() {
    let mut client = Client::in_process(scripted(|_| "(x);".to_owned()));
    client.initialize(json!({})).await;
    client.open(URI, "rust", "fn f() {\n    pri\n}\n").await;
    let word = [1, 4, 1, 7];
    let answer = client.suggestion_with(URI, [1, 7], Trigger::Invoked, (word, "println!")).await;
    assert_eq!(ghost_text(&answer), Some("println!(x);"));
    assert_eq!(answer["items"][0]["range"], range(word));
    client.shutdown().await;
}
