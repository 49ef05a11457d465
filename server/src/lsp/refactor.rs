//! `phi-ls.refactor`: the whole repository refactored, step by step as the client asks.
//!
//! Its argument is an object with one of these:
//!
//! | argument | answer |
//! | --- | --- |
//! | `plan`: an [`RefactorRequest`] | the [`Plan`], to be shown and pruned |
//! | `run`: a [`Plan`] | the result, when all its sites are rewritten; with progress, cancelled there or by `$/cancelRequest` |
//! | `resume`: `true` | the same for the latest run of these folders that was not finished |
//! | `apply`: the `id` of a preview, `hunks`: numbers | the result of applying these hunks, all where none are named |
//!
//! What becomes of a result depends on `preview`, which may stand beside `run` and `resume`. `false`: it goes to the client
//! as one `workspace/applyEdit`, with annotations that ask for confirmation, and the answer is `{report, text}` with the
//! files that really changed. `true`: nothing changes, and the answer is `{id, report, text, diff, hunks}`, where `hunks`
//! is a list of `{path, text}`; the client shows that and asks for `apply`. Without it, a client that shows annotated edits
//! applies and any other previews.
//!
//! One refactoring of a repository at a time writes, as with `phi-ls refactor`: one that goes on to the client's files, and
//! `apply`, fail at once where another is at it. One that is previewed is in nobody's way until then.
//!
//! A check command is run only where the order names one, or the user's own settings do where it names none: no file of
//! the repository can. The plan says which one will run.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::{LSPAny, MessageType};

use super::errors::failed;
use super::session::{Preview, Session};
use super::{apply_edit, commands};
use crate::assistant::Assistant;
use crate::refactor::journal::{Entry, Header, Journal};
use crate::refactor::running::{NotNow, Running};
use crate::refactor::sandbox::COPIES;
use crate::refactor::{self, FileChange, Plan, RefactorRequest, Refactored, Report, ResumeState};

/// What the client asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Argument {
    plan: Option<RefactorRequest>,
    run: Option<Plan>,
    resume: bool,
    preview: Option<bool>,
    apply: Option<String>,
    hunks: Option<Vec<usize>>,
}

/// A run and where it keeps what is finished.
struct Begun {
    plan: Plan,
    journal: Option<Journal>,
    finished: Vec<Entry>,
}

/// Does what the argument says.
///
/// # Errors
/// For another argument, where there is nothing to be done, and when the client cancels.
pub async fn execute(session: &Session, arguments: Vec<Value>) -> Result<Option<LSPAny>> {
    let Argument { plan, run, resume, preview, apply, hunks } = argument(arguments)?;
    let preview = preview.unwrap_or(!session.support.annotations);
    match (plan, run, resume, apply) {
        (Some(order), None, false, None) => self::plan(session, &order).await,
        (None, Some(plan), false, None) => {
            let _running = running(session, !preview).await?;
            let begun = run_blocking(session, move |assistant| begun(assistant, plan)).await?;
            finish(session, begun, preview).await
        }
        (None, None, true, None) => {
            let _running = running(session, !preview).await?;
            let begun = run_blocking(session, unfinished).await?;
            finish(session, begun, preview).await
        }
        (None, None, false, Some(id)) => {
            // Where another runs, the preview is kept.
            let _running = running(session, true).await?;
            let waiting = session.take_preview(&id);
            let waiting = waiting.ok_or_else(|| failed(format!("there is no preview {id} any more")))?;
            let chosen = chosen(&waiting.changes, hunks.as_deref());
            apply_changes(session, waiting, chosen, false).await
        }
        _ => Err(Error::invalid_params(EXPECTED)),
    }
}

const EXPECTED: &str = "phi-ls.refactor takes an object with one of `plan`, `run`, `resume`, `apply`; on a command line, \
                        `phi-ls refactor` does the same";

fn argument(arguments: Vec<Value>) -> Result<Argument> {
    let argument = arguments.into_iter().next().ok_or_else(|| Error::invalid_params(EXPECTED))?;
    serde_json::from_value(argument).map_err(|error| Error::invalid_params(format!("{EXPECTED}: {error}")))
}

async fn plan(session: &Session, order: &RefactorRequest) -> Result<Option<LSPAny>> {
    if session.assistant.workspace.indexing().borrow().is_some() {
        return Err(failed("the workspace is still being read; try again in a moment"));
    }
    let order = order.clone();
    let plan = run_blocking(session, move |assistant| {
        refactor::plan(&assistant.workspace, &order).map_err(|error| failed(error.to_string()))
    });
    Ok(serde_json::to_value(plan.await?).ok())
}

/// Works where that holds up nobody: files are read and written.
async fn run_blocking<T: Send + 'static>(
    session: &Session,
    work: impl FnOnce(&Assistant) -> Result<T> + Send + 'static,
) -> Result<T> {
    let assistant = session.assistant.clone();
    let done = tokio::task::spawn_blocking(move || work(&assistant)).await;
    done.map_err(|_| Error::internal_error())?
}

/// The right to write in the workspace folders, where that is wanted and there is a place to say who has it.
async fn running(session: &Session, writes: bool) -> Result<Option<Running>> {
    if !writes {
        return Ok(None);
    }
    run_blocking(session, |assistant| {
        let begin = |folder: &Path| Running::begin(folder, assistant.workspace.repository.rules().roots());
        assistant.journals.as_deref().map(begin).transpose().map_err(|not_now| {
            failed(match not_now {
                NotNow::Runs => not_now.to_string(),
                NotNow::Io(error) => format!("whether another refactoring runs is not known: {error}"),
            })
        })
    })
    .await
}

/// A new run, with a journal where there is a place for it.
fn begun(assistant: &Assistant, plan: Plan) -> Result<Begun> {
    let roots = assistant.workspace.repository.rules().roots().to_owned();
    let header = Header { id: refactor::new_id(), roots, plan };
    let journals = assistant.journals.as_deref();
    let journal = journals.map(|folder| Journal::create(folder, &header)).transpose();
    let journal = journal.map_err(|error| failed(format!("what is finished could not be kept: {error}")))?;
    Ok(Begun { plan: header.plan, journal, finished: Vec::new() })
}

/// The latest run that has not come to its end.
fn unfinished(assistant: &Assistant) -> Result<Begun> {
    let rules = assistant.workspace.repository.rules();
    let journals = assistant.journals.as_deref();
    let latest = journals.and_then(|folder| Journal::latest(folder, rules.roots()));
    let latest = latest.ok_or_else(|| failed("there is no unfinished refactoring of these folders"))?;
    let (journal, header, finished) = Journal::open(&latest).map_err(|error| failed(error.to_string()))?;
    Ok(Begun { plan: header.plan, journal: Some(journal), finished })
}

/// Runs it, and previews or applies the result.
async fn finish(session: &Session, begun: Begun, preview: bool) -> Result<Option<LSPAny>> {
    let Begun { plan, mut journal, finished } = begun;
    if !session.assistant.models.state().borrow().is_settled() {
        return Err(failed("the model is still being read; try again in a moment"));
    }
    let job = session.begin("Refactoring");
    let copies = session.assistant.journals.as_ref().map(|folder| folder.join(COPIES));
    let resume = ResumeState { journal: journal.as_mut(), finished: &finished, copies: copies.as_deref() };
    let Assistant { workspace, models, .. } = &session.assistant;
    let listener = |progress: refactor::Progress| job.report_run(&progress);
    let outcome = tokio::select! {
        biased;
        () = job.cancelled() => return Err(cancelled()),
        outcome = refactor::run(workspace, models, &plan, resume, &listener) => outcome,
    };
    session.answered.notify_one();
    drop(job);
    let Refactored { changes, mut report } = outcome.map_err(|stopped| failed(stopped.to_string()))?;
    report.notes.extend(journal.as_ref().and_then(Journal::note));
    let id = journal.as_ref().map_or_else(refactor::new_id, |journal| journal.id().to_owned());
    let waiting = Preview { id, changes, report, journal };
    if preview {
        let answer = shown(session, &waiting);
        session.keep_preview(waiting);
        return Ok(Some(answer));
    }
    if let Some(check) = waiting.report.check.as_ref().filter(|check| !check.passed) {
        // A preview shows annotations to those who look for them.
        session.client.show_message(MessageType::WARNING, format!("phi-ls: {}", check.summary())).await;
    }
    let all = waiting.changes.clone();
    apply_changes(session, waiting, all, true).await
}

/// What a client shows of a result before it is applied.
fn shown(session: &Session, waiting: &Preview) -> Value {
    let rules = session.assistant.workspace.repository.rules();
    let mut diff = String::new();
    let mut hunks = Vec::new();
    for change in &waiting.changes {
        let root = rules.roots().iter().find(|root| change.path.starts_with(root));
        diff += &change.unified(root.unwrap_or(&change.path));
        let of = change.hunks().into_iter().map(|hunk| json!({ "path": change.path, "text": hunk.text }));
        hunks.extend(of);
    }
    let mut answer = reported(session, &waiting.report);
    answer["id"] = json!(waiting.id);
    answer["diff"] = json!(diff);
    answer["hunks"] = json!(hunks);
    answer
}

fn reported(session: &Session, report: &Report) -> Value {
    let rules = session.assistant.workspace.repository.rules();
    let root = rules.roots().first().cloned().unwrap_or_default();
    json!({ "report": report, "text": report.text(&root) })
}

/// The changes with these hunks of all of them only.
fn chosen(changes: &[FileChange], hunks: Option<&[usize]>) -> Vec<FileChange> {
    let Some(wanted) = hunks else { return changes.to_vec() };
    let mut first = 0;
    let mut of = |change: &FileChange| {
        let count = change.hunks().len();
        let own = wanted.iter().filter_map(|hunk| hunk.checked_sub(first)).filter(|hunk| *hunk < count);
        let chosen = change.with_hunks(&own.collect::<Vec<_>>());
        first += count;
        chosen
    };
    let chosen: Vec<FileChange> = changes.iter().map(&mut of).collect();
    chosen.into_iter().filter(|change| change.before != change.after).collect()
}

async fn apply_changes(
    session: &Session,
    waiting: Preview,
    changes: Vec<FileChange>,
    confirm: bool,
) -> Result<Option<LSPAny>> {
    let Preview { mut report, journal, .. } = waiting;
    let label = format!("{}: {}", commands::REFACTOR, report.instruction.trim());
    let (assistant, support) = (&session.assistant, &session.support);
    let confirm = confirm.then_some(&report);
    let applied = apply_edit::apply(&session.client, assistant, support, &label, &changes, confirm).await?;
    report.applied(&applied);
    // Where something was skipped, another run takes up what is finished.
    if let Some(journal) = journal.filter(|_| applied.skipped.is_empty())
        && let Err(error) = journal.remove()
    {
        tracing::warn!("a journal could not be removed: {error}");
    }
    Ok(Some(reported(session, &report)))
}

fn cancelled() -> Error {
    let message = "cancelled; what is finished is kept: `resume` goes on with it".into();
    Error { code: ErrorCode::RequestCancelled, message, data: None }
}
