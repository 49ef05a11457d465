//! What a model has written for places that wait, before anybody asked: one at a time, at low priority, in the pauses of
//! typing. It is kept by what it was written for, an item and a declaration before and after, and so outlives changes
//! elsewhere; the edit that it becomes is verified for the text of the moment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use phi_engine::{ModelKind, Priority};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::changed::{self, Change};
use super::{Drawing, Next, next};
use crate::assistant::Assistant;
use crate::beside::beside;
use crate::complete::Trigger;
use crate::documents::DocumentId;
use crate::edits::Edit;
use crate::rewrite::{Refused, rewrite};

/// A definition has settled when nothing was typed for so long.
const SETTLED: Duration = Duration::from_millis(800);
/// Items kept.
const KEPT: usize = 16;

/// What is prepared, and what it is prepared for.
#[derive(Debug, Default)]
pub struct Prepared {
    state: Mutex<State>,
    /// Told when a place is wanted now.
    wanted: Notify,
    /// How often something was written or refused.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// How the client draws suggestions, if it does.
    drawing: Option<Drawing>,
    /// Whether it has ever asked for one: a client may be able to and not do it.
    is_asked: bool,
    /// The changed definitions at a count of [`crate::documents::Documents::changes`].
    changes: Option<(u64, Arc<[Change]>)>,
    wanted: Option<Wanted>,
    /// What is being written now.
    writing: Option<Key>,
    /// What somebody has picked as an action, and waits for.
    taken_over: Option<Key>,
    written: VecDeque<(Key, Written)>,
    /// The suggestion that was given last: its document, and the text that will stand there from which byte on.
    offered: Option<(DocumentId, usize, String)>,
}

/// A place that somebody asks for.
#[derive(Debug)]
pub(super) struct Wanted {
    next: Next,
    priority: Priority,
}

/// What something was written for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    item: String,
    was: Box<str>,
    is: Box<str>,
}

/// What became of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// The item with the place in it, anew.
    Item(String),
    /// No answer of the model may be offered.
    Refused,
}

impl Key {
    fn of(next: &Next) -> Key {
        let item = next.document.text.byte_slice(next.action.target.range.clone()).to_string();
        Key { item, was: next.change.was.signature.clone(), is: next.change.is.signature.clone() }
    }
}

impl Prepared {
    /// The client draws inline suggestions, and how.
    pub fn draws(&self, drawing: Drawing) {
        self.state().drawing = Some(drawing);
    }

    pub(super) fn drawing(&self) -> Option<Drawing> {
        self.state().drawing
    }

    /// Somebody asks for suggestions.
    pub(super) fn somebody_asks(&self) {
        self.state().is_asked = true;
    }

    /// What became of this place; `None` where nobody has tried.
    pub(super) fn written(&self, next: &Next) -> Option<Written> {
        let key = Key::of(next);
        self.state().written.iter().find(|(other, _)| *other == key).map(|(_, written)| written.clone())
    }

    /// Asks for a place to be written next.
    pub(super) fn want(&self, next: &Next, trigger: Trigger) {
        let priority = match trigger {
            Trigger::Invoked => Priority::Interactive,
            Trigger::Automatic | Trigger::Menu => Priority::Background,
        };
        let key = Key::of(next);
        let mut state = self.state();
        if state.writing.as_ref() != Some(&key) {
            state.wanted = Some(Wanted { next: next.clone(), priority });
            self.wanted.notify_one();
        }
    }

    /// Nothing is prepared for a place that is written for somebody who picked it, for as long as the answer lives.
    pub(super) fn take_over(self: &Arc<Self>, next: &Next) -> TakenOver {
        let key = Key::of(next);
        let mut state = self.state();
        if state.writing.as_ref() == Some(&key) {
            self.wanted.notify_one();
        }
        state.taken_over = Some(key);
        TakenOver(self.clone())
    }

    /// Whether nothing is being written.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.state().writing.is_none()
    }

    /// Tells whenever something was written or refused.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Takes note of a suggestion.
    pub(super) fn offered(&self, edit: &Edit) {
        let text = edit.new_text().to_owned();
        self.state().offered = Some((edit.document().clone(), edit.range().start, text));
    }

    /// The changed definitions at a count of the documents' changes, if somebody has looked.
    pub(super) fn changes_at(&self, count: u64) -> Option<Arc<[Change]>> {
        self.state().changes.as_ref().filter(|(at, _)| *at == count).map(|(_, changes)| changes.clone())
    }

    /// The changed definitions now. Reads whole documents where nobody has looked since the last change.
    pub(super) fn changes(&self, assistant: &Assistant) -> Arc<[Change]> {
        let count = *assistant.documents.changes().borrow();
        self.changes_at(count).unwrap_or_else(|| {
            let changes: Arc<[Change]> = changed::changes(assistant).into();
            self.state().changes = Some((count, changes.clone()));
            changes
        })
    }

    /// Whether the latest suggestion stands in its document now: it was accepted.
    fn was_accepted(&self, assistant: &Assistant) -> bool {
        let mut state = self.state();
        let is_accepted = state.offered.as_ref().is_some_and(|(id, start, text)| {
            let document = assistant.documents.get(id);
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

/// See [`Prepared::take_over`].
pub(super) struct TakenOver(Arc<Prepared>);

impl Drop for TakenOver {
    fn drop(&mut self) {
        self.0.state().taken_over = None;
    }
}

pub(super) fn is_neural(assistant: &Assistant) -> bool {
    assistant.engine().model().kind != ModelKind::Ngram
}

/// Reads documents where that holds up nobody.
pub(super) async fn off_thread<T: Send + 'static>(
    assistant: &Assistant,
    find: impl FnOnce(&Assistant) -> Option<T> + Send + 'static,
) -> Option<T> {
    let assistant = assistant.clone();
    beside(move || find(&assistant)).await.flatten()
}

/// Prepares the next place whenever the documents have come to rest, at once after a suggestion was accepted or where one
/// is asked for. A change of any document ends what is being written. Goes on for as long as it is polled.
pub async fn prepare(assistant: Assistant) {
    let prepared = assistant.prepared.clone();
    let mut changes = assistant.documents.changes();
    loop {
        let is_hurried = tokio::select! {
            () = prepared.wanted.notified() => true,
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                prepared.was_accepted(&assistant)
            }
        };
        if !is_hurried {
            let mut rest =
                async || while timeout(SETTLED, changes.changed()).await.is_ok_and(|rest| rest.is_ok()) {};
            tokio::select! {
                () = rest() => {}
                () = prepared.wanted.notified() => {}
            }
        }
        changes.mark_unchanged();
        let Some(Wanted { next, priority }) = what_waits(&assistant).await else { continue };
        let key = Key::of(&next);
        prepared.state().writing = Some(key.clone());
        tokio::select! {
            biased;
            _ = changes.changed() => changes.mark_changed(),
            // Another place than this one.
            () = prepared.wanted.notified() => prepared.wanted.notify_one(),
            () = write(&assistant, &next, key, priority) => {}
        }
        prepared.state().writing = None;
    }
}

/// The place to be written now, if there is one: what was asked for, else the first that waits.
pub(super) async fn what_waits(assistant: &Assistant) -> Option<Wanted> {
    let prepared = &assistant.prepared;
    let completion = &assistant.settings().completion;
    let (is_asked, wanted) = {
        let mut state = prepared.state();
        (state.is_asked && state.drawing.is_some(), state.wanted.take())
    };
    if !is_asked || !completion.enabled || !is_neural(assistant) {
        return None;
    }
    let is_current = |wanted: &Wanted| {
        let now = assistant.documents.get(&wanted.next.document.id);
        now.is_some_and(|now| Arc::ptr_eq(&now, &wanted.next.document))
            && assistant.may_be_shown(&wanted.next.change.home).is_ok()
    };
    if let Some(wanted) = wanted.filter(is_current) {
        return Some(wanted);
    }
    if !completion.prefetch {
        return None;
    }
    // What is not open is not where a cursor comes to.
    let next = off_thread(assistant, |assistant| next(assistant, &|_| None)).await?;
    let is_known = next.known(assistant).is_some() || prepared.written(&next).is_some();
    let is_taken = prepared.state().taken_over.as_ref() == Some(&Key::of(&next));
    (!is_known && !is_taken).then_some(Wanted { next, priority: Priority::Background })
}

async fn write(assistant: &Assistant, next: &Next, key: Key, priority: Priority) {
    let mut ask = next.ask();
    ask.priority = priority;
    let written = match rewrite(assistant, &ask, &|_| {}).await {
        Ok(rewritten) => Written::Item(rewritten.edit.new_text().to_owned()),
        Err(Refused::NoModel | Refused::Engine(_)) => return,
        Err(why) => {
            tracing::debug!("{} stays as it is: {why}", ask.target.label(&ask.document));
            Written::Refused
        }
    };
    assistant.prepared.keep(key, written);
    assistant.prepared.news.send_modify(|count| *count += 1);
}
