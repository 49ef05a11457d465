//! The engine in use: the n-gram model immediately, a neural model once it is loaded.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::RwLock;
use phi_engine::{Engine, ModelKind, Options};
use tokio::sync::watch;

use super::{Choice, choose};
use crate::settings::Settings;
use crate::user_dirs::UserDirs;

/// The engine in use, and the state of the neural model. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Models {
    engine: Arc<RwLock<Engine>>,
    state: watch::Sender<ModelState>,
}

/// The state of the neural model.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum ModelState {
    /// No model was found, or none is wanted; the n-gram model answers.
    #[default]
    NgramOnly,
    /// Searching for a model; the n-gram model answers.
    Searching,
    /// Loading the model; the n-gram model answers.
    Loading {
        /// The model's name, for display.
        name: String,
        /// 0 to 1.
        fraction: f32,
    },
    /// The neural model answers.
    Ready,
    /// The model could not be loaded, for this reason; the n-gram model answers.
    Failed(String),
}

impl ModelState {
    /// Whether this is a final state.
    pub fn is_settled(&self) -> bool {
        !matches!(self, ModelState::Searching | ModelState::Loading { .. })
    }
}

impl Models {
    /// Uses this engine.
    pub fn new(engine: Engine) -> Models {
        Models { engine: Arc::new(RwLock::new(engine)), state: watch::Sender::default() }
    }

    /// The engine in use.
    pub fn engine(&self) -> Engine {
        self.engine.read().clone()
    }

    /// Whether the engine in use is a neural model.
    pub fn is_neural(&self) -> bool {
        self.engine.read().model().kind != ModelKind::Ngram
    }

    /// Replaces the engine; running generations continue with the old one.
    pub fn replace(&self, engine: Engine) {
        *self.engine.write() = engine;
    }

    /// A receiver of the state and its changes.
    pub fn state(&self) -> watch::Receiver<ModelState> {
        self.state.subscribe()
    }

    /// Sets the state.
    pub fn set_state(&self, new: ModelState) {
        self.state.send_if_modified(|state| {
            let changed = *state != new;
            *state = new;
            changed
        });
    }

    /// Loads the model of the settings, or the first usable one, and uses it. Calls `loaded` with the new engine before it
    /// is used. Blocks until the model is loaded.
    pub fn load(&self, dirs: &UserDirs, settings: &Settings, loaded: impl FnOnce(&Engine)) {
        if let Some(engine) = &dirs.engine {
            self.replace(engine.clone());
            return self.set_state(ModelState::Ready);
        }
        let model = match choose(dirs, settings) {
            Choice::NgramOnly => return self.set_state(ModelState::NgramOnly),
            Choice::Unusable(reason) => {
                tracing::warn!("{reason}");
                return self.set_state(ModelState::Failed(reason));
            }
            Choice::Use(model) => model,
        };
        let started = Instant::now();
        let options = Options {
            threads: settings.model.threads,
            kv_bytes: settings.model.kv_megabytes << 20,
            context: settings.model.context_tokens,
        };
        let progress = |fraction: f32| {
            // Whole percents, because each step is a message to the editor.
            let fraction = (fraction * 100.0).floor() / 100.0;
            self.set_state(ModelState::Loading { name: model.name.clone(), fraction });
        };
        progress(0.0);
        match Engine::phi(&model.path, &options, progress) {
            Ok(engine) => {
                // The list, the settings and the status use the same name.
                let engine = engine.called(&model.name);
                loaded(&engine);
                self.replace(engine);
                self.set_state(ModelState::Ready);
                let (elapsed, path) = (started.elapsed(), model.path.display());
                tracing::info!("{} loaded in {elapsed:.1?} from {path}", model.name);
            }
            Err(error) => {
                let reason = error.to_string();
                tracing::warn!("{reason}");
                self.set_state(ModelState::Failed(reason));
            }
        }
    }
}
