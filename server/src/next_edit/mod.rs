//! The flow of what follows an edit: a definition has another name or signature than when its document was opened
//! ([`changed`]), and what uses it has not followed yet ([`uses`]). The next such place is offered as a code action, and
//! where the cursor comes to one, as ghost text ([`suggest`]).
//!
//! A name that is only replaced needs no model ([`rename`]); anything else goes through [`crate::rewrite`], before anybody
//! asks ([`prepare`]). Either is an edit that [`crate::edits`] has verified for the text as it is now.

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

/// The flow of next edits: what it reads, and what it has prefetched. Cheap to clone.
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

    /// The client draws inline suggestions, and how.
    pub fn draws(&self, drawing: Drawing) {
        self.prefetched.draws(drawing);
    }
}

/// A place that should follow a changed definition.
#[derive(Debug, Clone)]
pub struct NextEdit {
    /// The document that it is in, open or read from disk.
    pub document: Arc<Document>,
    /// Its bytes: the name.
    pub range: Range<usize>,
    /// What is to be done there.
    pub action: Action,
    change: Change,
    /// Of a renamed definition, the places with its old name that are left as they are, for users.
    left: Vec<String>,
    /// No other item has a use that is certain.
    is_last: bool,
}

/// The first use that has not followed a changed definition: of the definition's own file those below it come first,
/// then those above it, then those of other files. `id` names a document by its path.
pub fn next(next_edits: &NextEdits, id: &dyn Fn(&Path) -> Option<DocumentId>) -> Option<NextEdit> {
    changed::changes(next_edits).iter().find_map(|change| uses::first(next_edits, id, change))
}

/// A file of the index that is not open, at version 0.
pub fn read(workspace: &Workspace, path: &Path, id: DocumentId) -> Option<Arc<Document>> {
    uses::read(workspace, path, id)
}

impl NextEdit {
    /// The place's edit, where that is known without asking a model now: the new name in the place of the old one, or what
    /// a model has written already.
    pub fn known(&self, next_edits: &NextEdits) -> Option<Edit> {
        self.verified(&self.draft(next_edits)?)
    }

    /// Has a model rewrite the place, unless its edit is known.
    ///
    /// # Errors
    /// Where there is no edit that may be offered, and why.
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
            rewrite::rewrite(&next_edits.workspace, &next_edits.models.engine(), &self.ask(), stage).await?;
        Ok(edit)
    }

    /// What a person should know once this place has followed: what is left, where no other place follows.
    pub fn note(&self) -> Option<String> {
        let is_due = self.is_last && !self.left.is_empty();
        let (was, left) = (&self.change.was.name, self.left.join(", "));
        is_due.then(|| format!("these still say `{was}` and are left to you: {left}"))
    }

    fn ask(&self) -> rewrite::RewriteRequest {
        self.action.clone().request(&self.document)
    }

    /// The item with the place in it as it should be; `None` if it is not known yet, or was refused.
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

/// The part of an answer's time in which a place that waits is searched for.
const SHARE: u32 = 4;

/// The line of the cursor as it should be, where it holds a use that waits and the client can draw the difference. What is
/// known is answered at once. What a model has yet to write is waited for until `deadline` where nothing else is likely to
/// be wanted: the cursor is in front of the use.
///
/// Nothing is searched for in a line that was edited, which is done: a keystroke costs a look at some line numbers.
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
    // How the line goes on is a question of its own, and needs the rest of the time.
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

/// The use in the line of the cursor, if there is one that waits.
fn in_line(next_edits: &NextEdits, document: &Arc<Document>, line: usize) -> Option<NextEdit> {
    let changes = next_edits.prefetched.changes(next_edits);
    let mut shown = changes.iter().filter(|change| next_edits.workspace.may_be_shown(&change.home).is_ok());
    shown.find_map(|change| uses::in_line(next_edits, document, line, change))
}
