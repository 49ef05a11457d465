//! The body of a frame to a JSON-RPC message, or to the error that answers it.
//!
//! tower-lsp-server tells a response from a request by trying one after the other; a response that it cannot read
//! then counts as a request and gets answered. Here the members decide, and what is no message keeps its id.

use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};

/// One message of the client.
#[derive(Debug, PartialEq)]
pub enum Incoming {
    /// A request, or a notification where there is no id.
    Request(Request),
    /// The answer to a request of ours.
    Response(Response),
    /// No message: this is what the client is told.
    Invalid(Response),
}

#[derive(serde::Deserialize)]
struct Envelope {
    jsonrpc: Option<String>,
    #[serde(default, deserialize_with = "present")]
    id: Option<Value>,
    method: Option<String>,
    #[serde(default, deserialize_with = "present")]
    params: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    error: Option<Value>,
}

/// Tells `null` from nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads one body.
pub fn parse(body: &[u8]) -> Incoming {
    // serde would read a list as the members of the envelope in order.
    if body.trim_ascii_start().first() == Some(&b'[') && serde_json::from_slice::<IgnoredAny>(body).is_ok() {
        let message = "LSP has no batches: send one message at a time";
        return invalid(Id::Null, ErrorCode::InvalidRequest, message.into());
    }
    let envelope: Envelope = match serde_json::from_slice(body) {
        Ok(envelope) => envelope,
        Err(error) if error.is_data() => {
            let value: Value = serde_json::from_slice(body).unwrap_or_default();
            let id = value.get("id").and_then(id).unwrap_or_default();
            return invalid(id, ErrorCode::InvalidRequest, format!("not a JSON-RPC message: {error}"));
        }
        Err(error) => return invalid(Id::Null, ErrorCode::ParseError, format!("not JSON: {error}")),
    };
    let Envelope { jsonrpc, id: raw_id, method, params, result, error } = envelope;
    let id = match &raw_id {
        None => None,
        Some(raw) => match id(raw) {
            Some(id) => Some(id),
            None => {
                return invalid(
                    Id::Null,
                    ErrorCode::InvalidRequest,
                    "an id is a string or an integer".into(),
                );
            }
        },
    };
    if jsonrpc.as_deref() != Some("2.0") {
        let message = "the member `jsonrpc` must be \"2.0\"";
        return invalid(id.unwrap_or_default(), ErrorCode::InvalidRequest, message.into());
    }
    match (method, id, result, error) {
        (Some(method), id, _, _) => {
            let mut request = Request::build(method);
            if let Some(params) = params {
                request = request.params(params);
            }
            if let Some(id) = id {
                request = request.id(id);
            }
            Incoming::Request(request.finish())
        }
        (None, Some(id), _, Some(error)) if !error.is_null() => {
            Incoming::Response(Response::from_error(id, client_error(&error)))
        }
        (None, Some(id), Some(result), _) => Incoming::Response(Response::from_ok(id, result)),
        (None, id, ..) => {
            let message = "a message has a method, a result or an error";
            invalid(id.unwrap_or_default(), ErrorCode::InvalidRequest, message.into())
        }
    }
}

/// What a client is told of bytes that are no message.
pub fn invalid_frame(reason: &str) -> Incoming {
    invalid(Id::Null, ErrorCode::ParseError, reason.to_owned())
}

fn id(value: &Value) -> Option<Id> {
    match value {
        Value::Null => Some(Id::Null),
        Value::String(text) => Some(Id::String(text.clone())),
        Value::Number(number) => number.as_i64().map(Id::Number),
        _ => None,
    }
}

/// The error of a client's response, read leniently: what matters is that there is one.
fn client_error(error: &Value) -> Error {
    let code = error.get("code").and_then(Value::as_i64).unwrap_or(ErrorCode::InternalError.code());
    let message =
        error.get("message").and_then(Value::as_str).unwrap_or("the client sent an error").to_owned();
    Error { code: code.into(), message: message.into(), data: error.get("data").cloned() }
}

fn invalid(id: Id, code: ErrorCode, message: String) -> Incoming {
    Incoming::Invalid(Response::from_error(id, Error { code, message: message.into(), data: None }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(body: &str) -> (Id, i64) {
        match parse(body.as_bytes()) {
            Incoming::Invalid(response) => {
                let (id, result) = response.into_parts();
                (id, result.expect_err("an error").code.code())
            }
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn tells_requests_from_notifications_and_responses() {
        let request = Request::build("a").params(json!([1])).id(7).finish();
        assert_eq!(
            parse(br#"{"jsonrpc":"2.0","id":7,"method":"a","params":[1]}"#),
            Incoming::Request(request)
        );
        let notification = Request::build("a").params(Value::Null).finish();
        assert_eq!(
            parse(br#"{"jsonrpc":"2.0","method":"a","params":null}"#),
            Incoming::Request(notification)
        );
        let nothing = Response::from_ok("x".into(), Value::Null);
        assert_eq!(parse(br#"{"jsonrpc":"2.0","id":"x","result":null}"#), Incoming::Response(nothing));
        let failed = r#"{"jsonrpc":"2.0","id":1,"result":null,"error":{"code":-1,"message":"no","more":0}}"#;
        assert!(matches!(parse(failed.as_bytes()), Incoming::Response(response) if response.is_error()));
    }

    #[test]
    fn what_is_no_message_is_answered_under_its_id() {
        assert_eq!(error("{"), (Id::Null, -32700));
        assert_eq!(error(""), (Id::Null, -32700));
        assert_eq!(error("[]"), (Id::Null, -32600));
        assert_eq!(error(r#"["2.0",1,"exit",null,null,null]"#), (Id::Null, -32600));
        assert_eq!(error("3"), (Id::Null, -32600));
        assert_eq!(error(r#"{"jsonrpc":"2.0"}"#), (Id::Null, -32600));
        assert_eq!(error(r#"{"jsonrpc":"2.0","id":3}"#), (3.into(), -32600));
        assert_eq!(error(r#"{"jsonrpc":"2.0","id":3,"method":4}"#), (3.into(), -32600));
        assert_eq!(error(r#"{"jsonrpc":"1.0","id":3,"method":"a"}"#), (3.into(), -32600));
        assert_eq!(error(r#"{"id":3,"method":"a"}"#), (3.into(), -32600));
        assert_eq!(error(r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#), (Id::Null, -32600));
        let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{}"#, "[".repeat(100_000));
        assert_eq!(error(&deep), (Id::Null, -32700));
        assert_eq!(error(&"[".repeat(100_000)), (Id::Null, -32600));
        let Incoming::Invalid(_) = parse(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}") else {
            panic!("invalid UTF-8 is no JSON")
        };
    }
}
