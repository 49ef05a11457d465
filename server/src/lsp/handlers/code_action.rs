//! `textDocument/codeAction`: the actions offered at a range. The model runs when the user chooses one; [`Picked`] in the
//! action's data identifies it.

use serde_json::Value;
use tower_lsp::ls_types::*;

use crate::actions::{self, ActionKind, Problem};
use crate::assistant::Assistant;
use crate::lsp::client::ClientSupport;
use crate::lsp::commands;
use crate::lsp::rewrite::{self, Picked};
use crate::lsp::snapshot::Snapshot;
use crate::models::ModelState;
use crate::next_edit;
use crate::rewrite::{RewriteError, model_of};

/// The actions for a range.
pub async fn offered(
    assistant: &Assistant,
    support: &ClientSupport,
    params: CodeActionParams,
    snapshot: Snapshot,
) -> Option<CodeActionResponse> {
    let CodeActionParams { text_document: TextDocumentIdentifier { uri }, range, context, .. } = params;
    let document = snapshot.document?;
    // A light bulb that is always on is useless: automatic requests get only fixes.
    let automatic = context.trigger_kind == Some(CodeActionTriggerKind::AUTOMATIC);
    let only = context.only;
    let is_specific = only.iter().flatten().any(|kind| !kind.as_str().is_empty());
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
    let selection = support.encoding.offsets(&document.text, range);
    let problem = |diagnostic: &Diagnostic| Problem {
        range: support.encoding.offsets(&document.text, diagnostic.range),
        message: diagnostic.message.clone(),
    };
    let problems: Vec<Problem> = context.diagnostics.iter().map(problem).collect();
    let (version, settings) = (document.version, assistant.workspace.settings());
    let instructs = support.instruct && wanted(ActionKind::Rewrite);
    let looks_on = !automatic && wanted(ActionKind::QuickFix);
    let missing = no_model(assistant);
    let has_model = missing.is_none();
    // Disabled actions are shown only if their kind was requested, as the protocol requires.
    let is_drawn = support.disabled_actions && is_specific && !automatic && wanted(ActionKind::Rewrite);
    let found = {
        let (assistant, selection, problems) = (assistant.clone(), selection.clone(), problems.clone());
        // Parsing a large document and reading ignore files may take long.
        tokio::task::spawn_blocking(move || {
            assistant.workspace.may_be_shown(&document).ok()?;
            let next = looks_on.then(|| rewrite::next(&assistant)).flatten();
            let next = next.filter(|(_, next)| has_model || next.known(&assistant.next_edits).is_some());
            let left = (looks_on && next.is_none()).then(|| rewrite::left(&assistant)).flatten();
            if !has_model {
                return Some((Vec::new(), false, next, left));
            }
            let found =
                actions::offered(&document, selection.clone(), &problems, &settings.actions.own, wanted);
            let has_target = instructs && actions::instructed(&document, selection, "").is_some();
            Some((found, has_target, next, left))
        })
        .await
    };
    let (found, has_target, next, left) = found.ok()??;
    let mut response = CodeActionResponse::new();
    // First, because it is likely wanted after a rename.
    if let Some((uri, next)) = next {
        let picked = Picked {
            uri,
            version: next.document.version,
            selection: next.range,
            id: next.action.id,
            title: next.action.title,
            problems: Vec::new(),
        };
        response.push(literal(support, next.action.kind, None, &picked));
    }
    for action in found {
        let fixed = action.problem.and_then(|at| Some((problems.get(at)?, context.diagnostics.get(at)?)));
        let picked = Picked {
            uri: uri.clone(),
            version,
            selection: selection.clone(),
            id: action.id,
            title: action.title,
            problems: fixed.iter().map(|(problem, _)| (*problem).clone()).collect(),
        };
        let diagnostics = fixed.map(|(_, diagnostic)| vec![diagnostic.clone()]);
        response.push(literal(support, action.kind, diagnostics, &picked));
    }
    if let Some((uri, left)) = left {
        let picked = Picked {
            uri,
            version: left.document.version,
            selection: 0..0,
            id: next_edit::LEFT.to_owned(),
            title: left.title,
            problems: Vec::new(),
        };
        response.push(literal(support, ActionKind::QuickFix, None, &picked));
    }
    if let Some(reason) = missing.filter(|_| is_drawn) {
        response.push(disabled(reason).into());
    }
    if has_target {
        response.push(instruct(&uri, range).into());
    }
    Some(response)
}

/// The action in a form that the client supports.
fn literal(
    support: &ClientSupport,
    kind: ActionKind,
    diagnostics: Option<Vec<Diagnostic>>,
    picked: &Picked,
) -> CodeActionOrCommand {
    let title = picked.title.clone();
    let data = serde_json::to_value(picked).unwrap_or_default();
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
    CodeAction { title, kind, diagnostics, command, data, ..CodeAction::default() }.into()
}

/// The action that lets the client ask for an instruction.
fn instruct(uri: &Uri, range: Range) -> CodeAction {
    let title = "Rewrite with instruction…".to_owned();
    let arguments = vec![Value::from(uri.as_str()), serde_json::to_value(range).unwrap_or_default()];
    let command =
        Command { title: title.clone(), command: commands::INSTRUCT.to_owned(), arguments: Some(arguments) };
    let kind = Some(ActionKind::Rewrite.name().into());
    CodeAction { title, kind, command: Some(command), ..CodeAction::default() }
}

/// The disabled action.
fn disabled(reason: String) -> CodeAction {
    CodeAction {
        title: "Rewrite with phi-ls".to_owned(),
        kind: Some(ActionKind::Rewrite.name().into()),
        disabled: Some(CodeActionDisabled { reason }),
        ..CodeAction::default()
    }
}

/// The reason why rewrites are not possible now, if they are not.
fn no_model(assistant: &Assistant) -> Option<String> {
    match model_of(&assistant.models) {
        Ok(_) => return None,
        Err(RewriteError::NoModel) => {}
        Err(other) => return Some(format!("phi-ls: {other}")),
    }
    Some(match &*assistant.models.state().borrow() {
        ModelState::Searching => "phi-ls: searching for a model".to_owned(),
        ModelState::Loading { name, .. } => format!("phi-ls: {name} is still loading"),
        ModelState::Failed(why) => format!("phi-ls: the model could not be loaded: {why}"),
        _ => format!("phi-ls: {}", RewriteError::NoModel),
    })
}
