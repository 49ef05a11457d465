//! What every flow works with: the engine that runs now, the documents, the settings.

mod gathered;
mod ngram;
mod start;

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use parking_lot::RwLock;
use phi_engine::Engine;
use tokio::sync::watch;

pub use self::gathered::Gathered;
use crate::complete::Completions;
use crate::context::{Breadth, Budget, Context, Contexts};
use crate::documents::{Document, Documents};
use crate::follow::Prepared;
use crate::repository::indexer::Event;
use crate::repository::rules::{Excluded, Rules};
use crate::repository::{self, Repository};
use crate::settings::Settings;

/// Shared by all flows; cheap to clone.
#[derive(Debug, Clone)]
pub struct Assistant {
    /// The open documents.
    pub documents: Arc<Documents>,
    /// What the completions of these documents keep.
    pub completions: Arc<Completions>,
    /// What is ready for places that should follow a changed definition.
    pub prepared: Arc<Prepared>,
    /// What is known of the workspace.
    pub repository: Repository,
    /// How far contexts, and what the n-gram model knows, may reach: all of it, but where that is measured.
    pub breadth: Breadth,
    /// Where refactorings keep what is finished; nowhere if `None`.
    pub journals: Option<PathBuf>,
    engine: Arc<RwLock<Engine>>,
    settings: Arc<RwLock<Arc<Settings>>>,
    state: watch::Sender<State>,
    /// To who keeps the index true, if there is somebody.
    events: Option<Arc<mpsc::Sender<Event>>>,
}

/// What a user may want to know of the assistant at any moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The model.
    pub model: ModelState,
    /// Files of the workspace read so far and in all, while they are being read.
    pub indexing: Option<(usize, usize)>,
}

/// How far the neural model is.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum ModelState {
    /// No model was found or wanted: the n-gram model answers.
    #[default]
    NgramOnly,
    /// It is not known yet whether there is one; the n-gram model answers meanwhile.
    Searching,
    /// It is being read; the n-gram model answers meanwhile.
    Loading {
        /// For a person.
        name: String,
        /// 0 to 1.
        fraction: f32,
    },
    /// It answers.
    Ready,
    /// It could not be loaded; the n-gram model answers.
    Failed(String),
}

impl ModelState {
    /// Whether nothing more will come of it.
    pub fn is_settled(&self) -> bool {
        !matches!(self, ModelState::Searching | ModelState::Loading { .. })
    }
}

impl Assistant {
    /// An assistant that answers with this engine.
    pub fn new(engine: Engine, settings: Settings) -> Assistant {
        Assistant {
            documents: Arc::default(),
            completions: Arc::default(),
            prepared: Arc::default(),
            repository: Repository::default(),
            breadth: Breadth::default(),
            journals: None,
            engine: Arc::new(RwLock::new(engine)),
            settings: Arc::new(RwLock::new(Arc::new(settings))),
            state: watch::Sender::default(),
            events: None,
        }
    }

    /// The engine that runs now.
    pub fn engine(&self) -> Engine {
        self.engine.read().clone()
    }

    /// Answers with another engine from now on; running generations go on with the old one.
    pub fn replace_engine(&self, engine: Engine) {
        *self.engine.write() = engine;
        self.completions.reset();
    }

    /// The state now, and every change of it.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().clone()
    }

    /// Puts other settings in force.
    pub fn replace_settings(&self, settings: Settings) {
        let secret_files = settings.repository.secret_files.clone();
        let before = std::mem::replace(&mut *self.settings.write(), Arc::new(settings));
        if before.repository.secret_files != secret_files {
            self.set_folders(self.repository.rules().roots());
        }
    }

    /// Works with these workspace folders from now on.
    pub fn set_folders(&self, roots: &[PathBuf]) {
        self.repository.set_rules(Rules::new(roots, &self.settings().repository.secret_files));
        self.notice(Event::Rules);
    }

    /// Whether a model may see this document: it is text without secrets, and no rule excludes its file.
    ///
    /// # Errors
    /// Why not, for a person.
    pub fn may_be_shown(&self, document: &Document) -> Result<(), String> {
        self.verdict(document).map_err(|excluded| excluded.to_string())
    }

    /// The same.
    ///
    /// # Errors
    /// The rule that excludes it.
    pub fn verdict(&self, document: &Document) -> Result<(), Excluded> {
        repository::check_document(&self.repository.rules(), document)
    }

    /// Why the repository's index does not hold this document, if it never will as things are; `None` also where there is
    /// no workspace. May read ignore files.
    pub fn not_indexed(&self, document: &Document) -> Option<String> {
        let rules = self.repository.rules();
        if rules.roots().is_empty() {
            return None;
        }
        let Some(path) = document.path.as_deref() else { return Some(Excluded::NoFile.to_string()) };
        if self.repository.index().file(path).is_some() {
            return None;
        }
        if !rules.roots().iter().any(|root| path.starts_with(root)) {
            return Some("it is outside of the workspace folders".to_owned());
        }
        if let Err(excluded) = rules.check_unopened(path) {
            return Some(excluded.to_string());
        }
        if let Err(excluded) = self.repository.may_be_indexed(document) {
            return Some(excluded.to_string());
        }
        let (indexing, most) = (self.state.borrow().indexing, self.settings().repository.max_files);
        let is_full = indexing.is_none() && self.repository.indexing().is_cut;
        is_full.then(|| format!("the workspace has more than {most} files (`repository.maxFiles`)"))
    }

    /// The open documents that a model may see, the most recent first.
    pub fn shown(&self) -> Vec<Arc<Document>> {
        if self.breadth < Breadth::Open {
            return Vec::new();
        }
        let open = self.documents.recent();
        open.into_iter().filter(|document| self.may_be_shown(document).is_ok()).collect()
    }

    /// What is worth showing a model at a place of a document, as far as `breadth` allows. `contexts` remembers what makes
    /// the next question's answer cheap and stable.
    pub fn gather(
        &self,
        contexts: &Contexts,
        document: &Document,
        cursor: usize,
        breadth: Breadth,
        budget: Budget,
    ) -> Context {
        let engine = self.engine();
        let (open, background) = (self.shown(), self.repository.background());
        let breadth = breadth.min(self.breadth);
        let sources =
            Gathered { repository: &self.repository, background: &background, open: &open, breadth };
        sources.context(contexts, document, cursor, budget, &|text| engine.count(text))
    }

    /// Tells who keeps the index true that something has happened. Never waits.
    pub fn notice(&self, event: Event) {
        if let Some(events) = &self.events {
            // Nobody listens any more when everything ends.
            let _ = events.send(event);
        }
    }

    /// Waits until the index is right and saved, or `limit` is over.
    pub async fn save(&self, limit: Duration) {
        let (waiting, done) = mpsc::sync_channel(0);
        self.notice(Event::Save(waiting));
        // The other end answers by being dropped.
        let _ = tokio::task::spawn_blocking(move || done.recv_timeout(limit)).await;
    }

    /// From now on [`Assistant::notice`] sends to this end.
    fn listen(&mut self) -> mpsc::Receiver<Event> {
        let (events, received) = mpsc::channel();
        self.events = Some(Arc::new(events));
        received
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::DocumentId;

    #[test]
    fn a_binary_document_and_one_with_secrets_are_never_shown() {
        let assistant = Assistant::new(Engine::ngram(), Settings::default());
        let shown = |path: &str, text: &str| {
            let id = DocumentId(format!("file://{path}").into());
            assistant.may_be_shown(&Document::open(id, Some(path.into()), "plaintext", 1, text)).is_ok()
        };
        assert!(shown("/w/a.txt", "text"));
        assert!(!shown("/w/a.txt", "\u{7f}ELF\0\0"));
        assert!(!shown("/w/.env", "TOKEN=1"));
        assert!(!shown("/w/a.txt", concat!("token = gh", "p_16C7e42F292c6912E7710c838347Ae178B4a")));
    }
}
