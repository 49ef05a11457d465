//! How an assistant comes to know its workspace and its model while it answers already.
//!
//! It begins with the n-gram model, which is there at once. Two threads then work in the background: one reads the
//! files of the workspace, one the model; a third removes what a killed process has left, and ends. Nothing waits for
//! them; what they have reached shows in [`super::State`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use phi_engine::{Engine, Options};

use super::ngram::FileSources;
use super::{Assistant, ModelState, State};
use crate::models::{self, Choice};
use crate::places::Places;
use crate::prompt;
use crate::refactor::scratch;
use crate::repository::indexer::{self, Indexer, Listener};
use crate::settings::Settings;

impl Assistant {
    /// An assistant that answers from the open documents at once, from the files below `roots` as they are read, and
    /// from a model once one of `places` is loaded.
    pub fn start(settings: Settings, places: Places, roots: &[PathBuf]) -> Assistant {
        let mut assistant = Assistant::new(Engine::ngram(), settings);
        let events = assistant.listen();
        assistant.journals = places.journals.clone();
        assistant.set_folders(roots);
        let indexer = assistant.indexer().kept_in(places.indexes.clone());
        let sender = assistant.events.as_ref().map(Arc::downgrade).unwrap_or_default();
        // Before anybody can look at the state, so that who waits for the end waits for this.
        assistant.state.send_modify(|state| {
            state.indexing = Some((0, 0));
            state.model = ModelState::Searching;
        });
        in_background("phi-ls-index", move || indexer::run::run(indexer, events, sender));
        if let Some(copies) = places.journals.as_ref().map(|journals| journals.join(scratch::COPIES)) {
            in_background("phi-ls-copies", move || {
                scratch::remove_all_abandoned(&copies, SystemTime::now());
            });
        }
        let loading = assistant.clone();
        in_background("phi-ls-model", move || load_model(&loading, &places));
        assistant
    }

    /// Waits until workspace and model are read, or cannot be.
    pub async fn settled(&self) -> State {
        let mut state = self.state();
        let settled = |state: &State| state.indexing.is_none() && state.model.is_settled();
        // The sender lives as long as `self`.
        state.wait_for(settled).await.map(|state| state.clone()).unwrap_or_default()
    }

    /// Who keeps the index true and the n-gram model informed; it does not keep the assistant alive.
    fn indexer(&self) -> Indexer {
        let settings = self.settings();
        let most = settings.repository.max_megabytes << 20;
        let documents = Arc::downgrade(&self.documents);
        let mut sources = FileSources::new(documents, self.completions.clone(), self.engine.clone(), most);
        let state = self.state.clone();
        let listener = Listener {
            text: Box::new(move |path, text| sources.update(path, text)),
            progress: Box::new(move |progress| {
                state.send_if_modified(|state| {
                    let changed = state.indexing != progress;
                    state.indexing = progress;
                    changed
                });
            }),
        };
        Indexer::new(self.repository.clone(), &self.documents, settings.repository.max_files, listener)
    }

    fn set_model(&self, model: ModelState) {
        self.state.send_if_modified(|state| {
            let changed = state.model != model;
            state.model = model;
            changed
        });
    }
}

fn in_background(name: &str, work: impl FnOnce() + Send + 'static) {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    started.expect("the operating system starts a thread");
}

/// Finds the model that the user wants, or the first that runs here, and puts it in the place of the n-gram model.
fn load_model(assistant: &Assistant, places: &Places) {
    if let Some(engine) = &places.engine {
        assistant.replace_engine(engine.clone());
        return assistant.set_model(ModelState::Ready);
    }
    let settings = assistant.settings();
    let model = match models::choose(places, &settings) {
        Choice::NgramOnly => return assistant.set_model(ModelState::NgramOnly),
        Choice::Unusable(reason) => {
            tracing::warn!("{reason}");
            return assistant.set_model(ModelState::Failed(reason));
        }
        Choice::Use(model) => model,
    };
    let started = std::time::Instant::now();
    let options = Options {
        threads: settings.model.threads,
        kv_bytes: settings.model.kv_megabytes << 20,
        context: settings.model.context_tokens,
    };
    let progress = |fraction: f32| {
        // By the percent: each step is a message to the editor.
        let fraction = (fraction * 100.0).floor() / 100.0;
        assistant.set_model(ModelState::Loading { name: model.name.clone(), fraction });
    };
    progress(0.0);
    match Engine::phi(&model.path, &options, progress) {
        Ok(engine) => {
            // One name for a model, in the list, the settings and the status.
            let engine = engine.called(&model.name);
            engine.warm(prompt::completion_rules());
            assistant.replace_engine(engine);
            assistant.set_model(ModelState::Ready);
            tracing::info!(
                "{} is loaded after {:.1?} from {}",
                model.name,
                started.elapsed(),
                model.path.display()
            );
        }
        Err(error) => {
            let reason = error.to_string();
            tracing::warn!("{reason}");
            assistant.set_model(ModelState::Failed(reason));
        }
    }
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
        let assistant =
            Assistant::start(Settings::default(), Places::below(machine.path()), std::slice::from_ref(&root));
        assert_eq!(assistant.settled().await.model, ModelState::NgramOnly);

        let text = format!("fn c() {{\n{begun}");
        let id = DocumentId("file:///w/c.rs".into());
        let document = Arc::new(Document::open(id, Some(root.join("c.rs")), "rust", 1, &text));
        assistant.documents.open((*document).clone());
        let ask =
            crate::complete::Ask { document, cursor: text.len(), trigger: crate::complete::Trigger::Invoked };
        let completion = crate::complete::complete(&assistant, ask).await.expect("not superseded");
        let edit = completion.expect("the other files say it").edit;
        assert_eq!(edit.new_text(), "al / prices.len() as u64");
    }

    #[tokio::test]
    async fn what_comes_to_be_excluded_is_completed_from_no_longer_even_when_it_is_open() {
        let root = tempfile::tempdir().expect("a folder");
        let begun = "    let total = prices.iter().sum::<u64>();\n    tot";
        let texts = ["a", "b"].map(|name| {
            let text = format!("fn {name}() {{\n{begun}al / prices.len() as u64\n}}\n");
            let path = root.path().join(name).with_extension("rs");
            std::fs::write(&path, &text).expect("a file");
            (path, text)
        });
        let assistant = Assistant::new(Engine::ngram(), Settings::default());
        assistant.set_folders(&[root.path().to_owned()]);
        let mut indexer = assistant.indexer();
        indexer.settle();

        let id = |name: &str| DocumentId(format!("file:///w/{name}").into());
        let text = format!("fn c() {{\n{begun}");
        let path = Some(root.path().join("c.rs"));
        let document = Arc::new(Document::open(id("c"), path, "rust", 1, &text));
        assistant.documents.open((*document).clone());
        let completes = async || {
            let trigger = crate::complete::Trigger::Invoked;
            let ask = crate::complete::Ask { document: document.clone(), cursor: text.len(), trigger };
            assistant.completions.reset();
            crate::complete::complete(&assistant, ask).await.expect("not superseded").is_some()
        };
        assert!(completes().await);

        for (path, text) in &texts {
            let name = path.display().to_string();
            assistant.documents.open(Document::open(id(&name), Some(path.clone()), "rust", 1, text));
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
        let assistant = Assistant::start(settings, Places::below(machine.path()), &[]);
        let state = assistant.settled().await;
        assert!(
            matches!(&state.model, ModelState::Failed(reason) if reason.contains("none.gguf")),
            "{state:?}"
        );
        assert_eq!(assistant.engine().model().kind, phi_engine::ModelKind::Ngram);
    }

    #[test]
    fn reading_ends_where_nobody_holds_the_assistant() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("a.rs"), "fn a() {}\n").expect("a file");
        let mut assistant = Assistant::new(Engine::ngram(), Settings::default());
        let events = assistant.listen();
        assistant.set_folders(&[root.path().to_owned()]);
        let (indexer, repository) = (assistant.indexer(), assistant.repository.clone());
        drop(assistant);
        indexer::run::run(indexer, events, Weak::new());
        assert_eq!(repository.index().files().count(), 0);
    }
}
