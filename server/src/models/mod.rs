//! Which models are on this machine, and which one is used.
//!
//! Nothing is downloaded: what Ollama, llama.cpp, LM Studio or the Hugging Face cache already hold is read where it
//! lies. [`candidates`] says where models may be, in the order in which they are preferred; [`Model::of`] opens the head
//! of one and says whether it runs here.

mod folders;
mod ollama;
mod running;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self::running::{ModelState, Models};
use crate::settings::Settings;
use crate::user_dirs::UserDirs;

/// The value of `model.path` for: no model at all.
pub const NONE: &str = "none";
/// The value of `model.path` for: the first model that runs here, whatever `PHI_LS_MODEL` says.
pub const AUTO: &str = "auto";

/// A model on this machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Who brought it here.
    pub source: Source,
    /// For a person: what its source calls it.
    pub name: String,
    /// A GGUF file or a Hugging Face folder.
    pub path: PathBuf,
    /// Of its weights.
    pub bytes: u64,
    /// What it is, or why it does not run here.
    #[serde(flatten)]
    pub facts: Facts,
}

/// What the head of a model says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", untagged)]
pub enum Facts {
    /// It runs here.
    #[serde(rename_all = "camelCase")]
    Usable {
        /// `Q4_K_M`, `F16`...
        quantization: String,
        /// The most tokens of one sequence.
        context: usize,
    },
    /// It does not.
    #[serde(rename_all = "camelCase")]
    Unusable {
        /// Why not, and what to do.
        reason: String,
    },
}

/// Where a model comes from, the preferred first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The setting `model.path`.
    Setting,
    /// The environment variable `PHI_LS_MODEL`.
    Environment,
    /// Our own folder.
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

/// A place where a model may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    source: Source,
    name: String,
    path: PathBuf,
}

/// What the settings and this machine come to.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// No model was found, or none is wanted.
    NgramOnly,
    /// What the user asked for cannot be used; says why, and what to do.
    Unusable(String),
    /// This one.
    Use(Model),
}

/// Decides which model to use; reads the heads of models until one runs here.
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

/// All models on this machine, the preferred first, and which of them is used.
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

/// The model that a user means: a path, or a name as [`list`] has it, in any case and without a `:latest`.
///
/// # Errors
/// Says what to do instead.
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
            Err(format!("there is no file and no model `{name}`; `phi-ls model list` shows what is here"))
        }
        Err(several) => {
            let paths: Vec<_> = several.iter().map(|one| one.path.display().to_string()).collect();
            Err(format!("several models are called `{name}`; name one by its path: {}", paths.join(", ")))
        }
    }
}

/// Who says that no model is wanted, if somebody does.
pub fn declined(dirs: &UserDirs, settings: &Settings) -> Option<Source> {
    let by_setting = settings.model.path.trim() == NONE;
    let by_environment = settings.model.path.trim().is_empty() && dirs.model.as_deref() == Some(NONE);
    by_setting.then_some(Source::Setting).or(by_environment.then_some(Source::Environment))
}

/// What to do where the model that this source names cannot be used.
pub fn otherwise(source: Source) -> &'static str {
    match source {
        Source::Environment => {
            "Unset PHI_LS_MODEL, or `phi-ls model use auto`, which counts before it and takes the first usable one."
        }
        _ => "`phi-ls model use auto` takes the first usable one.",
    }
}

/// What the user has asked for.
enum Wanted {
    Nothing,
    First,
    /// What [`Source`] says, and what that is.
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
    // One name for a model, however it is named in the settings.
    let known = candidates(dirs).find(|candidate| candidate.path == path).map(|known| known.name);
    Wanted::Model(
        source,
        Model::of(Candidate { source, name: known.unwrap_or_else(|| file_name(&path)), path }),
    )
}

fn is_gguf(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
}

/// Where models may be, in the order of [`Source`].
fn candidates(dirs: &UserDirs) -> impl Iterator<Item = Candidate> + '_ {
    let below = |source, folders: &[PathBuf]| -> Vec<Candidate> {
        folders.iter().flat_map(|folder| folders::models(source, folder)).collect()
    };
    // Lazily: who needs the first alone looks no further.
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
            Ok(description) => {
                Facts::Usable { quantization: description.quantization, context: description.context }
            }
            Err(error) => Facts::Unusable { reason: error.to_string() },
        };
        Model { source, name, bytes: folders::bytes(&path), path, facts }
    }

    /// Whether it runs here.
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

/// A path as a user writes it: `~` is the home folder.
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
