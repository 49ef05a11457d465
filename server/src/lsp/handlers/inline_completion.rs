//! `textDocument/inlineCompletion`: ghost text, and the notification that a late completion is ready.

use std::ops::Range;
use std::sync::Arc;

use ropey::Rope;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tower_lsp::Client;
use tower_lsp::ls_types::notification::Notification;
use tower_lsp::ls_types::*;

use crate::assistant::Assistant;
use crate::complete::{Completion, CompletionRequest, Ready, Superseded};
use crate::documents::{Change, Document};
use crate::lsp::client::ClientSupport;
use crate::lsp::commands;
use crate::lsp::positions::Encoding;
use crate::lsp::snapshot::{self, Snapshot};
use crate::suggest::suggest;

/// Returns the suggestion at the cursor, or where the cursor will be after accepting the item selected in the menu.
///
/// Without a suggestion the list is empty, not `null`: Neovim keeps an old suggestion on the screen for `null`.
pub async fn answer(
    assistant: &Assistant,
    support: &ClientSupport,
    params: InlineCompletionParams,
    snapshot: Snapshot,
) -> Result<InlineCompletionList, Superseded> {
    let item = item(assistant, support, params, snapshot).await?;
    Ok(InlineCompletionList { items: item.into_iter().collect() })
}

async fn item(
    assistant: &Assistant,
    support: &ClientSupport,
    params: InlineCompletionParams,
    snapshot: Snapshot,
) -> Result<Option<InlineCompletionItem>, Superseded> {
    let encoding = support.encoding;
    let trigger = snapshot::trigger(&params);
    let TextDocumentPositionParams { text_document, position } = params.text_document_position;
    let (Some(document), Some(request_generation)) = (snapshot.document, snapshot.request_generation) else {
        return Ok(None);
    };
    let (cursor, request_generation) = (encoding.offset(&document.text, position), request_generation?);
    let item = |range: Range<usize>, text: String, cursor: Option<Position>| {
        Some(InlineCompletionItem {
            insert_text: support.line_ends(text),
            filter_text: None,
            // VS Code draws nothing after a word without a range.
            range: Some(encoding.range(&document.text, range)),
            command: Some(commands::accepted(&text_document.uri, cursor)),
            // Not in the specification.
            insert_text_format: None,
        })
    };

    let Some(selected) = params.context.selected_completion_info else {
        let completion = suggest(
            &assistant.completions,
            &assistant.next_edits,
            request_generation,
            CompletionRequest { document: document.clone(), cursor, trigger },
        )
        .await?;
        return Ok(completion.and_then(|found| {
            let cursor = cursor_after_accept(support, &document, &found);
            item(found.edit.range(), found.edit.new_text().to_owned(), cursor)
        }));
    };
    let replaced = encoding.offsets(&document.text, selected.range);
    if !replaced.contains(&cursor) && replaced.end != cursor {
        return Ok(None);
    }
    let change = Change::Splice { range: replaced.clone(), text: selected.text.clone() };
    let accepted = Arc::new(document.apply(document.version, &[change]));
    let inserted = replaced.start..replaced.start + selected.text.len();
    let request = CompletionRequest { document: accepted.clone(), cursor: inserted.end, trigger };
    let completion =
        suggest(&assistant.completions, &assistant.next_edits, request_generation, request).await?;
    Ok(completion.and_then(|found| {
        let text = extending(&accepted, inserted, found.edit.range(), found.edit.new_text())?;
        item(replaced, text, cursor_after_accept(support, &accepted, &found))
    }))
}

/// The cursor position after accepting a completion, in the new text; `None` for the end of the completion, and for clients
/// without `cursorAfterAccept`.
///
/// A snippet with a final tab stop does not work: VS Code and Neovim draw its source, and indent its lines when they insert
/// it.
fn cursor_after_accept(support: &ClientSupport, document: &Document, found: &Completion) -> Option<Position> {
    let at = found.cursor.filter(|_| support.cursor_after_accept)?;
    let accepted = document.apply(document.version, &[found.edit.change()]);
    Some(support.encoding.position(&accepted.text, found.edit.range().start + at))
}

/// The text that replaces the selected item (at `inserted`) and contains the completion. `None` if the completion does not
/// extend the item, or changes text outside it: the client would not draw it.
fn extending(document: &Document, inserted: Range<usize>, edit: Range<usize>, new: &str) -> Option<String> {
    let text = &document.text;
    let selected = slice(text, inserted.clone());
    let before = slice(text, inserted.start..edit.start.max(inserted.start));
    let new = new.strip_prefix(&slice(text, edit.start.min(inserted.start)..inserted.start))?;
    let new = new.strip_suffix(&slice(text, inserted.end..edit.end.max(inserted.end)))?;
    let after = slice(text, edit.end.min(inserted.end)..inserted.end);
    let whole = before + new + &after;
    (whole.len() > selected.len() && whole.starts_with(&selected)).then_some(whole)
}

fn slice(text: &Rope, range: Range<usize>) -> String {
    text.byte_slice(range).to_string()
}

/// Notifies that a late completion is ready. Sent to clients with the capability `experimental.completionReady`.
enum CompletionReady {}

/// The parameters of `phi-ls/completionReady`: the position of the request. A client requests again if the document's version
/// and the cursor are unchanged.
#[derive(Debug, Serialize, Deserialize)]
struct ReadyParams {
    uri: Uri,
    version: i32,
    position: Position,
}

impl Notification for CompletionReady {
    type Params = ReadyParams;
    const METHOD: &'static str = "phi-ls/completionReady";
}

/// Notifies the client of each late completion.
pub async fn follow_ready(
    client: Client,
    assistant: Assistant,
    mut ready: watch::Receiver<Option<Ready>>,
    encoding: Encoding,
) {
    while ready.changed().await.is_ok() {
        let Some(ready) = ready.borrow_and_update().clone() else { continue };
        let document = assistant.workspace.documents.get(&ready.document);
        let Some(document) = document.filter(|document| document.version == ready.version) else { continue };
        let Ok(uri) = document.id.0.parse() else { continue };
        let position = encoding.position(&document.text, ready.cursor);
        client
            .send_notification::<CompletionReady>(ReadyParams { uri, version: ready.version, position })
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::DocumentId;

    fn extended(edit: Range<usize>, new: &str) -> Option<String> {
        let text = "console.log;";
        let document = Document::open(DocumentId("file:///a.js".into()), None, "javascript", 1, text);
        extending(&document, 7..11, edit, new)
    }

    #[test]
    fn a_completion_extends_the_selected_item_or_is_not_shown() {
        assert_eq!(extended(11..11, "(1)").as_deref(), Some(".log(1)"));
        assert_eq!(extended(8..11, "log(1)").as_deref(), Some(".log(1)"));
        assert_eq!(extended(0..11, "console.log(1)").as_deref(), Some(".log(1)"));
        assert_eq!(extended(11..12, "(1);").as_deref(), Some(".log(1)"));
        assert_eq!(extended(11..12, "(1)"), None, "the semicolon would have to go");
        assert_eq!(extended(8..11, "error"), None, "another method");
        assert_eq!(extended(11..11, ""), None, "nothing more than the item");
    }
}
