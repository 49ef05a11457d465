//! `textDocument/completion`: an item of the completion menu, for clients without ghost text.

use std::ops::Range;

use ropey::Rope;
use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::*;

use crate::assistant::Assistant;
use crate::complete::{CompletionRequest, Superseded, Trigger};
use crate::lsp::client::{ClientSupport, Snippets};
use crate::lsp::snapshot::Snapshot;
use crate::lsp::{commands, snippet};
use crate::suggest::suggest;

/// Maximum length of a label, in characters.
const MAX_LABEL: usize = 60;
const SOURCE: &str = "phi-ls";

/// The data for `completionItem/resolve`.
#[derive(Serialize, Deserialize)]
struct Data {
    fence: String,
    text: String,
}

/// Returns the completion that is ready. The list is always incomplete, so that the client requests again after the next key.
pub async fn answer(
    assistant: &Assistant,
    support: &ClientSupport,
    params: CompletionParams,
    snapshot: Snapshot,
) -> Result<Option<CompletionResponse>, Superseded> {
    let TextDocumentPositionParams { text_document, position } = params.text_document_position;
    let (Some(document), Some(request_generation)) = (snapshot.document, snapshot.request_generation) else {
        return Ok(None);
    };
    let request_generation = request_generation?;
    let cursor = support.encoding.offset(&document.text, position);
    let request = CompletionRequest { document: document.clone(), cursor, trigger: Trigger::Menu };
    let items = suggest(&assistant.completions, &assistant.next_edits, request_generation, request)
        .await?
        .map(|completion| {
            let edit = &completion.edit;
            let (range, text) = with_word(&document.text, cursor, edit.range(), edit.new_text());
            let at = completion.cursor.map(|at| text.len() - edit.new_text().len() + at);
            let snippet = at.and_then(|at| as_snippet(support, &document.text, range.start, &text, at));
            let format = match snippet {
                Some(_) => InsertTextFormat::SNIPPET,
                // As a snippet, Helix would expand `$name` and indent each line again.
                None => InsertTextFormat::PLAIN_TEXT,
            };
            let text = support.line_ends(text);
            CompletionItem {
                label: label(&text),
                label_details: support.label_details.then(|| CompletionItemLabelDetails {
                    detail: None,
                    description: Some(SOURCE.to_owned()),
                }),
                // Helix treats every item of kind `Snippet` as a snippet.
                kind: Some(CompletionItemKind::TEXT),
                detail: Some(SOURCE.to_owned()),
                // Before the items of other servers.
                sort_text: Some("!".to_owned()),
                filter_text: Some(text.lines().next().unwrap_or_default().to_owned()),
                insert_text_format: Some(format),
                // The text is indented already.
                insert_text_mode: Some(InsertTextMode::AS_IS),
                text_edit: Some(CompletionTextEdit::Edit(TextEdit {
                    range: support.encoding.range(&document.text, range),
                    new_text: snippet.map_or_else(|| text.clone(), |snippet| support.line_ends(snippet)),
                })),
                command: Some(commands::accepted(&text_document.uri, None)),
                data: serde_json::to_value(Data {
                    fence: document.language.map(|language| language.fence.to_owned()).unwrap_or_default(),
                    text,
                })
                .ok(),
                ..Default::default()
            }
        });
    Ok(Some(CompletionResponse::List(CompletionList {
        is_incomplete: true,
        items: items.into_iter().collect(),
    })))
}

/// Adds the whole text as documentation. Items without our `data` are returned unchanged.
pub fn resolve(support: &ClientSupport, mut item: CompletionItem) -> CompletionItem {
    if let Some(Data { fence, text }) = item.data.take().and_then(|data| serde_json::from_value(data).ok()) {
        item.documentation = Some(match support.markdown {
            true => Documentation::MarkupContent(MarkupContent {
                kind: MarkupKind::Markdown,
                value: fenced(&fence, &text),
            }),
            false => Documentation::String(text),
        });
    }
    item
}

/// A code block with a fence longer than any in the text.
fn fenced(language: &str, text: &str) -> String {
    let ticks = "`".repeat(text.split(|char| char != '`').map(str::len).max().unwrap_or(0).max(2) + 1);
    format!("{ticks}{language}\n{text}\n{ticks}")
}

/// An item's text, which starts at `start`, as a snippet with the cursor, for clients that keep its indentation.
fn as_snippet(
    support: &ClientSupport,
    text: &Rope,
    start: usize,
    item: &str,
    cursor: usize,
) -> Option<String> {
    let indentation = match support.snippets? {
        Snippets::AsIs => String::new(),
        Snippets::Indented => {
            let line = text.line_to_byte(text.byte_to_line(start));
            text.byte_slice(line..start).chars().take_while(|char| char.is_whitespace()).collect()
        }
    };
    snippet::with_cursor(item, cursor, &indentation)
}

/// Extends the edit to the word before the cursor, because clients filter items by it.
fn with_word(text: &Rope, cursor: usize, range: Range<usize>, new: &str) -> (Range<usize>, String) {
    let at = text.byte_to_char(cursor);
    let word = text.chars_at(at).reversed().take_while(|char| char.is_alphanumeric() || *char == '_').count();
    let start = text.char_to_byte(at - word).min(range.start);
    (start..range.end, text.byte_slice(start..range.start).to_string() + new)
}

/// The first line, shortened, with `…` if text is missing.
fn label(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let mut label: String = first.chars().take(MAX_LABEL).collect();
    if label.len() < first.len() || lines.next().is_some() {
        label.push('…');
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typed_word_is_part_of_the_item() {
        let text = Rope::from_str("let x = é.pri");
        assert_eq!(with_word(&text, 14, 14..14, "nt()"), (11..14, "print()".into()));
        assert_eq!(with_word(&text, 11, 11..14, "map()"), (11..14, "map()".into()));
        assert_eq!(with_word(&text, 14, 8..14, "é.print()"), (8..14, "é.print()".into()));
        assert_eq!(with_word(&text, 10, 10..10, "x"), (8..10, "éx".into()));
    }

    #[test]
    fn a_label_is_one_line_and_marks_missing_text() {
        assert_eq!(label("  a()"), "a()");
        assert_eq!(label("\n  if x {\n    y\n  }"), "if x {…");
        assert_eq!(label(&"é".repeat(80)), "é".repeat(60) + "…");
    }

    #[test]
    fn resolving_shows_the_whole_text_and_leaves_other_items_alone() {
        let data = serde_json::to_value(Data { fence: "rust".into(), text: "a\n```\nb".into() }).ok();
        let item = CompletionItem { data, ..Default::default() };
        let plain = ClientSupport::default();
        let text = Documentation::String("a\n```\nb".into());
        assert_eq!(resolve(&plain, item.clone()).documentation, Some(text));
        let markdown = ClientSupport { markdown: true, ..Default::default() };
        let value = "````rust\na\n```\nb\n````".to_owned();
        let content = MarkupContent { kind: MarkupKind::Markdown, value };
        assert_eq!(resolve(&markdown, item).documentation, Some(Documentation::MarkupContent(content)));
        let other = CompletionItem { label: "x".into(), ..Default::default() };
        assert_eq!(resolve(&plain, other.clone()), other);
    }
}
