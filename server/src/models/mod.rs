//! Finds the models on this machine and chooses one.
//!
//! Models of Ollama, llama.cpp, LM Studio and the Hugging Face cache are used in place.
//! [`candidates`] lists the possible models in order of preference; [`Model::of`] reads a model's header and checks
//! whether it can be used.

mod folders;
mod ollama;
mod running;

use std::path::{Component, Path, PathBuf};

use phi_engine::weights::Description;
use serde::Serialize;

pub use self::running::{ModelState, Models, NGRAM};
use crate::files;
use crate::messages;
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
    /// The model that the user chose cannot be used.
    Unusable {
        /// What names it.
        by: Source,
        /// Its name.
        name: String,
        /// The reason, and what to do.
        reason: String,
    },
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
        Wanted::Model(by, model) => match model.facts {
            Facts::Usable { .. } => Choice::Use(model),
            Facts::Unusable { reason } => Choice::Unusable { by, name: model.name, reason },
        },
    }
}

/// All models on this machine in order of preference, and the index of the one in use. Models that a setting or the
/// environment names are listed even where another source overrides it.
pub fn list(dirs: &UserDirs, settings: &Settings) -> (Vec<Model>, Option<usize>) {
    let known: Vec<Model> = candidates(dirs).map(Model::of).collect();
    let mut models: Vec<Model> = Vec::new();
    for (source, name) in configured(dirs, settings).filter(|(_, name)| ![AUTO, NONE].contains(name)) {
        let model = model_called(dirs, source, name);
        if !models.iter().chain(&known).any(|other| other.path == model.path) {
            models.push(model);
        }
    }
    models.extend(known);
    let used = match choose(dirs, settings) {
        Choice::Use(model) => models.iter().position(|known| known.path == model.path),
        Choice::NgramOnly | Choice::Unusable { .. } => None,
    };
    (models, used)
}

/// Finds a model by its path or by its name in [`list`]. Ignores case and the suffix `:latest`.
///
/// # Errors
/// There is no such model, or there are several; the message says what to do.
pub fn named(dirs: &UserDirs, name: &str) -> Result<Model, NoModel> {
    let path = expand(dirs, name);
    if path.exists() {
        let path = normalized(&path).unwrap_or(path);
        return Ok(Model::of(Candidate { source: Source::Setting, name: file_name(&path), path }));
    }
    let plain = |name: &str| name.to_lowercase().trim_end_matches(":latest").to_owned();
    let all: Vec<_> = candidates(dirs).collect();
    let same: Vec<_> =
        all.iter().filter(|candidate| plain(&candidate.name) == plain(name)).cloned().collect();
    match <[_; 1]>::try_from(same) {
        Ok([candidate]) => Ok(Model::of(candidate)),
        Err(none) if none.is_empty() => {
            let similar = messages::similar(name, all.iter().map(|candidate| &*candidate.name));
            let similar = (!similar.is_empty()).then(|| messages::one_of(&similar));
            Err(NoModel::Unknown { name: name.to_owned(), similar })
        }
        Err(several) => {
            Err(NoModel::Ambiguous(name.to_owned(), several.into_iter().map(|one| one.path).collect()))
        }
    }
}

/// Why a name is not that of a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoModel {
    /// No model has the name.
    #[error("there is no file and no model `{name}`; {hint}", hint = match similar {
        Some(similar) => format!("did you mean {similar}?"),
        None => "`phi-ls model list` lists the models".to_owned(),
    })]
    Unknown {
        /// The name.
        name: String,
        /// Models on this machine with similar names, for a message.
        similar: Option<String>,
    },
    /// These models have the name.
    #[error("several models are called `{0}`; use a path: {paths}", paths = listed(.1))]
    Ambiguous(String, Vec<PathBuf>),
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The absolute path without `.` and `..`. Links stay, because the files of a Hugging Face cache are links to files without
/// a name.
fn normalized(path: &Path) -> std::io::Result<PathBuf> {
    let mut plain = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        match part {
            Component::ParentDir => {
                // The parent of a link's target may be another folder than that of the link.
                plain = files::canonicalize(&plain)?;
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    Ok(plain)
}

/// The setting and the variable that name a model, or say [`AUTO`] or [`NONE`]. The first one decides.
fn configured<'a>(dirs: &'a UserDirs, settings: &'a Settings) -> impl Iterator<Item = (Source, &'a str)> {
    let of_setting = Some((Source::Setting, settings.model.path.trim()));
    let of_environment = dirs.model.as_deref().map(|model| (Source::Environment, model.trim()));
    [of_setting, of_environment].into_iter().flatten().filter(|(_, name)| !name.is_empty())
}

/// The source that sets `none`, if one does.
pub fn declined(dirs: &UserDirs, settings: &Settings) -> Option<Source> {
    configured(dirs, settings).next().filter(|(_, name)| *name == NONE).map(|(source, _)| source)
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
    match configured(dirs, settings).next() {
        None | Some((_, AUTO)) => Wanted::First,
        Some((_, NONE)) => Wanted::Nothing,
        Some((source, name)) => Wanted::Model(source, model_called(dirs, source, name)),
    }
}

/// The model that a setting or the environment names; an unusable one if there is none.
fn model_called(dirs: &UserDirs, source: Source, name: &str) -> Model {
    let path = expand(dirs, name);
    let is_name = !path.exists() && !path.is_absolute() && !is_gguf(&path);
    if is_name {
        let unknown = |error: NoModel| Model {
            source,
            name: name.to_owned(),
            path: path.clone(),
            bytes: 0,
            facts: Facts::Unusable { reason: error.to_string() },
        };
        return named(dirs, name).unwrap_or_else(unknown);
    }
    // A model has one name, no matter how the settings spell it.
    let known = candidates(dirs).find(|candidate| candidate.path == path).map(|known| known.name);
    Model::of(Candidate { source, name: known.unwrap_or_else(|| file_name(&path)), path })
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
            Err(error) => {
                let lacks = folders::lacks(&path).map(|what| {
                    format!(
                        "{} has no {what}; name a folder with config.json, tokenizer.json and safetensors files, or a .gguf file",
                        path.display()
                    )
                });
                Facts::Unusable { reason: lacks.unwrap_or_else(|| error.to_string()) }
            }
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
