//! The real program from start to exit, with clients that violate the protocol.

use phi_tests::client::{Client, Introduction, Trigger, framed, outcome, program};
use serde_json::{Value, json};

const NOT_INITIALIZED: i64 = -32002;
const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;

fn start() -> Client {
    let home = env!("CARGO_TARGET_TMPDIR");
    let mut command = program(env!("CARGO_BIN_EXE_phi-ls-under-test"));
    // The user's files are not read or written, and no model is searched for.
    command.env("PHI_LS_MODEL", "none").env("PHI_LS_LOG", "off");
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
        command.env(name, home);
    }
    Client::spawn(&mut command)
}

async fn initialized() -> Client {
    let mut client = start();
    client.initialize(json!({})).await;
    client
}

fn code(result: Result<Value, phi_tests::client::ResponseError>) -> i64 {
    result.expect_err("an error").code
}

#[tokio::test]
async fn initialize_and_shutdown() {
    let mut client = start();
    let process = Some(std::process::id());
    let result = client.introduce(Introduction { process, ..Introduction::default() }).await;
    assert_eq!(result["serverInfo"]["name"], "phi-ls");
    assert_eq!(result["capabilities"]["positionEncoding"], "utf-16");
    assert_eq!(result["capabilities"]["inlineCompletionProvider"], true);
    assert_eq!(result["capabilities"]["textDocumentSync"]["change"], 2);
    client.shutdown().await;
}

#[tokio::test]
async fn exit_without_shutdown_is_a_failure() {
    let mut client = initialized().await;
    client.notify("exit", Value::Null).await;
    assert_eq!(client.end().await, 1);
}

#[tokio::test]
async fn exit_may_come_first() {
    let mut client = start();
    client.notify("exit", Value::Null).await;
    assert_eq!(client.end().await, 1);
}

#[tokio::test]
async fn the_server_exits_when_its_input_ends() {
    let mut client = initialized().await;
    let id = client.request("phi-ls/status", Value::Null).await;
    client.close().await;
    assert!(client.answer(id).await.is_ok(), "earlier requests are answered");
    assert_eq!(client.end().await, 1);
}

#[tokio::test]
async fn the_server_exits_when_its_input_ends_inside_a_message() {
    let mut client = initialized().await;
    client.raw("Content-Length: 100\r\n\r\n{").await;
    client.close().await;
    assert_eq!(client.end().await, 1);
}

/// The input stays open: another process has inherited it.
#[cfg(unix)]
#[tokio::test]
async fn the_server_exits_with_its_parent_process() {
    let mut editor = tokio::process::Command::new("sleep")
        .arg("600")
        .stdin(std::process::Stdio::null())
        .spawn()
        .expect("sleep");
    let mut client = start();
    let params = json!({"processId": editor.id(), "capabilities": {}});
    client.result("initialize", params).await.expect("accepted");
    editor.kill().await.expect("it runs");
    assert_eq!(client.end().await, 1);
}

/// Other systems do not watch the parent process.
#[cfg(unix)]
#[tokio::test]
async fn a_parent_process_of_another_namespace_is_ignored() {
    let mut gone = tokio::process::Command::new("true").spawn().expect("true");
    let pid = gone.id();
    gone.wait().await.expect("it ends");
    let mut client = start();
    client.introduce(Introduction { process: pid, ..Introduction::default() }).await;
    assert!(client.result("phi-ls/status", Value::Null).await.is_ok());
    client.shutdown().await;
}

#[tokio::test]
async fn only_initialize_may_come_first() {
    let mut client = start();
    for method in ["shutdown", "textDocument/inlineCompletion", "phi-ls/status", "no/such", "$/no"] {
        assert_eq!(code(client.result(method, json!({})).await), NOT_INITIALIZED, "{method}");
    }
    client.open("file:///a.rs", "rust", "").await;
    assert_eq!(code(client.result("initialize", json!([])).await), INVALID_PARAMS);
    client.initialize(json!({})).await;
    assert_eq!(code(client.result("initialize", json!({"capabilities": {}})).await), INVALID_REQUEST);
    client.shutdown().await;
}

#[tokio::test]
async fn only_exit_may_come_last() {
    let mut client = initialized().await;
    // Emacs sends an empty object.
    assert_eq!(client.result("shutdown", json!({})).await, Ok(Value::Null));
    for method in ["shutdown", "initialize", "textDocument/inlineCompletion", "phi-ls/status", "no/such"] {
        assert_eq!(code(client.result(method, json!({})).await), INVALID_REQUEST, "{method}");
    }
    client.notify("exit", Value::Null).await;
    assert_eq!(client.end().await, 0);
}

#[tokio::test]
async fn methods_that_do_not_exist() {
    let mut client = initialized().await;
    for method in ["", "no/such", "$/no", "textDocument/didNothing", "textDocument/hover"] {
        let params = json!({"textDocument": {"uri": "file:///a"}, "position": {"line": 0, "character": 0}});
        assert_eq!(code(client.result(method, params).await), METHOD_NOT_FOUND, "{method}");
    }
    for method in ["", "no/such", "$/no", "textDocument/didNothing", "$/setTrace"] {
        client.notify(method, json!({"a": 1})).await;
    }
    client.shutdown().await;
}

#[tokio::test]
async fn a_notification_sent_as_a_request_is_answered() {
    let mut client = initialized().await;
    for method in ["initialized", "textDocument/didOpen", "textDocument/didChange", "$/cancelRequest"] {
        assert_eq!(code(client.result(method, json!({})).await), INVALID_REQUEST, "{method}");
    }
    client.shutdown().await;
}

#[tokio::test]
async fn parameters_that_are_null_absent_or_nonsense() {
    let mut client = initialized().await;
    for method in ["textDocument/inlineCompletion", "textDocument/completion", "workspace/executeCommand"] {
        for params in [Value::Null, json!([]), json!({}), json!(7), json!({"textDocument": {"uri": "::"}})] {
            assert_eq!(code(client.result(method, params).await), INVALID_PARAMS, "{method}");
        }
        client.send(json!({"jsonrpc": "2.0", "id": method, "method": method})).await;
        assert_eq!(code(client.answer(method).await), INVALID_PARAMS, "{method} without parameters");
    }
    for method in
        ["textDocument/didOpen", "textDocument/didChange", "textDocument/didClose", "$/cancelRequest"]
    {
        client.notify(method, Value::Null).await;
        client.notify(method, json!({"textDocument": {}})).await;
        client.send(json!({"jsonrpc": "2.0", "method": method})).await;
    }
    client.shutdown().await;
}

#[tokio::test]
async fn commands() {
    let mut client = initialized().await;
    // At the start the server searches for models.
    while client.notification("phi-ls/status").await["state"] != "ngram" {}
    let mut run = async |command: &str, arguments: Value| client.execute(command, arguments).await;
    // Helix sends no arguments.
    assert_eq!(run("phi-ls.accepted", json!([])).await, Ok(Value::Null));
    assert_eq!(run("phi-ls.accepted", json!(["file:///not/open.rs"])).await, Ok(Value::Null));
    assert_eq!(run("phi-ls.accepted", json!([{"no": "uri"}])).await, Ok(Value::Null));
    assert_eq!(run("phi-ls.status", json!([])).await.expect("a status")["state"], "ngram");
    let unknown = run("phi-ls.nothing", json!([])).await.expect_err("no such command");
    assert_eq!(unknown.code, INVALID_PARAMS);
    assert!(unknown.message.contains("phi-ls.status"), "names what there is: {}", unknown.message);
    client.shutdown().await;
}

#[tokio::test]
async fn invalid_messages_are_answered_and_skipped() {
    let status = r#"{"jsonrpc":"2.0","id":"after","method":"phi-ls/status"}"#;
    let broken: [(&[u8], i64); 11] = [
        (b"Content-Length: 9\r\n\r\n{\"jsonrpc", PARSE_ERROR),
        (b"Content-Length: 0\r\n\r\n", PARSE_ERROR),
        (b"Content-Length: 2\r\n\r\n\xff\xfe", PARSE_ERROR),
        (b"Content-Length: 2\r\n\r\n[]", INVALID_REQUEST),
        (b"Content-Length: 40\r\n\r\n{\"jsonrpc\":\"2.0\"}", INVALID_REQUEST),
        (b"Content-Length: 5\r\n\r\n{\"jsonrpc\":\"2.0\"}", PARSE_ERROR),
        (b"Content-Length: -7\r\n\r\n{}", PARSE_ERROR),
        (b"Content-Length: 99999999999999999999\r\n\r\n{}", PARSE_ERROR),
        (b"Content-Length: 1000000000000\r\n\r\n{}", PARSE_ERROR),
        (b"Content-Type: text/plain\r\n\r\n{}", PARSE_ERROR),
        (b"noise", PARSE_ERROR),
    ];
    for (bytes, expected) in broken {
        let mut client = initialized().await;
        client.raw(bytes).await;
        client.raw(framed(status)).await;
        let text = String::from_utf8_lossy(bytes);
        assert!(client.answer("after").await.is_ok(), "goes on behind {text:?}");
        assert_eq!(code(client.answer(Value::Null).await), expected, "{text:?}");
        client.shutdown().await;
    }
}

#[tokio::test]
async fn ids_of_all_kinds_and_the_same_one_twice() {
    let mut client = initialized().await;
    for id in [json!("a"), json!(-1), json!(i64::MAX), json!(0)] {
        client.send(json!({"jsonrpc": "2.0", "id": id, "method": "phi-ls/status"})).await;
        assert!(client.answer(id).await.is_ok());
    }
    for _ in 0..2 {
        client.send(json!({"jsonrpc": "2.0", "id": 7, "method": "phi-ls/status"})).await;
    }
    // The second is refused while the first is being answered, and answered if the first is finished.
    let answers = [client.answer(7).await, client.answer(7).await];
    assert!(answers.iter().any(Result::is_ok), "{answers:?}");
    client.shutdown().await;
}

#[tokio::test]
async fn unexpected_responses_are_ignored() {
    let mut client = initialized().await;
    for message in [
        json!({"jsonrpc": "2.0", "id": 12345, "result": null}),
        json!({"jsonrpc": "2.0", "id": null, "result": {}}),
        json!({"jsonrpc": "2.0", "id": 12345, "error": {"code": 1, "message": "no", "unknown": true}}),
        json!({"jsonrpc": "2.0", "id": 12345, "error": "no"}),
    ] {
        client.send(message).await;
    }
    let rest = client.shutdown().await;
    assert!(rest.iter().all(|message| outcome(message).is_ok()), "{rest:?}");
}

#[tokio::test]
async fn an_invalid_folder_uri_is_skipped_with_a_message() {
    let mut client = start();
    let folders = json!([
        {"uri": "::", "name": "a"},
        {"uri": "file:///no such/[folder]", "name": "b"},
        {"uri": null, "name": "c"},
    ]);
    let params = json!({"rootUri": "no uri", "workspaceFolders": folders, "capabilities": {}});
    client.result("initialize", params).await.expect("accepted");
    client.notify("initialized", json!({})).await;
    let message = client.notification("window/showMessage").await["message"].to_string();
    assert!(message.contains("no uri") && message.contains("::") && message.contains("null"), "{message}");
    assert!(!message.contains("folder]"), "{message}");
    client.shutdown().await;
}

/// Some clients do not wait for the result of `initialize`.
#[tokio::test]
async fn messages_sent_with_initialize_are_handled_after_it() {
    let mut client = start();
    client.hold();
    let initialize = client.request("initialize", json!({"capabilities": {}})).await;
    client.notify("initialized", json!({})).await;
    client.open("file:///a.rs", "rust", "fn main() {}\n").await;
    let status = client.request("phi-ls/status", Value::Null).await;
    client.release().await;
    client.answer(initialize).await.expect("accepted");
    client.answer(status).await.expect("a status");
    client.shutdown().await;
}

#[tokio::test]
async fn messages_with_too_many_values_are_refused_and_large_texts_are_read() {
    let mut client = initialized().await;
    for many in ["[{}", "[{\"a\":0}", "[[]"] {
        let list = many.to_owned() + &format!(",{}", &many[1..]).repeat(2_500_000) + "]";
        let body = format!(r#"{{"jsonrpc":"2.0","id":"many","method":"no/such","params":{list}}}"#);
        client.raw(framed(&body)).await;
        assert_eq!(code(client.answer("many").await), INVALID_REQUEST, "{many}");
        client.raw(framed(&list)).await;
        assert_eq!(code(client.answer(Value::Null).await), INVALID_REQUEST, "{many}");
    }
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string(format!("/proc/{}/status", client.pid().expect("it runs")));
        let status = status.expect("Linux");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        let peak: usize = peak.and_then(|peak| peak.trim().parse().ok()).expect("a number");
        // The longest of these messages has 20 MB; as a tree it would take 2 GB.
        assert!(peak < 250 << 10, "{peak} kB at the most");
    }
    client.open("file:///large.txt", "plaintext", &"let x = 1; // \u{e9}\n".repeat(2_900_000)).await;
    client.change("file:///large.txt", 2, &[([2_899_999, 0, 2_899_999, 3], "LET")]).await;
    client.status().await;
    let said = client.shutdown().await;
    assert!(said.iter().all(|message| message["method"] != "window/showMessage"), "it was read");
}

#[tokio::test]
async fn requests_for_documents_that_are_not_open() {
    let mut client = initialized().await;
    let uri = "untitled:Untitled-1";
    assert_eq!(client.suggestion(uri, [3, 4], Trigger::Automatic).await, json!({"items": []}));
    assert_eq!(client.menu(uri, 3, 4).await, Value::Null);
    client.change(uri, 2, &[([0, 0, 0, 0], "x")]).await;
    client.close_document("untitled:Untitled-1").await;
    client.shutdown().await;
}

/// Invariant 9. Pairs of unnamed local sockets are how a runtime wakes itself.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn opens_no_socket() {
    let mut client = initialized().await;
    client.open("file:///a.rs", "rust", "fn main() {\n    \n}\n").await;
    let id = client.invoke("file:///a.rs", 1, 4).await;
    client.answer(id).await.expect("answered");

    let process = format!("/proc/{}", client.pid().expect("it runs"));
    let unix = std::fs::read_to_string(format!("{process}/net/unix")).expect("Linux");
    // Num RefCount Protocol Flags Type St Inode [Path]
    let unnamed: Vec<_> = unix
        .lines()
        .filter_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [_, _, _, _, _, _, inode] => Some(format!("socket:[{inode}]")),
            _ => None,
        })
        .collect();
    let sockets: Vec<_> = std::fs::read_dir(format!("{process}/fd"))
        .expect("Linux")
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.to_string_lossy().into_owned())
        .filter(|target| target.starts_with("socket:") && !unnamed.contains(target))
        .collect();
    assert!(sockets.is_empty(), "{sockets:?}");
    client.shutdown().await;
}
