//! Next edits as ghost text: offered at the cursor, where the client can draw them, bound to the text; the model runs only on
//! request or when suggestions are in use.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use phi_engine::Engine;
use phi_ls::assistant::Assistant;
use phi_ls::models::Models;
use phi_ls::settings::Settings;
use phi_tests::client::Trigger::{self, Automatic, Invoked};
use phi_tests::client::{Client, Introduction, Wanted, program, range};
use phi_tests::until;
use serde_json::{Value, json};

const URI: &str = "file:///w/a.rs";
const TEXT: &str =
    "fn area(side: u32) -> u32 {\n    side * side\n}\n\nfn twice() -> u32 {\n    area(2) * 2\n}\n";
/// Behind `side: u32` of the definition.
const PARAMETER: [u32; 4] = [0, 17, 0, 17];

/// A model that adds an argument to each call of `area`, and reports each prompt.
fn adding() -> (Assistant, Receiver<String>) {
    let (tell, asked) = channel();
    let engine = Engine::scripted(move |prompt| {
        let _ = tell.send(prompt.to_owned());
        let item = prompt.rsplit("The item:").next().unwrap_or_default();
        let start = item.find("fn twice").unwrap_or(item.len());
        let end = item.find("\n```\n").unwrap_or(item.len());
        item.get(start..end).unwrap_or_default().replace("area(2)", "area(2, 2)")
    });
    (Assistant::new(engine, Settings::default()), asked)
}

async fn connect(assistant: Assistant, name: &'static str) -> Client {
    let mut client = Client::in_process(assistant);
    let capabilities = json!({"textDocument": {"inlineCompletion": {}}});
    client.introduce(Introduction { name: Some(name), capabilities, ..Introduction::default() }).await;
    client.open(URI, "rust", TEXT).await;
    client
}

/// The suggestion at a position: its range and its text.
async fn suggestion(
    client: &mut Client,
    line: u32,
    character: u32,
    trigger: Trigger,
) -> Option<(Value, String)> {
    let answer = client.suggestion(URI, [line, character], trigger).await;
    let item = answer["items"].get(0)?;
    Some((item["range"].clone(), item["insertText"].as_str()?.to_owned()))
}

#[tokio::test]
async fn the_model_rewrites_a_use_and_the_edit_is_offered_until_accepted() {
    let (assistant, asked) = adding();
    let mut client = connect(assistant, "Visual Studio Code").await;
    client.change(URI, 2, &[(PARAMETER, ", other: u32")]).await;
    let offered = suggestion(&mut client, 5, 4, Invoked).await;
    assert_eq!(offered, Some((range([5, 4, 5, 15]), "area(2, 2) * 2".to_owned())));
    let prompt = asked.recv().expect("the model got a prompt");
    assert!(prompt.contains("New declaration:\nfn area(side: u32, other: u32) -> u32\n"), "{prompt}");

    // It is offered wherever the cursor is before the difference; after the difference it could not be drawn.
    let offered = suggestion(&mut client, 5, 8, Automatic).await;
    assert_eq!(offered, Some((range([5, 8, 5, 15]), "(2, 2) * 2".to_owned())));
    assert_eq!(suggestion(&mut client, 5, 13, Automatic).await, None);
    // After it there is an ordinary completion.
    assert!(!asked.try_iter().any(|prompt| prompt.contains("The item:")), "the edit is not generated twice");

    client.change(URI, 3, &[([5, 4, 5, 15], "area(2, 2) * 2")]).await;
    assert_eq!(suggestion(&mut client, 5, 4, Automatic).await, None);
    client.shutdown().await;
}

#[tokio::test]
async fn a_next_edit_is_of_the_current_text() {
    let (assistant, asked) = adding();
    let mut client = connect(assistant, "Visual Studio Code").await;
    client.change(URI, 2, &[(PARAMETER, ", other: u32")]).await;
    assert!(suggestion(&mut client, 5, 4, Invoked).await.is_some());
    asked.recv().expect("the model got a prompt");
    // The definition is the original one again: there is no next edit, even if one was generated.
    client.change(URI, 3, &[([0, 17, 0, 29], "")]).await;
    assert_eq!(suggestion(&mut client, 5, 4, Automatic).await, None);
    // It has changed again, and the use has moved.
    client.change(URI, 4, &[(PARAMETER, ", other: u32"), ([3, 0, 3, 0], "\n")]).await;
    let offered = suggestion(&mut client, 6, 4, Automatic).await;
    assert_eq!(offered, Some((range([6, 4, 6, 15]), "area(2, 2) * 2".to_owned())));
    // The line has changed.
    client.change(URI, 5, &[([6, 9, 6, 10], "3")]).await;
    assert_eq!(suggestion(&mut client, 6, 4, Automatic).await, None);
    client.shutdown().await;
}

#[tokio::test]
async fn a_rename_needs_no_model_and_is_offered_where_the_client_can_draw_it() {
    for (name, to, drawn) in [
        ("Visual Studio Code", "surface", false),
        ("Visual Studio Code", "area_of", true),
        ("Neovim", "surface", true),
        // What is behind the new text would show.
        ("Neovim", "a", false),
    ] {
        let mut client = connect(Assistant::new(Models::default(), Settings::default()), name).await;
        client.change(URI, 2, &[([0, 3, 0, 7], to)]).await;
        let expected = drawn.then(|| (range([5, 4, 5, 15]), format!("{to}(2) * 2")));
        assert_eq!(suggestion(&mut client, 5, 4, Automatic).await, expected, "{to} in {name}");
        // As an action it is offered to all.
        let wanted = Wanted { only: &["quickfix"], trigger: Some(Invoked), ..Wanted::default() };
        let actions = client.code_actions(URI, [0; 4], wanted).await;
        assert_eq!(actions[0]["title"], format!("Update the next use of `{to}` (a.rs:6)"));
        client.reply("workspace/applyEdit", json!({"applied": true}));
        let command = actions[0]["command"].as_str().expect("a command");
        let id = client.begin(command, actions[0]["arguments"].clone()).await;
        let applied = client.notification("workspace/applyEdit").await;
        let new = &applied["edit"]["changes"][URI][0]["newText"];
        assert_eq!(*new, format!("    {to}(2) * 2\n"));
        client.change(URI, 3, &[([5, 0, 6, 0], new.as_str().expect("text"))]).await;
        assert_eq!(client.answer(id).await, Ok(Value::Null));
        client.shutdown().await;
    }
}

#[tokio::test]
async fn a_next_edit_is_prefetched_before_the_cursor_comes() {
    let machine = tempfile::tempdir().expect("a folder");
    let file = |name: &str| machine.path().join(name);
    let script = json!([{
        "when": ["The instruction: The declaration of `area` has changed"],
        "replace": [["area(2)", "area(2, 2)"]],
    }]);
    std::fs::write(file("script.json"), script.to_string()).expect("written");
    let mut command = program(env!("CARGO_BIN_EXE_phi-ls-scripted"));
    command.env("PHI_LS_SCRIPT", file("script.json")).env("PHI_LS_PROMPTS", file("prompts"));
    for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
        command.env(variable, machine.path());
    }
    let mut client = Client::spawn(&mut command);
    client.initialize(json!({"textDocument": {"inlineCompletion": {}}})).await;
    client.open(URI, "rust", TEXT).await;
    // Next edits are prefetched only after a request for ghost text.
    suggestion(&mut client, 3, 0, Automatic).await;
    client.change(URI, 2, &[(PARAMETER, ", other: u32")]).await;
    let prompts = file("prompts");
    wait_for_prompt(&prompts, "The declaration of `area` has changed").await;
    // An invoked request has no short deadline, so this holds on slow machines too.
    let offered = suggestion(&mut client, 5, 4, Invoked).await;
    assert_eq!(offered, Some((range([5, 4, 5, 15]), "area(2, 2) * 2".to_owned())));
    let prompts = std::fs::read_to_string(&prompts).expect("there were prompts");
    assert_eq!(prompts.matches("The declaration of `area` has changed").count(), 1, "{prompts}");
    client.shutdown().await;
}

/// Waits until a prompt contains `what`.
async fn wait_for_prompt(prompts: &Path, what: &str) {
    until(what, || std::fs::read_to_string(prompts).unwrap_or_default().contains(what)).await;
}

#[tokio::test]
async fn after_a_rename_the_next_use_is_the_first_code_action() {
    let (assistant, _asked) = adding();
    let mut client = connect(assistant, "Helix").await;
    client.change(URI, 2, &[([0, 3, 0, 7], "surface")]).await;
    let wanted = Wanted { trigger: Some(Invoked), ..Wanted::default() };
    let actions = client.code_actions(URI, [5, 4, 5, 4], wanted).await;
    let titles: Vec<_> = actions.iter().map(|action| &action["title"]).collect();
    assert!(titles.len() > 1, "{titles:?}");
    assert_eq!(titles[0], "Update the next use of `surface` (a.rs:6)", "{titles:?}");
    client.shutdown().await;
}

#[tokio::test]
async fn what_is_left_of_a_rename_without_edits_is_an_action_that_shows_it() {
    let text = TEXT.replace("fn twice()", "fn twice(surface: u32)");
    let mut client = Client::in_process(Assistant::new(Models::default(), Settings::default()));
    client.introduce(Introduction { name: Some("Helix"), ..Introduction::default() }).await;
    client.open(URI, "rust", &text).await;
    client.change(URI, 2, &[([0, 3, 0, 7], "surface")]).await;
    let wanted = Wanted { only: &["quickfix"], trigger: Some(Invoked), ..Wanted::default() };
    let actions = client.code_actions(URI, [0; 4], wanted).await;
    let place = "a.rs:6 the new name means something else there";
    assert_eq!(actions[0]["title"], format!("Show where `area` remains; 1 left: {place}"));
    let command = actions[0]["command"].as_str().expect("a command");
    let id = client.begin(command, actions[0]["arguments"].clone()).await;
    let shown = client.notification("window/showMessage").await;
    assert_eq!(shown["message"], format!("phi-ls: these still say `area` and are left to you: {place}"));
    assert_eq!(client.answer(id).await, Ok(Value::Null));
    client.shutdown().await;
}
