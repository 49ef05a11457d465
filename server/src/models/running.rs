//! The models in use: the n-gram model immediately, a neural model beside it once it is loaded.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::RwLock;
use phi_engine::ngram::Ngram;
use phi_engine::{Adapter, Engine, Options};
use tokio::sync::watch;

use super::{Choice, choose};
use crate::settings::{LoraAdapter, Settings};
use crate::user_dirs::UserDirs;

/// The models in use, and the state of the neural one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Models {
    ngram: Option<Ngram>,
    engine: Arc<RwLock<Option<Engine>>>,
    state: watch::Sender<ModelState>,
}

/// The n-gram model, as users read it.
pub const NGRAM: &str = "n-gram";

/// The n-gram model alone.
impl Default for Models {
    fn default() -> Self {
        Models { ngram: Some(Ngram::default()), engine: Arc::default(), state: watch::Sender::default() }
    }
}

/// A neural model alone.
impl From<Engine> for Models {
    fn from(engine: Engine) -> Self {
        Models { ngram: None, ..Models::default() }.with(engine)
    }
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
    /// Uses this neural model too.
    pub fn with(self, engine: Engine) -> Models {
        self.replace(Some(engine));
        self
    }

    /// The n-gram model, if it is in use.
    pub fn ngram(&self) -> Option<&Ngram> {
        self.ngram.as_ref()
    }

    /// The engine of the neural model, if one is in use.
    pub fn engine(&self) -> Option<Engine> {
        self.engine.read().clone()
    }

    /// Whether a neural model is in use.
    pub fn is_neural(&self) -> bool {
        self.engine.read().is_some()
    }

    /// The name of the model that answers, for display.
    pub fn name(&self) -> String {
        self.engine.read().as_ref().map_or_else(|| NGRAM.to_owned(), |engine| engine.model().name.clone())
    }

    /// Whether a neural model works on a request.
    pub fn is_working(&self) -> bool {
        self.engine.read().as_ref().is_some_and(|engine| engine.status().jobs > 0)
    }

    /// Replaces the neural model; running generations continue with the old one.
    pub fn replace(&self, engine: Option<Engine>) {
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
            self.replace(Some(engine.clone()));
            return self.set_state(ModelState::Ready);
        }
        let model = match choose(dirs, settings) {
            Choice::NgramOnly => return self.set_state(ModelState::NgramOnly),
            Choice::Unusable { by, reason, .. } => {
                let reason = format!("{by}: {reason}");
                tracing::warn!("{reason}");
                return self.set_state(ModelState::Failed(reason));
            }
            Choice::Use(model) => model,
        };
        let started = Instant::now();
        let adapters = &settings.model.adapters;
        let options = Options {
            adapters: adapters
                .iter()
                .map(|adapter| Adapter { path: super::expand(dirs, &adapter.path), scale: adapter.scale })
                .collect(),
            device: settings.model.device,
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
        match Engine::open(&model.path, &options, progress) {
            Ok(engine) => {
                // The list, the settings and the status use the same name.
                let engine = engine.called(&model.name);
                let device = engine.model().device.clone().unwrap_or_else(|| "the processor".to_owned());
                loaded(&engine);
                self.replace(Some(engine));
                self.set_state(ModelState::Ready);
                let (elapsed, path) = (started.elapsed(), model.path.display());
                tracing::info!("{} loaded in {elapsed:.1?} from {path}; it runs on {device}", model.name);
                for LoraAdapter { path, scale } in adapters {
                    tracing::info!("it runs with the adapter {path}, scale {scale}");
                }
            }
            Err(error) => {
                let reason = error.to_string();
                tracing::warn!("{reason}");
                self.set_state(ModelState::Failed(reason));
            }
        }
    }
}
