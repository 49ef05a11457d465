//! Which files may be read, and which of them a model may see: the one place where this is decided.
//!
//! Two questions are answered from the same rules. [`Rules::check`]: may this file be shown, now that its user has opened
//! it? Secrets and what ignore files exclude never are. [`Rules::check_unopened`]: is it worth reading when nobody
//! has opened it? Hidden, vendored and generated files are not. Names decide, before a byte is read; a text that
//! holds a key or a token is excluded by [`in_text`], whatever its name.

mod ignored;
mod report;
mod secrets;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;

pub(super) use self::ignored::Folder;
pub use self::ignored::is_ignore_file;
pub use self::report::{Exclusion, Exclusions};
pub use self::secrets::{REACH, in_text, starts};

/// So many folders and verdicts are kept; beyond, they are found out anew.
const KEPT: usize = 16_384;

/// Folders of code that came with a package manager. A folder that says so itself (see [`Folder`]) is another.
const VENDORED: &[&str] = &[
    "node_modules",
    "bower_components",
    "jspm_packages",
    "site-packages",
    "dist-packages",
    "__pypackages__",
];

/// Text files by their endings that no person wrote.
const GENERATED: &[&str] =
    &[".min.js", ".min.css", ".map", ".lock", "-lock.json", "-lock.yaml", ".svg", ".csv", ".snap", ".sum"];

/// Why a file or folder is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Excluded {
    /// By its name, or that of a folder around it.
    #[error("files like `{0}` may hold secrets and are never shown to a model")]
    Secret(Arc<str>),
    /// By what it says.
    #[error("it holds what looks like {0}, and is never shown to a model")]
    SecretText(&'static str),
    /// By an ignore file.
    #[error("`{pattern}` in {file} excludes it")]
    Ignored {
        /// The pattern that decides.
        pattern: Arc<str>,
        /// The file that the pattern stands in.
        file: PathBuf,
    },
    /// Its name begins with a dot.
    #[error("it is hidden")]
    Hidden,
    /// It belongs to a package that somebody else maintains, or to a cache.
    #[error("it is in a folder of packages or a cache ({0})")]
    Vendored(&'static str),
    /// No person wrote it, by its name.
    #[error("files like `*{0}` are generated")]
    Generated(&'static str),
    /// No person wrote it, by its lines.
    #[error("its lines are too long for code that a person wrote")]
    Minified,
    /// It is large.
    #[error("it is larger than {} KB", super::walk::FILE_BYTES >> 10)]
    TooLarge,
    /// It holds NUL bytes.
    #[error("it is not text")]
    Binary,
    /// It is no UTF-8.
    #[error("it is not UTF-8 text")]
    NotUtf8,
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// A link, a device, a pipe; links are not followed.
    #[error("it is a link, or no file at all")]
    Special,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
    /// More is not read.
    #[error("it is beyond the bounds: {0}")]
    OverBounds(&'static str),
}

impl Excluded {
    /// Whether it holds even for a file that its user has opened.
    pub fn holds_for_open_files(&self) -> bool {
        matches!(self, Excluded::Secret(_) | Excluded::SecretText(_) | Excluded::Ignored { .. })
    }
}

/// The rules for one set of workspace folders and settings. What ignore files say is kept until [`Rules::forget`].
#[derive(Debug)]
pub struct Rules {
    roots: Vec<PathBuf>,
    /// The user's patterns for secret files, anchored at a folder.
    own: Vec<(PathBuf, Gitignore)>,
    /// Git's `core.excludesFile`.
    global: Gitignore,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    folders: FxHashMap<PathBuf, Arc<Folder>>,
    verdicts: FxHashMap<PathBuf, Option<Excluded>>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules::new(&[], &[])
    }
}

impl Rules {
    /// The rules for these workspace folders. `secret_files` are the user's own patterns, in the form of `.gitignore`,
    /// relative to a workspace folder; a damaged one is reported in the log and left out.
    pub fn new(roots: &[PathBuf], secret_files: &[String]) -> Rules {
        let anywhere = PathBuf::from("/");
        let anchors = roots.iter().cloned().chain([anywhere]);
        let own = anchors.map(|anchor| (anchor.clone(), patterns(&anchor, secret_files)));
        let (global, problem) =
            GitignoreBuilder::new(roots.first().map_or(Path::new("/"), |root| root)).build_global();
        if let Some(problem) = problem {
            tracing::debug!("git's own excludesFile: {problem}");
        }
        Rules { roots: roots.to_owned(), own: own.collect(), global, known: Mutex::default() }
    }

    /// The workspace folders.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// Whether a model may see a file that its user has opened. Asked at each keystroke, so the answer is kept.
    ///
    /// # Errors
    /// The rule that excludes it.
    pub fn check(&self, path: &Path) -> Result<(), Excluded> {
        if let Some(verdict) = self.known().verdicts.get(path) {
            return verdict.clone().map_or(Ok(()), Err);
        }
        let verdict = self.verdict(path).filter(Excluded::holds_for_open_files);
        let mut known = self.known();
        if known.verdicts.len() >= KEPT {
            known.verdicts.clear();
        }
        known.verdicts.insert(path.to_owned(), verdict.clone());
        verdict.map_or(Ok(()), Err)
    }

    /// Whether a file of the workspace is read when nobody has opened it, as far as names say.
    ///
    /// # Errors
    /// The rule that excludes it.
    pub fn check_unopened(&self, path: &Path) -> Result<(), Excluded> {
        self.verdict(path).map_or(Ok(()), Err)
    }

    /// Whether what lies in a folder is read when nobody has opened it.
    ///
    /// # Errors
    /// The rule that excludes the whole folder.
    pub fn check_folder(&self, path: &Path) -> Result<(), Excluded> {
        self.folder(path).excluded().map_or(Ok(()), |reason| Err(reason.clone()))
    }

    /// Whether a file may be copied for a program of the user's own, wherever it lies, as far as names say.
    ///
    /// # Errors
    /// The rule by which it is a secret; ignore files are not asked.
    pub fn check_secret(&self, path: &Path) -> Result<(), Excluded> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let by_name = secrets::of_file(&name).or_else(|| secrets::of_folders(path.parent()?));
        if let Some(rule) = by_name {
            return Err(Excluded::Secret(rule.into()));
        }
        let mut around = path.ancestors().enumerate();
        around.find_map(|(up, path)| self.own_secret(path, up > 0)).map_or(Ok(()), Err)
    }

    /// Forgets what ignore files say, so that they are read again.
    pub fn forget(&self) {
        *self.known() = Known::default();
    }

    fn verdict(&self, path: &Path) -> Option<Excluded> {
        let (folder, name) = (path.parent()?, path.file_name()?);
        self.exclusion(&self.folder(folder), name, false)
    }

    /// Why something that lies in `folder` is left out.
    pub(super) fn exclusion(&self, folder: &Folder, name: &OsStr, is_folder: bool) -> Option<Excluded> {
        let inherited = folder.excluded();
        if let Some(reason) = inherited.filter(|reason| reason.holds_for_open_files()) {
            return Some(reason.clone());
        }
        let own = self.own_exclusion(folder, name, is_folder);
        own.filter(|own| inherited.is_none() || own.holds_for_open_files()).or_else(|| inherited.cloned())
    }

    fn own_exclusion(&self, folder: &Folder, name: &OsStr, is_folder: bool) -> Option<Excluded> {
        let path = folder.path().join(name);
        let text = name.to_string_lossy();
        let by_name = if is_folder { secrets::of_folder(&text) } else { secrets::of_file(&text) };
        if let Some(rule) = by_name {
            return Some(Excluded::Secret(rule.into()));
        }
        if let Some(secret) = self.own_secret(&path, is_folder) {
            return Some(secret);
        }
        match folder.matched(&path, is_folder, &self.global) {
            ignore::Match::Ignore(glob) => {
                let file = glob.from().unwrap_or(Path::new("")).to_owned();
                return Some(Excluded::Ignored { pattern: glob.original().into(), file });
            }
            ignore::Match::Whitelist(_) => return None,
            ignore::Match::None => {}
        }
        if text.starts_with('.') {
            return Some(Excluded::Hidden);
        }
        match is_folder {
            true => VENDORED.iter().find(|vendored| text == **vendored).map(|name| Excluded::Vendored(name)),
            false => GENERATED.iter().find(|end| text.ends_with(**end)).map(|end| Excluded::Generated(end)),
        }
    }

    /// The user's own pattern by which this file or folder is a secret.
    fn own_secret(&self, path: &Path, is_folder: bool) -> Option<Excluded> {
        let around = self.own.iter().filter(|(anchor, _)| path.starts_with(anchor));
        let (_, own) = around.max_by_key(|(anchor, _)| anchor.as_os_str().len())?;
        match own.matched(path, is_folder) {
            ignore::Match::Ignore(glob) => Some(Excluded::Secret(glob.original().into())),
            _ => None,
        }
    }

    /// What is known of a folder and those around it.
    pub(super) fn folder(&self, path: &Path) -> Arc<Folder> {
        if let Some(known) = self.known().folders.get(path) {
            return known.clone();
        }
        let folder = Arc::new(if self.is_base(path) {
            Folder::base(path, secrets::of_folders(path).map(|rule| Excluded::Secret(rule.into())))
        } else {
            let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
                return Arc::new(Folder::base(path, None));
            };
            let above = self.folder(above);
            let excluded = self.exclusion(&above, name, true);
            Folder::below(&above, path, excluded)
        });
        let mut known = self.known();
        if known.folders.len() >= KEPT {
            known.folders.clear();
        }
        known.folders.insert(path.to_owned(), folder.clone());
        folder
    }

    /// Whether rules are looked at from here on: at a workspace folder, and outside of all of them at the folder of a
    /// project.
    fn is_base(&self, path: &Path) -> bool {
        let inside = self.roots.iter().any(|root| path.starts_with(root));
        self.roots.iter().any(|root| root == path) || (!inside && super::root_of(&path.join("_")) == path)
    }

    // A panic of a holder can have left out an entry at the most.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock()
    }
}

fn patterns(anchor: &Path, lines: &[String]) -> Gitignore {
    let mut builder = GitignoreBuilder::new(anchor);
    let builder = builder.case_insensitive(true).expect("never fails");
    for line in lines {
        if let Err(problem) = builder.add_line(None, line) {
            tracing::warn!("settings: repository.secretFiles: `{line}` is no pattern, left out: {problem}");
        }
    }
    builder.build().unwrap_or_else(|problem| {
        tracing::warn!("settings: repository.secretFiles: {problem}");
        Gitignore::empty()
    })
}
