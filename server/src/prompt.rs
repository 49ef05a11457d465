//! The wording, the order and the budget of every prompt.
//!
//! Order is what makes a keystroke cheap (decision 5 of the design): the engine keeps the KV rows of the longest
//! leading run of tokens that it has seen before, so what changes rarely comes first and what changes with each
//! key comes last. Each piece is a part of its own, because equal leading parts are equal leading tokens.

use std::ops::Range;
use std::sync::Arc;

use phi_engine::{Markup, ModelInfo, Prompt};

use crate::context::{Budget, Context};
use crate::documents::Document;

const COMPLETE_RULES: &str = "You complete source code while a developer types. Continue the text exactly where it \
stops, in the style of the file. Write only the text that belongs there: no explanation, nothing twice, nothing \
that already follows.";

const COMPLETE_INSTRUCTION: &str = "Write what belongs into the gap.";

/// Tokens for the fixed wording of a completion's prompt: rules, headings, fences, the file's name.
const COMPLETE_WORDING: usize = 160;

/// How the tokens of a completion's context are shared out, in percent.
///
/// The zone is what the answer continues, so it gets most. Text below it mostly says where to stop. Together
/// they are what changes when the cursor moves to another function, so they bound what such a move re-runs.
mod share {
    pub(super) const ZONE: usize = 35;
    pub(super) const ABOVE: usize = 25;
    pub(super) const AFTER: usize = 12;
    pub(super) const SNIPPETS: usize = 28;
}

/// The budget of a completion whose prompt should take `context_tokens` and whose answer may take `max_tokens`.
/// Both together never leave the model's short window: there LongRoPE runs in its short mode, and so every
/// completion finds the KV rows of the one before.
pub fn completion_budget(model: &ModelInfo, context_tokens: usize, max_tokens: usize) -> Budget {
    let window = model.short_context.min(model.context);
    // What is counted piece by piece may come out a little longer in one piece.
    let room = (window - window / 16).saturating_sub(max_tokens);
    let tokens = context_tokens.min(room).saturating_sub(COMPLETE_WORDING);
    Budget {
        zone: tokens * share::ZONE / 100,
        above: tokens * share::ABOVE / 100,
        after: tokens * share::AFTER / 100,
        snippets: tokens * share::SNIPPETS / 100,
    }
}

/// The part that all completions begin with.
pub fn completion_rules() -> Prompt {
    Prompt::default().markup(Markup::System).text(COMPLETE_RULES).markup(Markup::End)
}

/// The prompt of a completion: stable parts first, the text after the cursor before the text in front of it, and
/// the assistant's turn opened for the model.
pub fn complete(document: &Document, context: &Context) -> Prompt {
    let window = &context.window;
    let language = document.language.map_or("", |language| language.fence);
    let fence = fence(document, context);
    let open = format!("{fence}{language}\n");
    let close = format!("{fence}\n\n");
    let shown = |ranges: &[&Range<usize>]| -> Option<String> {
        let text: String = ranges.iter().map(|range| text_of(document, range)).collect();
        (!text.trim().is_empty()).then(|| whole_lines(text))
    };
    let section = |prompt: Prompt, heading: &str, text: Option<String>| match text {
        Some(text) => prompt.text(heading).text(open.as_str()).text(text).text(close.as_str()),
        None => prompt,
    };

    let mut prompt = completion_rules().markup(Markup::User);
    for snippet in &context.snippets {
        prompt = prompt.text(format!(
            "From {}:\n{fence}\n{}{close}",
            printable(&snippet.path),
            whole_lines(unix_lines(snippet.text.to_string())),
        ));
    }
    prompt = prompt.text(format!("The file {}:\n\n", file_name(document)));
    let above: Vec<_> = window.imports.iter().chain(&window.scopes).chain([&window.above]).collect();
    prompt = section(prompt, "It begins:\n", shown(&above));
    prompt = section(prompt, "It ends:\n", shown(&[&window.after]));
    prompt = section(prompt, "Behind the gap follows:\n", shown(&[&(window.before.end..window.rest.end)]));
    prompt = prompt.text(COMPLETE_INSTRUCTION).markup(Markup::End);
    prompt.markup(Markup::Assistant).text(open.as_str()).text(text_of(document, &window.before))
}

/// The fence around text in a completion's prompt, which also ends the answer: longer than any run of backticks
/// in what it may stand around, so that no text closes it. Decided by the whole document, not by what is shown
/// of it, so that it stays the same wherever the cursor goes.
pub fn fence(document: &Document, context: &Context) -> String {
    let mut longest = 0;
    let mut run = 0;
    let mut count = |bytes: &[u8]| {
        for &byte in bytes {
            run = if byte == b'`' { run + 1 } else { 0 };
            longest = longest.max(run);
        }
    };
    document.text.chunks().for_each(|chunk| count(chunk.as_bytes()));
    for snippet in &context.snippets {
        count(b"\n");
        count(snippet.text.as_bytes());
    }
    "`".repeat((longest + 1).max(3))
}

fn text_of(document: &Document, range: &Range<usize>) -> String {
    unix_lines(document.text.byte_slice(range.clone()).to_string())
}

/// Models were trained on text whose lines end with a line feed alone, and a byte order mark is no text.
fn unix_lines(text: String) -> String {
    let text = if text.contains("\r\n") { text.replace("\r\n", "\n") } else { text };
    text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned)
}

fn whole_lines(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn file_name(document: &Document) -> Arc<str> {
    let name = document.path.as_deref().and_then(|path| path.file_name());
    printable(&name.map_or("untitled".into(), |name| name.to_string_lossy())).into()
}

/// A path may hold any byte, a line break included; a heading is one line.
fn printable(path: &str) -> String {
    path.chars().map(|c| if c.is_control() || c == '`' { '?' } else { c }).take(200).collect()
}
