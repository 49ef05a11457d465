//! How an assistant comes to know its workspace and its model while it answers already.
//!
//! It begins with the lookup model, which is there at once. Two threads then work in the background: one reads the
//! files of the workspace, one the model. Nothing waits for them; what they have reached shows in
//! [`super::State`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock, Weak};

use phi_engine::{Engine, Options};
use tokio::sync::watch;

use super::{Assistant, ModelState, State};
use crate::complete::{Completions, source_id};
use crate::documents::Documents;
use crate::models::{self, Choice};
use crate::places::Places;
use crate::prompt;
use crate::repository::walk::{self, Bounds};
use crate::settings::Settings;

/// So many files are read between two reports.
const REPORT: usize = 64;

impl Assistant {
    /// An assistant that answers from the open documents at once, from the files below `roots` as they are read, and
    /// from a model once one of `places` is loaded.
    pub fn start(settings: Settings, places: Places, roots: &[PathBuf]) -> Assistant {
        let assistant = Assistant::new(Engine::lookup(), settings);
        let files = Files::of(&assistant);
        let (roots, bounds) = (roots.to_owned(), bounds(&assistant.settings()));
        // Before anybody can look at the state, so that who waits for the end waits for this.
        assistant.state.send_modify(|state| {
            state.indexing = Some((0, 0));
            state.model = ModelState::Loading { name: "a model".to_owned(), fraction: 0.0 };
        });
        in_background("phi-ls-files", move || files.read(&roots, bounds));
        let loading = assistant.clone();
        in_background("phi-ls-model", move || load_model(&loading, &places));
        assistant
    }

    /// Waits until workspace and model are read, or cannot be.
    pub async fn settled(&self) -> State {
        let mut state = self.state();
        let settled =
            |state: &State| state.indexing.is_none() && !matches!(state.model, ModelState::Loading { .. });
        // The sender lives as long as `self`.
        state.wait_for(settled).await.map(|state| state.clone()).unwrap_or_default()
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

fn bounds(settings: &Settings) -> Bounds {
    Bounds { files: settings.repository.max_files, bytes: settings.repository.max_megabytes << 20 }
}

/// Finds the model that the user wants, or the first that runs here, and puts it in the place of the lookup model.
fn load_model(assistant: &Assistant, places: &Places) {
    let settings = assistant.settings();
    let model = match models::choose(places, &settings) {
        Choice::LookupOnly => return assistant.set_model(ModelState::LookupOnly),
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

/// What reading the workspace needs of an assistant. It does not keep the assistant alive: where nobody else holds
/// one any longer, reading ends.
struct Files {
    documents: Weak<Documents>,
    completions: Arc<Completions>,
    engine: Arc<RwLock<Engine>>,
    state: watch::Sender<State>,
}

impl Files {
    fn of(assistant: &Assistant) -> Files {
        Files {
            documents: Arc::downgrade(&assistant.documents),
            completions: assistant.completions.clone(),
            engine: assistant.engine.clone(),
            state: assistant.state.clone(),
        }
    }

    /// Reads the files below `roots` and lets the engine continue from them.
    fn read(&self, roots: &[PathBuf], bounds: Bounds) {
        let started = std::time::Instant::now();
        let abandoned = || self.documents.strong_count() == 0;
        let files = walk::files(roots, bounds, &abandoned);
        let mut bytes = 0;
        for (index, path) in files.iter().enumerate() {
            if abandoned() || bytes >= bounds.bytes {
                break;
            }
            if index % REPORT == 0 {
                self.state.send_modify(|state| state.indexing = Some((index, files.len())));
            }
            if !self.is_open(path)
                && let Some(file) = walk::read(path)
            {
                bytes += file.text.len();
                self.remember(path, file.text.into());
            }
        }
        self.state.send_modify(|state| state.indexing = None);
        tracing::info!(
            "{} files, {} KB of text are read after {:.1?}",
            files.len(),
            bytes >> 10,
            started.elapsed()
        );
    }

    fn remember(&self, path: &Path, text: Arc<str>) {
        let engine = self.engine.read().expect("no writer panics").clone();
        engine.remember(source_id(path), text);
        // It may have been opened in between, and the engine would know the file in place of the buffer.
        if self.is_open(path) {
            self.completions.tell_anew();
        }
    }

    fn is_open(&self, path: &Path) -> bool {
        self.documents.upgrade().is_some_and(|documents| documents.is_open(path))
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(assistant.settled().await.model, ModelState::LookupOnly);

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
    async fn a_model_that_cannot_be_read_is_reported_and_the_lookup_model_stays() {
        let machine = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::default();
        settings.model.path = machine.path().join("none.gguf").display().to_string();
        let assistant = Assistant::start(settings, Places::below(machine.path()), &[]);
        let state = assistant.settled().await;
        assert!(
            matches!(&state.model, ModelState::Failed(reason) if reason.contains("none.gguf")),
            "{state:?}"
        );
        assert_eq!(assistant.engine().model().kind, phi_engine::ModelKind::Lookup);
    }

    #[test]
    fn reading_ends_where_nobody_holds_the_assistant() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("a.rs"), "fn a() {}\n").expect("a file");
        let assistant = Assistant::new(Engine::lookup(), Settings::default());
        let files = Files::of(&assistant);
        let engine = assistant.engine();
        drop(assistant);
        files.read(&[root.path().to_owned()], Bounds { files: 10, bytes: 1 << 20 });
        assert_eq!(engine.status().jobs, 0);
    }
}
