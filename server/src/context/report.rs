//! An explanation of a context: the output of `phi-ls context` and of the command `phi-ls.context`.

use std::ops::Range;

use serde::Serialize;

use super::{Budget, Context, Snippet, Source};
use crate::documents::Document;

/// A context, part by part in the order of the prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The document's path, for display.
    pub file: String,
    /// The cursor's line, counted from 1.
    pub line: usize,
    /// The cursor's column in characters, counted from 1.
    pub column: usize,
    /// The parts.
    pub parts: Vec<Part>,
    /// Tokens by kind.
    pub tokens: Tokens,
    /// The most tokens for each kind.
    pub budget: Tokens,
}

/// One part of a context.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// `window`, or why a piece of the workspace is shown.
    pub source: String,
    /// Its path, for display.
    pub path: String,
    /// The absolute path; absent if there is no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its first line, counted from 1.
    pub from: usize,
    /// Its last line.
    pub to: usize,
    /// Its relevance; null for the window.
    pub score: Option<f32>,
    /// The reason, as text.
    pub reason: String,
    /// The tokens that it costs, its heading included.
    pub tokens: usize,
    /// The text.
    pub text: String,
}

/// Tokens of a context.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Of the document around the cursor.
    pub window: usize,
    /// Of the project's guidance.
    pub guidance: usize,
    /// Of all snippets.
    pub snippets: usize,
    /// The sum.
    pub total: usize,
}

impl Tokens {
    fn new(window: usize, guidance: usize, snippets: usize) -> Tokens {
        Tokens { window, guidance, snippets, total: window + guidance + snippets }
    }
}

impl Report {
    /// The report of a context at a cursor of a document.
    pub fn of(
        document: &Document,
        cursor: usize,
        context: &Context,
        budget: Budget,
        count: &dyn Fn(&str) -> usize,
    ) -> Report {
        let text = &document.text;
        let line = text.byte_to_line(cursor);
        let window = window(document, context, count);
        let pieces = context.guidance.iter().chain(&context.snippets).map(Part::from);
        let snippets = context.snippets.iter().map(|snippet| snippet.tokens).sum();
        let guidance = context.guidance.as_ref().map_or(0, |guidance| guidance.tokens);
        let tokens = Tokens::new(window.iter().map(|part| part.tokens).sum(), guidance, snippets);
        Report {
            file: document.label(),
            line: line + 1,
            column: text.byte_to_char(cursor) - text.line_to_char(line) + 1,
            parts: pieces.chain(window).collect(),
            tokens,
            budget: Tokens::new(
                budget.above + budget.edit_region + budget.after,
                budget.guidance,
                budget.snippets,
            ),
        }
    }
}

impl From<&Snippet> for Part {
    fn from(snippet: &Snippet) -> Part {
        Part {
            source: snippet.source.name().to_owned(),
            path: snippet.path.clone(),
            file: snippet.file.as_deref().map(|file| file.display().to_string()),
            from: snippet.lines.start + 1,
            to: snippet.lines.end,
            score: (snippet.source != Source::Guidance).then_some(snippet.score),
            reason: snippet.reason.clone(),
            tokens: snippet.tokens,
            text: snippet.text.to_string(),
        }
    }
}

fn window(document: &Document, context: &Context, count: &dyn Fn(&str) -> usize) -> Vec<Part> {
    let window = &context.window;
    let imports = window.imports.iter().map(|range| (range, "imports"));
    let scopes = window.scopes.iter().map(|range| (range, "header of an enclosing scope"));
    let tail = window.before.end..window.rest.end;
    let rest = [
        (&window.above, "above the edit region"),
        (&window.after, "below the edit region"),
        (&tail, "after the cursor"),
        (&window.before, "before the cursor"),
    ];
    let text = &document.text;
    let part = |(range, reason): (&Range<usize>, &str)| {
        let shown = text.byte_slice(range.clone()).to_string();
        Part {
            source: "window".to_owned(),
            path: document.label(),
            file: document.path.as_deref().map(|file| file.display().to_string()),
            from: text.byte_to_line(range.start) + 1,
            to: text.byte_to_line(range.end.saturating_sub(1).max(range.start)) + 1,
            score: None,
            reason: reason.to_owned(),
            tokens: count(&shown),
            text: shown,
        }
    };
    imports.chain(scopes).chain(rest).filter(|(range, _)| !range.is_empty()).map(part).collect()
}
