//! `codeAction/resolve` and the command `phi-ls.rewrite`: the model writes a chosen action or an instruction.
//!
//! Resolving returns the edit; the command applies it. Both are cancelled by dropping the future or on the progress bar,
//! and both fail if the document changes.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{self as lsp, CodeAction, MessageType, Uri};

use super::client::ClientSupport;
use super::errors::{self, failed, modified};
use super::jobs::Job;
use super::snapshot::Snapshot;
use super::uris::{self, Lenient};
use super::{commands, workspace_edit};
use crate::actions::{self, Action, Problem};
use crate::assistant::Assistant;
use crate::documents::{Document, DocumentId};
use crate::edits::Edit;
use crate::next_edit::{self, Left, NextEdit};
use crate::rewrite::{self, RewriteError, RewriteRequest, Stage};

/// The data that identifies an offered action: document, version, selection and problems.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Picked {
    /// The document.
    #[serde(deserialize_with = "uris::deserialize")]
    pub uri: Uri,
    /// The document's version.
    pub version: i32,
    /// The selection, in bytes of that version.
    pub selection: Range<usize>,
    /// [`actions::Action::id`].
    pub id: String,
    /// The title shown to the user.
    pub title: String,
    /// The problems to fix.
    pub problems: Vec<Problem>,
}

/// Writes the edit of a chosen action; `begin` shows the job. Also returns a message for the user.
pub async fn resolve(
    assistant: &Assistant,
    support: &ClientSupport,
    begin: impl FnOnce(&str) -> Job,
    mut action: CodeAction,
) -> Result<(CodeAction, Option<String>)> {
    // Actions with a command, or of other servers, are returned unchanged.
    let picked = action.data.clone().and_then(|data| serde_json::from_value::<Picked>(data).ok());
    let Some(picked) = picked.filter(|_| action.edit.is_none()) else { return Ok((action, None)) };
    if picked.id == next_edit::LEFT {
        return Ok((action, Some(remaining(assistant).await?)));
    }
    let uri = picked.uri.clone();
    let (document, items) = found_again(assistant, picked).await?;
    let job = begin(&action.title);
    let note = note(&items);
    let edits = write(assistant, &job, &document, items).await?;
    let is_open = is_open(assistant, &document);
    action.edit = Some(workspace_edit::of(support, &uri, &document, &edits, is_open));
    Ok((action, workspace_edit::warning(support, &edits).or(note)))
}

/// The note about places that a next edit does not cover.
fn note(items: &[Item]) -> Option<String> {
    items.iter().find_map(|item| match item {
        Item::Next(next) => next.note().map(|note| format!("phi-ls: {note}")),
        Item::Asked(_) => None,
    })
}

/// One item to rewrite.
enum Item {
    Asked(RewriteRequest),
    /// A next edit, which may be prefetched already.
    Next(Box<NextEdit>),
}

impl Item {
    fn of(action: Action, document: &Arc<Document>) -> Vec<Item> {
        action.requests(document).into_iter().map(Item::Asked).collect()
    }

    async fn write(
        &self,
        assistant: &Assistant,
        stage: &(dyn Fn(Stage) + Send + Sync),
    ) -> std::result::Result<Vec<Edit>, RewriteError> {
        match self {
            Item::Asked(ask) => {
                let rewritten = rewrite::rewrite(&assistant.workspace, &assistant.models, ask, stage).await?;
                Ok(rewritten.import.into_iter().chain([rewritten.edit]).collect())
            }
            Item::Next(next) => Ok(vec![next.rewrite(&assistant.next_edits, stage).await?]),
        }
    }

    fn label(&self, document: &Document) -> String {
        match self {
            Item::Asked(ask) => ask.target.label(document),
            Item::Next(next) => next.action.target.label(document),
        }
    }
}

/// The arguments of the command `phi-ls.rewrite`.
pub struct RewriteCommand {
    uri: Uri,
    what: What,
}

enum What {
    Picked(Picked),
    Instructed { range: Range<usize>, document: Arc<Document>, instruction: String },
}

impl RewriteCommand {
    /// Reads the command's arguments.
    ///
    /// # Errors
    /// The arguments are invalid, or the document is not open.
    pub fn of(
        assistant: &Assistant,
        support: &ClientSupport,
        arguments: Vec<Value>,
        snapshot: Snapshot,
    ) -> Result<RewriteCommand> {
        let expected = || {
            let name = commands::REWRITE;
            Error::invalid_params(format!("{name} takes a document's URI, a range and an instruction"))
        };
        if let [picked] = arguments.as_slice() {
            let picked: Picked = serde_json::from_value(picked.clone()).map_err(|_| expected())?;
            return Ok(RewriteCommand { uri: picked.uri.clone(), what: What::Picked(picked) });
        }
        let (Lenient(uri), range, instruction): (Lenient, lsp::Range, String) =
            serde_json::from_value(Value::from(arguments)).map_err(|_| expected())?;
        if instruction.trim().is_empty() {
            return Err(Error::invalid_params("the instruction is empty"));
        }
        let document = snapshot.document.ok_or_else(|| errors::not_current(assistant, &uri))?;
        let range = support.encoding.offsets(&document.text, range);
        Ok(RewriteCommand { uri, what: What::Instructed { range, document, instruction } })
    }

    /// The title of its progress bar.
    pub fn title(&self) -> &str {
        match &self.what {
            What::Picked(picked) => &picked.title,
            What::Instructed { instruction, .. } => instruction,
        }
    }
}

/// Executes the command `phi-ls.rewrite`.
///
/// # Errors
/// Nothing was changed; the error says why.
pub async fn apply(
    client: &Client,
    assistant: &Assistant,
    support: &ClientSupport,
    job: &Job,
    order: RewriteCommand,
) -> Result<Option<Value>> {
    let label = order.title().to_owned();
    let RewriteCommand { uri, what } = order;
    let (document, items) = match what {
        What::Picked(picked) if picked.id == next_edit::LEFT => {
            client.show_message(MessageType::INFO, remaining(assistant).await?).await;
            return Ok(None);
        }
        What::Picked(picked) => found_again(assistant, picked).await?,
        What::Instructed { range, document, instruction } => {
            let action = actions::instructed(&document, range, instruction.trim())
                .ok_or_else(|| failed("there is no function, type or statement to rewrite here"))?;
            let items = Item::of(action, &document);
            (document, items)
        }
    };
    let note = note(&items);
    let edits = write(assistant, job, &document, items).await?;
    let changes = workspace_edit::of(support, &uri, &document, &edits, is_open(assistant, &document));
    workspace_edit::apply(client, assistant, &label, changes, &edits).await?;
    if let Some(warning) = workspace_edit::warning(support, &edits) {
        client.show_message(MessageType::WARNING, warning).await;
    } else if let Some(note) = note {
        client.show_message(MessageType::INFO, note).await;
    }
    Ok(None)
}

fn open(assistant: &Assistant, uri: &Uri) -> Result<Arc<Document>> {
    let document = assistant.workspace.documents.get(&uris::document_id(uri));
    document.ok_or_else(|| errors::not_current(assistant, uri))
}

/// Whether the document is open in the client; otherwise it was read from disk.
fn is_open(assistant: &Assistant, document: &Document) -> bool {
    assistant.workspace.documents.get(&document.id).is_some()
}

/// The next edit, and its document's URI.
pub fn next(assistant: &Assistant) -> Option<(Uri, NextEdit)> {
    let next = next_edit::next(&assistant.next_edits, &|path| id_of(assistant, path))?;
    Some((next.document.id.0.parse().ok()?, next))
}

/// What no next edit renames, and the URI of the definition's document.
pub fn left(assistant: &Assistant) -> Option<(Uri, Left)> {
    let left = next_edit::left(&assistant.next_edits, &|path| id_of(assistant, path))?;
    Some((left.document.id.0.parse().ok()?, left))
}

fn id_of(assistant: &Assistant, path: &Path) -> Option<DocumentId> {
    let all = assistant.workspace.documents.recent();
    // A client may spell a URI differently: `c%3A` for `C%3A`.
    let open = all.iter().find(|document| document.path.as_deref() == Some(path));
    match open {
        Some(document) => Some(document.id.clone()),
        None => Some(uris::document_id(&Uri::from_file_path(path)?)),
    }
}

/// The note of the action that names what is left.
async fn remaining(assistant: &Assistant) -> Result<String> {
    let searching = assistant.clone();
    let found = tokio::task::spawn_blocking(move || left(&searching)).await;
    let (_, left) = found.map_err(|_| Error::internal_error())?.ok_or_else(gone)?;
    Ok(format!("phi-ls: {}", left.note))
}

fn gone() -> Error {
    failed("this action is no longer offered here")
}

/// Finds the offered action again.
async fn found_again(assistant: &Assistant, picked: Picked) -> Result<(Arc<Document>, Vec<Item>)> {
    let id = uris::document_id(&picked.uri);
    if picked.id == next_edit::ID {
        let searching = assistant.clone();
        let found = tokio::task::spawn_blocking(move || next(&searching)).await;
        let (_, next) = found.map_err(|_| Error::internal_error())?.ok_or_else(gone)?;
        let is_same = next.document.id == id && next.range == picked.selection;
        if !is_same || next.document.version != picked.version {
            return Err(modified());
        }
        return Ok((next.document.clone(), vec![Item::Next(Box::new(next))]));
    }
    let document = open(assistant, &picked.uri)?;
    if document.version != picked.version {
        return Err(modified());
    }
    let (snapshot, settings) = (document.clone(), assistant.workspace.settings());
    let found = tokio::task::spawn_blocking(move || {
        let own = &settings.actions.own;
        let all = actions::offered(&snapshot, picked.selection, &picked.problems, own, |_| true);
        all.into_iter().find(|action| action.id == picked.id)
    });
    let found = found.await.map_err(|_| Error::internal_error())?;
    let items = Item::of(found.ok_or_else(gone)?, &document);
    Ok((document, items))
}

/// Rewrites each item, until the job is cancelled or the document changes. If one of several items is refused, the others
/// are still returned.
async fn write(assistant: &Assistant, job: &Job, document: &Document, items: Vec<Item>) -> Result<Vec<Edit>> {
    let was_open = is_open(assistant, document);
    let is_current = || match assistant.workspace.documents.get(&document.id) {
        // A client may reuse a version number.
        Some(now) => now.version == document.version && now.text.is_instance(&document.text),
        None => !was_open && !assistant.workspace.documents.is_stale(&document.id),
    };
    let mut changes = assistant.workspace.documents.changes();
    let changed = async { while is_current() && changes.changed().await.is_ok() {} };
    let all = async {
        let (mut edits, mut refused): (Vec<Edit>, _) = (Vec::new(), None);
        for (at, item) in items.iter().enumerate() {
            let stage = |stage| job.report((at, items.len()), stage);
            match item.write(assistant, &stage).await {
                // Two items may need the same import.
                Ok(made) => {
                    let is_new = |edit: &Edit| !edits.contains(edit);
                    edits.extend(made.into_iter().filter(is_new).collect::<Vec<_>>());
                }
                Err(why) => {
                    tracing::info!("{} is not changed: {why}", item.label(document));
                    refused = Some(why);
                }
            }
        }
        match refused {
            Some(why) if edits.is_empty() => Err(failed(why.to_string())),
            _ => {
                edits.sort_by_key(|edit| edit.range().start);
                Ok(edits)
            }
        }
    };
    let edits = tokio::select! {
        edits = all => edits?,
        () = job.cancelled() => return Err(Error::request_cancelled()),
        // The result cannot be applied any more.
        () = changed => return Err(modified()),
    };
    let now = match assistant.workspace.documents.get(&document.id) {
        None if !was_open => on_disk(assistant, document).await,
        now => now,
    };
    let fits = is_current() && now.is_some_and(|now| edits.iter().all(|edit| edit.applies_to(&now)));
    if fits { Ok(edits) } else { Err(modified()) }
}

/// The current document of a file that is not open.
async fn on_disk(assistant: &Assistant, document: &Document) -> Option<Arc<Document>> {
    let (assistant, path, id) = (assistant.clone(), document.path.clone()?, document.id.clone());
    tokio::task::spawn_blocking(move || next_edit::read(&assistant.workspace, &path, id)).await.ok()?
}
