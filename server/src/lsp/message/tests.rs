//! Valid and invalid messages, and which documents an invalid one makes stale.

use serde_json::json;

use super::*;

fn error(body: &str) -> (Id, i64) {
    match parse(&Text::of(body.as_bytes())) {
        Incoming::Invalid(invalid) => {
            let (id, result) = invalid.response.into_parts();
            (id, result.expect_err("an error").code.code())
        }
        other => panic!("{body}: {other:?}"),
    }
}

fn request(body: &[u8]) -> Request {
    match parse(&Text::of(body)) {
        Incoming::Request(request) => request,
        other => panic!("{}: {other:?}", String::from_utf8_lossy(body)),
    }
}

fn response(body: &str) -> Response {
    match parse(&Text::of(body.as_bytes())) {
        Incoming::Response(response) => response,
        other => panic!("{body}: {other:?}"),
    }
}

fn stale(body: &str) -> Stale {
    match parse(&Text::of(body.as_bytes())) {
        Incoming::Invalid(invalid) => invalid.stale,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn tells_requests_from_notifications_and_responses() {
    let asked = Request::build("a").params(json!([1])).id(7).finish();
    assert_eq!(request(br#"{"jsonrpc":"2.0","id":7,"method":"a","params":[1]}"#), asked);
    let told = Request::build("a").params(Value::Null).finish();
    assert_eq!(request(br#"{"jsonrpc":"2.0","method":"a","params":null}"#), told);
    let nothing = Response::from_ok("x".into(), Value::Null);
    assert_eq!(response(r#"{"jsonrpc":"2.0","id":"x","result":null}"#), nothing);
    assert_eq!(response(r#"{"jsonrpc":"2.0","id":"x"}"#), nothing, "a result that is left out");
    assert_eq!(response(r#"{"jsonrpc":"2.0","id":"x","error":null}"#), nothing);
    let failed = r#"{"jsonrpc":"2.0","id":1,"result":null,"error":{"code":-1,"message":"no","more":0}}"#;
    assert!(response(failed).is_error());
}

#[test]
fn an_invalid_message_is_answered_with_its_id() {
    assert_eq!(error("{"), (Id::Null, -32700));
    assert_eq!(error(""), (Id::Null, -32700));
    assert_eq!(error("[]"), (Id::Null, -32600));
    assert_eq!(error(r#"["2.0",1,"exit",null,null,null]"#), (Id::Null, -32600));
    assert_eq!(error("3"), (Id::Null, -32600));
    assert_eq!(error(r#"{"jsonrpc":"2.0"}"#), (Id::Null, -32600));
    assert_eq!(error(r#"{"jsonrpc":"2.0","id":3,"method":4}"#), (3.into(), -32600));
    assert_eq!(error(r#"{"jsonrpc":"1.0","id":3,"method":"a"}"#), (3.into(), -32600));
    assert_eq!(error(r#"{"id":3,"method":"a"}"#), (3.into(), -32600));
    assert_eq!(error(r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#), (Id::Null, -32600));
    let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{}"#, "[".repeat(100_000));
    assert_eq!(error(&deep), (Id::Null, -32700));
    assert_eq!(error(&"[".repeat(100_000)), (Id::Null, -32600));
}

#[test]
fn invalid_text_is_replaced_unit_by_unit() {
    let text = |body: &[u8]| match parse(&Text::of(body)) {
        Incoming::Document(Notification { params, is_lossy, .. }) => {
            (serde_json::from_str::<String>(params).expect("a string"), is_lossy)
        }
        other => panic!("{other:?}"),
    };
    let check = |params: &[u8], expected: &str, is_lossy: bool| {
        let body =
            [br#"{"jsonrpc":"2.0","method":"textDocument/didSave","params":""#, params, b"\"}"].concat();
        assert_eq!(text(&body), (expected.to_owned(), is_lossy), "{}", String::from_utf8_lossy(params));
    };
    check(b"a\\ud83d\\ude00b", "a\u{1f600}b", false);
    check(b"a\\ud83db", "a\u{fffd}b", true);
    check(b"\\ude00\\ud83d", "\u{fffd}\u{fffd}", true);
    check(b"\\uD83D\\uD83D\\uDE00", "\u{fffd}\u{1f600}", true);
    check(b"\\\\ud83d", "\\ud83d", false);
    check(b"\\\\\\ud83d", "\\\u{fffd}", true);
    check(b"caf\xe9", "caf\u{fffd}", true);
    check(b"\xe2\x82", "\u{fffd}\u{fffd}", true);
    check("\u{e9}".as_bytes(), "\u{e9}", false);
}

#[test]
fn an_unreadable_message_may_have_been_a_change() {
    let document = |uri: &str| Stale::Document(uri.to_owned());
    let change =
        r#"{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"file:///[a]""#;
    assert_eq!(stale(change), document("file:///[a]"));
    assert_eq!(stale(&change.replace("/did", r"\/did")), document("file:///[a]"), "an escaped slash");
    assert_eq!(stale(&change.replace("file", "\x01file")), Stale::All, "a URI that cannot be read");
    assert_eq!(stale(&change[..60]), Stale::All);
    assert_eq!(stale(&change[..40]), Stale::All, "inside the method");
    assert_eq!(stale(&change[..20]), Stale::All);
    let text = r#"{"params":{"contentChanges":[{"text":"\"method\":\"x\"}"}]"#;
    assert_eq!(stale(text), Stale::All, "a string in a text is not a member");
    let params = r#"{"params":{"textDocument":{"uri":"file:///a"}},"method":"textDocument/didChange","#;
    assert_eq!(stale(params), document("file:///a"));
    assert_eq!(stale(&(change.replace("2.0", "1.0") + "}}}")), document("file:///[a]"));
    for other in [
        "",
        " \n",
        "3",
        "[]",
        "{}",
        r#"{"jsonrpc":"2.0","id":1,"method":"textDocument/hover""#,
        r#"{"jsonrpc":"2.0","id":1,"result":[1,"#,
        r#"{"jsonrpc":"2.0","id":3,"method":4}"#,
    ] {
        assert_eq!(stale(other), Stale::Nothing, "{other}");
    }
}

#[test]
fn a_json_tree_much_larger_than_its_bytes_is_refused() {
    let body = |params: String| format!(r#"{{"jsonrpc":"2.0","id":3,"method":"a","params":[{params}]}}"#);
    for many in ["{}", "[]", "0", r#"{"a":1}"#, "[[[0]]]"] {
        let params = format!("{}{many}", format!("{many},").repeat(3_000_000));
        assert_eq!(error(&body(params)), (3.into(), -32600), "{many}");
    }
    assert_eq!(error(&format!("[{}{{}}]", "{},".repeat(3_000_000))), (Id::Null, -32600));
    let text = format!("\"{}\"", "x\\n".repeat(3_000_000));
    request(body(text).as_bytes());
    let few = format!("{}0", r#"{"a":1},"#.repeat(50_000));
    request(body(few).as_bytes());
    let answer = format!(r#"{{"jsonrpc":"2.0","id":3,"result":[{}0]}}"#, "0,".repeat(3_000_000));
    assert!(response(&answer).is_error());
}
