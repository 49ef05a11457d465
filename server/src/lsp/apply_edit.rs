//! Applies changes of many files with `workspace/applyEdit`, and checks whether the client made them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ropey::Rope;
use tokio::time::Instant;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::request::ApplyWorkspaceEdit;
use tower_lsp::ls_types::*;

use super::client::ClientSupport;
use super::positions::Encoding;
use crate::assistant::Assistant;
use crate::documents::{Buffer, Document};
use crate::refactor::apply::{Applied, Skipped, admitted};
use crate::refactor::{FileChange, Report};
use crate::{diff, files};

/// Maximum time until a client reports its changes of documents; Neovim waits 150 ms.
const UNTIL_CHANGED: Duration = Duration::from_secs(2);
/// How often to check files that are not open: a client may write them without a notification.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Sends the changes to the client in one edit. With `confirm`, each file has an annotation with the result of the report's
/// check, which asks the user for confirmation, if the client supports that. A file is skipped if its text is not the one that
/// the change was made for, or if the client does not change it, regardless of its answer.
pub async fn apply(
    client: &Client,
    assistant: &Assistant,
    support: &ClientSupport,
    label: &str,
    changes: &[FileChange],
    confirm: Option<&Report>,
) -> Result<Applied> {
    let confirm = confirm.filter(|_| support.annotations);
    let mut applied = Applied::default();
    let (mut edits, mut annotations) = (Vec::new(), HashMap::new());
    let mut sent = Vec::new();
    let looked = {
        let changes = changes.to_vec();
        let look =
            move |assistant: &Assistant| changes.iter().map(|change| standing(assistant, change)).collect();
        run_blocking::<Vec<_>>(assistant, look).await?
    };
    for (change, standing) in changes.iter().zip(looked) {
        match standing {
            Ok(document) => {
                let id = change.path.display().to_string();
                edits.push(edit(support.encoding, change, document, confirm.map(|_| &id)));
                if let Some(report) = confirm {
                    annotations.insert(id, annotation(assistant, label, report, &change.path));
                }
                sent.push(change.clone());
            }
            Err(reason) => applied.skipped.push((change.path.clone(), reason)),
        }
    }
    if edits.is_empty() {
        return Ok(applied);
    }
    let edit = WorkspaceEdit {
        changes: None,
        document_changes: Some(DocumentChanges::Edits(edits)),
        change_annotations: confirm.map(|_| annotations),
    };
    let params = ApplyWorkspaceEditParams { label: Some(label.to_owned()), edit };
    let response = client.send_request::<ApplyWorkspaceEdit>(params).await?;
    if response.applied {
        wait_for(assistant, &sent).await?;
    }
    run_blocking(assistant, move |assistant| {
        for change in sent {
            // Neovim answers `applied` if its user declined; a failed edit may be applied in part.
            if has(assistant, &change.path, &change.after) {
                applied.written.push(change.path);
            } else {
                let reason = response.failure_reason.clone().filter(|_| !response.applied);
                let reason = reason.map_or_else(|| left_as(assistant, &change), Skipped::Failed);
                applied.skipped.push((change.path, reason));
            }
        }
        applied
    })
    .await
}

/// The document of a file, `None` if it is not open; an error if its text is not the one that the change was made for.
fn standing(
    assistant: &Assistant,
    change: &FileChange,
) -> std::result::Result<Option<Arc<Document>>, Skipped> {
    let path = admitted(&assistant.workspace.repository.rules(), &change.path)?;
    let (document, is_same) = match assistant.workspace.documents.buffer(&change.path) {
        Buffer::Current(document) => (Some(document.clone()), document.text == *change.before),
        Buffer::Closed => (None, has_text(&path, &change.before)),
        Buffer::Stale => (None, false),
    };
    if is_same { Ok(document) } else { Err(Skipped::Changed) }
}

fn edit(
    encoding: Encoding,
    change: &FileChange,
    document: Option<Arc<Document>>,
    annotation: Option<&String>,
) -> TextDocumentEdit {
    let uri = document.as_ref().and_then(|document| document.id.0.parse().ok());
    let uri = uri.or_else(|| Uri::from_file_path(&change.path));
    let before = Rope::from_str(&change.before);
    let starts = |text: &str| -> Vec<usize> {
        let ends = text.split_inclusive('\n').scan(0, |at, line| {
            *at += line.len();
            Some(*at)
        });
        std::iter::once(0).chain(ends).collect()
    };
    let (old, new) = (starts(&change.before), starts(&change.after));
    let text_edit = |hunk: diff::Hunk| {
        let bytes = old[hunk.before.start]..old[hunk.before.end];
        let new_text = change.after[new[hunk.after.start]..new[hunk.after.end]].to_owned();
        let (bytes, new_text) = diff::changed_lines(bytes.start, &change.before[bytes], &new_text);
        let text_edit = TextEdit { range: encoding.range(&before, bytes), new_text };
        match annotation.cloned() {
            Some(annotation_id) => OneOf::Right(AnnotatedTextEdit { text_edit, annotation_id }),
            None => OneOf::Left(text_edit),
        }
    };
    let version = document.map(|document| document.version);
    TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier {
            uri: uri.expect("an absolute path"),
            version,
        },
        edits: change.hunks().into_iter().map(text_edit).collect(),
    }
}

fn annotation(assistant: &Assistant, label: &str, report: &Report, path: &Path) -> ChangeAnnotation {
    let rules = assistant.workspace.repository.rules();
    let below = rules.relative(path);
    let check = report.check.as_ref().map(|check| format!(": {}", check.of_file(path))).unwrap_or_default();
    let deletes = report.deletes_in(path).map(|deletes| format!("; {deletes}")).unwrap_or_default();
    ChangeAnnotation {
        label: label.to_owned(),
        needs_confirmation: Some(true),
        description: Some(below.display().to_string() + &check + &deletes),
    }
}

/// Waits until all changes are made, or the time limit.
async fn wait_for(assistant: &Assistant, changes: &[FileChange]) -> Result<()> {
    let mut documents = assistant.workspace.documents.changes();
    let end = Instant::now() + UNTIL_CHANGED;
    loop {
        let changes = changes.to_vec();
        let are_made = move |assistant: &Assistant| {
            changes.iter().all(|change| has(assistant, &change.path, &change.after))
        };
        if run_blocking(assistant, are_made).await? || Instant::now() >= end {
            return Ok(());
        }
        // Whichever comes first. The sender lives as long as the assistant.
        let _ = tokio::time::timeout(LOOK_AGAIN, documents.changed()).await;
    }
}

/// Runs work that reads files on the blocking pool.
async fn run_blocking<T: Send + 'static>(
    assistant: &Assistant,
    look: impl FnOnce(&Assistant) -> T + Send + 'static,
) -> Result<T> {
    let assistant = assistant.clone();
    tokio::task::spawn_blocking(move || look(&assistant)).await.map_err(|_| Error::internal_error())
}

/// Whether a file has this text: in the editor if it is open, otherwise on disk.
fn has(assistant: &Assistant, path: &Path, text: &str) -> bool {
    match assistant.workspace.documents.buffer(path) {
        Buffer::Current(document) => document.text == *text,
        Buffer::Closed => has_text(path, text),
        Buffer::Stale => false,
    }
}

fn left_as(assistant: &Assistant, change: &FileChange) -> Skipped {
    Skipped::Failed(match has(assistant, &change.path, &change.before) {
        true => "the editor did not change it".to_owned(),
        false => "it contains only a part of the change, or other changes too".to_owned(),
    })
}

fn has_text(path: &Path, text: &str) -> bool {
    let most = (text.len() + files::BOM.len()) as u64;
    files::bytes(path, most)
        .is_ok_and(|bytes| files::without_bom(&bytes) == files::without_bom(text.as_bytes()))
}
