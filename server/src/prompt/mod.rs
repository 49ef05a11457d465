//! The wording, the order and the budget of every prompt; one file for each kind.
//!
//! Order is what makes a keystroke cheap (decision 5 of the design): the engine keeps the KV rows of the longest
//! leading run of tokens that it has seen before, so what changes rarely comes first and what changes with each
//! key comes last. Each piece is a part of its own, because equal leading parts are equal leading tokens.

mod complete;
mod rewrite;

use std::ops::Range;

use phi_engine::Prompt;

pub use self::complete::{complete, completion_budget, completion_rules};
pub use self::rewrite::{
    Material, RejectedAnswer, Related, Rewrite, repair, rewrite, rewrite_budget, rewrite_fence,
};
use crate::context::{Context, Snippet};
use crate::documents::Document;

/// What the project asks of its code, then what stands elsewhere: the parts that all prompts have in common.
fn surroundings(mut prompt: Prompt, context: &Context, fence: &str) -> Prompt {
    if let Some(guidance) = &context.guidance {
        prompt = prompt.text(format!(
            "Project guidelines ({}):\n{fence}\n{}{fence}\n\n",
            printable(&guidance.path),
            whole_lines(unix_lines(guidance.text.to_string())),
        ));
    }
    for snippets in by_file(context) {
        let path = printable(&snippets[0].path);
        prompt = prompt.text(format!("From {path}:\n{fence}\n{}{fence}\n\n", together(snippets)));
    }
    prompt
}

/// The snippets of a context; adjacent declarations of one file share a heading.
fn by_file(context: &Context) -> impl Iterator<Item = &[Snippet]> {
    let share = |a: &Snippet, b: &Snippet| {
        a.source.is_declaration() && b.source.is_declaration() && a.path == b.path && a.file == b.file
    };
    context.snippets.chunk_by(share)
}

/// Which file it is.
fn file_name(document: &Document) -> String {
    match &*document.label() {
        "" => "File without a name\n\n".to_owned(),
        label => format!("File: {}\n\n", printable(label)),
    }
}

/// The texts of snippets of one file; of a member it is said what it belongs to.
fn together(snippets: &[Snippet]) -> String {
    let mut text = String::new();
    let mut of = None;
    for snippet in snippets {
        let mark = snippet.language.and_then(|language| language.line_comment);
        if snippet.source.is_declaration() && snippet.container != of {
            of.clone_from(&snippet.container);
            if let Some((mark, container)) = mark.zip(of.as_deref()) {
                text += &format!("{mark} {}\n", printable(container));
            }
        }
        text += &whole_lines(unix_lines(snippet.text.to_string()));
    }
    text
}

/// The fence around text in a prompt, which also ends the answer: longer than any run of backticks in what it may
/// stand around, so that no text closes it. Decided by the whole document, not by what is shown of it, so that it stays
/// the same wherever the cursor goes.
pub fn fence(document: &Document, context: &Context) -> String {
    fence_around(document, context, &[])
}

/// The same where other texts are shown, too.
fn fence_around(document: &Document, context: &Context, others: &[&str]) -> String {
    let mut longest = 0;
    let mut run = 0;
    let mut count = |bytes: &[u8]| {
        if !bytes.contains(&b'`') {
            run = 0;
            return;
        }
        for &byte in bytes {
            run = if byte == b'`' { run + 1 } else { 0 };
            longest = longest.max(run);
        }
    };
    document.text.chunks().for_each(|chunk| count(chunk.as_bytes()));
    let snippets = context.snippets.iter().chain(&context.guidance).map(|snippet| &*snippet.text);
    for text in snippets.chain(others.iter().copied()) {
        count(b"");
        count(text.as_bytes());
    }
    "`".repeat((longest + 1).max(3))
}

/// A part of a document as a model reads it.
pub fn text_of(document: &Document, range: &Range<usize>) -> String {
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

/// A path may hold any byte, a line break included; a heading is one line.
fn printable(path: &str) -> String {
    path.chars().map(|c| if c.is_control() || c == '`' { '?' } else { c }).take(200).collect()
}
