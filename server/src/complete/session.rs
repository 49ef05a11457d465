//! What is kept per document while it is being edited: the newest request, the typing cadence, and the answers.

use std::sync::Arc;

use dashmap::DashMap;
use parking_lot::{Mutex, MutexGuard};
use phi_engine::{Engine, Usage};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::answer::Answer;
use super::answers::Answers;
use super::cadence::TypingCadence;
use super::trigger::LatestChange;
use super::{Completion, CompletionRequest, NothingOffered, Superseded, Trigger};
use crate::context::Contexts;
use crate::documents::{Document, DocumentId};
use crate::models::Models;
use crate::ngram::SyncedSources;
use crate::workspace::Workspace;

/// The flow of completions: what it reads, and what it keeps of all documents. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Completions {
    /// What it reads.
    pub workspace: Workspace,
    /// The models that answer.
    pub models: Models,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sessions: DashMap<DocumentId, Arc<DocumentSession>>,
    contexts: Contexts,
    sources: Arc<SyncedSources>,
    ready: watch::Sender<Option<Ready>>,
    request_status: watch::Sender<RequestStatus>,
    /// [`Engine::id`] of the engine that everything here was made with.
    engine: Mutex<Option<u64>>,
}

/// A request that would get more by now than its answer had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The document of the request.
    pub document: DocumentId,
    /// The version of that document.
    pub version: i32,
    /// The cursor of the request: a byte offset.
    pub cursor: usize,
}

/// The latest request of all documents, for the status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestStatus {
    /// Requests so far.
    number: u64,
    /// What it was about; `None` before the first.
    pub document: Option<DocumentId>,
    /// Where: line and column, counted from 1.
    pub place: (usize, usize),
    /// Whether it is still being answered.
    pub waits: bool,
    /// Why it was answered with nothing; `None` where it was not, or is not yet.
    pub nothing: Option<NothingOffered>,
}

/// A request that is being answered, or that its client has dropped.
pub(super) struct RequestRecord {
    completions: Completions,
    number: u64,
}

impl RequestRecord {
    /// Records the outcome, unless there is a newer request.
    pub(super) fn answered(self, nothing: Option<&NothingOffered>) {
        self.completions.shared.request_status.send_if_modified(|status| {
            let Some(why) = nothing.filter(|_| status.number == self.number) else { return false };
            let (line, column) = status.place;
            let document = status.document.as_ref().map_or("", |document| &document.0);
            tracing::debug!("nothing offered at {document}:{line}:{column}: {why}");
            status.nothing = Some(why.clone());
            true
        });
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        self.completions.shared.request_status.send_if_modified(|status| {
            let is_own = status.number == self.number;
            is_own && std::mem::take(&mut status.waits)
        });
    }
}

/// One document being completed in.
#[derive(Debug, Default)]
pub(super) struct DocumentSession {
    newest: watch::Sender<LatestRequest>,
    state: Mutex<State>,
    /// Held while a generation is started, also where the request is over meanwhile: two requests for one place start
    /// one.
    pub(super) starting: Arc<tokio::sync::Mutex<()>>,
}

/// What the flow needs to change under a lock; never held across an `await`.
#[derive(Debug, Default)]
pub(super) struct State {
    pub latest: LatestChange,
    pub cadence: TypingCadence,
    neural: Answers,
    ngram: Answers,
    /// The latest completion shown, with the text that it was made for.
    pub offered: Option<(Arc<Document>, Completion)>,
    pub usage: Option<Usage>,
}

/// Whose answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    Neural,
    /// The latest that was offered.
    Ngram,
}

impl State {
    pub(super) fn answers(&mut self, of: Store) -> &mut Answers {
        match of {
            Store::Neural => &mut self.neural,
            Store::Ngram => &mut self.ngram,
        }
    }

    /// Drops the answers that no longer match the text. The n-gram model is asked again where the text comes back: it may
    /// have better sources by then.
    pub(super) fn drop_mismatches(&mut self, document: &Document, cursor: usize) {
        self.neural.drop_mismatches(document, cursor, true);
        self.ngram.drop_mismatches(document, cursor, false);
    }
}

/// The newest request about a document, and its newest text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct LatestRequest {
    /// Requests so far.
    request: u64,
    cursor: usize,
    trigger: Trigger,
    /// Changes so far; a client may number its versions as it likes.
    change: u64,
    version: i32,
}

/// The generation of a request: valid until there is a newer one.
#[derive(Debug, Clone)]
pub struct RequestGeneration {
    own: LatestRequest,
    newest: watch::Receiver<LatestRequest>,
}

impl Completions {
    /// Completions of the documents of a workspace. `sources` are shared with who adds the other files of the workspace.
    pub fn new(workspace: Workspace, models: Models, sources: Arc<SyncedSources>) -> Completions {
        let engine = Mutex::new(models.engine().map(|engine| engine.id()));
        let shared = Shared {
            sessions: DashMap::default(),
            contexts: Contexts::default(),
            sources,
            ready: watch::Sender::default(),
            request_status: watch::Sender::default(),
            engine,
        };
        Completions { workspace, models, shared: Arc::new(shared) }
    }

    /// The engine of the neural model. Where it is another than before, its answers and all contexts are dropped.
    pub(super) fn engine(&self) -> Option<Engine> {
        let engine = self.models.engine();
        let id = engine.as_ref().map(Engine::id);
        let mut known = self.shared.engine.lock();
        if *known != id {
            *known = id;
            self.shared.contexts.reset();
            for session in &self.shared.sessions {
                session.state().neural.clear();
            }
        }
        drop(known);
        engine
    }

    /// Drops all answers, contexts and synced sources.
    pub fn reset(&self) {
        self.shared.sources.reset();
        self.shared.contexts.reset();
        for session in &self.shared.sessions {
            let mut state = session.state();
            state.neural.clear();
            state.ngram.clear();
        }
    }

    pub(super) fn contexts(&self) -> &Contexts {
        &self.shared.contexts
    }

    pub(super) fn sources(&self) -> &SyncedSources {
        &self.shared.sources
    }

    /// The latest request that should be sent again. While there is a receiver, answers are followed past their deadline.
    pub fn ready(&self) -> watch::Receiver<Option<Ready>> {
        self.shared.ready.subscribe()
    }

    /// The latest request, and every change of it.
    pub fn request_status(&self) -> watch::Receiver<RequestStatus> {
        self.shared.request_status.subscribe()
    }

    /// Records a request.
    pub(super) fn record_request(&self, document: &Document, cursor: usize) -> RequestRecord {
        let text = &document.text;
        let line = text.byte_to_line(cursor);
        let column = text.byte_to_char(cursor) - text.line_to_char(line);
        let mut number = 0;
        self.shared.request_status.send_modify(|status| {
            number = status.number + 1;
            let document = Some(document.id.clone());
            *status =
                RequestStatus { number, document, place: (line + 1, column + 1), waits: true, nothing: None };
        });
        RequestRecord { completions: self.clone(), number }
    }

    /// Records a request in a stale document, which is not answered.
    pub fn record_stale_request(&self, document: &DocumentId) {
        self.shared.request_status.send_modify(|status| {
            *status = RequestStatus {
                number: status.number + 1,
                document: Some(document.clone()),
                ..RequestStatus::default()
            };
        });
    }

    /// What the latest generation for this document cost.
    pub fn usage(&self, document: &DocumentId) -> Option<Usage> {
        self.shared.sessions.get(document)?.state().usage
    }

    /// Notifies that a request should be sent again once `when` is true, unless there is a newer one by then.
    pub(super) fn announce(
        &self,
        request_generation: &RequestGeneration,
        request: &CompletionRequest,
        when: impl Future<Output = bool> + Send + 'static,
    ) {
        // A completion menu cannot be told to send its request again.
        if self.shared.ready.receiver_count() == 0 || request.trigger == Trigger::Menu {
            return;
        }
        let (request_generation, ready) = (request_generation.clone(), self.shared.ready.clone());
        let (document, version) = (request.document.id.clone(), request.document.version);
        // A request may be about the text as it will be with a selected item; the client's cursor is where it was then.
        let cursor = request_generation.own.cursor;
        // A request may be dropped when the server ends.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if request_generation.unless_superseded(when).await == Ok(true) {
                ready.send_replace(Some(Ready { document, version, cursor }));
            }
        });
    }

    pub(super) fn session(&self, document: &DocumentId) -> Arc<DocumentSession> {
        self.shared.sessions.entry(document.clone()).or_default().clone()
    }

    /// Forgets a document; requests about it end.
    pub(super) fn remove(&self, document: &DocumentId) {
        if let Some((_, session)) = self.shared.sessions.remove(document) {
            session.newest.send_modify(|newest| newest.change += 1);
        }
    }
}

impl DocumentSession {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Records a new text, which ends the requests for older ones.
    pub(super) fn note(&self, document: &Document) {
        let mut state = self.state();
        state.latest.note(document);
        state.cadence.key();
        self.newest.send_modify(|newest| {
            newest.change += 1;
            newest.version = document.version;
        });
    }

    /// The cursor of the newest request.
    pub(super) fn cursor(&self) -> usize {
        self.newest.borrow().cursor
    }

    /// Makes this the newest request of the document.
    pub(super) fn begin(&self, request: &CompletionRequest) -> Result<RequestGeneration, Superseded> {
        // With an editor, `note` has the text already; a flow without an editor begins here.
        if self.newest.borrow().version < request.document.version {
            self.note(&request.document);
        }
        let mut own = LatestRequest::default();
        self.newest.send_modify(|newest| {
            newest.request += 1;
            newest.cursor = request.cursor;
            newest.trigger = request.trigger;
            own = *newest;
        });
        if own.version != request.document.version {
            return Err(Superseded);
        }
        Ok(RequestGeneration { own, newest: self.newest.subscribe() })
    }

    /// The answers of a model that may serve this request, the best first. Ends those that do not match.
    pub(super) fn known(&self, request: &CompletionRequest, of: Store) -> Vec<Arc<Answer>> {
        let mut state = self.state();
        state.drop_mismatches(&request.document, request.cursor);
        state.answers(of).candidates(&request.document, request.cursor)
    }
}

/// A request that is being answered. If its client stops waiting, it continues, and the client is notified as of one that
/// was not ready in time.
pub(super) struct PendingRequest {
    pub completions: Completions,
    pub request_generation: RequestGeneration,
    pub request: CompletionRequest,
    /// `None` once it has answered.
    pub task: Option<JoinHandle<Result<Completion, NothingOffered>>>,
}

impl PendingRequest {
    /// Waits for the answer.
    pub(super) async fn answer(mut self) -> Result<Completion, NothingOffered> {
        let Some(task) = &mut self.task else { return Err(NothingOffered::Superseded) };
        let answered = task.await;
        self.task = None;
        answered.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The server ends.
            Err(_) => Err(NothingOffered::Superseded),
        })
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            let is_answered = async move { matches!(task.await, Ok(Ok(_))) };
            self.completions.announce(&self.request_generation, &self.request, is_answered);
        }
    }
}

impl RequestGeneration {
    /// Whether there is a newer request or text.
    pub(super) fn is_over(&self) -> bool {
        self.ended_by(&self.newest.borrow())
    }

    /// A menu and an inline completion may request the same place at the same time: both are answered.
    fn ended_by(&self, newest: &LatestRequest) -> bool {
        let own = &self.own;
        newest.change != own.change
            || newest.request != own.request && (newest.trigger == own.trigger || newest.cursor != own.cursor)
    }

    /// The answer, or [`Superseded`] as soon as there is a newer request or text.
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
