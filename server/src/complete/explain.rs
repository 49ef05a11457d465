//! What the prompt of a completion holds, for users.

use phi_engine::Prompt;

use super::gather;
use super::limits::Limits;
use super::session::Completions;
use crate::context::Report;
use crate::documents::Document;

/// The prompt of a completion.
pub fn prompt(completions: &Completions, document: &Document, cursor: usize) -> Prompt {
    let context = gather(completions, document, cursor, completions.workspace.scope);
    crate::prompt::complete(document, &context, &completions.engine().model().formats)
}

/// What the prompt of a completion holds, and why; `None` if the document is withheld.
pub fn explain(completions: &Completions, document: &Document, cursor: usize) -> Option<Report> {
    if completions.workspace.may_be_shown(document).is_err() {
        return None;
    }
    let engine = completions.engine();
    let budget = Limits::of(&completions.workspace).context(&engine);
    let context = gather(completions, document, cursor, completions.workspace.scope);
    Some(Report::of(document, cursor, &context, budget, &|text| engine.count(text)))
}

/// The same at the latest cursor of the document that was edited last; `None` if no document is open that is not withheld.
pub fn explain_latest(completions: &Completions) -> Option<Report> {
    let document = completions.workspace.shown().into_iter().next()?;
    let cursor = completions.session(&document.id).cursor();
    explain(completions, &document, cursor.min(document.text.len_bytes()))
}
