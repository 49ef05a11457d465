//! Which files may be read, and which of them a model may see: the one place where this is decided.
//!
//! Two questions are answered from the same rules. [`Rules::check`]: may this file be shown, now that its user has opened
//! it? Secrets and what ignore files exclude never are. [`Rules::check_unopened`]: is it worth reading when nobody
//! has opened it? Hidden, vendored and generated files are not. Names decide, before a byte is read; a text that
//! holds a key or a token is excluded by [`in_text`], whatever its name.
//!
//! A file has one [identity](Rules::identity), however many names lead to it. What excludes the name that was asked about
//! or the file itself excludes it.

mod git;
mod ignored;
mod report;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use parking_lot::{Mutex, MutexGuard};
use rustc_hash::{FxHashMap, FxHashSet};

pub(super) use self::git::{GitFolder, blocked_by};
pub(super) use self::ignored::Folder;
pub use self::ignored::is_ignore_file;
pub use self::report::{Exclusion, Exclusions};
use crate::files;
use crate::secrets::{SecretText, names};

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

/// Entries of a folder that are looked at to find the other names of a file.
const ENTRIES: usize = 4096;
/// Where patterns for files outside of all workspace folders are anchored, on every system.
const ANYWHERE: &str = "/";
/// What is said of another name of a secret file.
const HARD_LINK: &str = "a hard link to a secret file";

/// Larger files are generated, or data.
pub const FILE_BYTES: u64 = 512 * 1024;

/// What a file system knows a file by, whatever its names: device and number.
type FileNumber = (u64, u64);

/// Why a file or folder is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Excluded {
    /// By its name, or that of a folder around it.
    #[error("files like `{0}` may hold secrets and are never shown to a model")]
    Secret(Arc<str>),
    /// By what it says.
    #[error(
        "line {} holds what looks like a secret ({}), so no model is shown it; if it is none, write `gitleaks:allow` in that line",
        .0.line,
        .0.rule
    )]
    SecretText(SecretText),
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
    /// It is a working tree of its own: a clone, or another working tree of the same repository.
    #[error("it belongs to another git working tree; open that as a workspace folder")]
    OtherRepository,
    /// No person wrote it, by its name.
    #[error("files like `*{0}` are generated")]
    Generated(&'static str),
    /// No person wrote it, by its lines.
    #[error("its lines are too long for code that a person wrote")]
    Minified,
    /// It is large.
    #[error("it is larger than {} KB", FILE_BYTES >> 10)]
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
    /// It lies on no disk.
    #[error("it is not a file on disk")]
    NoFile,
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
    /// Where each of them really lies.
    real_roots: Vec<PathBuf>,
    /// The user's patterns for secret files, by workspace folder.
    own: Vec<(PathBuf, Gitignore)>,
    /// The same outside of all workspace folders.
    own_outside: Gitignore,
    /// Git's `core.excludesFile` where there is no git working tree.
    global: Gitignore,
    cache: Mutex<RulesCache>,
    /// Secret files that have other names, too.
    twins: Mutex<FxHashSet<FileNumber>>,
}

#[derive(Debug, Default)]
struct RulesCache {
    folders: FxHashMap<PathBuf, Arc<Folder>>,
    verdicts: FxHashMap<PathBuf, Option<Excluded>>,
    /// The folders whose secret files are noted.
    noted: FxHashSet<PathBuf>,
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
        let own = roots.iter().map(|root| (root.clone(), patterns(root, secret_files)));
        Rules {
            own: own.collect(),
            own_outside: patterns(Path::new(ANYWHERE), secret_files),
            global: ignored::global(roots.first().map_or(Path::new("/"), |root| root)),
            real_roots: roots
                .iter()
                .map(|root| files::canonicalize(root).unwrap_or_else(|_| root.clone()))
                .collect(),
            roots: roots.to_owned(),
            cache: Mutex::default(),
            twins: Mutex::default(),
        }
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
        if let Some(verdict) = self.cache().verdicts.get(path) {
            return verdict.clone().map_or(Ok(()), Err);
        }
        let identity = self.identity(path);
        let names = [path, &identity];
        let names = &names[..if identity == path { 1 } else { 2 }];
        let verdicts = names.iter().filter_map(|name| self.verdict(name));
        let verdict =
            verdicts.into_iter().find(Excluded::holds_for_open_files).or_else(|| self.twin(&identity));
        let mut known = self.cache();
        if known.verdicts.len() >= KEPT {
            known.verdicts.clear();
        }
        known.verdicts.insert(path.to_owned(), verdict.clone());
        verdict.map_or(Ok(()), Err)
    }

    /// What [`Rules::check`] has found out before; asks no disk.
    pub(super) fn known(&self, path: &Path) -> Option<Result<(), Excluded>> {
        let verdict = self.cache().verdicts.get(path).cloned();
        verdict.map(|verdict| verdict.map_or(Ok(()), Err))
    }

    /// Whether a file of the workspace is read when nobody has opened it, as far as names say.
    ///
    /// # Errors
    /// The rule that excludes it.
    pub fn check_unopened(&self, path: &Path) -> Result<(), Excluded> {
        let identity = self.identity(path);
        let verdict = self.verdict(&identity).or_else(|| self.twin(&identity));
        verdict.or_else(|| (identity != path).then(|| self.verdict(path))?).map_or(Ok(()), Err)
    }

    /// The same of a file that a walk has found, which follows no links.
    pub(super) fn check_walked(&self, path: &Path) -> Result<(), Excluded> {
        self.verdict(path).map_or(Ok(()), Err)
    }

    /// The one path of a file, whatever name led to it: without links, and below a workspace folder in the spelling
    /// of that folder. What is not there (yet) is where its folder is.
    pub fn identity(&self, path: &Path) -> PathBuf {
        if !path.is_absolute() {
            return path.to_owned();
        }
        let mut ancestors = path.ancestors();
        let real = ancestors.find_map(|ancestor| {
            let rest = path.strip_prefix(ancestor).ok()?;
            let real = files::canonicalize(ancestor).ok()?;
            Some(if rest.as_os_str().is_empty() { real } else { real.join(rest) })
        });
        let real = real.unwrap_or_else(|| path.to_owned());
        let roots = self.real_roots.iter().zip(&self.roots);
        let inside =
            roots.filter_map(|(real_root, root)| Some((real_root, root, real.strip_prefix(real_root).ok()?)));
        match inside.max_by_key(|(real_root, ..)| real_root.as_os_str().len()) {
            Some((_, root, below)) if below.as_os_str().is_empty() => root.clone(),
            Some((_, root, below)) => root.join(below),
            None => real,
        }
    }

    /// Takes note of a secret file that has several names (hard links).
    pub(super) fn note_secret(&self, file: &std::fs::Metadata) {
        if let Some(number) = several_names(file) {
            self.twins().insert(number);
        }
    }

    /// Whether a file that is not open is not merely another name of a secret one.
    ///
    /// # Errors
    /// It is, and a walk has found the other name.
    pub(super) fn check_twin(&self, path: &Path) -> Result<(), Excluded> {
        self.twin(path).map_or(Ok(()), Err)
    }

    fn twin(&self, path: &Path) -> Option<Excluded> {
        let number = several_names(&std::fs::metadata(path).ok()?)?;
        self.note_beside(path.parent()?);
        self.twins().contains(&number).then(|| Excluded::Secret(HARD_LINK.into()))
    }

    /// Takes note of the secret files in a folder, once: a walk may not have come there yet.
    fn note_beside(&self, folder: &Path) {
        if !self.cache().noted.insert(folder.to_owned()) {
            return;
        }
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().take(ENTRIES) {
            if by_file_name(folder, &entry.file_name().to_string_lossy()).is_some()
                && let Ok(file) = entry.metadata()
            {
                self.note_secret(&file);
            }
        }
    }

    // A panic of a holder can have left out an entry at the most.
    fn twins(&self) -> MutexGuard<'_, FxHashSet<FileNumber>> {
        self.twins.lock()
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
        let folder = path.parent().unwrap_or(Path::new(""));
        let by_name = by_file_name(folder, &name).or_else(|| names::of_folders(folder));
        if let Some(rule) = by_name {
            return Err(Excluded::Secret(rule.into()));
        }
        let mut around = path.ancestors().enumerate();
        around.find_map(|(up, path)| self.own_secret(path, up > 0)).map_or(Ok(()), Err)
    }

    /// Forgets where links lead.
    pub(super) fn forget_links(&self) {
        let mut known = self.cache();
        known.verdicts.clear();
        known.noted.clear();
    }

    /// Forgets what ignore files say, so that they are read again.
    pub fn forget(&self) {
        *self.cache() = RulesCache::default();
    }

    fn verdict(&self, path: &Path) -> Option<Excluded> {
        let (folder, name) = (path.parent()?, path.file_name()?);
        if !path.is_absolute() {
            // The name of a document without a file: `untitled:.env`.
            let by_name = by_file_name(folder, &name.to_string_lossy()).or_else(|| names::of_folders(folder));
            return by_name.map(|rule| Excluded::Secret(rule.into()));
        }
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
        let by_name = if is_folder { names::of_folder(&text) } else { by_file_name(folder.path(), &text) };
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
        let matched = match around.max_by_key(|(anchor, _)| anchor.as_os_str().len()) {
            Some((_, own)) => own.matched(path, is_folder),
            None => self.own_outside.matched_path_or_any_parents(anywhere(path), is_folder),
        };
        match matched {
            ignore::Match::Ignore(glob) => Some(Excluded::Secret(glob.original().into())),
            _ => None,
        }
    }

    /// The folder `path` in `above`, which is left out as a whole if it is `excluded`.
    pub(super) fn below(&self, above: &Folder, path: &Path, excluded: Option<Excluded>) -> Folder {
        let other = || self.is_other_repository(above, path).then_some(Excluded::OtherRepository);
        Folder::below(above, path, excluded.or_else(other))
    }

    /// Whether a folder is the top of another working tree than the one around it. A submodule belongs to the one around
    /// it. Where no git is around, what lies side by side are projects, but for working trees of a repository that is
    /// in the workspace itself.
    fn is_other_repository(&self, above: &Folder, path: &Path) -> bool {
        let Some(git) = GitFolder::of(path).filter(GitFolder::is_repository) else { return false };
        match above.registers(path) {
            Some(is_submodule) => !is_submodule,
            None => {
                let common = files::canonicalize(&git.common).unwrap_or(git.common.clone());
                git.is_linked() && self.real_roots.iter().any(|root| common.starts_with(root))
            }
        }
    }

    /// What is known of a folder and those around it.
    pub(super) fn folder(&self, path: &Path) -> Arc<Folder> {
        if let Some(known) = self.cache().folders.get(path) {
            return known.clone();
        }
        let folder = Arc::new(if self.is_base(path) {
            let by_name = names::of_folders(path).map(|rule| Excluded::Secret(rule.into()));
            let inside = self.roots.iter().any(|root| path.starts_with(root));
            Folder::base(path, by_name.or_else(|| if inside { None } else { self.own_secret(path, true) }))
        } else {
            let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
                return Arc::new(Folder::base(path, None));
            };
            let above = self.folder(above);
            let excluded = self.exclusion(&above, name, true);
            self.below(&above, path, excluded)
        });
        let mut known = self.cache();
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
    fn cache(&self) -> MutexGuard<'_, RulesCache> {
        self.cache.lock()
    }
}

fn patterns(anchor: &Path, lines: &[String]) -> Gitignore {
    let mut builder = GitignoreBuilder::new(anchor);
    let builder = builder.case_insensitive(true).expect("never fails");
    for line in lines {
        if let Err(problem) = builder.add_line(None, &with_slashes(line, cfg!(windows))) {
            tracing::warn!("settings: repository.secretFiles: `{line}` is no pattern, left out: {problem}");
        }
    }
    builder.build().unwrap_or_else(|problem| {
        tracing::warn!("settings: repository.secretFiles: {problem}");
        Gitignore::empty()
    })
}

/// A path below [`ANYWHERE`]: without the drive that Windows has in front of it.
fn anywhere(path: &Path) -> PathBuf {
    let names = path.components().filter(|part| matches!(part, std::path::Component::Normal(_)));
    Path::new(ANYWHERE).join(names.collect::<PathBuf>())
}

/// On Windows a pattern may be written as paths are there, with `\`; in front of a sign of patterns that stays an escape.
fn with_slashes(pattern: &str, is_windows: bool) -> String {
    if !is_windows {
        return pattern.to_owned();
    }
    let mut chars = pattern.chars().peekable();
    let mut with_slashes = String::with_capacity(pattern.len());
    while let Some(char) = chars.next() {
        if char != '\\' {
            with_slashes.push(char);
        } else if let Some(escaped) = chars.next_if(|next| "*?[]!# \\".contains(*next)) {
            with_slashes.extend([char, escaped]);
        } else {
            with_slashes.push('/');
        }
    }
    with_slashes
}

/// The rule by which a file is a secret by its name, or by that and its folder's.
fn by_file_name(folder: &Path, name: &str) -> Option<&'static str> {
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    names::of_file(name).or_else(|| names::of_file_in(&folder, name))
}

/// Of a file that has other names, too.
#[cfg(unix)]
fn several_names(file: &std::fs::Metadata) -> Option<FileNumber> {
    use std::os::unix::fs::MetadataExt;
    (file.is_file() && file.nlink() > 1).then(|| (file.dev(), file.ino()))
}

/// Here it would have to be opened to be asked.
#[cfg(not(unix))]
fn several_names(_: &std::fs::Metadata) -> Option<FileNumber> {
    None
}
