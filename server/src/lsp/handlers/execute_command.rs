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

/// Runs a command.
///
/// # Errors
/// For a name that is not in [`commands::NAMES`], for wrong arguments, and where a rewrite or a refactoring has no result.
pub async fn answer(
    session: &Session,
    params: ExecuteCommandParams,
    snapshot: Snapshot,
) -> Result<Option<LSPAny>> {
    let Session { assistant, support, .. } = session;
    match params.command.as_str() {
        commands::CANCEL => Ok(Some(session.jobs.cancel_all().into())),
        commands::REWRITE => {
            let request = rewrite::Order::of(assistant, support, params.arguments, snapshot)?;
            let job = session.begin(request.title());
            let answer = rewrite::apply(&session.client, assistant, support, &job, request).await;
            session.show_error(&answer).await;
            answer
        }
        commands::REFACTOR => refactor::execute(session, params.arguments).await,
        commands::ACCEPTED => {
            // Without its argument (Helix sends none) there is nothing to prefetch for.
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
            let place = match context_place(&params.arguments)? {
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
                let report = match place {
                    Some((document, cursor)) => complete::explain(&assistant.completions, &document, cursor),
                    None => complete::explain_latest(&assistant.completions),
                };
                report.and_then(|report| serde_json::to_value(report).ok())
            })
            .await
        }
        other => Err(Error::invalid_params(format!(
            "{other} is not a command; there are {}",
            commands::NAMES.join(", ")
        ))),
    }
}

/// Works where that holds up nobody.
async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    crate::blocking::run(work).await.ok_or_else(Error::internal_error)
}

/// The place that the arguments of [`commands::CONTEXT`] name; `None` where there are none.
fn context_place(arguments: &[Value]) -> Result<Option<(Uri, Position)>> {
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
