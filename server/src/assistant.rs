//! One running phi-ls: the workspace, the models and the flows, wired together and started.
//!
//! It starts with the n-gram model, which answers at once. Two threads then work in the background: one reads the files of
//! the workspace, one loads the model; a third removes what a killed process has left, and ends. Nothing waits for them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::complete::Completions;
use crate::models::{ModelState, Models};
use crate::next_edit::NextEdits;
use crate::ngram::{FileSources, SyncedSources};
use crate::prompt;
use crate::refactor::sandbox;
use crate::repository::indexer::{self, IndexListener, Indexer};
use crate::settings::Settings;
use crate::user_dirs::UserDirs;
use crate::workspace::Workspace;

/// What the protocol and the command line work with; cheap to clone. No flow sees it.
#[derive(Debug, Clone)]
pub struct Assistant {
    /// The documents, the repository, the rules and the settings.
    pub workspace: Workspace,
    /// The models that answer.
    pub models: Models,
    /// The flow of completions.
    pub completions: Completions,
    /// The flow of next edits.
    pub next_edits: NextEdits,
    /// The folder in which refactorings keep what is finished; none keeps anything if `None`.
    pub journals: Option<PathBuf>,
    sources: Arc<SyncedSources>,
}

impl Assistant {
    /// Answers with these models; nothing runs in the background.
    pub fn new(models: impl Into<Models>, settings: Settings) -> Assistant {
        Assistant::with(Workspace::new(settings), models.into())
    }

    /// Answers in this workspace; nothing runs in the background.
    pub fn with(workspace: Workspace, models: Models) -> Assistant {
        let sources = Arc::<SyncedSources>::default();
        Assistant {
            completions: Completions::new(workspace.clone(), models.clone(), sources.clone()),
            next_edits: NextEdits::new(workspace.clone(), models.clone()),
            workspace,
            models,
            journals: None,
            sources,
        }
    }

    /// Answers from open documents immediately, from the files below `roots` as they are indexed, and from a model once one of
    /// those in `dirs` is loaded.
    pub fn start(settings: Settings, dirs: UserDirs, roots: &[PathBuf]) -> Assistant {
        let mut workspace = Workspace::new(settings);
        let events = workspace.listen();
        workspace.set_folders(roots);
        // The answers of a test's engine are known, those of the n-gram model beside it would depend on timing.
        let models = dirs.engine.clone().map_or_else(Models::default, Models::from);
        let mut assistant = Assistant::with(workspace, models);
        assistant.journals = dirs.journals.clone();
        let indexer = assistant.indexer().kept_in(dirs.indexes.clone());
        let sender = assistant.workspace.event_sender();
        // Before anyone can look at the state: who waits for the end waits for this.
        assistant.workspace.indexing_sender().send_replace(Some((0, 0)));
        assistant.models.set_state(ModelState::Searching);
        in_background("phi-ls-index", move || indexer::run::run(indexer, events, sender));
        if let Some(copies) = dirs.journals.as_ref().map(|journals| journals.join(sandbox::COPIES)) {
            in_background("phi-ls-copies", move || {
                sandbox::remove_all_abandoned(&copies, SystemTime::now());
            });
        }
        let (models, settings) = (assistant.models.clone(), assistant.workspace.settings());
        in_background("phi-ls-model", move || {
            models.load(&dirs, &settings, |engine| {
                engine.warm(prompt::completion_rules(&engine.model().formats));
            });
        });
        assistant
    }

    /// Waits until the workspace is read and the model is loaded, or cannot be. Returns the model's state.
    pub async fn settled(&self) -> ModelState {
        // The senders live as long as `self`.
        let _ = self.workspace.indexing().wait_for(Option::is_none).await;
        let mut state = self.models.state();
        state.wait_for(ModelState::is_settled).await.map(|state| state.clone()).unwrap_or_default()
    }

    /// Keeps the index and the sources of the n-gram model up to date; does not keep the workspace alive.
    fn indexer(&self) -> Indexer {
        let settings = self.workspace.settings();
        let most = settings.repository.max_megabytes << 20;
        let documents = Arc::downgrade(&self.workspace.documents);
        let mut sources =
            FileSources::new(documents, self.sources.clone(), self.models.ngram().cloned(), most);
        let indexing = self.workspace.indexing_sender();
        let listener = IndexListener {
            text: Box::new(move |path, text| sources.update(path, text)),
            progress: Box::new(move |progress| {
                indexing.send_if_modified(|indexing| {
                    let changed = *indexing != progress;
                    *indexing = progress;
                    changed
                });
            }),
        };
        let Workspace { repository, documents, .. } = &self.workspace;
        Indexer::new(repository.clone(), documents, settings.repository.max_files, listener)
    }
}

fn in_background(name: &str, work: impl FnOnce() + Send + 'static) {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    started.expect("the operating system starts a thread");
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use super::*;
    use crate::documents::{Document, DocumentId};

    #[tokio::test]
    async fn without_a_model_the_workspace_answers() {
        let machine = tempfile::tempdir().expect("a folder");
        let root = machine.path().join("workspace");
        std::fs::create_dir(&root).expect("a folder");
        let begun = "    let total = prices.iter().sum::<u64>();\n    tot";
        for name in ["a", "b"] {
            let text = format!("fn {name}() {{\n{begun}al / prices.len() as u64\n}}\n");
            std::fs::write(root.join(name).with_extension("rs"), text).expect("a file");
        }
        let assistant = Assistant::start(
            Settings::default(),
            UserDirs::below(machine.path()),
            std::slice::from_ref(&root),
        );
        assert_eq!(assistant.settled().await, ModelState::NgramOnly);

        let text = format!("fn c() {{\n{begun}");
        let id = DocumentId("file:///w/c.rs".into());
        let document = Arc::new(Document::open(id, Some(root.join("c.rs")), "rust", 1, &text));
        assistant.workspace.documents.open((*document).clone());
        let ask = crate::complete::CompletionRequest {
            document,
            cursor: text.len(),
            trigger: crate::complete::Trigger::Invoked,
        };
        let completion =
            crate::complete::complete(&assistant.completions, ask).await.expect("not superseded");
        let edit = completion.expect("the other files say it").edit;
        assert_eq!(edit.new_text(), "al / prices.len() as u64");
    }

    #[tokio::test]
    async fn newly_excluded_text_is_not_used_even_when_open() {
        let root = tempfile::tempdir().expect("a folder");
        let begun = "    let total = prices.iter().sum::<u64>();\n    tot";
        let texts = ["a", "b"].map(|name| {
            let text = format!("fn {name}() {{\n{begun}al / prices.len() as u64\n}}\n");
            let path = root.path().join(name).with_extension("rs");
            std::fs::write(&path, &text).expect("a file");
            (path, text)
        });
        let assistant = Assistant::new(Models::default(), Settings::default());
        assistant.workspace.set_folders(&[root.path().to_owned()]);
        let mut indexer = assistant.indexer();
        indexer.settle();

        let id = |name: &str| DocumentId(format!("file:///w/{name}").into());
        let text = format!("fn c() {{\n{begun}");
        let path = Some(root.path().join("c.rs"));
        let document = Arc::new(Document::open(id("c"), path, "rust", 1, &text));
        assistant.workspace.documents.open((*document).clone());
        let completes = async || {
            let trigger = crate::complete::Trigger::Invoked;
            let ask = crate::complete::CompletionRequest {
                document: document.clone(),
                cursor: text.len(),
                trigger,
            };
            assistant.completions.reset();
            crate::complete::complete(&assistant.completions, ask).await.expect("not superseded").is_some()
        };
        assert!(completes().await);

        for (path, text) in &texts {
            let name = path.display().to_string();
            assistant.workspace.documents.open(Document::open(
                id(&name),
                Some(path.clone()),
                "rust",
                1,
                text,
            ));
        }
        assert!(completes().await, "from the open documents");
        let ignore = root.path().join(".gitignore");
        std::fs::write(&ignore, "a.rs\nb.rs\n").expect("a file");
        indexer.handle(indexer::Event::Disk(vec![ignore]));
        indexer.settle();
        assert!(!completes().await);
    }

    #[tokio::test]
    async fn a_model_that_cannot_be_read_is_reported_and_the_ngram_model_stays() {
        let machine = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::default();
        settings.model.path = machine.path().join("none.gguf").display().to_string();
        let assistant = Assistant::start(settings, UserDirs::below(machine.path()), &[]);
        let state = assistant.settled().await;
        assert!(matches!(&state, ModelState::Failed(reason) if reason.contains("none.gguf")), "{state:?}");
        assert!(!assistant.models.is_neural());
    }

    #[test]
    fn reading_ends_when_the_assistant_is_dropped() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("a.rs"), "fn a() {}\n").expect("a file");
        let mut workspace = Workspace::new(Settings::default());
        let events = workspace.listen();
        let assistant = Assistant::with(workspace, Models::default());
        assistant.workspace.set_folders(&[root.path().to_owned()]);
        let (indexer, repository) = (assistant.indexer(), assistant.workspace.repository.clone());
        drop(assistant);
        indexer::run::run(indexer, events, Weak::new());
        assert_eq!(repository.index().files().count(), 0);
    }
}
