//! The flow of next edits: a definition has another name or signature than when its document was opened ([`changed`]),
//! and some of its uses have not been updated ([`uses`]). The next such use is offered as a code action, and as ghost
//! text when the cursor reaches it ([`suggest`]).
//!
//! A use that only needs the new name needs no model ([`rename`]); any other goes through [`crate::rewrite`] before it
//! is requested ([`prefetch`]). Either is an edit that [`crate::edits`] has verified for the current text.

mod changed;
mod inline;
mod meaning;
mod prefetched;
mod rename;
#[cfg(test)]
mod tests;
mod uses;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use phi_engine::Priority;
use tokio::time::{Instant, timeout_at};

use self::changed::Change;
pub use self::inline::Drawing;
use self::prefetched::Prefetched;
use self::prefetched::Written;
pub use self::prefetched::prefetch;
use crate::actions::Action;
use crate::answer::Draft;
use crate::documents::{Document, DocumentId};
use crate::edits::{self, Constraints, Edit};
use crate::models::Models;
use crate::rewrite::{self, RewriteError, Rewritten, Stage};
use crate::workspace::Workspace;

/// The [id](Action::id) of the action.
pub const ID: &str = "next";
/// The [id](Action::id) of the action that names what is [left].
pub const LEFT: &str = "next.left";

/// The flow of next edits: its inputs, and what it has prefetched. Cheap to clone.
#[derive(Debug, Clone)]
pub struct NextEdits {
    workspace: Workspace,
    models: Models,
    prefetched: Arc<Prefetched>,
}

impl NextEdits {
    /// Next edits in the documents of a workspace.
    pub fn new(workspace: Workspace, models: Models) -> NextEdits {
        NextEdits { workspace, models, prefetched: Arc::default() }
    }

    /// Records that the client draws inline suggestions, and how.
    pub fn draws(&self, drawing: Drawing) {
        self.prefetched.draws(drawing);
    }
}

/// A use that should follow a changed definition.
#[derive(Debug, Clone)]
pub struct NextEdit {
    /// The document that it is in, open or read from disk.
    pub document: Arc<Document>,
    /// Its bytes: the name.
    pub range: Range<usize>,
    /// The action that updates it.
    pub action: Action,
    change: Change,
    /// For a renamed definition: the uses of its old name that are not renamed, for users.
    left: Vec<String>,
    /// No other item has a certain use.
    is_last: bool,
}

/// The first use that has not followed a changed definition: in the definition's own file those below it come first,
/// then those above it, then those in other files. `id` names a document by its path.
pub fn next(next_edits: &NextEdits, id: &dyn Fn(&Path) -> Option<DocumentId>) -> Option<NextEdit> {
    changed::changes(next_edits).iter().find_map(|change| uses::first(next_edits, id, change))
}

/// The renamed definition whose uses are all left to the user, where no next edit is known.
#[derive(Debug, Clone)]
pub struct Left {
    /// The document of the definition.
    pub document: Arc<Document>,
    /// The title of the action that shows the note.
    pub title: String,
    /// The uses, and why each is not renamed, for users.
    pub note: String,
}

/// What is left of a rename that no [next] edit continues.
pub fn left(next_edits: &NextEdits, id: &dyn Fn(&Path) -> Option<DocumentId>) -> Option<Left> {
    changed::changes(next_edits).into_iter().find_map(|change| {
        let left = uses::left(next_edits, id, &change);
        if left.is_empty() {
            return None;
        }
        let title = format!("Show where `{}` remains; {}", change.was.name, uses::summary(&left));
        Some(Left { title, note: note_of(&change, &left), document: change.home })
    })
}

fn note_of(change: &Change, left: &[String]) -> String {
    format!("these still say `{}` and are left to you: {}", change.was.name, left.join(", "))
}

/// A file of the index that is not open, at version 0.
pub fn read(workspace: &Workspace, path: &Path, id: DocumentId) -> Option<Arc<Document>> {
    uses::read(workspace, path, id)
}

impl NextEdit {
    /// The edit, if it is known without a request to a model: the new name, or the prefetched answer of a model.
    pub fn known(&self, next_edits: &NextEdits) -> Option<Edit> {
        self.verified(&self.draft(next_edits)?)
    }

    /// Has a model rewrite the item, unless its edit is known.
    ///
    /// # Errors If no edit can be offered, and why.
    pub async fn rewrite(
        &self,
        next_edits: &NextEdits,
        stage: &(dyn Fn(Stage) + Send + Sync),
    ) -> Result<Edit, RewriteError> {
        if let Some(edit) = self.known(next_edits) {
            return Ok(edit);
        }
        let _place = next_edits.prefetched.take_over(self);
        let Rewritten { edit, .. } =
            rewrite::rewrite(&next_edits.workspace, &next_edits.models, &self.ask(), stage).await?;
        Ok(edit)
    }

    /// A note for the user after this edit: the uses that were not renamed, if no other edit follows.
    pub fn note(&self) -> Option<String> {
        let is_due = self.is_last && !self.left.is_empty();
        is_due.then(|| note_of(&self.change, &self.left))
    }

    fn ask(&self) -> rewrite::RewriteRequest {
        self.action.clone().request(&self.document)
    }

    /// The updated item; `None` if it is not known yet, or was refused.
    fn draft(&self, next_edits: &NextEdits) -> Option<Draft> {
        let written = || match next_edits.prefetched.written(self)? {
            Written::Item(text) => Some(Draft { range: self.action.target.range.clone(), text }),
            Written::Refused => None,
        };
        rename::draft(next_edits, self).filter(|draft| self.verified(draft).is_some()).or_else(written)
    }

    fn verified(&self, draft: &Draft) -> Option<Edit> {
        edits::verify(&self.document, draft, &Constraints::Item(self.ask().policy())).ok()
    }
}

/// The fraction of a request's time in which a pending use is searched for.
const SHARE: u32 = 4;

/// The updated line of the cursor, if it contains a pending use and the client can draw the difference. A known edit is
/// returned at once. A model's answer is waited for until `deadline`, but only where no other suggestion is likely to
/// be wanted: the cursor is before the use.
///
/// A line that was edited is not searched, because it is done: a keystroke costs a comparison of some line numbers.
pub async fn suggest(
    next_edits: &NextEdits,
    document: &Arc<Document>,
    cursor: usize,
    priority: Priority,
    deadline: Instant,
) -> Option<Edit> {
    let prefetched = &next_edits.prefetched;
    let drawing = prefetched.drawing()?;
    prefetched.note_request();
    let line = document.text.byte_to_line(cursor);
    let is_edited = || document.edited_lines().iter().any(|lines| lines.contains(&line));
    if is_edited() || !is_latest(next_edits, document) {
        return None;
    }
    let mut changes = next_edits.workspace.documents.changes();
    let version = *changes.borrow_and_update();
    if prefetched.changes_at(version).is_some_and(|changes| changes.is_empty()) {
        return None;
    }
    let own = document.clone();
    let search = prefetched::off_thread(next_edits, move |next_edits| in_line(next_edits, &own, line));
    // The completion of the line comes next, and needs the rest of the time.
    let now = Instant::now();
    let next = timeout_at(now + deadline.saturating_duration_since(now) / SHARE, search).await.ok()??;
    let waits = cursor <= next.range.end;
    let next = Arc::new(next);
    let mut news = prefetched.news();
    let item = loop {
        let drafted = next.clone();
        if let Some(draft) =
            prefetched::off_thread(next_edits, move |next_edits| drafted.draft(next_edits)).await
        {
            break draft;
        }
        if prefetched.written(&next).is_some() || !next_edits.models.is_neural() {
            return None;
        }
        prefetched.want(&next, priority);
        if !waits {
            return None;
        }
        tokio::select! {
            biased;
            _ = changes.changed() => return None,
            Ok(()) = news.changed() => {}
            () = tokio::time::sleep_until(deadline) => return None,
        }
    };
    let own = document.clone();
    let edit = prefetched::off_thread(next_edits, move |_| {
        let line = inline::line(&next, &item, cursor, drawing)?;
        edits::verify(&own, &line, &Constraints::Completion).ok()
    })
    .await?;
    let is_current = is_latest(next_edits, document);
    is_current.then(|| {
        prefetched.offered(&edit);
        edit
    })
}

/// Whether this is the current version of the document.
fn is_latest(next_edits: &NextEdits, document: &Arc<Document>) -> bool {
    next_edits.workspace.documents.get(&document.id).is_some_and(|now| Arc::ptr_eq(&now, document))
}

/// The pending use on the line of the cursor, if any.
fn in_line(next_edits: &NextEdits, document: &Arc<Document>, line: usize) -> Option<NextEdit> {
    let changes = next_edits.prefetched.changes(next_edits);
    let mut shown = changes.iter().filter(|change| next_edits.workspace.may_be_shown(&change.home).is_ok());
    shown.find_map(|change| uses::in_line(next_edits, document, line, change))
}
