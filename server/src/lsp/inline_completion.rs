//! `textDocument/inlineCompletion`: ghost text.

use std::ops::Range;
use std::sync::Arc;

use ropey::Rope;
use tower_lsp::ls_types::*;

use super::commands;
use super::positions::Encoding;
use super::snapshot::{self, Snapshot};
use crate::assistant::Assistant;
use crate::complete::{Ask, Superseded, complete_in};
use crate::documents::{Change, Document};

/// Asks the flow at the cursor, or where the cursor will be once the item selected in the menu is accepted.
pub async fn answer(
    assistant: &Assistant,
    encoding: Encoding,
    params: InlineCompletionParams,
    snapshot: Snapshot,
) -> Result<Option<InlineCompletionResponse>, Superseded> {
    let trigger = snapshot::trigger(&params);
    let TextDocumentPositionParams { text_document, position } = params.text_document_position;
    let (Some(document), Some(turn)) = (snapshot.document, snapshot.turn) else { return Ok(None) };
    let (cursor, turn) = (encoding.offset(&document.text, position), turn?);
    let item = |range: Range<usize>, text: String| {
        let item = InlineCompletionItem {
            insert_text: text,
            filter_text: None,
            // Always: VS Code draws nothing behind a word without it.
            range: Some(encoding.range(&document.text, range)),
            command: Some(commands::accepted(&text_document.uri)),
            // No member of the specification's.
            insert_text_format: None,
        };
        Some(InlineCompletionResponse::List(InlineCompletionList { items: vec![item] }))
    };

    let Some(selected) = params.context.selected_completion_info else {
        let completion =
            complete_in(assistant, turn, Ask { document: document.clone(), cursor, trigger }).await?;
        return Ok(completion.and_then(|found| item(found.edit.range(), found.edit.new_text().to_owned())));
    };
    let replaced = encoding.offsets(&document.text, selected.range);
    if !replaced.contains(&cursor) && replaced.end != cursor {
        return Ok(None);
    }
    let change = Change::Splice { range: replaced.clone(), text: selected.text.clone() };
    let accepted = Arc::new(document.apply(document.version, &[change]));
    let inserted = replaced.start..replaced.start + selected.text.len();
    let ask = Ask { document: accepted.clone(), cursor: inserted.end, trigger };
    let completion = complete_in(assistant, turn, ask).await?;
    Ok(completion
        .and_then(|found| extending(&accepted, inserted, found.edit.range(), found.edit.new_text()))
        .and_then(|text| item(replaced, text)))
}

/// The text that takes the place of the selected item (which stands at `inserted`) so that the completion is in it.
/// `None` where the completion does not extend the item, or reaches beyond it: the client would not draw it.
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
