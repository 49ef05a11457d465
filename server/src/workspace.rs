//! What the flows may read: the open documents, the repository, the rules and the settings. No flow keeps state here.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::blocking;
use crate::documents::{Document, Documents};
use crate::messages;
use crate::repository::indexer::Event;
use crate::repository::rules::{Excluded, Rules};
use crate::repository::{self, Repository};
use crate::settings::Settings;

/// How long a request waits for the file system of its own document.
const OWN_FILE: Duration = Duration::from_secs(2);
/// How long it waits for that of another document, counted from the first request that needs it.
const OTHER_FILE: Duration = Duration::from_millis(100);

/// Shared by all flows; cheap to clone.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The open documents.
    pub documents: Arc<Documents>,
    /// The files of the workspace folders, and what they define.
    pub repository: Repository,
    /// How far contexts, and the texts of the n-gram model, may reach; less than all of it only where that is measured.
    pub scope: ContextScope,
    settings: Arc<RwLock<Arc<Settings>>>,
    indexing: watch::Sender<Option<(usize, usize)>>,
    /// To the indexer, if one runs.
    events: Option<Arc<mpsc::Sender<Event>>>,
}

/// How far a context may reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum ContextScope {
    /// The text before the cursor, as far as its edit region reaches.
    None,
    /// The window of the cursor's own document.
    File,
    /// The other open documents as well.
    Open,
    /// The whole workspace as well.
    #[default]
    Repository,
}

impl Workspace {
    /// A workspace without folders or documents.
    pub fn new(settings: Settings) -> Workspace {
        Workspace {
            documents: Arc::default(),
            repository: Repository::default(),
            scope: ContextScope::default(),
            settings: Arc::new(RwLock::new(Arc::new(settings))),
            indexing: watch::Sender::default(),
            events: None,
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().clone()
    }

    /// Replaces the settings.
    pub fn replace_settings(&self, settings: Settings) {
        let secret_files = settings.repository.secret_files.clone();
        let before = std::mem::replace(&mut *self.settings.write(), Arc::new(settings));
        if before.repository.secret_files != secret_files {
            self.set_folders(self.repository.rules().roots());
        }
    }

    /// Replaces the workspace folders.
    pub fn set_folders(&self, roots: &[PathBuf]) {
        self.repository.set_rules(Rules::new(roots, &self.settings().repository.secret_files));
        self.notify(Event::Rules);
    }

    /// Files read so far and in all, while the workspace is being read.
    pub fn indexing(&self) -> watch::Receiver<Option<(usize, usize)>> {
        self.indexing.subscribe()
    }

    /// Where the indexer reports its progress.
    pub fn indexing_sender(&self) -> watch::Sender<Option<(usize, usize)>> {
        self.indexing.clone()
    }

    /// Whether a model may see this document: it is text without secrets, and no rule excludes its file. May wait for the
    /// disk.
    ///
    /// # Errors
    /// Why not, for users.
    pub fn may_be_shown(&self, document: &Document) -> Result<(), String> {
        self.verdict(document, OWN_FILE).map_err(|excluded| excluded.to_string())
    }

    /// The same by the rule files as they are now, without blocking the thread.
    ///
    /// # Errors
    /// Why not, for users.
    pub async fn may_be_shown_now(&self, document: &Arc<Document>) -> Result<(), String> {
        let (rules, document) = (self.repository.rules(), document.clone());
        let check = move || {
            let check = |path: &Path| rules.check_again_in_time(path, OWN_FILE, OTHER_FILE);
            repository::check_document(&document, check).map_err(|excluded| excluded.to_string())
        };
        blocking::run(check).await.unwrap_or_else(|| Err("internal error; see the log".to_owned()))
    }

    /// Whether a prompt may hold text of a file that is in the index: by the rule files as they are now, and if the file is
    /// as it was indexed. May wait for the disk, but not for long.
    pub fn is_still_shown(&self, path: &Path) -> bool {
        let admitted = self.repository.rules().check_again_in_time(path, OTHER_FILE, OTHER_FILE);
        admitted.is_ok() && self.repository.is_current(path)
    }

    fn verdict(&self, document: &Document, limit: Duration) -> Result<(), Excluded> {
        let rules = self.repository.rules();
        repository::check_document(document, |path| rules.check_in_time(path, limit))
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
        let (indexing, most) = (*self.indexing.borrow(), self.settings().repository.max_files);
        let is_full = indexing.is_none() && self.repository.indexing().is_cut;
        is_full.then(|| {
            format!("the workspace has more than {} (`repository.maxFiles`)", messages::counted(most, "file"))
        })
    }

    /// The open documents that a model may see, the most recent first. Leaves out those whose file system does not answer:
    /// the request of another document does not wait for it.
    pub fn shown(&self) -> Vec<Arc<Document>> {
        if self.scope < ContextScope::Open {
            return Vec::new();
        }
        let open = self.documents.recent();
        open.into_iter().filter(|document| self.verdict(document, OTHER_FILE).is_ok()).collect()
    }

    /// Sends an event to the indexer. Never waits.
    pub fn notify(&self, event: Event) {
        self.repository.notice(&event);
        if let Some(events) = &self.events {
            // The indexer is gone when the server ends.
            let _ = events.send(event);
        }
    }

    /// Waits until the index is up to date and saved, for `limit` at most.
    pub async fn save(&self, limit: Duration) {
        let (waiting, done) = mpsc::sync_channel(0);
        self.notify(Event::Save(waiting));
        // The indexer answers by dropping its end.
        let _ = tokio::task::spawn_blocking(move || done.recv_timeout(limit)).await;
    }

    /// The events of this workspace; an indexer reads them.
    pub fn listen(&mut self) -> mpsc::Receiver<Event> {
        let (events, received) = mpsc::channel();
        self.events = Some(Arc::new(events));
        received
    }

    /// Sends events as long as the workspace lives.
    pub fn event_sender(&self) -> std::sync::Weak<mpsc::Sender<Event>> {
        self.events.as_ref().map(Arc::downgrade).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::DocumentId;

    #[test]
    fn a_binary_document_and_one_with_secrets_are_never_shown() {
        let workspace = Workspace::new(Settings::default());
        let shown = |path: &str, text: &str| {
            let id = DocumentId(format!("file://{path}").into());
            workspace.may_be_shown(&Document::open(id, Some(path.into()), "plaintext", 1, text)).is_ok()
        };
        assert!(shown("/w/a.txt", "text"));
        assert!(!shown("/w/a.txt", "\u{7f}ELF\0\0"));
        assert!(!shown("/w/.env", "TOKEN=1"));
        assert!(!shown("/w/a.txt", concat!("token = gh", "p_16C7e42F292c6912E7710c838347Ae178B4a")));
    }
}
