//! `workspace/executeCommand`.

use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{ExecuteCommandParams, LSPAny, Position, Uri};

use crate::complete;
use crate::lsp::session::Session;
use crate::lsp::snapshot::Snapshot;
use crate::lsp::status::Status;
use crate::lsp::{commands, errors, refactor, rewrite, uris};
use crate::repository::overview::Overview;

/// Executes a command.
///
/// # Errors
/// The name is not in [`commands::NAMES`], the arguments are invalid, or a rewrite or refactoring failed.
pub async fn answer(
    session: &Session,
    params: ExecuteCommandParams,
    snapshot: Snapshot,
) -> Result<Option<LSPAny>> {
    let Session { assistant, support, .. } = session;
    match params.command.as_str() {
        commands::CANCEL => Ok(Some(session.jobs.cancel_all().into())),
        commands::REWRITE => {
            let request = rewrite::RewriteCommand::of(assistant, support, params.arguments, snapshot)?;
            let job = session.begin(request.title());
            let answer = rewrite::apply(&session.client, assistant, support, &job, request).await;
            session.show_error(&answer).await;
            answer
        }
        commands::REFACTOR => refactor::execute(session, params.arguments).await,
        commands::ACCEPTED => {
            // Helix sends no argument; then there is nothing to prefetch.
            let uri = params.arguments.first().and_then(Value::as_str).and_then(uris::canonical);
            if let Some(uri) = uri {
                complete::accepted(&assistant.completions, &uris::document_id(&uri));
            }
            Ok(None)
        }
        commands::STATUS => Ok(serde_json::to_value(Status::of(assistant)).ok()),
        commands::INDEX => {
            let repository = assistant.workspace.repository.clone();
            run_blocking(move || serde_json::to_value(Overview::of(&repository)).ok()).await
        }
        commands::CONTEXT => {
            let position = match context_position(&params.arguments)? {
                Some((uri, position)) => {
                    let not_open = || errors::not_current(assistant, &uri);
                    let document = snapshot.document.ok_or_else(not_open)?;
                    let cursor = support.encoding.offset(&document.text, position);
                    Some((document, cursor))
                }
                None => None,
            };
            let assistant = assistant.clone();
            run_blocking(move || {
                let report = match position {
                    Some((document, cursor)) => complete::explain(&assistant.completions, &document, cursor),
                    None => complete::explain_latest(&assistant.completions),
                };
                report.and_then(|report| serde_json::to_value(report).ok())
            })
            .await
        }
        other => Err(Error::invalid_params(format!(
            "{other} is not a command; the commands are {}",
            commands::NAMES.join(", ")
        ))),
    }
}

/// Runs work on the blocking pool.
async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    crate::blocking::run(work).await.ok_or_else(Error::internal_error)
}

/// The position in the arguments of [`commands::CONTEXT`]; `None` without arguments.
fn context_position(arguments: &[Value]) -> Result<Option<(Uri, Position)>> {
    let expected = || {
        Error::invalid_params(format!(
            "{} takes a document's URI and a position, or nothing",
            commands::CONTEXT
        ))
    };
    let [uri, position] = arguments else {
        return if arguments.is_empty() { Ok(None) } else { Err(expected()) };
    };
    let uri = uri.as_str().and_then(uris::canonical).ok_or_else(expected)?;
    let position = serde_json::from_value(position.clone()).map_err(|_| expected())?;
    Ok(Some((uri, position)))
}
