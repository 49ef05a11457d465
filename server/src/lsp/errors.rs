//! The errors that requests are answered with.

use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::Uri;

use super::uris;
use crate::assistant::Assistant;
use crate::complete::Superseded;

/// The request is valid, but there is no result. Editors show the message next to those of other servers.
pub fn failed(message: impl std::fmt::Display) -> Error {
    // LSP's `RequestFailed`.
    let message = format!("phi-ls: {message}").into();
    Error { code: ErrorCode::ServerError(-32803), message, data: None }
}

/// The document has changed since the client asked.
pub fn modified() -> Error {
    let message = "phi-ls: the document has changed since this was asked for; ask again".into();
    Error { code: ErrorCode::ContentModified, message, data: None }
}

/// Why a document cannot be worked on: it is not open, or stale.
pub fn not_current(assistant: &Assistant, uri: &Uri) -> Error {
    match assistant.workspace.documents.is_stale(&uris::document_id(uri)) {
        true => Error {
            code: ErrorCode::ContentModified,
            message: format!(
                "phi-ls does not know what {} says now; close and reopen the file",
                uri.as_str()
            )
            .into(),
            data: None,
        },
        false => Error::invalid_params(format!("{} is not open", uri.as_str())),
    }
}

/// The answer, or the protocol's error for a request that a newer one has superseded: an empty answer would say that there
/// is nothing to complete.
pub fn cancelled_if_superseded<T>(answer: std::result::Result<T, Superseded>) -> Result<T> {
    answer.map_err(|Superseded| Error {
        code: ErrorCode::RequestCancelled,
        message: "a newer request or change of the document ended this one".into(),
        data: None,
    })
}
