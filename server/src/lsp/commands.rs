//! The commands of `workspace/executeCommand`.

use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{Command, ExecuteCommandParams, LSPAny, Uri};

use super::status::Status;
use super::sync;
use crate::assistant::Assistant;
use crate::complete;
use crate::repository::overview::Overview;

/// Sent by the client when a completion was accepted; its argument is the document's URI.
const ACCEPTED: &str = "phi-ls.accepted";
/// Answers with what `phi-ls/status` says; for clients that send no requests of their own, such as Helix.
const STATUS: &str = "phi-ls.status";

/// Answers with what `phi-ls index --json` prints, for the index that the server has now.
const INDEX: &str = "phi-ls.index";

/// All commands.
pub const NAMES: [&str; 3] = [ACCEPTED, STATUS, INDEX];

/// The command of an item that tells us of its acceptance.
pub fn accepted(document: &Uri) -> Command {
    Command {
        title: "phi-ls: accepted".to_owned(),
        command: ACCEPTED.to_owned(),
        arguments: Some(vec![Value::from(document.as_str())]),
    }
}

/// Runs a command.
///
/// # Errors
/// For a name that is not in [`NAMES`].
pub fn execute(assistant: &Assistant, params: ExecuteCommandParams) -> Result<Option<LSPAny>> {
    match params.command.as_str() {
        ACCEPTED => {
            // Without its argument (Helix sends none) there is nothing to prefetch for.
            let uri =
                params.arguments.first().and_then(Value::as_str).and_then(|uri| uri.parse::<Uri>().ok());
            if let Some(uri) = uri {
                complete::accepted(assistant, &sync::document_id(&uri));
            }
            Ok(None)
        }
        STATUS => Ok(serde_json::to_value(Status::of(assistant)).ok()),
        INDEX => Ok(serde_json::to_value(Overview::of(&assistant.repository)).ok()),
        other => {
            Err(Error::invalid_params(format!("{other} is not a command; there are {}", NAMES.join(", "))))
        }
    }
}
