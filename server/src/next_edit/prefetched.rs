//! Model answers for pending uses, written before they are requested: one at a time, at low priority, while typing
//! pauses. An answer is stored under an item and a declaration before and after, and so survives changes elsewhere; its
//! edit is verified for the current text.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use phi_engine::Priority;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::changed::{self, Change};
use super::{Drawing, NextEdit, NextEdits, next};
use crate::blocking;
use crate::documents::DocumentId;
use crate::edits::Edit;
use crate::rewrite::{RewriteError, rewrite};

/// A definition has settled when nothing was typed for this long.
const SETTLED: Duration = Duration::from_millis(800);
/// Items kept.
const KEPT: usize = 16;

/// What is prefetched, and for what.
#[derive(Debug, Default)]
pub struct Prefetched {
    state: Mutex<State>,
    /// Notified when a use is requested now.
    wanted: Notify,
    /// The number of answers written or refused.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// How the client draws suggestions, if it does.
    drawing: Option<Drawing>,
    /// Whether the client has ever requested a suggestion: it may support them and never ask.
    is_asked: bool,
    /// The changed definitions at a count of [`crate::documents::Documents::changes`].
    changes: Option<(u64, Arc<[Change]>)>,
    wanted: Option<Wanted>,
    /// What is being written now.
    writing: Option<Key>,
    /// The use of an action that the user has picked and waits for.
    taken_over: Option<Key>,
    written: VecDeque<(Key, Written)>,
    /// The latest suggestion: its document, the text after it is accepted, and the byte where that text starts.
    offered: Option<(DocumentId, usize, String)>,
}

/// A use that a request waits for.
#[derive(Debug)]
pub(super) struct Wanted {
    next: NextEdit,
    priority: Priority,
}

/// What an answer was written for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    item: String,
    was: Box<str>,
    is: Box<str>,
}

/// The outcome for a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// The rewritten item.
    Item(String),
    /// No answer of the model can be offered.
    Refused,
}

impl Key {
    fn of(next: &NextEdit) -> Key {
        let item = next.document.text.byte_slice(next.action.target.range.clone()).to_string();
        Key { item, was: next.change.was.signature.clone(), is: next.change.is.signature.clone() }
    }
}

impl Prefetched {
    /// Records that the client draws inline suggestions, and how.
    pub fn draws(&self, drawing: Drawing) {
        self.state().drawing = Some(drawing);
    }

    pub(super) fn drawing(&self) -> Option<Drawing> {
        self.state().drawing
    }

    /// Records that the client requests suggestions.
    pub(super) fn note_request(&self) {
        self.state().is_asked = true;
    }

    /// The outcome for this use; `None` if it was not tried.
    pub(super) fn written(&self, next: &NextEdit) -> Option<Written> {
        let key = Key::of(next);
        self.state().written.iter().find(|(other, _)| *other == key).map(|(_, written)| written.clone())
    }

    /// Requests that a use is prefetched next.
    pub(super) fn want(&self, next: &NextEdit, priority: Priority) {
        let key = Key::of(next);
        let mut state = self.state();
        if state.writing.as_ref() != Some(&key) {
            state.wanted = Some(Wanted { next: next.clone(), priority });
            self.wanted.notify_one();
        }
    }

    /// Stops prefetching a use that the user has picked, until the result is dropped.
    pub(super) fn take_over(self: &Arc<Self>, next: &NextEdit) -> TakenOver {
        let key = Key::of(next);
        let mut state = self.state();
        if state.writing.as_ref() == Some(&key) {
            self.wanted.notify_one();
        }
        state.taken_over = Some(key);
        TakenOver(self.clone())
    }

    /// Whether no model is writing.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.state().writing.is_none()
    }

    /// Notifies of each answer that is written or refused.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Records a suggestion.
    pub(super) fn offered(&self, edit: &Edit) {
        let text = edit.new_text().to_owned();
        self.state().offered = Some((edit.document().clone(), edit.range().start, text));
    }

    /// The changed definitions at a count of the documents' changes, if they were computed.
    pub(super) fn changes_at(&self, count: u64) -> Option<Arc<[Change]>> {
        self.state().changes.as_ref().filter(|(at, _)| *at == count).map(|(_, changes)| changes.clone())
    }

    /// The changed definitions now. Reads whole documents if they were not computed since the last change.
    pub(super) fn changes(&self, next_edits: &NextEdits) -> Arc<[Change]> {
        let count = *next_edits.workspace.documents.changes().borrow();
        self.changes_at(count).unwrap_or_else(|| {
            let changes: Arc<[Change]> = changed::changes(next_edits).into();
            self.state().changes = Some((count, changes.clone()));
            changes
        })
    }

    /// Whether the latest suggestion was accepted: its document contains it.
    fn was_accepted(&self, next_edits: &NextEdits) -> bool {
        let mut state = self.state();
        let is_accepted = state.offered.as_ref().is_some_and(|(id, start, text)| {
            let document = next_edits.workspace.documents.get(id);
            let said = document.as_ref().and_then(|now| now.text.get_byte_slice(*start..*start + text.len()));
            said.is_some_and(|said| said == text.as_str())
        });
        if is_accepted {
            state.offered = None;
        }
        is_accepted
    }

    fn keep(&self, key: Key, written: Written) {
        let mut state = self.state();
        state.written.retain(|(other, _)| *other != key);
        state.written.push_front((key, written));
        state.written.truncate(KEPT);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// See [`Prefetched::take_over`].
pub(super) struct TakenOver(Arc<Prefetched>);

impl Drop for TakenOver {
    fn drop(&mut self) {
        self.0.state().taken_over = None;
    }
}

/// Reads documents on the blocking pool.
pub(super) async fn off_thread<T: Send + 'static>(
    next_edits: &NextEdits,
    find: impl FnOnce(&NextEdits) -> Option<T> + Send + 'static,
) -> Option<T> {
    let next_edits = next_edits.clone();
    blocking::run(move || find(&next_edits)).await.flatten()
}

/// Prefetches the next use whenever typing has paused, and immediately after a suggestion was accepted or where one is
/// requested. A change of any document cancels the running answer. Runs for as long as it is polled.
pub async fn prefetch(next_edits: NextEdits) {
    let prefetched = next_edits.prefetched.clone();
    let mut changes = next_edits.workspace.documents.changes();
    loop {
        let is_hurried = tokio::select! {
            () = prefetched.wanted.notified() => true,
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                prefetched.was_accepted(&next_edits)
            }
        };
        if !is_hurried {
            let mut rest =
                async || while timeout(SETTLED, changes.changed()).await.is_ok_and(|rest| rest.is_ok()) {};
            tokio::select! {
                () = rest() => {}
                () = prefetched.wanted.notified() => {}
            }
        }
        changes.mark_unchanged();
        let Some(Wanted { next, priority }) = what_waits(&next_edits).await else { continue };
        let key = Key::of(&next);
        prefetched.state().writing = Some(key.clone());
        tokio::select! {
            biased;
            _ = changes.changed() => changes.mark_changed(),
            // A use other than this one.
            () = prefetched.wanted.notified() => prefetched.wanted.notify_one(),
            () = write(&next_edits, &next, key, priority) => {}
        }
        prefetched.state().writing = None;
    }
}

/// The use to be written now, if any: the requested one, otherwise the first pending one.
pub(super) async fn what_waits(next_edits: &NextEdits) -> Option<Wanted> {
    let prefetched = &next_edits.prefetched;
    let completion = &next_edits.workspace.settings().completion;
    let (is_asked, wanted) = {
        let mut state = prefetched.state();
        (state.is_asked && state.drawing.is_some(), state.wanted.take())
    };
    if !is_asked || !completion.enabled || !next_edits.models.is_neural() {
        return None;
    }
    let is_current = |wanted: &Wanted| {
        let now = next_edits.workspace.documents.get(&wanted.next.document.id);
        now.is_some_and(|now| Arc::ptr_eq(&now, &wanted.next.document))
            && next_edits.workspace.may_be_shown(&wanted.next.change.home).is_ok()
    };
    if let Some(wanted) = wanted.filter(is_current) {
        return Some(wanted);
    }
    if !completion.prefetch {
        return None;
    }
    // The cursor cannot reach a document that is not open.
    let next = off_thread(next_edits, |next_edits| next(next_edits, &|_| None)).await?;
    let is_known = next.known(next_edits).is_some() || prefetched.written(&next).is_some();
    let is_taken = prefetched.state().taken_over.as_ref() == Some(&Key::of(&next));
    (!is_known && !is_taken).then_some(Wanted { next, priority: Priority::Background })
}

async fn write(next_edits: &NextEdits, next: &NextEdit, key: Key, priority: Priority) {
    let mut ask = next.ask();
    ask.priority = priority;
    let written = match rewrite(&next_edits.workspace, &next_edits.models, &ask, &|_| {}).await {
        Ok(rewritten) => Written::Item(rewritten.edit.new_text().to_owned()),
        Err(RewriteError::NoModel | RewriteError::Engine(_)) => return,
        Err(why) => {
            tracing::debug!("{} stays as it is: {why}", ask.target.label(&ask.document));
            Written::Refused
        }
    };
    next_edits.prefetched.keep(key, written);
    next_edits.prefetched.news.send_modify(|count| *count += 1);
}
