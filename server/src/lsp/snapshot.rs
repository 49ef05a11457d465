//! What a request needs of the moment in which it arrived.
//!
//! Requests are answered beside the loop that reads messages, and by the time one gets round to its work, later
//! changes may have been applied. So that loop takes what belongs to the request's place in the order of messages:
//! the document that it is about, and whose turn it is to be completed. Both are there already, so nothing is waited for.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::ls_types::{InlineCompletionParams, InlineCompletionTriggerKind, TextDocumentPositionParams};

use super::positions::Encoding;
use super::uris;
use crate::assistant::Assistant;
use crate::complete::{self, Ask, Superseded, Trigger, Turn};
use crate::documents::{Document, DocumentId};

/// Of one request.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The document that it names, where that is open and not stale.
    pub document: Option<Arc<Document>>,
    /// Its turn, where it asks for a completion of that document.
    pub turn: Option<Result<Turn, Superseded>>,
}

tokio::task_local! {
    static ARRIVED: Snapshot;
}

impl Snapshot {
    /// Takes what a request needs, as of now. Ends the older questions that it supersedes.
    pub fn take(assistant: &Assistant, encoding: Encoding, method: &str, params: &Value) -> Snapshot {
        let Some(id) = named(params) else { return Snapshot::default() };
        let trigger = match method {
            "textDocument/completion" => Some(Trigger::Menu),
            "textDocument/inlineCompletion" => {
                InlineCompletionParams::deserialize(params).ok().map(|params| trigger(&params))
            }
            _ => None,
        };
        let Some(document) = assistant.workspace.documents.get(&id) else {
            if trigger.is_some() && assistant.workspace.documents.is_stale(&id) {
                assistant.completions.asks_in_vain(&id);
            }
            return Snapshot::default();
        };
        let place = trigger.and_then(|_| TextDocumentPositionParams::deserialize(params).ok());
        let turn = trigger.zip(place).map(|(trigger, place)| {
            let cursor = encoding.offset(&document.text, place.position);
            complete::begin(&assistant.completions, &Ask { document: document.clone(), cursor, trigger })
        });
        Snapshot { document: Some(document), turn }
    }

    /// Answers a request that has this snapshot.
    pub fn scope<F: Future>(self, request: F) -> impl Future<Output = F::Output> {
        ARRIVED.scope(self, request)
    }

    /// The snapshot of the request that is being answered.
    pub fn of_request() -> Snapshot {
        ARRIVED.try_with(Snapshot::clone).unwrap_or_default()
    }
}

/// Who asks for ghost text.
pub fn trigger(params: &InlineCompletionParams) -> Trigger {
    match params.context.trigger_kind {
        InlineCompletionTriggerKind::INVOKED => Trigger::Invoked,
        _ => Trigger::Automatic,
    }
}

/// The document that parameters are about: that of most requests, and the first argument of commands.
fn named(params: &Value) -> Option<DocumentId> {
    let argument = &params["arguments"][0];
    let mut written = [&params["textDocument"]["uri"], &argument["uri"], argument].into_iter();
    let uri = uris::canonical(written.find_map(Value::as_str)?)?;
    Some(uris::document_id(&uri))
}
