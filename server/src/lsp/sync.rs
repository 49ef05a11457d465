//! Document synchronization: applies `textDocument/did*` in order and without an `await`.
//!
//! A document's text equals the editor's, or the document is stale ([`crate::documents::Documents::mark_stale`]). A change that is
//! unreadable, has an invalid range, or whose version is not newer, is never skipped: all later changes would be applied to a
//! different text, with versions that fit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use ropey::Rope;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::message::{self, Notification};
use super::positions::{Encoding, RawPosition};
use super::underlying_path::underlying_path;
use super::uris::{self, Spellings};
use crate::assistant::Assistant;
use crate::complete;
use crate::documents::{self, Change, Document};
use crate::repository::indexer::Event;

/// How long `didOpen` waits for the disk to resolve links in the path of the file.
const RESOLVING: Duration = Duration::from_millis(100);

/// The effect of a notification.
#[derive(Debug, Default)]
pub struct Applied {
    /// The file that was saved.
    pub saved: Option<PathBuf>,
    /// The documents that became stale, and why.
    pub stale: Option<(String, Vec<documents::StaleDocument>)>,
}

/// Why a notification could not be applied, and its document.
struct Failed {
    reason: String,
    stale: message::Stale,
}

/// Applies one notification. If that fails or panics, its document becomes stale.
pub fn apply(
    assistant: &Assistant,
    spellings: &Spellings,
    encoding: Encoding,
    notification: &Notification,
) -> Applied {
    guarded(assistant, notification, || match notification.method.as_str() {
        "textDocument/didOpen" => opened(assistant, spellings, encoding, notification).map(|()| None),
        "textDocument/didChange" => changed(assistant, encoding, notification).map(|()| None),
        "textDocument/didClose" => closed(assistant, spellings, notification).map(|()| None),
        "textDocument/didSave" => saved(assistant, notification),
        _ => Ok(None),
    })
}

/// Marks the document stale if `apply` fails or panics.
fn guarded(
    assistant: &Assistant,
    notification: &Notification,
    apply: impl FnOnce() -> Result<Option<PathBuf>, Failed>,
) -> Applied {
    let method = &notification.method;
    let failed = match catch_unwind(AssertUnwindSafe(apply)) {
        Ok(Ok(saved)) => return Applied { saved, stale: None },
        Ok(Err(failed)) => failed,
        Err(_) => {
            let reason = "internal error in phi-ls; see the log".to_owned();
            Failed { reason, stale: of_document(notification) }
        }
    };
    let changes = ["textDocument/didOpen", "textDocument/didChange", "textDocument/didClose"];
    tracing::warn!("{method}: {}", failed.reason);
    if !changes.contains(&method.as_str()) {
        return Applied::default();
    }
    let stale = mark_stale(assistant, &failed.stale);
    Applied { saved: None, stale: Some((failed.reason, stale)) }
}

/// Marks documents stale: no feature uses them, and the index uses the file on disk. Returns those that were not stale before.
pub fn mark_stale(assistant: &Assistant, stale: &message::Stale) -> Vec<documents::StaleDocument> {
    let ids = match stale {
        message::Stale::Nothing => Vec::new(),
        message::Stale::Document(written) => uris::canonical(written).iter().map(uris::document_id).collect(),
        message::Stale::All => assistant.workspace.documents.ids(),
    };
    let stale: Vec<_> = ids.iter().filter_map(|id| assistant.workspace.documents.mark_stale(id)).collect();
    for document in &stale {
        // The index uses the file on disk, as after closing the document.
        complete::closed(&assistant.completions, &document.last);
        notify_index(assistant, &document.last);
    }
    stale
}

/// The document of a notification, as far as it can be read.
fn of_document(notification: &Notification) -> message::Stale {
    match read::<Target>(notification) {
        Ok(target) => message::Stale::Document(target.text_document.uri),
        Err(_) if notification.method == "textDocument/didChange" => message::Stale::All,
        Err(_) => message::Stale::Nothing,
    }
}

fn opened(
    assistant: &Assistant,
    spellings: &Spellings,
    encoding: Encoding,
    notification: &Notification,
) -> Result<(), Failed> {
    let written = match of_document(notification) {
        message::Stale::Document(written) => written,
        stale => return Err(Failed { reason: "it names no document".to_owned(), stale }),
    };
    let unknown = || Failed { reason: format!("{written:?} is not a URI"), stale: message::Stale::Nothing };
    let uri = uris::canonical(&written).ok_or_else(unknown)?;
    spellings.opened(&uri, &written);
    let (id, path) = (uris::document_id(&uri), uris::to_path(&uri));
    let item = read::<Opened>(notification).and_then(|Opened { text_document: item }| {
        if notification.is_lossy && !encoding.counts_replaced() {
            return Err(NOT_UTF8.to_owned());
        }
        let version = version(item.version).ok_or("its version is not a number")?;
        Ok((item.language_id.unwrap_or_default(), version, item.text))
    });
    // Open it anyway: the file on disk is not the editor's text.
    let (language, version, text) = item
        .as_ref()
        .map_or(("", i32::MIN, ""), |(language, version, text)| (language.as_str(), *version, text.as_str()));
    let document = Document::open(id, path, language, version, text).named(underlying_path(&written));
    complete::opened(&assistant.completions, &document);
    let documents = &assistant.workspace.documents;
    if document.path.is_some() {
        // A file system that does not answer delays one message, not all that follow.
        let limit = if documents.are_resolved() { RESOLVING } else { Duration::ZERO };
        documents.open_unresolved(document.clone());
        resolve(assistant, document, limit);
    } else {
        documents.open(document);
    }
    item.map(drop).map_err(|reason| Failed { reason, stale: message::Stale::Document(written) })
}

/// Makes the path of an opened document canonical. Waits for the disk at most `limit`; a late result is applied when it is
/// there.
fn resolve(assistant: &Assistant, document: Document, limit: Duration) {
    let assistant = assistant.clone();
    let (done, is_done) = mpsc::sync_channel(1);
    tokio::task::spawn_blocking(move || {
        let Some(path) = &document.path else { return };
        let path = assistant.workspace.repository.rules().identity(path);
        if let Some((before, after)) = assistant.workspace.documents.resolve(&document.id, &path) {
            if before.path != after.path {
                complete::resolved(&assistant.completions, &before);
            }
            assistant.workspace.notify(Event::Document(path));
        }
        // An error: nobody waits any more.
        let _ = done.send(());
    });
    let _ = is_done.recv_timeout(limit);
}

fn changed(assistant: &Assistant, encoding: Encoding, notification: &Notification) -> Result<(), Failed> {
    let stale = of_document(notification);
    let message::Stale::Document(written) = &stale else {
        return Err(Failed { reason: "it names no document".to_owned(), stale });
    };
    let Some(id) = uris::canonical(written).as_ref().map(uris::document_id) else {
        return Err(Failed { reason: format!("{written:?} is not a URI"), stale: message::Stale::All });
    };
    let document = assistant.workspace.documents.get(&id);
    let is_stale = assistant.workspace.documents.is_stale(&id);
    if document.is_none() && !is_stale {
        tracing::warn!("{written}: changed, but not open; ignored");
        return Ok(());
    }
    let applied = (|| {
        let Changed { text_document, content_changes: Events(events) } = read(notification)?;
        if notification.is_lossy && !encoding.counts_replaced() {
            return Err(NOT_UTF8.to_owned());
        }
        let version = version(text_document.version).ok_or("its version is not a number")?;
        let is_whole = events.first().is_some_and(|event| event.range.is_none());
        if let Some(document) = document.as_ref().filter(|document| version <= document.version && !is_whole)
        {
            return Err(format!("its version is {version}, but the previous one was {}", document.version));
        }
        if is_stale && !is_whole {
            return Ok(());
        }
        let before = document.as_ref().map_or_else(Rope::new, |document| document.text.clone());
        let changes = changes(before, encoding, events)?;
        if let Some(document) = assistant.workspace.documents.change(&id, version, &changes) {
            if is_stale {
                tracing::info!("{written}: the text is in sync again");
                complete::opened(&assistant.completions, &document);
            } else {
                complete::changed(&assistant.completions, &document, &changes);
            }
            notify_index(assistant, &document);
        }
        Ok(())
    })();
    applied.map_err(|reason| Failed { reason, stale })
}

fn closed(assistant: &Assistant, spellings: &Spellings, notification: &Notification) -> Result<(), Failed> {
    let stale = of_document(notification);
    let message::Stale::Document(written) = &stale else {
        return Err(Failed { reason: "it names no document".to_owned(), stale });
    };
    let Some(uri) = uris::canonical(written) else { return Ok(()) };
    let id = uris::document_id(&uri);
    let (document, path) = assistant.workspace.documents.close(&id);
    spellings.closed(&uri);
    if let Some(document) = document {
        complete::closed(&assistant.completions, &document);
    }
    if let Some(path) = path {
        assistant.workspace.notify(Event::Document(path));
    }
    Ok(())
}

fn saved(assistant: &Assistant, notification: &Notification) -> Result<Option<PathBuf>, Failed> {
    let message::Stale::Document(written) = of_document(notification) else { return Ok(None) };
    let path = uris::canonical(&written).as_ref().and_then(uris::to_path);
    if let Some(path) = &path {
        assistant.workspace.notify(Event::Disk(vec![path.clone()]));
    }
    Ok(path)
}

/// Notifies the index of a document that was changed.
fn notify_index(assistant: &Assistant, document: &Document) {
    let is_resolved = assistant.workspace.documents.is_resolved(&document.id);
    if let Some(path) = document.path.as_ref().filter(|_| is_resolved) {
        assistant.workspace.notify(Event::Document(path.clone()));
    }
}

const NOT_UTF8: &str = "its text is not Unicode, so positions cannot be counted in UTF-8";

/// Any document notification.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    text_document: Identifier,
}

#[derive(Deserialize)]
struct Identifier {
    uri: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opened<'a> {
    #[serde(borrow)]
    text_document: Item<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    language_id: Option<String>,
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changed<'a> {
    #[serde(borrow)]
    text_document: Versioned<'a>,
    content_changes: Events,
}

#[derive(Deserialize)]
struct Versioned<'a> {
    #[serde(borrow)]
    version: Option<&'a RawValue>,
}

/// One change. `rangeLength` is ignored.
#[derive(Debug, Deserialize)]
struct ChangeEvent {
    range: Option<Range>,
    text: String,
}

#[derive(Debug, Deserialize)]
struct Range {
    start: RawPosition,
    end: RawPosition,
}

/// The changes of a notification, from the last full text on; earlier ones have no effect.
#[derive(Debug)]
struct Events(Vec<ChangeEvent>);

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Events, D::Error> {
        struct Latest;

        impl<'de> Visitor<'de> for Latest {
            type Value = Events;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a list of changes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Events, A::Error> {
                let mut events: Vec<ChangeEvent> = Vec::new();
                while let Some(event) = all.next_element::<ChangeEvent>()? {
                    if event.range.is_none() {
                        events.clear();
                    }
                    events.push(event);
                }
                Ok(Events(events))
            }
        }
        deserializer.deserialize_seq(Latest)
    }
}

fn read<'a, T: Deserialize<'a>>(notification: &Notification<'a>) -> Result<T, String> {
    serde_json::from_str(notification.params).map_err(|error| format!("it cannot be read: {error}"))
}

/// A version number; `None` if it is missing or not an integer, because edits need a version.
fn version(raw: Option<&RawValue>) -> Option<i32> {
    let number: f64 = serde_json::from_str(raw?.get()).ok()?;
    let version = number as i32;
    (f64::from(version) == number).then_some(version)
}

/// Converts changes to byte offsets. The range of each change refers to the text after the previous changes.
///
/// # Errors
/// A range is invalid, or the text may differ from the editor's.
fn changes(mut text: Rope, encoding: Encoding, events: Vec<ChangeEvent>) -> Result<Vec<Change>, String> {
    let step = |event: ChangeEvent| {
        let Some(range) = event.range else {
            text = Rope::from_str(&event.text);
            return Ok(Change::Replace(event.text));
        };
        let range = encoding.changed(&text, range.start, range.end)?;
        let start = text.byte_to_char(range.start);
        text.remove(start..text.byte_to_char(range.end));
        text.insert(start, &event.text);
        if joins_halves(&text, start) || joins_halves(&text, start + event.text.chars().count()) {
            return Err("two halves of a character may have been joined".to_owned());
        }
        Ok(Change::Splice { range, text: event.text })
    };
    events.into_iter().map(step).collect()
}

/// Whether two replacement characters are adjacent here. Each may be half of a surrogate pair; the editor then has one
/// character that cannot be known.
fn joins_halves(text: &Rope, at: usize) -> bool {
    let is_replaced = |at: usize| text.get_char(at) == Some(char::REPLACEMENT_CHARACTER);
    at > 0 && is_replaced(at) && is_replaced(at - 1)
}

#[cfg(test)]
mod tests;
