//! The commands of `workspace/executeCommand`.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{Command, ExecuteCommandParams, LSPAny, Position, Uri};

use super::positions::Encoding;
use super::snapshot::Snapshot;
use super::status::Status;
use super::{sync, uris};
use crate::assistant::Assistant;
use crate::complete;
use crate::repository::overview::Overview;

/// Sent by the client when a completion was accepted; its arguments are the document's URI and, for clients that say
/// `experimental.cursorAfterAccept`, the position in the new text where the client has put its cursor.
const ACCEPTED: &str = "phi-ls.accepted";
/// Answers with what `phi-ls/status` says; for clients that send no requests of their own, such as Helix.
const STATUS: &str = "phi-ls.status";

/// Answers with what `phi-ls index --json` prints, for the index that the server has now.
const INDEX: &str = "phi-ls.index";

/// Answers with what a model is shown at a place, and why: see [`crate::context::Report`]. Its arguments are a document's
/// URI and a position; without them it is the latest place that was worked at.
const CONTEXT: &str = "phi-ls.context";

/// Rewrites what is selected and applies the result in the editor. Its arguments are a document's URI, a range and an
/// instruction, or what a code action holds for clients that do not resolve one.
pub const REWRITE: &str = "phi-ls.rewrite";

/// Refactors the whole repository; its argument and answers are those of [`super::refactor`].
pub const REFACTOR: &str = "phi-ls.refactor";

/// Cancels all rewrites and refactorings that run; answers with their number. For clients whose progress bars have no
/// button for it.
pub const CANCEL: &str = "phi-ls.cancel";

/// All commands.
pub const NAMES: [&str; 7] = [ACCEPTED, STATUS, INDEX, CONTEXT, REWRITE, REFACTOR, CANCEL];

/// The command of an item that tells us of its acceptance, and the client where its cursor goes, if not behind the item.
pub fn accepted(document: &Uri, cursor: Option<Position>) -> Command {
    let cursor = cursor.map(|at| json!({"line": at.line, "character": at.character}));
    Command {
        title: "phi-ls: accepted".to_owned(),
        command: ACCEPTED.to_owned(),
        arguments: Some([Value::from(document.as_str())].into_iter().chain(cursor).collect()),
    }
}

/// Runs a command.
///
/// # Errors
/// For a name that is not in [`NAMES`], and for wrong arguments.
pub async fn execute(
    assistant: &Assistant,
    encoding: Encoding,
    params: ExecuteCommandParams,
    snapshot: Snapshot,
) -> Result<Option<LSPAny>> {
    match params.command.as_str() {
        ACCEPTED => {
            // Without its argument (Helix sends none) there is nothing to prefetch for.
            let uri = params.arguments.first().and_then(Value::as_str).and_then(uris::canonical);
            if let Some(uri) = uri {
                complete::accepted(&assistant.completions, &sync::document_id(&uri));
            }
            Ok(None)
        }
        STATUS => Ok(serde_json::to_value(Status::of(assistant)).ok()),
        INDEX => {
            let repository = assistant.workspace.repository.clone();
            beside(move || serde_json::to_value(Overview::of(&repository)).ok()).await
        }
        CONTEXT => {
            let place = match context_place(&params.arguments)? {
                Some((uri, position)) => {
                    let not_open = || sync::not_current(assistant, &uri);
                    let document = snapshot.document.ok_or_else(not_open)?;
                    let cursor = encoding.offset(&document.text, position);
                    Some((document, cursor))
                }
                None => None,
            };
            let assistant = assistant.clone();
            beside(move || {
                let report = match place {
                    Some((document, cursor)) => complete::explain(&assistant.completions, &document, cursor),
                    None => complete::explain_latest(&assistant.completions),
                };
                report.and_then(|report| serde_json::to_value(report).ok())
            })
            .await
        }
        other => {
            Err(Error::invalid_params(format!("{other} is not a command; there are {}", NAMES.join(", "))))
        }
    }
}

/// Works where that holds up nobody.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    crate::beside::beside(work).await.ok_or_else(Error::internal_error)
}

/// The place that the arguments of [`CONTEXT`] name; `None` where there are none.
fn context_place(arguments: &[Value]) -> Result<Option<(Uri, Position)>> {
    let expected =
        || Error::invalid_params(format!("{CONTEXT} takes a document's URI and a position, or nothing"));
    let [uri, position] = arguments else {
        return if arguments.is_empty() { Ok(None) } else { Err(expected()) };
    };
    let uri = uri.as_str().and_then(uris::canonical).ok_or_else(expected)?;
    let position = serde_json::from_value(position.clone()).map_err(|_| expected())?;
    Ok(Some((uri, position)))
}
