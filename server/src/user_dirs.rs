//! The user's directories, outside any workspace: settings, caches, and where other programs keep models.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, base_strategy};
use phi_engine::Engine;

/// The name of a settings file, in a project and in the user's config folder.
pub const SETTINGS_FILE: &str = "phi-ls.toml";

/// Files and folders of one user, and the environment variables that override them. They need not exist.
#[derive(Debug, Clone, Default)]
pub struct UserDirs {
    /// An engine to use instead of any model found on this machine; for tests.
    pub engine: Option<Engine>,
    /// The home folder, which `~` expands to.
    pub home: Option<PathBuf>,
    /// The user's settings file.
    pub settings_file: Option<PathBuf>,
    /// The value of `PHI_LS_MODEL`; used if the settings name no model.
    pub model: Option<String>,
    /// Saved workspace indexes.
    pub indexes: Option<PathBuf>,
    /// Journals of refactorings, from which they resume.
    pub journals: Option<PathBuf>,
    /// phi-ls's own model folders.
    pub models: Vec<PathBuf>,
    /// Ollama's `models` folders, with `manifests` and `blobs` in them.
    pub ollama: Vec<PathBuf>,
    /// The Hugging Face cache, with `models--*` folders in it.
    pub hugging_face: Vec<PathBuf>,
    /// llama.cpp's cache.
    pub llama_cpp: Vec<PathBuf>,
    /// LM Studio's folders: `publisher/model`.
    pub lm_studio: Vec<PathBuf>,
}

impl UserDirs {
    /// The directories of the user who runs this process.
    pub fn from_env() -> UserDirs {
        UserDirs::from_variables(&|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<OsString>) -> UserDirs {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let base = base_strategy::choose_base_strategy().ok();
        let home = base.as_ref().map(|base| base.home_dir().to_owned());
        let cache = base.as_ref().map(|base| base.cache_dir());
        let in_home = |below: &str| home.as_ref().map(|home| home.join(below));
        // Python and C++ programs follow XDG on every system except Windows, where they use the home folder.
        let in_dot_cache =
            |below: &str| path("XDG_CACHE_HOME").or_else(|| in_home(".cache")).map(|cache| cache.join(below));
        let hub = path("HF_HUB_CACHE")
            .or_else(|| path("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| path("HF_HOME").map(|folder| folder.join("hub")))
            .or_else(|| in_dot_cache("huggingface/hub"));
        let llama_cpp = match path("LLAMA_CACHE") {
            Some(folder) => vec![folder],
            None => [in_dot_cache("llama.cpp"), in_home("Library/Caches/llama.cpp")]
                .into_iter()
                .flatten()
                .collect(),
        };
        let ollama = match path("OLLAMA_MODELS") {
            Some(folder) => vec![folder],
            // The second is the folder of Ollama's Linux service.
            None => in_home(".ollama/models")
                .into_iter()
                .chain(["/usr/share/ollama/.ollama/models".into()])
                .collect(),
        };
        UserDirs {
            engine: None,
            settings_file: base.as_ref().map(|base| base.config_dir().join("phi-ls").join(SETTINGS_FILE)),
            model: variable("PHI_LS_MODEL").map(|model| model.to_string_lossy().into_owned()),
            indexes: cache.as_ref().map(|cache| cache.join("phi-ls").join("indexes")),
            journals: cache.as_ref().map(|cache| cache.join("phi-ls").join("refactorings")),
            models: cache.into_iter().map(|cache| cache.join("phi-ls").join("models")).collect(),
            ollama,
            hugging_face: hub.into_iter().collect(),
            llama_cpp,
            lm_studio: [".lmstudio/models", ".cache/lm-studio/models"]
                .into_iter()
                .filter_map(in_home)
                .collect(),
            home,
        }
    }

    /// Isolated directories below one folder, for the demo and for tests.
    pub fn below(folder: &Path) -> UserDirs {
        UserDirs {
            engine: None,
            settings_file: Some(folder.join("config").join(SETTINGS_FILE)),
            model: None,
            indexes: Some(folder.join("cache").join("indexes")),
            journals: Some(folder.join("cache").join("refactorings")),
            models: vec![folder.join("models")],
            ollama: vec![folder.join("ollama")],
            hugging_face: vec![folder.join("hub")],
            llama_cpp: vec![folder.join("llama.cpp")],
            lm_studio: vec![folder.join("lmstudio")],
            home: Some(folder.to_owned()),
        }
    }
}

/// The user's home folder.
pub fn home_dir() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> UserDirs {
        UserDirs::from_variables(&|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn environment_variables_override_the_folders_of_other_programs() {
        let dirs = of(&[
            ("PHI_LS_MODEL", "/m.gguf"),
            ("OLLAMA_MODELS", "/o"),
            ("HF_HOME", "/hf"),
            ("LLAMA_CACHE", "/l"),
        ]);
        assert_eq!(dirs.model.as_deref(), Some("/m.gguf"));
        assert_eq!((dirs.ollama, dirs.llama_cpp), (vec!["/o".into()], vec!["/l".into()]));
        assert_eq!(dirs.hugging_face, [Path::new("/hf/hub")]);
        let hub = [("HF_HOME", "/hf"), ("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "/new")];
        assert_eq!(of(&hub).hugging_face, [Path::new("/new")]);
        assert_eq!(of(&hub[..2]).hugging_face, [Path::new("/old")]);
        assert_eq!(of(&[("XDG_CACHE_HOME", "/c")]).hugging_face, [Path::new("/c/huggingface/hub")]);
    }
}
