//! Converts verified edits to workspace edits, and applies them with a check of the client's answer.

use std::collections::HashMap;
use std::time::Duration;

use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::request::ApplyWorkspaceEdit;
use tower_lsp::ls_types::*;

use super::client::ClientSupport;
use super::errors::failed;
use crate::assistant::Assistant;
use crate::diff::changed_lines;
use crate::documents::Document;
use crate::edits::Edit;

/// Maximum time between a client's answer and its change of the document.
const UNTIL_CHANGED: Duration = Duration::from_secs(2);

/// The workspace edit for disjoint edits of a document, reduced to the changed lines. `is_open`: the document is open in the
/// client, so the edit names its version. If the client supports annotations, one lists what an edit deletes beyond the
/// instruction, and asks for confirmation if that is more than expected.
pub fn of(
    support: &ClientSupport,
    uri: &Uri,
    document: &Document,
    edits: &[Edit],
    is_open: bool,
) -> WorkspaceEdit {
    let change = |edit: &Edit| {
        let (range, new_text) = changed_lines(edit.range().start, edit.old(), edit.new_text());
        TextEdit { range: support.encoding.range(&document.text, range), new_text }
    };
    let deletions: Vec<_> = edits.iter().map(Edit::deletions).collect();
    let edits: Vec<TextEdit> = edits.iter().map(change).collect();
    if !support.document_changes {
        let changes = Some(HashMap::from([(uri.clone(), edits)]));
        return WorkspaceEdit { changes, ..WorkspaceEdit::default() };
    }
    let version = is_open.then_some(document.version);
    let mut annotations = HashMap::new();
    let mut annotated = |(at, text_edit): (usize, TextEdit)| {
        if deletions[at].is_empty() || !support.annotations {
            return OneOf::Left(text_edit);
        }
        let annotation = ChangeAnnotation {
            label: "phi-ls deletes code".to_owned(),
            needs_confirmation: Some(deletions[at].is_unexpected),
            description: Some(deletions[at].to_string()),
        };
        let annotation_id = format!("phi-ls/deletes/{at}");
        annotations.insert(annotation_id.clone(), annotation);
        OneOf::Right(AnnotatedTextEdit { text_edit, annotation_id })
    };
    let edits = edits.into_iter().enumerate().map(&mut annotated).collect();
    let change = TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri: uri.clone(), version },
        edits,
    };
    WorkspaceEdit {
        changes: None,
        document_changes: Some(DocumentChanges::Edits(vec![change])),
        change_annotations: (!annotations.is_empty()).then_some(annotations),
    }
}

/// The warning about unexpected deletions, for clients without annotations.
pub fn warning(support: &ClientSupport, edits: &[Edit]) -> Option<String> {
    let shows = support.annotations && support.document_changes;
    let unexpected = edits.iter().map(Edit::deletions).filter(|deletions| deletions.is_unexpected && !shows);
    let said: Vec<String> = unexpected.map(ToString::to_string).collect();
    (!said.is_empty()).then(|| format!("phi-ls: review this change: it {}", said.join("; it ")))
}

/// Sends an edit to the client and checks that it was applied.
///
/// # Errors
/// The client did not apply it, or the document does not contain it: Neovim reports success if its user declined.
pub async fn apply(
    client: &Client,
    assistant: &Assistant,
    label: &str,
    changes: WorkspaceEdit,
    edits: &[Edit],
) -> Result<()> {
    let mut documents = assistant.workspace.documents.changes();
    let params = ApplyWorkspaceEditParams { label: Some(label.to_owned()), edit: changes };
    let response = client.send_request::<ApplyWorkspaceEdit>(params).await?;
    if !response.applied {
        let reason = response.failure_reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        return Err(failed(format!("the editor did not apply the change{reason}")));
    }
    let shown = async {
        while !are_shown(assistant, edits) {
            documents.changed().await.map_err(|_| Error::internal_error())?;
        }
        Ok(())
    };
    let missing = "the editor reported the change as applied, but the document does not contain it";
    tokio::time::timeout(UNTIL_CHANGED, shown).await.unwrap_or_else(|_| Err(failed(missing)))
}

/// Whether the document contains the edits, or is not open, so that it cannot be checked. The edits must be sorted.
fn are_shown(assistant: &Assistant, edits: &[Edit]) -> bool {
    let document = edits.first().and_then(|edit| assistant.workspace.documents.get(edit.document()));
    let Some(document) = document else { return true };
    let (mut added, mut removed) = (0, 0);
    edits.iter().all(|edit| {
        let start = edit.range().start + added - removed;
        let said = document.text.get_byte_slice(start..start + edit.new_text().len());
        added += edit.new_text().len();
        removed += edit.old().len();
        document.version != edit.version() && said.is_some_and(|said| said == edit.new_text())
    })
}
