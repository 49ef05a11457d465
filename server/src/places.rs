//! Where things lie on this machine, apart from any workspace: the user's settings, and models that are here already.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, base_strategy};
use phi_engine::Engine;

/// The name of a settings file, in a project and in the user's config folder.
pub const SETTINGS_FILE: &str = "phi-ls.toml";

/// Files, folders, and what the environment says of them. None of them need exist.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// What answers in place of any model on this machine; a test's script.
    pub engine: Option<Engine>,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    /// The user's settings.
    pub settings_file: Option<PathBuf>,
    /// `PHI_LS_MODEL`, which counts where the settings name no model.
    pub model: Option<String>,
    /// Where the indexes of workspaces are kept between two starts.
    pub indexes: Option<PathBuf>,
    /// Where refactorings keep what is finished.
    pub journals: Option<PathBuf>,
    /// Our own models.
    pub models: Vec<PathBuf>,
    /// Ollama's `models` folders, which hold `manifests` and `blobs`.
    pub ollama: Vec<PathBuf>,
    /// The Hugging Face cache, which holds `models--*` folders.
    pub hugging_face: Vec<PathBuf>,
    /// llama.cpp's cache.
    pub llama_cpp: Vec<PathBuf>,
    /// LM Studio's folders, which hold publisher, then model.
    pub lm_studio: Vec<PathBuf>,
}

impl Places {
    /// The places of the user who runs this process.
    pub fn of_user() -> Places {
        Places::of(&|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn of(variable: &dyn Fn(&str) -> Option<OsString>) -> Places {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let base = base_strategy::choose_base_strategy().ok();
        let home = base.as_ref().map(|base| base.home_dir().to_owned());
        let cache = base.as_ref().map(|base| base.cache_dir());
        let in_home = |below: &str| home.as_ref().map(|home| home.join(below));
        // Python and C++ programs follow XDG everywhere but on Windows, where they keep to the home folder.
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
            // The second is where the Linux service keeps them.
            None => in_home(".ollama/models")
                .into_iter()
                .chain(["/usr/share/ollama/.ollama/models".into()])
                .collect(),
        };
        Places {
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

    /// A machine of its own below one folder, apart from the user's: for the demonstration, and for tests.
    pub fn below(folder: &Path) -> Places {
        Places {
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
pub fn home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

/// Where a path really leads: absolute, without links, in the form in which programs say it.
///
/// # Errors
/// Nothing lies there.
pub fn real(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize().map(spoken)
}

/// Windows makes `\\?\C:\a` of `C:\a`. Few programs can be started in such a folder, and no editor names a file so; but
/// what is too long for other forms has to stay as it is.
fn spoken(path: PathBuf) -> PathBuf {
    const LONGEST: usize = 260;
    let verbatim =
        path.to_str().and_then(|path| path.strip_prefix(r"\\?\")).filter(|rest| rest.len() < LONGEST);
    match verbatim {
        Some(rest) if rest.as_bytes().get(1) == Some(&b':') => PathBuf::from(rest),
        Some(rest) if rest.starts_with(r"UNC\") => PathBuf::from(format!(r"\\{}", &rest[4..])),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbatim_paths_of_windows_are_said_as_programs_say_them() {
        let long = format!(r"\\?\C:\{}", "a".repeat(300));
        for (path, expected) in [
            (r"\\?\C:\a b\c", r"C:\a b\c"),
            (r"\\?\UNC\server\share\c", r"\\server\share\c"),
            (r"\\?\Volume{b75e2c83}\c", r"\\?\Volume{b75e2c83}\c"),
            (r"C:\a", r"C:\a"),
            ("/a/b", "/a/b"),
            (&long, &long),
        ] {
            assert_eq!(spoken(path.into()), Path::new(expected));
        }
    }

    fn of(variables: &[(&str, &str)]) -> Places {
        Places::of(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_environment_moves_what_other_programs_let_it_move() {
        let places = of(&[
            ("PHI_LS_MODEL", "/m.gguf"),
            ("OLLAMA_MODELS", "/o"),
            ("HF_HOME", "/hf"),
            ("LLAMA_CACHE", "/l"),
        ]);
        assert_eq!(places.model.as_deref(), Some("/m.gguf"));
        assert_eq!((places.ollama, places.llama_cpp), (vec!["/o".into()], vec!["/l".into()]));
        assert_eq!(places.hugging_face, [Path::new("/hf/hub")]);
        let hub = [("HF_HOME", "/hf"), ("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "/new")];
        assert_eq!(of(&hub).hugging_face, [Path::new("/new")]);
        assert_eq!(of(&hub[..2]).hugging_face, [Path::new("/old")]);
        assert_eq!(of(&[("XDG_CACHE_HOME", "/c")]).hugging_face, [Path::new("/c/huggingface/hub")]);
    }
}
