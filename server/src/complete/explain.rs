//! What the prompt of a completion holds, for users.

use phi_engine::Prompt;

use super::limits::Limits;
use super::neural::{count, formats, gather};
use super::session::Completions;
use crate::context::Report;
use crate::documents::Document;

/// The prompt of a completion; without a neural model, the one that Phi-3.5-mini would get.
pub fn prompt(completions: &Completions, document: &Document, cursor: usize) -> Prompt {
    let engine = completions.engine();
    let context = gather(completions, engine.as_ref(), document, cursor);
    crate::prompt::complete(document, &context, &formats(engine.as_ref()))
}

/// What the prompt of a completion holds, and why; `None` if the document is withheld.
pub fn explain(completions: &Completions, document: &Document, cursor: usize) -> Option<Report> {
    if completions.workspace.may_be_shown(document).is_err() {
        return None;
    }
    let engine = completions.engine();
    let budget = Limits::of(&completions.workspace).context(engine.as_ref());
    let context = gather(completions, engine.as_ref(), document, cursor);
    Some(Report::of(document, cursor, &context, budget, &|text| count(engine.as_ref(), text)))
}

/// The same at the latest cursor of the document that was edited last; `None` if no document is open that is not withheld.
pub fn explain_latest(completions: &Completions) -> Option<Report> {
    let document = completions.workspace.shown().into_iter().next()?;
    let cursor = completions.session(&document.id).cursor();
    explain(completions, &document, cursor.min(document.text.len_bytes()))
}
