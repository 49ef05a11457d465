//! `textDocument/codeAction`, `codeAction/resolve`, and the command `phi-ls.rewrite`.
//!
//! An action is offered without an edit; what it needs to be found again travels in its `data`. The model is asked when the
//! user has picked one: by `codeAction/resolve`, or, for a client that resolves no edits, by the command, which applies
//! the result itself. Either is cancelled by dropping its future, and either refuses when the document has changed.

use std::ops::Range;
use std::sync::Arc;

use phi_engine::ModelKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::*;

use super::capabilities::ClientSupport;
use super::jobs::Job;
use super::{commands, sync, workspace_edit};
use crate::actions::{self, Action, ActionKind, Problem};
use crate::assistant::{Assistant, ModelState};
use crate::documents::Document;
use crate::edits::Edit;
use crate::rewrite::{self, Ask};

/// A command of the client's, which asks its user for an instruction and sends `phi-ls.rewrite`. A client that has it
/// says so under `experimental.commands.commands`, as it does for other servers.
pub const INSTRUCT: &str = "phi-ls.instruct";

/// What finds an action again: the same document at the same version, the same selection, the same problem.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Data {
    uri: Uri,
    version: i32,
    /// Bytes.
    selection: Range<usize>,
    id: String,
    #[serde(default)]
    problems: Vec<Problem>,
}

/// The actions that make sense at a range.
pub async fn offered(
    assistant: &Assistant,
    support: &ClientSupport,
    params: CodeActionParams,
) -> Option<CodeActionResponse> {
    let CodeActionParams { text_document: TextDocumentIdentifier { uri }, range, context, .. } = params;
    let document = assistant.documents.get(&sync::document_id(&uri))?;
    assistant.may_be_shown(&document).ok()?;
    // A light bulb that is always on says nothing: by itself it is lit by what is wrong or missing.
    let automatic = context.trigger_kind == Some(CodeActionTriggerKind::AUTOMATIC);
    let only = context.only;
    let wanted = move |kind: ActionKind| {
        let asked_for = |only: &CodeActionKind| {
            let rest = kind.name().strip_prefix(only.as_str());
            only.as_str().is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        match &only {
            Some(only) => only.iter().any(asked_for),
            None => !automatic || kind == ActionKind::QuickFix,
        }
    };
    if let Some(reason) = no_model(assistant) {
        let is_drawn = support.disabled_actions && !automatic && wanted(ActionKind::Rewrite);
        return Some(if is_drawn { vec![disabled(reason).into()] } else { Vec::new() });
    }

    let selection = support.encoding.offsets(&document.text, range);
    let problem = |diagnostic: &Diagnostic| Problem {
        range: support.encoding.offsets(&document.text, diagnostic.range),
        message: diagnostic.message.clone(),
    };
    let problems: Vec<Problem> = context.diagnostics.iter().map(problem).collect();
    let (version, settings) = (document.version, assistant.settings());
    let instructs = support.instruct && wanted(ActionKind::Rewrite);
    let found = {
        let (selection, problems) = (selection.clone(), problems.clone());
        // Parsing a large document takes longer than other messages should wait.
        tokio::task::spawn_blocking(move || {
            let found =
                actions::offered(&document, selection.clone(), &problems, &settings.actions.own, wanted);
            let has_target = instructs && actions::instructed(&document, selection, "").is_some();
            (found, has_target)
        })
        .await
    };
    let (found, has_target) = found.ok()?;
    let shown = |action: Action| {
        let fixed = action.problem.and_then(|at| Some((problems.get(at)?, context.diagnostics.get(at)?)));
        let data = Data {
            uri: uri.clone(),
            version,
            selection: selection.clone(),
            id: action.id,
            problems: fixed.iter().map(|(problem, _)| (*problem).clone()).collect(),
        };
        let diagnostics = fixed.map(|(_, diagnostic)| vec![diagnostic.clone()]);
        literal(support, action.title, action.kind, diagnostics, &data)
    };
    let mut response: CodeActionResponse = found.into_iter().map(shown).collect();
    if has_target {
        response.push(instruct(&uri, range).into());
    }
    Some(response)
}

/// An action as the client can take it.
fn literal(
    support: &ClientSupport,
    title: String,
    kind: ActionKind,
    diagnostics: Option<Vec<Diagnostic>>,
    data: &Data,
) -> CodeActionOrCommand {
    let data = serde_json::to_value(data).unwrap_or_default();
    let command = |data: Value| Command {
        title: title.clone(),
        command: commands::REWRITE.to_owned(),
        arguments: Some(vec![data]),
    };
    if !support.action_literals {
        return command(data).into();
    }
    let (command, data) =
        if support.action_resolve { (None, Some(data)) } else { (Some(command(data)), None) };
    let kind = Some(kind.name().into());
    CodeAction { title: title.clone(), kind, diagnostics, command, data, ..CodeAction::default() }.into()
}

/// The action that has the client ask its user what to do.
fn instruct(uri: &Uri, range: tower_lsp::ls_types::Range) -> CodeAction {
    let title = "Rewrite with instruction…".to_owned();
    let arguments = vec![Value::from(uri.as_str()), serde_json::to_value(range).unwrap_or_default()];
    let command = Command { title: title.clone(), command: INSTRUCT.to_owned(), arguments: Some(arguments) };
    let kind = Some(ActionKind::Rewrite.name().into());
    CodeAction { title, kind, command: Some(command), ..CodeAction::default() }
}

/// Shown where nothing else can be.
fn disabled(reason: String) -> CodeAction {
    CodeAction {
        title: "Rewrite with phi-ls".to_owned(),
        kind: Some(ActionKind::Rewrite.name().into()),
        disabled: Some(CodeActionDisabled { reason }),
        ..CodeAction::default()
    }
}

/// Why nothing can be rewritten now, if nothing can.
fn no_model(assistant: &Assistant) -> Option<String> {
    if assistant.engine().model().kind != ModelKind::Lookup {
        return None;
    }
    Some(match &assistant.state().borrow().model {
        ModelState::Loading { name, .. } => format!("{name} is still being loaded"),
        ModelState::Failed(why) => format!("the model could not be loaded: {why}"),
        _ => rewrite::Refused::NoModel.to_string(),
    })
}

/// Writes the edit of an action that somebody has picked; `begin` shows the job.
pub async fn resolve(
    assistant: &Assistant,
    support: &ClientSupport,
    begin: impl FnOnce(&str) -> Job,
    mut action: CodeAction,
) -> Result<CodeAction> {
    // What has a command, or is none of ours, comes back as it is.
    let data = action.data.clone().and_then(|data| serde_json::from_value::<Data>(data).ok());
    let Some(data) = data.filter(|_| action.edit.is_none()) else { return Ok(action) };
    let uri = data.uri.clone();
    let ask = found_again(assistant, data).await?;
    let document = ask.document.clone();
    let job = begin(&action.title);
    let edit = write(assistant, &job, &ask).await?;
    action.edit = Some(workspace_edit::of(support, &uri, &document, &edit, true));
    Ok(action)
}

/// What the command `phi-ls.rewrite` is to do.
pub struct Order {
    uri: Uri,
    what: What,
}

enum What {
    Picked(Data),
    Instructed { range: Range<usize>, document: Arc<Document>, instruction: String },
}

impl Order {
    /// Reads the command's arguments.
    ///
    /// # Errors
    /// They are not what the command takes, or the document is not open.
    pub fn of(assistant: &Assistant, support: &ClientSupport, arguments: Vec<Value>) -> Result<Order> {
        let expected = || {
            let name = commands::REWRITE;
            Error::invalid_params(format!("{name} takes a document's URI, a range and an instruction"))
        };
        if let [data] = arguments.as_slice() {
            let data: Data = serde_json::from_value(data.clone()).map_err(|_| expected())?;
            return Ok(Order { uri: data.uri.clone(), what: What::Picked(data) });
        }
        let (uri, range, instruction): (Uri, tower_lsp::ls_types::Range, String) =
            serde_json::from_value(Value::from(arguments)).map_err(|_| expected())?;
        if instruction.trim().is_empty() {
            return Err(Error::invalid_params("the instruction is empty: say what is to be done"));
        }
        let document = open(assistant, &uri)?;
        let range = support.encoding.offsets(&document.text, range);
        Ok(Order { uri, what: What::Instructed { range, document, instruction } })
    }

    /// For the bar that shows it.
    pub fn title(&self) -> &str {
        match &self.what {
            What::Picked(_) => "Rewriting",
            What::Instructed { instruction, .. } => instruction,
        }
    }
}

/// Carries out the command `phi-ls.rewrite`.
///
/// # Errors
/// Nothing was changed, and why.
pub async fn apply(
    client: &Client,
    assistant: &Assistant,
    support: &ClientSupport,
    job: &Job,
    order: Order,
) -> Result<Option<Value>> {
    let label = order.title().to_owned();
    let Order { uri, what } = order;
    let ask = match what {
        What::Picked(data) => found_again(assistant, data).await?,
        What::Instructed { range, document, instruction } => {
            let action = actions::instructed(&document, range, instruction.trim()).ok_or_else(|| {
                failed("there is no function, type or statement here that could be rewritten as a whole")
            })?;
            action.ask(document)
        }
    };
    let edit = write(assistant, job, &ask).await?;
    let changes = workspace_edit::of(support, &uri, &ask.document, &edit, true);
    workspace_edit::apply(client, assistant, &label, changes, &edit).await?;
    Ok(None)
}

fn open(assistant: &Assistant, uri: &Uri) -> Result<Arc<Document>> {
    let document = assistant.documents.get(&sync::document_id(uri));
    document.ok_or_else(|| Error::invalid_params(format!("{} is not open", uri.as_str())))
}

/// The action that was offered.
async fn found_again(assistant: &Assistant, data: Data) -> Result<Ask> {
    let document = open(assistant, &data.uri)?;
    if document.version != data.version {
        return Err(modified());
    }
    let (snapshot, settings) = (document.clone(), assistant.settings());
    let found = tokio::task::spawn_blocking(move || {
        let own = &settings.actions.own;
        let all = actions::offered(&snapshot, data.selection, &data.problems, own, |_| true);
        all.into_iter().find(|action| action.id == data.id)
    });
    let found = found.await.map_err(|_| Error::internal_error())?;
    found.map(|action| action.ask(document)).ok_or_else(|| failed("this action is no longer offered here"))
}

/// Runs the flow, for as long as nobody cancels it and the document stays what it was.
async fn write(assistant: &Assistant, job: &Job, ask: &Ask) -> Result<Edit> {
    let mut changes = assistant.documents.changes();
    let is_current = || {
        let now = assistant.documents.get(&ask.document.id);
        now.is_some_and(|now| now.version == ask.document.version)
    };
    let changed = async { while is_current() && changes.changed().await.is_ok() {} };
    let stage = |stage| job.report(stage);
    let rewritten = tokio::select! {
        rewritten = rewrite::rewrite(assistant, ask, &stage) => rewritten,
        () = job.cancelled() => return Err(Error::request_cancelled()),
        // Nobody can use what is written from here on.
        () = changed => return Err(modified()),
    };
    let edit = rewritten.map_err(|refused| failed(refused.to_string()))?.edit;
    let now = assistant.documents.get(&ask.document.id);
    if now.is_some_and(|now| edit.applies_to(&now)) { Ok(edit) } else { Err(modified()) }
}

/// Nothing is wrong with the request, but there is no result.
pub fn failed(message: impl Into<String>) -> Error {
    // LSP's `RequestFailed`.
    Error { code: ErrorCode::ServerError(-32803), message: message.into().into(), data: None }
}

fn modified() -> Error {
    let message = "the document has changed since this was asked for; ask again".into();
    Error { code: ErrorCode::ContentModified, message, data: None }
}
