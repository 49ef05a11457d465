//! Error responses.

use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::Uri;

use super::uris;
use crate::assistant::Assistant;
use crate::complete::Superseded;

/// The request is valid but failed. The message names phi-ls, because editors show it next to those of other servers.
pub fn failed(message: impl std::fmt::Display) -> Error {
    // LSP's `RequestFailed`.
    let message = format!("phi-ls: {message}").into();
    Error { code: ErrorCode::ServerError(-32803), message, data: None }
}

/// The document has changed since the request.
pub fn modified() -> Error {
    let message = "phi-ls: the document has changed since the request; try again".into();
    Error { code: ErrorCode::ContentModified, message, data: None }
}

/// The document is not open, or stale.
pub fn not_current(assistant: &Assistant, uri: &Uri) -> Error {
    match assistant.workspace.documents.is_stale(&uris::document_id(uri)) {
        true => Error {
            code: ErrorCode::ContentModified,
            message: format!(
                "phi-ls: the text of {} is out of sync; close and reopen the file",
                uri.as_str()
            )
            .into(),
            data: None,
        },
        false => Error::invalid_params(format!("{} is not open", uri.as_str())),
    }
}

/// The answer, or an error for a superseded request: an empty answer would mean that there is no completion.
pub fn cancelled_if_superseded<T>(answer: std::result::Result<T, Superseded>) -> Result<T> {
    answer.map_err(|Superseded| Error {
        code: ErrorCode::RequestCancelled,
        message: "superseded by a newer request or change".into(),
        data: None,
    })
}
