//! Finds the models on this machine and chooses one.
//!
//! Models of Ollama, llama.cpp, LM Studio and the Hugging Face cache are used in place.
//! [`candidates`] lists the possible models in order of preference; [`Model::of`] reads a model's header and checks
//! whether it can be used.

mod folders;
mod ollama;
mod running;

use std::path::{Path, PathBuf};

use phi_engine::weights::Description;
use serde::Serialize;

pub use self::running::{ModelState, Models, NGRAM};
use crate::settings::Settings;
use crate::user_dirs::UserDirs;

/// The value of `model.path` for no model.
pub const NONE: &str = "none";
/// The value of `model.path` for the first usable model, which also overrides `PHI_LS_MODEL`.
pub const AUTO: &str = "auto";

/// A model on this machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Where it was found.
    pub source: Source,
    /// The name in its source.
    pub name: String,
    /// A GGUF file or a Hugging Face folder.
    pub path: PathBuf,
    /// The size of its weights.
    pub bytes: u64,
    /// Its properties, or why it cannot be used.
    #[serde(flatten)]
    pub facts: Facts,
}

/// The properties in a model's header.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", untagged)]
pub enum Facts {
    /// It can be used.
    #[serde(rename_all = "camelCase")]
    Usable {
        /// `phi3`, `llama`...
        architecture: &'static str,
        /// `Q4_K_M`, `F16`...
        quantization: String,
        /// Whether it knows the turns of a chat, and so follows instructions.
        chat: bool,
        /// Whether it knows a fill-in-the-middle format.
        fim: bool,
        /// Maximum tokens of a sequence.
        context: usize,
    },
    /// It cannot be used.
    #[serde(rename_all = "camelCase")]
    Unusable {
        /// The reason, and what to do.
        reason: String,
    },
}

/// Where a model was found, in order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The setting `model.path`.
    Setting,
    /// The environment variable `PHI_LS_MODEL`.
    Environment,
    /// phi-ls's own model folder.
    PhiLs,
    /// Ollama.
    Ollama,
    /// The Hugging Face cache.
    HuggingFace,
    /// llama.cpp's cache.
    LlamaCpp,
    /// LM Studio.
    LmStudio,
}

/// A file or folder that may be a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    source: Source,
    name: String,
    path: PathBuf,
}

/// The choice of a model.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// No model was found, or the user wants none.
    NgramOnly,
    /// The model that the user chose cannot be used; the reason, and what to do.
    Unusable(String),
    /// Use this model.
    Use(Model),
}

/// Chooses the model to use. Reads model headers until one is usable.
pub fn choose(dirs: &UserDirs, settings: &Settings) -> Choice {
    match wanted(dirs, settings) {
        Wanted::Nothing => Choice::NgramOnly,
        Wanted::First => {
            let usable = candidates(dirs).map(Model::of).find(Model::is_usable);
            usable.map_or(Choice::NgramOnly, Choice::Use)
        }
        Wanted::Model(by, model) => match &model.facts {
            Facts::Usable { .. } => Choice::Use(model),
            Facts::Unusable { reason } => Choice::Unusable(format!("{by}: {reason}")),
        },
    }
}

/// All models on this machine in order of preference, and the index of the one in use.
pub fn list(dirs: &UserDirs, settings: &Settings) -> (Vec<Model>, Option<usize>) {
    let mut models: Vec<Model> = candidates(dirs).map(Model::of).collect();
    let used = match wanted(dirs, settings) {
        Wanted::Nothing => None,
        Wanted::First => models.iter().position(Model::is_usable),
        Wanted::Model(_, model) => {
            let at = models.iter().position(|known| known.path == model.path).unwrap_or_else(|| {
                models.insert(0, model);
                0
            });
            models[at].is_usable().then_some(at)
        }
    };
    (models, used)
}

/// Finds a model by its path or by its name in [`list`]. Ignores case and the suffix `:latest`.
///
/// # Errors
/// There is no such model, or there are several; the message says what to do.
pub fn named(dirs: &UserDirs, name: &str) -> Result<Model, String> {
    let path = expand(dirs, name);
    if path.exists() {
        let path = std::path::absolute(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        return Ok(Model::of(Candidate { source: Source::Setting, name: file_name(&path), path }));
    }
    let plain = |name: &str| name.to_lowercase().trim_end_matches(":latest").to_owned();
    let same: Vec<_> = candidates(dirs).filter(|candidate| plain(&candidate.name) == plain(name)).collect();
    match <[_; 1]>::try_from(same) {
        Ok([candidate]) => Ok(Model::of(candidate)),
        Err(none) if none.is_empty() => {
            Err(format!("there is no file and no model `{name}`; `phi-ls model list` lists the models"))
        }
        Err(several) => {
            let paths: Vec<_> = several.iter().map(|one| one.path.display().to_string()).collect();
            Err(format!("several models are called `{name}`; use a path: {}", paths.join(", ")))
        }
    }
}

/// The source that sets `none`, if one does.
pub fn declined(dirs: &UserDirs, settings: &Settings) -> Option<Source> {
    let by_setting = settings.model.path.trim() == NONE;
    let by_environment = settings.model.path.trim().is_empty() && dirs.model.as_deref() == Some(NONE);
    by_setting.then_some(Source::Setting).or(by_environment.then_some(Source::Environment))
}

/// Advice if the model that this source names cannot be used.
pub fn otherwise(source: Source) -> &'static str {
    match source {
        Source::Environment => {
            "Unset PHI_LS_MODEL, or run `phi-ls model use auto`, which overrides it with the first usable model."
        }
        _ => "`phi-ls model use auto` uses the first usable model.",
    }
}

/// The model that the user wants.
enum Wanted {
    Nothing,
    First,
    /// The source that names a model, and the model.
    Model(Source, Model),
}

fn wanted(dirs: &UserDirs, settings: &Settings) -> Wanted {
    let of_setting = Some((Source::Setting, settings.model.path.trim()));
    let of_environment = dirs.model.as_deref().map(|model| (Source::Environment, model.trim()));
    let asked = [of_setting, of_environment].into_iter().flatten().find(|(_, name)| !name.is_empty());
    let (source, name) = match asked {
        None | Some((_, AUTO)) => return Wanted::First,
        Some((_, NONE)) => return Wanted::Nothing,
        Some(asked) => asked,
    };
    let path = expand(dirs, name);
    let is_name = !path.exists() && !path.is_absolute() && !is_gguf(&path);
    if is_name {
        let unknown = |reason| Model {
            source,
            name: name.to_owned(),
            path: path.clone(),
            bytes: 0,
            facts: Facts::Unusable { reason },
        };
        return Wanted::Model(source, named(dirs, name).unwrap_or_else(unknown));
    }
    // A model has one name, no matter how the settings spell it.
    let known = candidates(dirs).find(|candidate| candidate.path == path).map(|known| known.name);
    Wanted::Model(
        source,
        Model::of(Candidate { source, name: known.unwrap_or_else(|| file_name(&path)), path }),
    )
}

fn is_gguf(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
}

/// The possible models, in the order of [`Source`].
fn candidates(dirs: &UserDirs) -> impl Iterator<Item = Candidate> + '_ {
    let below = |source, folders: &[PathBuf]| -> Vec<Candidate> {
        folders.iter().flat_map(|folder| folders::models(source, folder)).collect()
    };
    // Lazy, because often only the first one is needed.
    std::iter::once_with(move || below(Source::PhiLs, &dirs.models))
        .chain(std::iter::once_with(|| {
            dirs.ollama.iter().flat_map(|folder| ollama::models(folder)).collect()
        }))
        .chain(std::iter::once_with(move || {
            dirs.hugging_face.iter().flat_map(|folder| folders::hugging_face(folder)).collect()
        }))
        .chain(std::iter::once_with(move || below(Source::LlamaCpp, &dirs.llama_cpp)))
        .chain(std::iter::once_with(move || below(Source::LmStudio, &dirs.lm_studio)))
        .flatten()
}

impl Model {
    fn of(candidate: Candidate) -> Model {
        let Candidate { source, name, path } = candidate;
        let facts = match phi_engine::weights::describe(&path) {
            Ok(Description { architecture, quantization, context, formats, .. }) => Facts::Usable {
                architecture,
                quantization,
                chat: formats.chat,
                fim: formats.fim.is_some(),
                context,
            },
            Err(error) => Facts::Unusable { reason: error.to_string() },
        };
        Model { source, name, bytes: folders::bytes(&path), path, facts }
    }

    /// Whether it can be used.
    pub fn is_usable(&self) -> bool {
        matches!(self.facts, Facts::Usable { .. })
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Source::Setting => "model.path",
            Source::Environment => "PHI_LS_MODEL",
            Source::PhiLs => "phi-ls",
            Source::Ollama => "Ollama",
            Source::HuggingFace => "Hugging Face",
            Source::LlamaCpp => "llama.cpp",
            Source::LmStudio => "LM Studio",
        })
    }
}

/// Expands `~` in a path.
fn expand(dirs: &UserDirs, path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), &dirs.home) {
        (Some(below), Some(home)) => home.join(below),
        _ => PathBuf::from(path),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
