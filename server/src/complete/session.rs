//! What is kept per document while it is being edited: whose turn it is, how the user types, and the answers.

use std::sync::Arc;

use dashmap::DashMap;
use parking_lot::{Mutex, MutexGuard};
use phi_engine::Usage;
use tokio::sync::watch;

use super::answers::{Answer, Answers};
use super::remembered::Remembered;
use super::rhythm::Rhythm;
use super::trigger::LatestChange;
use super::{Ask, Completion, Superseded, Trigger};
use crate::context::Contexts;
use crate::documents::{Document, DocumentId};

/// The completions of all documents.
#[derive(Debug, Default)]
pub struct Completions {
    sessions: DashMap<DocumentId, Arc<Session>>,
    pub(super) contexts: Contexts,
    pub(super) remembered: Remembered,
}

/// One document being completed in.
#[derive(Debug, Default)]
pub(super) struct Session {
    newest: watch::Sender<Newest>,
    state: Mutex<State>,
}

/// What the flow needs to change under a lock; never held across an `await`.
#[derive(Debug, Default)]
pub(super) struct State {
    pub latest: LatestChange,
    pub rhythm: Rhythm,
    pub answers: Answers,
    /// The latest completion shown, with the text that it was made for.
    pub offered: Option<(Arc<Document>, Completion)>,
    pub usage: Option<Usage>,
}

/// The newest question about a document, and its newest text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Newest {
    /// Questions so far.
    question: u64,
    cursor: usize,
    trigger: Trigger,
    /// Changes so far; a client may number its versions as it likes.
    change: u64,
    version: i32,
}

/// The right to answer a question, for as long as there is no newer one.
#[derive(Debug, Clone)]
pub struct Turn {
    own: Newest,
    newest: watch::Receiver<Newest>,
}

impl Completions {
    /// Forgets all answers and what the engine was told: another engine answers from now on.
    pub fn reset(&self) {
        self.remembered.reset();
        for session in &self.sessions {
            session.state().answers.clear();
        }
    }

    /// The engine is told of all open documents anew: it may have been told something else in between.
    pub fn tell_anew(&self) {
        self.remembered.reset();
    }

    /// What the latest generation for this document cost.
    pub fn usage(&self, document: &DocumentId) -> Option<Usage> {
        self.sessions.get(document)?.state().usage
    }

    pub(super) fn session(&self, document: &DocumentId) -> Arc<Session> {
        self.sessions.entry(document.clone()).or_default().clone()
    }

    /// Forgets a document; questions about it end.
    pub(super) fn remove(&self, document: &DocumentId) {
        if let Some((_, session)) = self.sessions.remove(document) {
            session.newest.send_modify(|newest| newest.change += 1);
        }
    }
}

impl Session {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Takes note of a new text, which ends the questions about older ones.
    pub(super) fn note(&self, document: &Document) {
        let mut state = self.state();
        state.latest.note(document);
        state.rhythm.key();
        self.newest.send_modify(|newest| {
            newest.change += 1;
            newest.version = document.version;
        });
    }

    /// Where the newest question was asked.
    pub(super) fn cursor(&self) -> usize {
        self.newest.borrow().cursor
    }

    /// Makes this the newest question of the document.
    pub(super) fn begin(&self, ask: &Ask) -> Result<Turn, Superseded> {
        // The text is always told of first, but for a flow without an editor.
        if self.newest.borrow().version < ask.document.version {
            self.note(&ask.document);
        }
        let mut own = Newest::default();
        self.newest.send_modify(|newest| {
            newest.question += 1;
            newest.cursor = ask.cursor;
            newest.trigger = ask.trigger;
            own = *newest;
        });
        if own.version != ask.document.version {
            return Err(Superseded);
        }
        Ok(Turn { own, newest: self.newest.subscribe() })
    }

    /// The answers that may serve this question, the most promising first. What it contradicts ends.
    pub(super) fn known(&self, ask: &Ask, asking_is_free: bool) -> Vec<Arc<Answer>> {
        let mut state = self.state();
        state.answers.drop_contradicted(&ask.document, ask.cursor, asking_is_free);
        state.answers.candidates(&ask.document, ask.cursor)
    }
}

impl Turn {
    /// A menu and an inline completion may ask at the same time about the same place: both are answered.
    fn ended_by(&self, newest: &Newest) -> bool {
        let own = &self.own;
        newest.change != own.change
            || newest.question != own.question
                && (newest.trigger == own.trigger || newest.cursor != own.cursor)
    }

    /// The answer, or [`Superseded`] as soon as there is a newer question or text.
    pub(super) async fn unless_superseded<T>(
        &self,
        answer: impl Future<Output = T>,
    ) -> Result<T, Superseded> {
        let mut newest = self.newest.clone();
        tokio::select! {
            biased;
            Ok(_) = newest.wait_for(|newest| self.ended_by(newest)) => Err(Superseded),
            answer = answer => Ok(answer),
        }
    }
}
