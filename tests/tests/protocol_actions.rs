//! Code actions: resolved lazily, cancellable, bound to a version, and not offered for withheld files.

use std::sync::mpsc::{Receiver, Sender, channel};

use phi_engine::Engine;
use phi_ls::assistant::Assistant;
use phi_ls::models::Models;
use phi_ls::settings::{Layer, Settings, load};
use phi_ls::user_dirs::UserDirs;
use phi_tests::client::{Client, ResponseError, Trigger, Wanted, range, uri};
use serde_json::{Value, json};

const CANCELLED: i64 = -32800;
const CONTENT_MODIFIED: i64 = -32801;
const REQUEST_FAILED: i64 = -32803;

const URI: &str = "file:///w/a.rs";
const TEXT: &str = "fn one() -> u8 {\n    1\n}\n\n/// Two.\nfn two() -> u8 {\n    todo!()\n}\n";
const DONE: &str = "/// Two.\nfn two() -> u8 {\n    2\n}\n";

/// An engine that waits for the test's signal before each answer, and reports each prompt.
fn held(answer: &'static str) -> (Assistant, Sender<()>, Receiver<String>) {
    let (go, wait) = channel();
    let (tell, prompts) = channel();
    let engine = Engine::scripted(move |prompt| {
        let _ = tell.send(prompt.to_owned());
        // An error: the test is over, or every answer may be given.
        let _ = wait.recv();
        answer.to_owned()
    });
    (Assistant::new(engine, Settings::default()), go, prompts)
}

fn answering(answer: &'static str) -> Assistant {
    Assistant::new(Engine::scripted(move |_| answer.to_owned()), Settings::default())
}

/// The capabilities of a modern client, with members that the protocol does not define.
fn capabilities(more: Value) -> Value {
    let mut all = json!({
        "textDocument": {"codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}},
            "resolveSupport": {"properties": ["edit"]},
            "dataSupport": true,
            "disabledSupport": true,
        }},
        "workspace": {"workspaceEdit": {"documentChanges": true}},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}

async fn connect(assistant: Assistant, more: Value) -> Client {
    let mut client = Client::in_process(assistant);
    client.initialize(capabilities(more)).await;
    client.open(URI, "rust", TEXT).await;
    client
}

/// Without diagnostics.
fn only<'a>(kinds: &'a [&'a str]) -> Wanted<'a> {
    Wanted { only: kinds, ..Wanted::default() }
}

fn titles(actions: &[Value]) -> Vec<&str> {
    actions.iter().filter_map(|action| action["title"].as_str()).collect()
}

/// The action that completes `two`.
async fn completing(client: &mut Client) -> Value {
    let mut all = client.code_actions(URI, [6, 6, 6, 6], only(&["quickfix"])).await;
    assert_eq!(titles(&all), ["Complete two"]);
    all.remove(0)
}

fn error(answer: Result<Value, ResponseError>) -> (i64, String) {
    let error = answer.expect_err("refused");
    (error.code, error.message)
}

#[tokio::test]
async fn an_action_is_resolved_lazily_to_an_edit_of_the_changed_lines() {
    let (assistant, go, prompts) = held(DONE);
    let mut client = connect(assistant, json!({})).await;
    let action = completing(&mut client).await;
    assert!(action.get("edit").is_none() && prompts.try_recv().is_err(), "no prompt yet");
    go.send(()).expect("the engine waits");
    let resolved = client.resolve(action).await.expect("resolved");
    assert_eq!(
        resolved["edit"],
        json!({"documentChanges": [{
            "textDocument": {"uri": URI, "version": 1},
            "edits": [{"range": range([6, 0, 7, 0]), "newText": "    2\n"}],
        }]})
    );
    client.shutdown().await;
}

#[tokio::test]
async fn a_client_without_versions_gets_plain_changes() {
    let mut client = connect(answering(DONE), json!({"workspace": {}})).await;
    let action = completing(&mut client).await;
    let resolved = client.resolve(action).await.expect("resolved");
    assert_eq!(resolved["edit"]["changes"][URI][0]["newText"], "    2\n");
    client.shutdown().await;
}

#[tokio::test]
async fn only_requested_kinds_are_offered_and_only_fixes_automatically() {
    let mut client = connect(answering(DONE), json!({})).await;
    let diagnostics = [json!({"range": range([1, 4, 1, 5]), "message": "expected `u8`", "source": "rustc"})];
    let here = Wanted { diagnostics: &diagnostics, ..Wanted::default() };
    let all = client.code_actions(URI, [1, 4, 1, 4], here.clone()).await;
    assert_eq!(titles(&all), ["Fix: expected `u8`", "Document one"]);
    assert_eq!(all[0]["diagnostics"], json!(diagnostics));
    let rewrites =
        client.code_actions(URI, [1, 4, 1, 4], Wanted { only: &["refactor"], ..here.clone() }).await;
    assert_eq!(titles(&rewrites), ["Document one"]);
    let others = Wanted { only: &["refactor.rewrite.x", "source"], ..here.clone() };
    let none = client.code_actions(URI, [1, 4, 1, 4], others).await;
    assert_eq!(titles(&none), [""; 0]);
    let automatic = Wanted { trigger: Some(Trigger::Automatic), ..here };
    let automatic = client.code_actions(URI, [1, 4, 1, 4], automatic).await;
    assert_eq!(titles(&automatic), ["Fix: expected `u8`"]);
    client.shutdown().await;
}

#[tokio::test]
async fn a_cancelled_action_is_answered_once() {
    let (assistant, go, prompts) = held(DONE);
    let mut client = connect(assistant, json!({})).await;
    let action = completing(&mut client).await;
    let id = client.request("codeAction/resolve", action.clone()).await;
    let prompts =
        tokio::task::spawn_blocking(move || prompts.recv().map(|_| prompts)).await.expect("no panic");
    let _prompts = prompts.expect("the model got a prompt");
    client.cancel(id).await;
    assert_eq!(error(client.answer(id).await).0, CANCELLED);
    drop(go);
    // The engine is free again, and the action still there.
    let resolved = client.resolve(action).await.expect("resolved");
    assert_eq!(resolved["edit"]["documentChanges"][0]["textDocument"]["version"], 1);
    let rest = client.shutdown().await;
    assert!(rest.iter().all(|message| message["id"] != id), "a second answer: {rest:?}");
}

#[tokio::test]
async fn progress_is_shown_and_can_be_cancelled_there() {
    let (assistant, go, _prompt) = held(DONE);
    let mut client = connect(assistant, json!({"window": {"workDoneProgress": true}})).await;
    let action = completing(&mut client).await;
    let id = client.request("codeAction/resolve", action).await;
    let token = loop {
        let token = client.notification("window/workDoneProgress/create").await["token"].take();
        if token.as_str().is_some_and(|token| token.contains("job")) {
            break token;
        }
    };
    let begun = client.notification("$/progress").await;
    assert_eq!((&begun["token"], &begun["value"]["title"]), (&token, &json!("Complete two")));
    assert_eq!(begun["value"]["cancellable"], true);
    client.notify("window/workDoneProgress/cancel", json!({"token": token})).await;
    assert_eq!(error(client.answer(id).await).0, CANCELLED);
    loop {
        let ended = client.notification("$/progress").await;
        if ended["token"] == token && ended["value"]["kind"] == "end" {
            break;
        }
    }
    drop(go);
    client.shutdown().await;
}

#[tokio::test]
async fn all_jobs_can_be_cancelled_by_a_command() {
    let (assistant, go, prompts) = held(DONE);
    let mut client = connect(assistant, json!({})).await;
    assert_eq!(client.execute("phi-ls.cancel", json!([])).await, Ok(json!(0)), "nothing runs");
    let action = completing(&mut client).await;
    let id = client.request("codeAction/resolve", action).await;
    tokio::task::spawn_blocking(move || prompts.recv())
        .await
        .expect("no panic")
        .expect("the model got a prompt");
    assert_eq!(client.execute("phi-ls.cancel", json!([])).await, Ok(json!(1)));
    assert_eq!(error(client.answer(id).await).0, CANCELLED);
    drop(go);
    client.shutdown().await;
}

#[tokio::test]
async fn an_edit_applies_only_to_its_version() {
    let (assistant, go, prompts) = held(DONE);
    let mut client = connect(assistant, json!({})).await;
    let action = completing(&mut client).await;
    let id = client.request("codeAction/resolve", action.clone()).await;
    tokio::task::spawn_blocking(move || prompts.recv())
        .await
        .expect("no panic")
        .expect("the model got a prompt");
    client.change(URI, 2, &[([0, 0, 0, 0], "\n")]).await;
    // Earlier notifications are applied by then.
    client.status().await;
    drop(go);
    let (code, message) = error(client.answer(id).await);
    assert_eq!(code, CONTENT_MODIFIED);
    assert!(message.contains("has changed"), "{message}");
    // An action of the old version is not adapted either.
    assert_eq!(error(client.resolve(action).await).0, CONTENT_MODIFIED);
    client.shutdown().await;
}

#[tokio::test]
async fn a_refusal_says_why() {
    let mut client = connect(answering("/// Two.\nfn two() -> u8 {\n    2\n"), json!({})).await;
    let action = completing(&mut client).await;
    let (code, message) = error(client.resolve(action).await);
    assert_eq!(code, REQUEST_FAILED);
    assert!(message.contains("syntax error"), "{message}");
    // An action of another server is returned unchanged.
    let foreign = json!({"title": "Organize imports", "kind": "source"});
    assert_eq!(client.resolve(foreign.clone()).await, Ok(foreign));
    client.shutdown().await;
}

#[tokio::test]
async fn a_withheld_file_has_no_actions() {
    let mut client = connect(answering(DONE), json!({})).await;
    let secret = concat!("fn key() -> &str {\n    \"gh", "p_16C7e42F292c6912E7710c838347Ae178B4a\"\n}\n");
    for (uri, text) in [("file:///w/b.rs", secret), ("file:///w/.env", "fn f() {}\n")] {
        client.open(uri, "rust", text).await;
        assert_eq!(client.code_actions(uri, [0, 4, 0, 4], Wanted::default()).await.len(), 0);
        let arguments = json!([uri, range([0, 4, 0, 4]), "Rename it."]);
        let (code, message) = error(client.execute("phi-ls.rewrite", arguments).await);
        assert_eq!(code, REQUEST_FAILED);
        assert!(message.contains("may not be shown"), "{message}");
    }
    assert_eq!(client.code_actions("file:///w/closed.rs", [0; 4], Wanted::default()).await.len(), 0);
    client.shutdown().await;
}

#[tokio::test]
async fn without_a_model_one_disabled_action_says_so() {
    let assistant = Assistant::new(Models::default(), Settings::default());
    let mut client = connect(assistant, json!({})).await;
    let menu = client.code_actions(URI, [6, 6, 6, 6], Wanted::default()).await;
    assert_eq!(menu.len(), 0, "it was not requested");
    let requested = client.code_actions(URI, [6, 6, 6, 6], only(&["refactor"])).await;
    assert_eq!(requested.len(), 1);
    let reason = requested[0]["disabled"]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("phi-ls: ") && reason.contains("phi-ls model pull"), "{reason}");
    let unasked = Wanted { trigger: Some(Trigger::Automatic), ..Wanted::default() };
    assert_eq!(client.code_actions(URI, [6, 6, 6, 6], unasked).await.len(), 0);
    client.shutdown().await;
}

#[tokio::test]
async fn a_client_without_resolve_support_gets_commands() {
    let plain = json!({"textDocument": {}});
    let mut client = connect(answering(DONE), plain).await;
    let command = client.code_actions(URI, [6, 6, 6, 6], only(&["quickfix"])).await.remove(0);
    assert_eq!(command["command"], "phi-ls.rewrite");
    client.reply("workspace/applyEdit", json!({"applied": true}));
    let id = client.begin("phi-ls.rewrite", command["arguments"].clone()).await;
    let applied = client.notification("workspace/applyEdit").await;
    assert_eq!(applied["edit"]["documentChanges"][0]["edits"][0]["newText"], "    2\n");
    client.change(URI, 2, &[([6, 0, 7, 0], "    2\n")]).await;
    assert_eq!(client.answer(id).await, Ok(Value::Null));
    client.shutdown().await;
}

#[tokio::test]
async fn an_instruction_is_applied_and_verified() {
    let (assistant, go, prompts) = held("fn one() -> u8 {\n    11\n}\n");
    drop(go);
    let mut client = connect(assistant, json!({})).await;
    let run = |instruction: &str| json!([URI, range([1, 4, 1, 4]), instruction]);
    client.reply("workspace/applyEdit", json!({"applied": true}));
    let id = client.begin("phi-ls.rewrite", run("Return 11.")).await;
    let applied = client.notification("workspace/applyEdit").await;
    assert_eq!(applied["label"], "Return 11.");
    assert!(prompts.try_recv().expect("the model got a prompt").contains("The instruction: Return 11."));
    // The client reports that it applied the edit, but did not.
    let (code, message) = error(client.answer(id).await);
    assert_eq!(code, REQUEST_FAILED);
    assert!(message.contains("does not contain it"), "{message}");

    client.reply("workspace/applyEdit", json!({"applied": false, "failureReason": "read-only"}));
    let (_, message) = error(client.execute("phi-ls.rewrite", run("Return 11.")).await);
    assert!(message.contains("read-only"), "{message}");
    for wrong in [json!([]), json!([URI]), json!([URI, range([0; 4]), " "]), json!([URI, 3, "x"])] {
        assert_eq!(error(client.execute("phi-ls.rewrite", wrong).await).0, -32602);
    }
    let nowhere = json!([URI, range([3, 0, 3, 0]), "Go."]);
    let (_, message) = error(client.execute("phi-ls.rewrite", nowhere).await);
    assert!(message.contains("no function"), "{message}");
    client.shutdown().await;
}

#[tokio::test]
async fn the_action_with_input_is_offered_to_clients_that_have_an_input() {
    let own = json!({"experimental": {"commands": {"commands": ["phi-ls.instruct"]}}});
    let mut client = connect(answering(DONE), own).await;
    let all = client.code_actions(URI, [1, 4, 1, 4], Wanted::default()).await;
    assert_eq!(titles(&all), ["Document one", "Rewrite with instruction…"]);
    assert_eq!(all[1]["command"]["arguments"], json!([URI, range([1, 4, 1, 4])]));
    client.shutdown().await;
}

#[tokio::test]
async fn the_users_own_actions_are_offered_and_run() {
    let values = json!({"actions": {"own": [{"title": "Log", "instruction": "Log each call."}]}});
    let (settings, problems) = load(&[Layer::Editor { how: "initializationOptions", values }]);
    assert!(problems.is_empty());
    let (tell, prompts) = channel();
    let engine = Engine::scripted(move |prompt| {
        let _ = tell.send(prompt.to_owned());
        "fn one() -> u8 {\n    log();\n    1\n}\n".to_owned()
    });
    let assistant = Assistant::new(engine, settings);
    let mut client = connect(assistant, json!({})).await;
    let all = client.code_actions(URI, [1, 4, 1, 4], Wanted::default()).await;
    assert_eq!(titles(&all), ["Document one", "Log"]);
    let resolved = client.resolve(all[1].clone()).await.expect("resolved");
    let edit = &resolved["edit"]["documentChanges"][0]["edits"][0];
    assert_eq!(edit["newText"], "    log();\n");
    assert!(prompts.try_recv().expect("the model got a prompt").contains("The instruction: Log each call."));
    client.shutdown().await;
}

#[tokio::test]
async fn after_a_signature_has_changed_the_next_use_is_offered_file_by_file() {
    let machine = tempfile::tempdir().expect("a folder");
    let root = machine.path().join("w");
    std::fs::create_dir(&root).expect("a folder");
    let text = "pub fn area(side: u32) -> u32 {\n    side * side\n}\n\npub fn twice() -> u32 {\n    area(2) * 2\n}\n";
    std::fs::write(root.join("a.rs"), text).expect("written");
    std::fs::write(root.join("b.rs"), "use crate::a::area;\n\npub fn nine() -> u32 {\n    area(3)\n}\n")
        .expect("written");
    let (tell, prompts) = channel();
    let engine = Engine::scripted(move |prompt| {
        let _ = tell.send(prompt.to_owned());
        let item = prompt.rsplit("The item:").next().unwrap_or_default();
        let item =
            if item.contains("fn nine") { ("nine", "area(3, 3)") } else { ("twice", "area(2, 2) * 2") };
        format!("pub fn {}() -> u32 {{\n    {}\n}}\n", item.0, item.1)
    });
    let dirs = UserDirs { engine: Some(engine), ..UserDirs::below(machine.path()) };
    let assistant = Assistant::start(Settings::default(), dirs, std::slice::from_ref(&root));
    assistant.settled().await;
    let mut client = Client::in_process(assistant);
    let uri = |name: &str| uri(&root.join(name));
    client.initialize_in(&[&root], capabilities(json!({}))).await;
    let a = uri("a.rs");
    client.open(&a, "rust", text).await;
    let fixes = |trigger| Wanted { trigger: Some(trigger), ..only(&["quickfix"]) };
    assert_eq!(client.code_actions(&a, [1, 0, 1, 0], fixes(Trigger::Invoked)).await.len(), 0);

    client.change(&a, 2, &[([0, 21, 0, 21], ", other: u32")]).await;
    assert_eq!(
        client.code_actions(&a, [1, 0, 1, 0], fixes(Trigger::Automatic)).await.len(),
        0,
        "only if it is requested"
    );
    let next = client.code_actions(&a, [1, 0, 1, 0], fixes(Trigger::Invoked)).await;
    assert_eq!(titles(&next), ["Update the next use of `area` (a.rs:6)"]);
    let resolved = client.resolve(next[0].clone()).await.expect("resolved");
    let change = &resolved["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"], json!({"uri": a, "version": 2}));
    assert_eq!(change["edits"][0]["newText"], "    area(2, 2) * 2\n");
    let prompt = prompts.try_recv().expect("the model got a prompt");
    assert!(prompt.contains("New declaration:\npub fn area(side: u32, other: u32) -> u32\n"), "{prompt}");

    client.change(&a, 3, &[([5, 0, 6, 0], "    area(2, 2) * 2\n")]).await;
    let next = client.code_actions(&a, [1, 0, 1, 0], fixes(Trigger::Invoked)).await;
    assert_eq!(titles(&next), ["Update the next use of `area` (b.rs:4)"]);
    let resolved = client.resolve(next[0].clone()).await.expect("resolved");
    let change = &resolved["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"], json!({"uri": uri("b.rs"), "version": null}));
    assert_eq!(change["edits"][0]["newText"], "    area(3, 3)\n");

    // The editor opens the file and changes it, so no item is left.
    client
        .open(&uri("b.rs"), "rust", "use crate::a::area;\n\npub fn nine() -> u32 {\n    area(3)\n}\n")
        .await;
    client.change(&uri("b.rs"), 2, &[([3, 0, 4, 0], "    area(3, 3)\n")]).await;
    assert_eq!(client.code_actions(&a, [1, 0, 1, 0], fixes(Trigger::Invoked)).await.len(), 0);
    client.shutdown().await;
}

#[tokio::test]
async fn a_whole_file_is_documented_in_one_edit_and_a_refused_item_stays() {
    let engine = Engine::scripted(|prompt| {
        let item = prompt.rsplit("The item:").next().unwrap_or_default();
        let name = ["one", "two", "three"].into_iter().find(|name| item.contains(&format!("fn {name}()")));
        match name {
            Some("two") => "fn two() {}\n".to_owned(),
            Some(name) => format!("/// Does {name}.\nfn {name}() {{}}\n"),
            None => String::new(),
        }
    });
    let mut client = connect(Assistant::new(engine, Settings::default()), json!({})).await;
    let uri = "file:///w/b.rs";
    client.open(uri, "rust", "fn one() {}\n\nfn two() {}\n\nfn three() {}\n").await;
    let all = client.code_actions(uri, [0, 0, 5, 0], only(&["source"])).await;
    assert_eq!(titles(&all), ["Document all 3 functions without documentation"]);
    let resolved = client.resolve(all[0].clone()).await.expect("resolved");
    let edits = &resolved["edit"]["documentChanges"][0]["edits"];
    let texts: Vec<_> = edits.as_array().into_iter().flatten().map(|edit| &edit["newText"]).collect();
    assert_eq!(texts, ["/// Does one.\n", "/// Does three.\n"]);
    assert_eq!(edits[1]["range"], range([4, 0, 4, 0]));
    client.shutdown().await;
}

#[tokio::test]
async fn deletions_are_shown_before_an_edit_is_applied() {
    const LESS: &str = "fn two() -> u8 {\n    2\n}\n";
    let said = "deletes `/// Two.` in front of it";
    let shows = json!({"documentChanges": true, "changeAnnotationSupport": {}});
    let mut client = connect(answering(LESS), json!({"workspace": {"workspaceEdit": shows}})).await;
    let action = completing(&mut client).await;
    let edit = client.resolve(action).await.expect("resolved")["edit"].take();
    let id = edit["documentChanges"][0]["edits"][0]["annotationId"].as_str().expect("annotated").to_owned();
    let annotation = &edit["changeAnnotations"][id];
    assert_eq!((&annotation["needsConfirmation"], &annotation["description"]), (&json!(true), &json!(said)));
    client.shutdown().await;

    // A client that shows no annotations gets a message.
    let mut client = connect(answering(LESS), json!({})).await;
    let action = completing(&mut client).await;
    let edit = client.resolve(action).await.expect("resolved")["edit"].take();
    assert!(edit.get("changeAnnotations").is_none(), "{edit}");
    let message = client.notification("window/showMessage").await;
    assert!(message["message"].as_str().is_some_and(|message| message.contains(said)), "{message}");
    client.shutdown().await;
}

#[tokio::test]
async fn a_fix_may_add_the_import_that_it_needs() {
    let diagnostics = [json!({"range": range([1, 4, 1, 5]), "message": "cannot find type `HashMap`"})];
    let fixes = Wanted { diagnostics: &diagnostics, ..only(&["quickfix"]) };
    for (answer, edits) in [
        // Only the import is missing.
        (
            "use std::collections::HashMap;\n\nfn one() -> u8 {\n    1\n}\n",
            json!([{"range": range([0, 0, 0, 0]), "newText": "use std::collections::HashMap;\n\n"}]),
        ),
        (
            "use std::collections::HashMap;\n\nfn one() -> u8 {\n    HashMap::new()\n}\n",
            json!([
                {"range": range([0, 0, 0, 0]), "newText": "use std::collections::HashMap;\n\n"},
                {"range": range([1, 0, 2, 0]), "newText": "    HashMap::new()\n"},
            ]),
        ),
    ] {
        let mut client = connect(answering(answer), json!({})).await;
        let mut all = client.code_actions(URI, [1, 4, 1, 4], fixes.clone()).await;
        let at = titles(&all).iter().position(|title| title.starts_with("Fix")).expect("a fix");
        let resolved = client.resolve(all.remove(at)).await.expect("resolved");
        assert_eq!(resolved["edit"]["documentChanges"][0]["edits"], edits);
        client.shutdown().await;
    }
    // Anything else above the item is refused.
    let mut client =
        connect(answering("use a::b;\nfn evil() {}\nfn one() -> u8 {\n    2\n}\n"), json!({})).await;
    let mut all = client.code_actions(URI, [1, 4, 1, 4], fixes).await;
    let at = titles(&all).iter().position(|title| title.starts_with("Fix")).expect("a fix");
    let (code, _) = error(client.resolve(all.remove(at)).await);
    assert_eq!(code, REQUEST_FAILED);
    client.shutdown().await;
}
