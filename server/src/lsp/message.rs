//! Parses the body of a frame to a JSON-RPC message, or to an error response.
//!
//! tower-lsp-server tries to parse a request and a response in turn, so an unreadable response counts as a request and is
//! answered. Here, the members decide, and the error response to an invalid message has its id.
//!
//! Parameters and results become value trees only up to a memory limit: a few bytes such as `{"a":1}` take hundreds as a
//! tree. Document text is read directly from the bytes ([`super::sync`]).
//!
//! An unreadable message may have been a document change ([`Invalid::stale`]). The server's text then differs from the
//! editor's, and later messages do not show it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};

use super::framing::MAX_BODY;

/// Maximum size of a message's value tree in bytes, without text.
const MAX_TREE: usize = 64 << 20;

/// One message of the client.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// A request, or a notification if it has no id.
    Request(Request),
    /// A document notification, not parsed yet.
    Document(Notification<'a>),
    /// The answer to a request of the server.
    Response(Response),
    /// Not a message.
    Invalid(Invalid),
}

/// `textDocument/did*`.
#[derive(Debug)]
pub struct Notification<'a> {
    /// The full method name.
    pub method: String,
    /// The parameters, as JSON.
    pub params: &'a str,
    /// Whether characters were replaced; see [`Text`].
    pub is_lossy: bool,
}

/// Bytes that are not a message.
#[derive(Debug)]
pub struct Invalid {
    /// The error for the client.
    pub response: Response,
    /// The documents that it makes stale.
    pub stale: Stale,
}

/// Whether this is a document notification.
pub fn is_sync(method: &str) -> bool {
    method.starts_with("textDocument/did")
}

/// Which documents an unreadable message may have changed; they are stale from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stale {
    /// None: the message does not change documents.
    Nothing,
    /// The document with this URI, spelled as the client does.
    Document(String),
    /// All of them: the message names no document.
    All,
}

/// The text of a body.
///
/// Clients with UTF-16 strings may send half of a surrogate pair (escaped); clients with byte strings may send invalid UTF-8.
/// Both count as one unit in UTF-16 and UTF-32 for that client, and become U+FFFD, which is one unit too.
#[derive(Debug)]
pub struct Text<'a> {
    text: Cow<'a, str>,
    is_lossy: bool,
}

impl<'a> Text<'a> {
    /// Reads a body.
    pub fn of(body: &'a [u8]) -> Text<'a> {
        let valid = match std::str::from_utf8(body) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(bytewise(body)),
        };
        let whole = without_half_surrogates(&valid);
        let is_lossy = whole.is_some() || matches!(valid, Cow::Owned(_));
        Text { text: whole.map_or(valid, Cow::Owned), is_lossy }
    }
}

/// Replaces each invalid byte, because a client counts each of them.
fn bytewise(body: &[u8]) -> String {
    let mut text = String::with_capacity(body.len());
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// Replaces each escaped half of a pair with `\ufffd`; `None` if there is none.
fn without_half_surrogates(text: &str) -> Option<String> {
    let unit = |at: usize| -> Option<u16> {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
    };
    let mut whole: Option<String> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(next) = text[at..].find('\\').map(|next| next + at) {
        at = match unit(next) {
            Some(0xD800..0xDC00) if matches!(unit(next + 6), Some(0xDC00..0xE000)) => next + 12,
            Some(0xD800..0xE000) => {
                let whole = whole.get_or_insert_default();
                whole.push_str(&text[copied..next]);
                whole.push_str("\\ufffd");
                copied = next + 6;
                copied
            }
            Some(_) => next + 6,
            // The escaped character, which may be a backslash.
            None => text[next + 1..].chars().next().map_or(text.len(), |char| next + 1 + char.len_utf8()),
        };
    }
    let mut whole = whole?;
    whole.push_str(&text[copied..]);
    Some(whole)
}

#[derive(serde::Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

/// Distinguishes `null` from a missing member.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads one body.
pub fn parse<'a>(body: &'a Text) -> Incoming<'a> {
    let text: &'a str = &body.text;
    // serde would read an array as the members of the envelope in order.
    if text.trim_ascii_start().starts_with('[') && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        let message = "LSP has no batches: send one message at a time";
        return invalid(Id::Null, ErrorCode::InvalidRequest, message, Stale::in_text(text));
    }
    let envelope: Envelope = match serde_json::from_str(text) {
        Ok(envelope) => envelope,
        Err(error) if error.is_data() => {
            let members: Members = serde_json::from_str(text).unwrap_or_default();
            let id = members.id.and_then(id).unwrap_or_default();
            let message = format!("not a JSON-RPC message: {error}");
            return invalid(id, ErrorCode::InvalidRequest, message, Stale::in_text(text));
        }
        Err(error) => {
            return invalid(
                Id::Null,
                ErrorCode::ParseError,
                format!("not JSON: {error}"),
                Stale::in_text(text),
            );
        }
    };
    let Envelope { jsonrpc, id: raw_id, method, params, result, error } = envelope;
    let id = match raw_id {
        None => None,
        Some(raw) => match id(raw) {
            Some(id) => Some(id),
            None => {
                let message = "an id is a string or an integer";
                return invalid(Id::Null, ErrorCode::InvalidRequest, message, Stale::in_text(text));
            }
        },
    };
    if jsonrpc.as_deref() != Some("2.0") {
        let message = "the member `jsonrpc` must be \"2.0\"";
        return invalid(id.unwrap_or_default(), ErrorCode::InvalidRequest, message, Stale::in_text(text));
    }
    match (method, id, error.filter(|error| error.get() != "null")) {
        (Some(method), None, _) if is_sync(&method) => {
            let params = params.map_or("null", RawValue::get);
            Incoming::Document(Notification { method: method.into_owned(), params, is_lossy: body.is_lossy })
        }
        (Some(method), id, _) => {
            let mut request = Request::build(method.into_owned());
            match params.map(tree).transpose() {
                Ok(Some(params)) => request = request.params(params),
                Ok(None) => {}
                Err(reason) => {
                    let (code, stale) = (ErrorCode::InvalidRequest, Stale::in_text(text));
                    return invalid(id.unwrap_or_default(), code, reason, stale);
                }
            }
            if let Some(id) = id {
                request = request.id(id);
            }
            Incoming::Request(request.finish())
        }
        (None, Some(id), Some(error)) => {
            Incoming::Response(Response::from_error(id, client_error(&tree(error).unwrap_or_default())))
        }
        // Some clients leave out a result that is `null`.
        (None, Some(id), None) => match result.map(tree).transpose() {
            Ok(result) => Incoming::Response(Response::from_ok(id, result.unwrap_or_default())),
            // Fail the pending request; a response is never answered.
            Err(reason) => {
                let error = Error { code: ErrorCode::InvalidRequest, message: reason.into(), data: None };
                Incoming::Response(Response::from_error(id, error))
            }
        },
        (None, None, _) => {
            let message = "a message has a method, a result or an error";
            invalid(Id::Null, ErrorCode::InvalidRequest, message, Stale::Nothing)
        }
    }
}

/// The error response to bytes that are not a message.
pub fn invalid_frame(reason: &str) -> Incoming<'static> {
    invalid(Id::Null, ErrorCode::ParseError, reason.to_owned(), Stale::All)
}

/// The error response to a message of this length, which is skipped.
pub fn too_long(beginning: &[u8], length: usize) -> Incoming<'static> {
    let message =
        format!("Content-Length is {length}, but the maximum is {MAX_BODY}; the message is skipped");
    // A document opened with such a long text is stale; others are not affected.
    let stale = Stale::in_text(&Text::of(beginning).text);
    invalid(Id::Null, ErrorCode::ParseError, message, stale)
}

/// The id of an otherwise invalid message.
#[derive(Default, Deserialize)]
struct Members<'a> {
    #[serde(default, borrow)]
    id: Option<&'a RawValue>,
}

impl Stale {
    /// The documents that an unreadable message may have changed. Searches the text instead of parsing it: inside a
    /// document's text, quotation marks are escaped, so a match is a member's name.
    fn in_text(text: &str) -> Stale {
        match member(text, "method") {
            Some(method) if method == "textDocument/didChange" => match member(text, "uri") {
                Some(uri) => Stale::Document(uri),
                None => Stale::All,
            },
            // Opening or closing can make a document stale only if it is open under this name.
            Some(method) if ["textDocument/didOpen", "textDocument/didClose"].contains(&&*method) => {
                member(text, "uri").map_or(Stale::Nothing, Stale::Document)
            }
            Some(_) => Stale::Nothing,
            // A response.
            None if names(text, "result").next().is_some() || names(text, "error").next().is_some() => {
                Stale::Nothing
            }
            // A method that is not a string changes no document; a truncated one may.
            None if names(text, "method")
                .next()
                .is_some_and(|rest| rest.trim_ascii_start().starts_with(|first| first != '"')) =>
            {
                Stale::Nothing
            }
            None if text.trim_ascii().is_empty() => Stale::Nothing,
            // `didOpen`: a change has no such member.
            None if names(text, "languageId").next().is_some() => Stale::Nothing,
            // Complete JSON without a method.
            None if serde_json::from_str::<IgnoredAny>(text).is_ok() && !text.contains("textDocument") => {
                Stale::Nothing
            }
            None => Stale::All,
        }
    }
}

/// The text after each `"name":`.
fn names<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let quoted = format!("\"{name}\"");
    let found: Vec<usize> = text.match_indices(&quoted).map(|(at, _)| at).take(16).collect();
    found.into_iter().filter_map(move |at| {
        let is_name = !text[..at].ends_with('\\');
        let rest = text[at + quoted.len()..].trim_ascii_start().strip_prefix(':')?;
        is_name.then_some(rest)
    })
}

/// The first string member with this name.
fn member(text: &str, name: &str) -> Option<String> {
    let mut found = names(text, name).filter_map(|rest| {
        let rest = rest.trim_ascii_start();
        serde_json::Deserializer::from_str(rest).into_iter::<String>().next()?.ok()
    });
    found.next()
}

/// The value tree of a message's parameters or result.
///
/// # Errors
/// The tree takes too much memory, or nests too deeply.
fn tree(raw: &RawValue) -> Result<Value, String> {
    if raw.get().len() > MAX_TREE / 100 {
        let mut left = MAX_TREE;
        let mut deserializer = serde_json::Deserializer::from_str(raw.get());
        Cost(&mut left).deserialize(&mut deserializer).map_err(|error| error.to_string())?;
    }
    serde_json::from_str(raw.get()).map_err(|error| error.to_string())
}

/// Adds up the memory of a value tree without its text, up to a limit.
struct Cost<'a>(&'a mut usize);

/// The sizes of a list element, a member, and a map that is not empty (its nodes have eleven slots).
const VALUE: usize = size_of::<Value>();
const MEMBER: usize = size_of::<String>() + 16;
const MAP: usize = 11 * (VALUE + size_of::<String>());

impl Cost<'_> {
    fn take<E: serde::de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        let too_much = || E::custom("the message has too many values");
        *self.0 = self.0.checked_sub(bytes).ok_or_else(too_much)?;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Cost<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Cost<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_element_seed(Cost(self.0))?.is_some() {
            self.take(VALUE)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let mut map = MAP;
        while members.next_key::<IgnoredAny>()?.is_some() {
            members.next_value_seed(Cost(self.0))?;
            self.take(std::mem::take(&mut map) + MEMBER)?;
        }
        Ok(())
    }
}

fn id(raw: &RawValue) -> Option<Id> {
    match serde_json::from_str(raw.get().get(..MAX_ID.min(raw.get().len()))?).ok()? {
        Value::Null => Some(Id::Null),
        Value::String(text) => Some(Id::String(text)),
        Value::Number(number) => number.as_i64().map(Id::Number),
        _ => None,
    }
}

/// Bytes of an id; a longer one is none.
const MAX_ID: usize = 4096;

/// The error of a client's response, read leniently: what matters is that there is one.
fn client_error(error: &Value) -> Error {
    let code = error.get("code").and_then(Value::as_i64).unwrap_or(ErrorCode::InternalError.code());
    let message =
        error.get("message").and_then(Value::as_str).unwrap_or("the client sent an error").to_owned();
    Error { code: code.into(), message: message.into(), data: error.get("data").cloned() }
}

fn invalid<'a>(id: Id, code: ErrorCode, message: impl Into<Cow<'static, str>>, stale: Stale) -> Incoming<'a> {
    let response = Response::from_error(id, Error { code, message: message.into(), data: None });
    Incoming::Invalid(Invalid { response, stale })
}

#[cfg(test)]
mod tests;
