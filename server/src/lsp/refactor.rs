//! The command `phi-ls.refactor`: refactors the whole repository, in steps that the client requests.
//!
//! Its argument is an object with one of these members:
//!
//! | argument | result |
//! | --- | --- |
//! | `plan`: an [`RefactorRequest`] | the [`Plan`], for the user to prune |
//! | `run`: a [`Plan`] | the result after rewriting all sites; with progress; cancellable there or by `$/cancelRequest` |
//! | `resume`: `true` | the same for the latest unfinished run in these folders |
//! | `apply`: the `id` of a preview, `hunks`: numbers | the result of applying these hunks; without `hunks`, of all |
//!
//! `run` and `resume` also take `preview`. `false`: the result is sent as one `workspace/applyEdit`, with annotations that
//! ask for confirmation, and the result is `{report, text}` with the files that actually changed. `true`: nothing changes,
//! and the result is `{id, report, text, diff, hunks}`, where `hunks` is a list of `{path, text}`; the client shows it and
//! sends `apply`. The default is `false` for clients that support change annotations, `true` for others.
//!
//! Only one refactoring of a repository may write at a time, also from `phi-ls refactor`: `apply`, and a run without preview,
//! fail immediately while another is running. A preview does not block others.
//!
//! A check command runs only if the order names one, or else the user's own settings: files of the repository cannot. The
//! plan contains the check.

use std::path::Path;
use std::time::Duration;

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

/// The command's argument.
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

/// A run with its journal.
struct StartedRun {
    plan: Plan,
    journal: Option<Journal>,
    finished: Vec<Entry>,
}

/// How long a refactoring waits for the canonical paths of the open documents.
const RESOLVING: Duration = Duration::from_secs(10);

/// Executes the command.
///
/// # Errors
/// The argument is invalid, there is nothing to do, or the client cancels.
pub async fn execute(session: &Session, arguments: Vec<Value>) -> Result<Option<LSPAny>> {
    let Argument { plan, run, resume, preview, apply, hunks } = argument(arguments)?;
    // Else an open file could be taken for a closed one, and its text from disk for the editor's.
    let resolved = tokio::time::timeout(RESOLVING, session.assistant.workspace.documents.resolved()).await;
    resolved.map_err(|_| {
        failed("the file system of an open file does not answer; close the file, or try again later")
    })?;
    let preview = preview.unwrap_or(!session.support.annotations);
    match (plan, run, resume, apply) {
        (Some(order), None, false, None) => self::plan(session, &order).await,
        (None, Some(plan), false, None) => {
            let _running = running(session, !preview).await?;
            let started = run_blocking(session, move |assistant| started(assistant, plan)).await?;
            finish(session, started, preview).await
        }
        (None, None, true, None) => {
            let _running = running(session, !preview).await?;
            let started = run_blocking(session, unfinished).await?;
            finish(session, started, preview).await
        }
        (None, None, false, Some(id)) => {
            // If another is running, the preview is kept.
            let _running = running(session, true).await?;
            let waiting = session.take_preview(&id);
            let waiting = waiting.ok_or_else(|| failed(format!("preview {id} no longer exists")))?;
            let chosen = chosen(&waiting.changes, hunks.as_deref());
            apply_changes(session, waiting, chosen, false).await
        }
        _ => Err(Error::invalid_params(EXPECTED)),
    }
}

const EXPECTED: &str = "phi-ls.refactor takes an object with one of `plan`, `run`, `resume`, `apply`; on the command line, use \
                        `phi-ls refactor`";

fn argument(arguments: Vec<Value>) -> Result<Argument> {
    let argument = arguments.into_iter().next().ok_or_else(|| Error::invalid_params(EXPECTED))?;
    serde_json::from_value(argument).map_err(|error| Error::invalid_params(format!("{EXPECTED}: {error}")))
}

async fn plan(session: &Session, order: &RefactorRequest) -> Result<Option<LSPAny>> {
    if session.assistant.workspace.indexing().borrow().is_some() {
        return Err(failed("the workspace is still being indexed; try again in a moment"));
    }
    let order = order.clone();
    let plan = run_blocking(session, move |assistant| {
        refactor::plan(&assistant.workspace, &order).map_err(|error| failed(error.to_string()))
    });
    Ok(serde_json::to_value(plan.await?).ok())
}

/// Runs work that reads or writes files on the blocking pool.
async fn run_blocking<T: Send + 'static>(
    session: &Session,
    work: impl FnOnce(&Assistant) -> Result<T> + Send + 'static,
) -> Result<T> {
    let assistant = session.assistant.clone();
    let done = tokio::task::spawn_blocking(move || work(&assistant)).await;
    done.map_err(|_| Error::internal_error())?
}

/// Acquires the right to write to the workspace folders. `None` if the run does not write, or there is no journal folder.
async fn running(session: &Session, writes: bool) -> Result<Option<Running>> {
    if !writes {
        return Ok(None);
    }
    run_blocking(session, |assistant| {
        let begin = |folder: &Path| Running::begin(folder, assistant.workspace.repository.rules().roots());
        assistant.journals.as_deref().map(begin).transpose().map_err(|not_now| {
            failed(match not_now {
                NotNow::Runs => not_now.to_string(),
                NotNow::Io(error) => {
                    format!("could not check whether another refactoring is running: {error}")
                }
            })
        })
    })
    .await
}

/// A new run, with a journal if there is a journal folder.
fn started(assistant: &Assistant, plan: Plan) -> Result<StartedRun> {
    let roots = assistant.workspace.repository.rules().roots().to_owned();
    let header = Header { id: refactor::new_id(), roots, plan };
    let journals = assistant.journals.as_deref();
    let journal = journals.map(|folder| Journal::create(folder, &header)).transpose();
    let journal = journal.map_err(|error| failed(format!("the journal could not be created: {error}")))?;
    Ok(StartedRun { plan: header.plan, journal, finished: Vec::new() })
}

/// The latest unfinished run.
fn unfinished(assistant: &Assistant) -> Result<StartedRun> {
    let rules = assistant.workspace.repository.rules();
    let journals = assistant.journals.as_deref();
    let latest = journals.and_then(|folder| Journal::latest(folder, rules.roots()));
    let latest = latest.ok_or_else(|| failed("there is no unfinished refactoring of these folders"))?;
    let (journal, header, finished) = Journal::open(&latest).map_err(|error| failed(error.to_string()))?;
    Ok(StartedRun { plan: header.plan, journal: Some(journal), finished })
}

/// Runs a plan, and previews or applies the result.
async fn finish(session: &Session, started: StartedRun, preview: bool) -> Result<Option<LSPAny>> {
    let StartedRun { plan, mut journal, finished } = started;
    if !session.assistant.models.state().borrow().is_settled() {
        return Err(failed("the model is still loading; try again in a moment"));
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
    session.status_changed.notify_one();
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
        // Clients may show annotations only on demand.
        session.client.show_message(MessageType::WARNING, format!("phi-ls: {}", check.summary())).await;
    }
    let all = waiting.changes.clone();
    apply_changes(session, waiting, all, true).await
}

/// The preview of a result.
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
    // If a file was not written, the journal stays, so that another run can resume.
    if let Some(journal) = journal.filter(|_| applied.skipped.is_empty())
        && let Err(error) = journal.remove()
    {
        tracing::warn!("a journal could not be removed: {error}");
    }
    Ok(Some(reported(session, &report)))
}

fn cancelled() -> Error {
    let message = "cancelled; the finished rewrites are kept: `resume` continues".into();
    Error { code: ErrorCode::RequestCancelled, message, data: None }
}
