//! The state that a request needs from the moment it arrived.
//!
//! Requests run outside the message loop, so later changes may be applied before a request's work starts. The loop
//! therefore takes the request's document and the generation of a completion request in the order of messages. Taking them never waits.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::ls_types::{InlineCompletionParams, InlineCompletionTriggerKind, TextDocumentPositionParams};

use super::positions::Encoding;
use super::uris;
use crate::assistant::Assistant;
use crate::complete::{self, CompletionRequest, RequestGeneration, Superseded, Trigger};
use crate::documents::{Document, DocumentId};

/// The snapshot of one request.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The document of the request, if it is open and not stale.
    pub document: Option<Arc<Document>>,
    /// The generation of a completion request.
    pub request_generation: Option<Result<RequestGeneration, Superseded>>,
}

tokio::task_local! {
    static ARRIVED: Snapshot;
}

impl Snapshot {
    /// Takes the snapshot now. Ends older requests that this one supersedes.
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
                assistant.completions.record_stale_request(&id);
            }
            return Snapshot::default();
        };
        let position = trigger.and_then(|_| TextDocumentPositionParams::deserialize(params).ok());
        let request_generation = trigger.zip(position).map(|(trigger, position)| {
            let cursor = encoding.offset(&document.text, position.position);
            complete::begin(
                &assistant.completions,
                &CompletionRequest { document: document.clone(), cursor, trigger },
            )
        });
        Snapshot { document: Some(document), request_generation }
    }

    /// Runs a request with this snapshot.
    pub fn scope<F: Future>(self, request: F) -> impl Future<Output = F::Output> {
        ARRIVED.scope(self, request)
    }

    /// The snapshot of the current request.
    pub fn of_request() -> Snapshot {
        ARRIVED.try_with(Snapshot::clone).unwrap_or_default()
    }
}

/// The trigger of a request for ghost text.
pub fn trigger(params: &InlineCompletionParams) -> Trigger {
    match params.context.trigger_kind {
        InlineCompletionTriggerKind::INVOKED => Trigger::Invoked,
        _ => Trigger::Automatic,
    }
}

/// The document in the parameters of a request or the first argument of a command.
fn named(params: &Value) -> Option<DocumentId> {
    let argument = &params["arguments"][0];
    let mut written = [&params["textDocument"]["uri"], &argument["uri"], argument].into_iter();
    let uri = uris::canonical(written.find_map(Value::as_str)?)?;
    Some(uris::document_id(&uri))
}
