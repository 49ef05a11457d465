//! The flow of what follows an edit: a definition has another name or signature than when its document was opened
//! ([`changed`]), and what uses it has not followed yet ([`uses`]). The next such place is offered as a code action, and
//! where the cursor comes to one, as ghost text ([`suggest`]).
//!
//! A name that is only replaced needs no model ([`rename`]); anything else goes through [`crate::rewrite`], before anybody
//! asks ([`prepare`]). Either is an edit that [`crate::edits`] has verified for the text as it is now.

mod changed;
mod inline;
mod meaning;
mod prepared;
mod rename;
#[cfg(test)]
mod tests;
mod uses;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use self::changed::Change;
pub use self::inline::Drawing;
use self::prepared::Written;
pub use self::prepared::{Prepared, prepare};
use crate::actions::Action;
use crate::answer::Draft;
use crate::assistant::Assistant;
use crate::complete::{Ask, Trigger};
use crate::documents::{Document, DocumentId};
use crate::edits::{self, Demands, Edit};
use crate::rewrite::{self, Refused, Rewritten, Stage};

/// The [id](Action::id) of the action.
pub const ID: &str = "next";

/// A place that should follow a changed definition.
#[derive(Debug, Clone)]
pub struct Next {
    /// The document that it is in, open or read from disk.
    pub document: Arc<Document>,
    /// Its bytes: the name.
    pub range: Range<usize>,
    /// What is to be done there.
    pub action: Action,
    change: Change,
    /// Of a renamed definition, the places that have its old name and are left as they are, for a person.
    left: Vec<String>,
    /// No other item has a use that is certain.
    is_last: bool,
}

/// The first use that has not followed a changed definition: of the definition's own file those below it come first,
/// then those above it, then those of other files. `id` names a document by its path.
pub fn next(assistant: &Assistant, id: &dyn Fn(&Path) -> Option<DocumentId>) -> Option<Next> {
    changed::changes(assistant).iter().find_map(|change| uses::first(assistant, id, change))
}

/// A file of the index that is not open, at version 0.
pub fn read(assistant: &Assistant, path: &Path, id: DocumentId) -> Option<Arc<Document>> {
    uses::read(assistant, path, id)
}

impl Next {
    /// The place's edit, where that is known without asking a model now: the new name in the place of the old one, or what
    /// a model has written already.
    pub fn known(&self, assistant: &Assistant) -> Option<Edit> {
        self.verified(&self.draft(assistant)?)
    }

    /// Has a model write the place anew, unless that is known.
    ///
    /// # Errors
    /// Where there is no edit that may be offered, and why.
    pub async fn rewrite(
        &self,
        assistant: &Assistant,
        stage: &(dyn Fn(Stage) + Send + Sync),
    ) -> Result<Edit, Refused> {
        if let Some(edit) = self.known(assistant) {
            return Ok(edit);
        }
        let _place = assistant.prepared.take_over(self);
        let Rewritten { edit, .. } = rewrite::rewrite(assistant, &self.ask(), stage).await?;
        Ok(edit)
    }

    /// What a person should know once this place has followed: what is left, where no other place follows.
    pub fn note(&self) -> Option<String> {
        let is_due = self.is_last && !self.left.is_empty();
        let (was, left) = (&self.change.was.name, self.left.join(", "));
        is_due.then(|| format!("these still say `{was}` and are left to you: {left}"))
    }

    fn ask(&self) -> rewrite::Ask {
        self.action.clone().ask(&self.document)
    }

    /// The item with the place in it as it should be; `None` where nobody knows yet, or nothing came of it.
    fn draft(&self, assistant: &Assistant) -> Option<Draft> {
        let written = || match assistant.prepared.written(self)? {
            Written::Item(text) => Some(Draft { range: self.action.target.range.clone(), text }),
            Written::Refused => None,
        };
        rename::draft(assistant, self).filter(|draft| self.verified(draft).is_some()).or_else(written)
    }

    fn verified(&self, draft: &Draft) -> Option<Edit> {
        edits::verify(&self.document, draft, &Demands::Item(self.ask().terms())).ok()
    }
}

/// The part of an answer's time in which a place that waits is searched for.
const SHARE: u32 = 4;

/// The line of the cursor as it should be, where it holds a use that waits and the client can draw the difference. What is
/// known is answered at once. What a model has yet to write is waited for until `deadline` where nothing else is likely to
/// be wanted: the cursor is in front of the use.
///
/// Nothing is searched for in a line that was edited, which is done: a keystroke costs a look at some line numbers.
pub async fn suggest(assistant: &Assistant, ask: &Ask, deadline: Instant) -> Option<Edit> {
    let prepared = &assistant.prepared;
    let drawing = prepared.drawing().filter(|_| ask.trigger != Trigger::Menu)?;
    prepared.somebody_asks();
    let document = &ask.document;
    let line = document.text.byte_to_line(ask.cursor);
    let is_edited = || document.edited_lines().iter().any(|lines| lines.contains(&line));
    if is_edited() || !is_latest(assistant, document) {
        return None;
    }
    let mut changes = assistant.documents.changes();
    let version = *changes.borrow_and_update();
    if prepared.changes_at(version).is_some_and(|changes| changes.is_empty()) {
        return None;
    }
    let asked = ask.clone();
    let search = prepared::off_thread(assistant, move |assistant| in_line(assistant, &asked));
    // How the line goes on is a question of its own, and needs the rest of the time.
    let now = Instant::now();
    let next = timeout_at(now + deadline.saturating_duration_since(now) / SHARE, search).await.ok()??;
    let waits = ask.cursor <= next.range.end;
    let next = Arc::new(next);
    let mut news = prepared.news();
    let item = loop {
        let drafted = next.clone();
        if let Some(draft) = prepared::off_thread(assistant, move |assistant| drafted.draft(assistant)).await
        {
            break draft;
        }
        if prepared.written(&next).is_some() || !prepared::is_neural(assistant) {
            return None;
        }
        prepared.want(&next, ask.trigger);
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
    let (cursor, own) = (ask.cursor, document.clone());
    let edit = prepared::off_thread(assistant, move |_| {
        let line = inline::line(&next, &item, cursor, drawing)?;
        edits::verify(&own, &line, &Demands::Completion).ok()
    })
    .await?;
    let is_current = is_latest(assistant, document);
    is_current.then(|| {
        prepared.offered(&edit);
        edit
    })
}

/// Whether this is the document as it is now, and not one that somebody imagines.
fn is_latest(assistant: &Assistant, document: &Arc<Document>) -> bool {
    assistant.documents.get(&document.id).is_some_and(|now| Arc::ptr_eq(&now, document))
}

/// The use in the line of the cursor, if there is one that waits.
fn in_line(assistant: &Assistant, ask: &Ask) -> Option<Next> {
    let line = ask.document.text.byte_to_line(ask.cursor);
    let changes = assistant.prepared.changes(assistant);
    let mut shown = changes.iter().filter(|change| assistant.may_be_shown(&change.home).is_ok());
    shown.find_map(|change| uses::in_line(assistant, &ask.document, line, change))
}
