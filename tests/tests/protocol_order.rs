//! Order, superseding, cancelling: under load, every request gets one answer, for the text that it was sent for.

use std::collections::HashMap;

use phi_engine::Engine;
use phi_ls::assistant::Assistant;
use phi_ls::settings::Settings;
use phi_tests::client::{Client, ghost_text, outcome};
use serde_json::{Value, json};

const CANCELLED: i64 = -32800;
const METHOD_NOT_FOUND: i64 = -32601;

/// An engine that waits for the test's signal before each answer.
fn held(answer: impl Fn(&str) -> String + Send + 'static) -> (Assistant, std::sync::mpsc::Sender<()>) {
    let (go, wait) = std::sync::mpsc::channel();
    let engine = Engine::scripted(move |prompt| {
        // An error: the test is over, or every answer may be given.
        let _ = wait.recv();
        answer(prompt)
    });
    (Assistant::new(engine, Settings::default()), go)
}

/// The version that the text around the cursor names.
fn version_in(prompt: &str) -> String {
    let number = prompt.rsplit("version ").next().unwrap_or_default();
    number.chars().take_while(char::is_ascii_digit).collect()
}

fn numbered(version: i32) -> String {
    format!("    // version {version}\n    let n = ")
}

async fn type_version(client: &mut Client, uri: &str, version: i32) -> i64 {
    change_version(client, uri, version).await;
    client.invoke(uri, 2, 12).await
}

async fn change_version(client: &mut Client, uri: &str, version: i32) {
    let number = version.to_string();
    let old_len = (version - 1).to_string().len() as u32;
    client.change(uri, version, &[([1, 15, 1, 15 + old_len], &number)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_is_for_the_text_of_its_request() {
    let (assistant, go) = held(|prompt| format!("{};", version_in(prompt)));
    let mut client = Client::in_process(assistant);
    client.initialize(json!({})).await;

    // Many slow requests, for other documents.
    let mut slow = Vec::new();
    for number in 0..100 {
        let uri = format!("file:///w/slow{number}.rs");
        client.open(&uri, "rust", &format!("fn f() {{\n{}\n}}\n", numbered(number))).await;
        slow.push(client.invoke(&uri, 2, 12).await);
    }

    // Then 500 changes, each followed by a request.
    let uri = "file:///w/a.rs";
    client.open(uri, "rust", &format!("fn f() {{\n{}\n}}\n", numbered(1))).await;
    let mut sent = Vec::new();
    for version in 2..=501 {
        sent.push(type_version(&mut client, uri, version).await);
    }
    let last = sent.pop().expect("there are 500");
    for id in sent {
        // At once: the engine has not answered yet.
        assert_eq!(client.answer(id).await.expect_err("superseded").code, CANCELLED);
    }

    drop(go);
    for (number, id) in slow.into_iter().enumerate() {
        let answer = client.answer(id).await.expect("answered");
        assert_eq!(ghost_text(&answer), Some(format!("{number};").as_str()));
    }
    let answer = client.answer(last).await.expect("answered");
    assert_eq!(ghost_text(&answer), Some("501;"));

    // Each request is sent between two changes: it never gets an answer for the later text.
    for version in (502..=700).step_by(2) {
        client.hold();
        let id = type_version(&mut client, uri, version).await;
        change_version(&mut client, uri, version + 1).await;
        client.release().await;
        match client.answer(id).await {
            Ok(answer) => assert_eq!(ghost_text(&answer), Some(format!("{version};").as_str())),
            Err(error) => assert_eq!(error.code, CANCELLED),
        }
    }
    client.shutdown().await;
}

#[tokio::test]
async fn a_newer_request_supersedes_the_older_one() {
    let (assistant, go) = held(|_| "1;".to_owned());
    let mut client = Client::in_process(assistant);
    client.initialize(json!({})).await;
    let uri = "file:///w/a.rs";
    client.open(uri, "rust", "fn f() {\n    let a = \n    let b = \n}\n").await;
    let older = client.invoke(uri, 1, 12).await;
    let newer = client.invoke(uri, 2, 12).await;
    assert_eq!(client.answer(older).await.expect_err("superseded").code, CANCELLED);
    drop(go);
    assert_eq!(ghost_text(&client.answer(newer).await.expect("answered")), Some("1;"));
    client.shutdown().await;
}

#[tokio::test]
async fn a_cancelled_request_is_answered_at_once() {
    let (assistant, go) = held(|_| "1;".to_owned());
    let mut client = Client::in_process(assistant);
    client.initialize(json!({})).await;
    client.open("file:///w/a.rs", "rust", "fn f() {\n    let a = \n}\n").await;
    let id = client.invoke("file:///w/a.rs", 1, 12).await;
    client.cancel(id).await;
    assert_eq!(client.answer(id).await.expect_err("cancelled").code, CANCELLED);
    // Cancels finished requests, unknown ids and invalid ids.
    for id in [json!(id), json!(4711), json!("x"), json!(null), json!({})] {
        client.cancel(id).await;
    }
    drop(go);
    client.shutdown().await;
}

/// A handler that waits (for a slow disk, for a long search) delays no other document. Here all handlers that read the index wait,
/// because the test holds its lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_handler_delays_no_other_document() {
    let engine = Engine::scripted(|_| "1;".to_owned());
    let assistant = Assistant::new(engine, Settings::default());
    let mut client = Client::in_process(assistant.clone());
    client.initialize(json!({})).await;
    let (slow, quick) = ("file:///w/slow.rs", "file:///w/quick.rs");
    client.open(slow, "rust", "fn f() {\n    let a = \n}\n").await;
    client.open(quick, "rust", "fn g() {\n    let b = \n}\n").await;

    let (held, is_held) = std::sync::mpsc::channel();
    let (release, is_released) = std::sync::mpsc::channel::<()>();
    let holder = std::thread::spawn({
        let assistant = assistant.clone();
        move || {
            let _index = assistant.workspace.repository.index_mut();
            held.send(()).expect("the test waits");
            // An error: the test is over.
            let _ = is_released.recv();
        }
    });
    is_held.recv().expect("the index is held");

    // More of them than there are threads to answer.
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let place = json!([slow, {"line": 1, "character": 12}]);
        waiting.push(client.begin("phi-ls.context", place).await);
        waiting.push(client.begin("phi-ls.index", json!([])).await);
        let plan = json!([{"plan": {"instruction": "rename f"}}]);
        waiting.push(client.begin("phi-ls.refactor", plan).await);
    }
    let cancelled = waiting.pop().expect("there are some");

    client.change(quick, 2, &[([1, 12, 1, 12], "my_")]).await;
    client.status().await;
    let id = phi_ls::documents::DocumentId(quick.into());
    let text = assistant.workspace.documents.get(&id).expect("it is open").text.to_string();
    assert_eq!(text, "fn g() {\n    let b = my_\n}\n");
    client.cancel(cancelled).await;
    assert_eq!(client.answer(cancelled).await.expect_err("cancelled").code, CANCELLED);

    release.send(()).expect("the holder waits");
    holder.join().expect("it does not panic");
    for id in waiting {
        let _ = client.answer(id).await;
    }
    client.shutdown().await;
}

/// Two workspace folders that come one after the other are both there, although they are set beside the loop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_are_handled_in_their_order() {
    let assistant = Assistant::new(Engine::scripted(|_| String::new()), Settings::default());
    let mut client = Client::in_process(assistant.clone());
    client.initialize(json!({})).await;
    let changed = |added: Value, removed: Value| json!({"event": {"added": added, "removed": removed}});
    let folder = |number: usize| json!([{"uri": format!("file:///w/[{number}]"), "name": "w"}]);
    client.hold();
    for number in 0..20 {
        client.notify("workspace/didChangeWorkspaceFolders", changed(folder(number), json!([]))).await;
    }
    for number in (0..20).filter(|number| number % 2 == 0) {
        client.notify("workspace/didChangeWorkspaceFolders", changed(json!([]), folder(number))).await;
    }
    client.release().await;
    let expected: Vec<_> =
        (0..20).filter(|number| number % 2 == 1).map(|number| format!("/w/[{number}]").into()).collect();
    let roots = || assistant.workspace.repository.rules().roots().to_vec();
    let all: Vec<std::path::PathBuf> = expected;
    while roots() != all {
        client.status().await;
    }
    client.shutdown().await;
}

#[tokio::test]
async fn exit_does_not_wait_for_the_model() {
    let (assistant, go) = held(|_| "1;".to_owned());
    let mut client = Client::in_process(assistant);
    client.initialize(json!({})).await;
    client.open("file:///w/a.rs", "rust", "fn f() {\n    let a = \n}\n").await;
    let id = client.invoke("file:///w/a.rs", 1, 12).await;
    client.notify("exit", Value::Null).await;
    assert_eq!(client.answer(id).await.expect_err("cancelled").code, CANCELLED);
    assert_eq!(client.end().await, 1);
    drop(go);
}

/// A small generator of numbers: the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_gets_one_answer_whatever_is_cancelled() {
    for seed in 1..=8u64 {
        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15 ^ seed);
        let engine = Engine::scripted(|prompt| format!("{};", prompt.len()));
        let mut client = Client::in_process(Assistant::new(engine, Settings::default()));
        client.initialize(json!({})).await;
        let uris: Vec<_> = (0..3).map(|number| format!("file:///w/{number}.rs")).collect();
        for uri in &uris {
            client.open(uri, "rust", "fn f() {\n    let a = \n}\n").await;
        }
        let (mut sent, mut version) = (Vec::new(), 1);
        for _ in 0..400 {
            let uri = &uris[numbers.below(3) as usize];
            let at = json!({
                "textDocument": {"uri": uri},
                "position": {"line": 1, "character": numbers.below(14)},
                "context": {"triggerKind": 1 + numbers.below(2)},
            });
            match numbers.below(8) {
                0 => {
                    version += 1;
                    client.change(uri, version, &[([1, 12, 1, 12], "x")]).await;
                }
                1 | 2 => sent.push(client.request("textDocument/inlineCompletion", at).await),
                3 => sent.push(client.request("textDocument/completion", at).await),
                4 => sent.push(client.request("phi-ls/status", Value::Null).await),
                5 => sent.push(client.request("no/such", at).await),
                _ => {
                    let id = sent.get(numbers.below(sent.len().max(1) as u64) as usize);
                    client.cancel(json!(id)).await;
                }
            }
        }
        // A request that is not answered by now will never be.
        for &id in &sent {
            if let Err(error) = client.answer(id).await {
                assert!([CANCELLED, METHOD_NOT_FOUND].contains(&error.code), "{error:?}");
            }
        }
        let mut again: HashMap<i64, Vec<_>> = HashMap::new();
        for message in client.shutdown().await {
            if let (None, Some(id)) = (message.get("method"), message["id"].as_i64()) {
                again.entry(id).or_default().push(outcome(&message));
            }
        }
        assert!(again.is_empty(), "answered twice: {again:?}");
    }
}
