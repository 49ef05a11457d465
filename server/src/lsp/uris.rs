//! Normalizes document URIs.
//!
//! Clients encode URIs differently: some send `[slug]`, spaces and non-ASCII letters unencoded, and a colon as `:` or `%3A`.
//! The protocol's types reject unencoded characters, and one such URI would invalidate its whole message. So URIs are
//! normalized before a message is deserialized ([`normalize`]) to one [`canonical`] spelling, and restored to the client's
//! spelling in messages to the client ([`Spellings::restore`]).

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use parking_lot::RwLock;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode, utf8_percent_encode};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tower_lsp::ls_types::Uri;

use crate::documents::DocumentId;

/// Characters encoded in a path: those that [`Uri::from_file_path`] encodes, so that a path has one URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// Characters that RFC 3986 does not allow in a query or fragment. Encoded characters there stay encoded.
const REST: &AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Members with the URI of a document or folder.
const MEMBERS: [&str; 8] =
    ["uri", "rootUri", "scopeUri", "baseUri", "targetUri", "oldUri", "newUri", "documentUri"];
/// Lists whose invalid entries can be dropped.
const LISTS: [&str; 5] = ["workspaceFolders", "added", "removed", "changes", "files"];
/// Members whose content is not part of the protocol: settings, other servers' data, text.
const OPAQUE: [&str; 7] = [
    "initializationOptions",
    "settings",
    "experimental",
    "data",
    "arguments",
    "contentChanges",
    "diagnostics",
];

/// The canonical spelling of a client's URI; `None` if it is not a URI.
///
/// In a `file` URI, everything is part of the path, because clients that do not encode `#` and `?` mean a file name.
pub fn canonical(written: &str) -> Option<Uri> {
    let (scheme, rest) = written.split_once(':')?;
    // A single letter is a Windows drive.
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char));
    if !is_scheme {
        return None;
    }
    let scheme = scheme.to_ascii_lowercase();
    let is_file = scheme == "file";
    let slashes = if cfg!(windows) && is_file { rest.replace('\\', "/") } else { rest.to_owned() };
    let (authority, rest) = match slashes.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            (Some(&rest[..end]), &rest[end..])
        }
        None => (None, &*slashes),
    };
    if is_file {
        if !rest.starts_with('/') {
            return None;
        }
        let host = authority.filter(|host| !host.eq_ignore_ascii_case("localhost")).unwrap_or_default();
        return Uri::from_str(&format!("file://{host}{}", path(&drive(rest)))).ok();
    }
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (start, tail) = rest.split_at(end);
    let authority = authority.map(|authority| format!("//{authority}")).unwrap_or_default();
    Uri::from_str(&format!("{scheme}:{authority}{}{}", path(start), tail_of(tail))).ok()
}

/// The canonical spelling of a path: decoded, then encoded. An encoded slash stays encoded.
fn path(written: &str) -> String {
    let upper = written.replace("%2f", "%2F");
    let decoded = upper.split("%2F").map(|piece| {
        let bytes: Vec<u8> = percent_decode_str(piece).collect();
        percent_encode(&bytes, PATH).to_string()
    });
    decoded.collect::<Vec<_>>().join("%2F")
}

/// Encodes the characters of a query and fragment that are not allowed.
fn tail_of(written: &str) -> String {
    let mut tail = String::new();
    for (at, piece) in written.split_inclusive(['?', '#']).enumerate() {
        // The delimiters of query and fragment stay; a `#` in a fragment is encoded.
        let (piece, mark) = match piece.char_indices().next_back() {
            Some((last, mark @ ('?' | '#'))) => (&piece[..last], Some(mark)),
            _ => (piece, None),
        };
        let is_encoded = |at: usize| {
            piece.as_bytes().get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
        };
        for (at, char) in piece.char_indices() {
            match char {
                '%' if !is_encoded(at) => tail.push_str("%25"),
                _ => tail.extend(utf8_percent_encode(char.encode_utf8(&mut [0; 4]), REST)),
            }
        }
        match mark {
            Some('#') if at > 0 && tail.contains('#') => tail.push_str("%23"),
            Some(mark) => tail.push(mark),
            None => {}
        }
    }
    tail
}

/// Normalizes the case of a Windows drive letter.
fn drive(path: &str) -> std::borrow::Cow<'_, str> {
    let mut chars = path.chars();
    match (cfg!(windows), chars.next(), chars.next(), chars.as_str()) {
        (true, Some('/'), Some(letter), rest)
            if letter.is_ascii_lowercase()
                && [":", "%3A", "%3a"].iter().any(|colon| rest.starts_with(colon)) =>
        {
            format!("/{}{rest}", letter.to_ascii_uppercase()).into()
        }
        _ => path.into(),
    }
}

/// Deserializes a URI in untyped data.
///
/// # Errors
/// It is not a URI.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uri, D::Error> {
    let written = String::deserialize(deserializer)?;
    canonical(&written).ok_or_else(|| serde::de::Error::custom(format!("{written:?} is not a URI")))
}

/// A URI in a list of arguments.
#[derive(Debug, Deserialize)]
pub struct Lenient(#[serde(deserialize_with = "deserialize")] pub Uri);

/// Replaces each URI in a message's parameters with its [`canonical`] spelling. Drops invalid URIs from lists, replaces an
/// invalid root with `null`, and returns them. Elsewhere, an invalid URI stays, and the request is refused.
pub fn normalize(params: &mut Value) -> Vec<String> {
    let mut dropped = Vec::new();
    walk(params, &mut dropped);
    dropped
}

fn walk(value: &mut Value, dropped: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                let name = name.as_str();
                match value {
                    Value::String(written) if MEMBERS.contains(&name) => match canonical(written) {
                        Some(uri) => *written = uri.as_str().to_owned(),
                        None if name == "rootUri" => {
                            dropped.push(std::mem::take(written));
                            *value = Value::Null;
                        }
                        None => {}
                    },
                    Value::Array(entries) if LISTS.contains(&name) => {
                        entries.retain(|entry| {
                            let bad = bad_uri(entry);
                            let is_good = bad.is_none();
                            dropped.extend(bad);
                            is_good
                        });
                        entries.iter_mut().for_each(|entry| walk(entry, dropped));
                    }
                    _ if OPAQUE.contains(&name) => {}
                    _ => walk(value, dropped),
                }
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| walk(entry, dropped)),
        _ => {}
    }
}

/// The invalid URI of a list's entry, if it has one.
fn bad_uri(entry: &Value) -> Option<String> {
    let members = entry.as_object()?;
    let uris = members.iter().filter(|(name, _)| MEMBERS.contains(&name.as_str()));
    let is_bad = |value: &Value| value.as_str().and_then(canonical).is_none();
    uris.map(|(_, value)| value).find(|value| is_bad(value)).map(|value| match value {
        Value::String(written) => written.clone(),
        other => other.to_string(),
    })
}

/// The client's spellings of its open documents, where they are not canonical.
#[derive(Debug, Default)]
pub struct Spellings {
    written: RwLock<FxHashMap<Box<str>, Box<str>>>,
}

impl Spellings {
    /// Records the spelling of an opened document.
    pub fn opened(&self, uri: &Uri, written: &str) {
        let mut all = self.written.write();
        match uri.as_str() == written {
            true => drop(all.remove(written)),
            false => drop(all.insert(uri.as_str().into(), written.into())),
        }
    }

    /// Forgets the spelling of a closed document.
    pub fn closed(&self, uri: &Uri) {
        self.written.write().remove(uri.as_str());
    }

    /// Replaces canonical URIs with the client's spelling in a message to the client.
    pub fn restore(&self, message: &mut Value) {
        let all = self.written.read();
        if !all.is_empty() {
            restore(&all, message);
        }
    }
}

fn restore(all: &FxHashMap<Box<str>, Box<str>>, value: &mut Value) {
    let spell = |uri: &mut String| {
        if let Some(written) = all.get(uri.as_str()) {
            *uri = written.to_string();
        }
    };
    match value {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                match (name.as_str(), value) {
                    (name, Value::String(uri)) if MEMBERS.contains(&name) => spell(uri),
                    // The first argument of a command is its document.
                    ("arguments", Value::Array(arguments)) => {
                        if let Some(Value::String(uri)) = arguments.first_mut() {
                            spell(uri);
                        }
                        arguments.iter_mut().for_each(|argument| restore(all, argument));
                    }
                    // A workspace edit without versions has documents as keys.
                    ("changes", Value::Object(edits)) => {
                        let edited = std::mem::take(edits).into_iter();
                        edits.extend(edited.map(|(mut uri, edits)| {
                            spell(&mut uri);
                            (uri, edits)
                        }));
                    }
                    (_, value) => restore(all, value),
                }
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| restore(all, entry)),
        _ => {}
    }
}

/// The id of a document.
pub fn document_id(uri: &Uri) -> DocumentId {
    DocumentId(Arc::from(uri.as_str()))
}

/// The path of a `file:` URI.
pub fn to_path(uri: &Uri) -> Option<PathBuf> {
    if !uri.scheme().as_str().eq_ignore_ascii_case("file") {
        return None;
    }
    uri.to_file_path().map(|path| path.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(written: &str, expected: &str) {
        let uri = canonical(written).unwrap_or_else(|| panic!("{written} is read"));
        assert_eq!(uri.as_str(), expected, "{written}");
        assert_eq!(canonical(expected).as_ref().map(|uri| uri.as_str()), Some(expected), "it stays so");
    }

    #[test]
    fn unencoded_characters_are_encoded() {
        check("file:///w/src/app/[slug]/page.tsx", "file:///w/src/app/%5Bslug%5D/page.tsx");
        check("file:///w/src/app/%5Bslug%5d/page.tsx", "file:///w/src/app/%5Bslug%5D/page.tsx");
        check("file:///w/{id}.ts", "file:///w/%7Bid%7D.ts");
        check("file:///w/a b.rs", "file:///w/a%20b.rs");
        check("file:///w/na\u{ef}ve.rs", "file:///w/na%C3%AFve.rs");
        check("file:///w/100%.rs", "file:///w/100%25.rs");
        check("file:///w/%zz%2", "file:///w/%25zz%252");
        check("file:///w/a%23b.rs", "file:///w/a%23b.rs");
        check("file:///w/a#b?c.rs", "file:///w/a%23b%3Fc.rs");
        check("file:///w/a^`|<>\".rs", "file:///w/a%5E%60%7C%3C%3E%22.rs");
        check("file:///w/a%2fb", "file:///w/a%2Fb");
        check("file:///w/%ff.rs", "file:///w/%FF.rs");
        check("file:///c:/a.rs", if cfg!(windows) { "file:///C%3A/a.rs" } else { "file:///c%3A/a.rs" });
        check("file:///c%3a/a.rs", if cfg!(windows) { "file:///C%3A/a.rs" } else { "file:///c%3A/a.rs" });
        #[cfg(unix)]
        check("file:///w/a\\b.rs", "file:///w/a%5Cb.rs");
        #[cfg(windows)]
        check("file:///c:\\w\\a.rs", "file:///C%3A/w/a.rs");
        check("FILE:/w/a.rs", "file:///w/a.rs");
        check("file://localhost/w/a.rs", "file:///w/a.rs");
        check("file://server/share/a b.rs", "file://server/share/a%20b.rs");
        check("untitled:Untitled-1", "untitled:Untitled-1");
        check("untitled:C:\\a b.rs", "untitled:C%3A%5Ca%20b.rs");
        check("git:/w/[a].rs?{\"ref\":\"~\"}#x y", "git:/w/%5Ba%5D.rs?%7B%22ref%22:%22~%22%7D#x%20y");
        check("vscode-notebook-cell:/w/a.ipynb#W0s%3D", "vscode-notebook-cell:/w/a.ipynb#W0s%3D");
        check("a+b:x#y#z", "a+b:x#y%23z");
    }

    #[test]
    fn invalid_uris_are_none() {
        for written in ["", "::", "not a uri", "/w/a.rs", "c:/w/a.rs", ":a", "1a:b", "file:a.rs", "file://"] {
            assert_eq!(canonical(written), None, "{written}");
        }
    }

    #[test]
    fn lists_drop_invalid_uris_and_others_are_encoded() {
        let mut params = json!({
            "rootUri": "no uri",
            "workspaceFolders": [{"uri": "::", "name": "a"}, {"uri": "file:///[b]", "name": "b"}, {"uri": 7, "name": "c"}],
            "initializationOptions": {"uri": "as it is"},
            "textDocument": {"uri": "file:///a b"},
            "context": {"diagnostics": [{"data": {"uri": "file:///a b"}}]},
        });
        assert_eq!(normalize(&mut params), ["no uri", "::", "7"]);
        assert_eq!(params["rootUri"], Value::Null);
        assert_eq!(params["workspaceFolders"], json!([{"uri": "file:///%5Bb%5D", "name": "b"}]));
        assert_eq!(params["initializationOptions"]["uri"], "as it is");
        assert_eq!(params["textDocument"]["uri"], "file:///a%20b");
        assert_eq!(params["context"]["diagnostics"][0]["data"]["uri"], "file:///a b");
    }

    #[test]
    fn a_client_gets_its_own_spelling() {
        let spellings = Spellings::default();
        let uri = canonical("file:///w/[a].rs").expect("a URI");
        let message = json!({
            "uri": uri.as_str(),
            "changes": {(uri.as_str()): [], "file:///other": []},
            "command": {"arguments": [uri.as_str(), uri.as_str()]},
            "newText": uri.as_str(),
        });
        let mut same = message.clone();
        spellings.restore(&mut same);
        assert_eq!(same, message);
        spellings.opened(&uri, "file:///w/[a].rs");
        let mut restored = message.clone();
        spellings.restore(&mut restored);
        assert_eq!(
            restored,
            json!({
                "uri": "file:///w/[a].rs",
                "changes": {"file:///w/[a].rs": [], "file:///other": []},
                "command": {"arguments": ["file:///w/[a].rs", uri.as_str()]},
                "newText": uri.as_str(),
            })
        );
        spellings.closed(&uri);
        let mut closed = message.clone();
        spellings.restore(&mut closed);
        assert_eq!(closed, message);
    }

    proptest! {
        /// All spellings of a path give the same document and file.
        #[test]
        fn all_spellings_of_a_path_are_one(path in "(/[a-c\\[\\]{}%#? \u{e9}:@+&=~!()\u{1f600}\\\\.-]{1,8}){1,3}", encoded in prop::collection::vec(any::<bool>(), 64)) {
            let mut written = "file://".to_owned();
            for (at, char) in path.chars().enumerate() {
                // `%` must be encoded; other characters may be.
                if char != '/' && (encoded[at % 64] || char == '%') {
                    let mut bytes = [0; 4];
                    written.extend(char.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02x}")));
                } else {
                    written.push(char);
                }
            }
            let uri = canonical(&written).expect("a URI");
            #[cfg(unix)]
            {
                prop_assert_eq!(&uri, &Uri::from_file_path(&path).expect("absolute"));
                let file = uri.to_file_path().expect("a file");
                prop_assert_eq!(file.to_str(), Some(&*path));
            }
            prop_assert_eq!(canonical(uri.as_str()), Some(uri));
        }

        #[test]
        fn nothing_makes_it_panic(written in "\\PC{0,24}", scheme in "(file:|git:|a:|)(//)?") {
            if let Some(uri) = canonical(&(scheme + &written)) {
                prop_assert_eq!(canonical(uri.as_str()), Some(uri));
            }
        }
    }
}
