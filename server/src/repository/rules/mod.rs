//! Which files may be read, and which of them a model may see. All such decisions are made here.
//!
//! There are two checks. [`Rules::check`]: may an open file be shown? Secrets and ignored files never are.
//! [`Rules::check_unopened`]: is a file that is not open worth reading? Hidden, vendored and generated files are not. Both
//! use only names, before a byte is read; a text with a key or a token is excluded by
//! [`in_text`](crate::secrets::in_text), whatever its name.
//!
//! A file has one [identity](Rules::identity), however many names lead to it. A rule that excludes the given name or the
//! file itself excludes it.

mod git;
mod ignored;
mod in_time;
mod report;
#[cfg(test)]
mod tests;
mod versions;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use parking_lot::{Mutex, MutexGuard};
use rustc_hash::{FxHashMap, FxHashSet};

pub(super) use self::git::{GitFolder, blocked_by, files_outside};
pub(super) use self::ignored::Folder;
pub use self::ignored::is_ignore_file;
use self::in_time::RunningChecks;
pub use self::report::{Exclusion, Exclusions};
use crate::files;
use crate::secrets::{SecretText, names};

/// The most folders and verdicts that are cached.
const KEPT: usize = 16_384;

/// Folders of a package manager. Folders with a tag file (see [`Folder`]) are excluded, too.
const VENDORED: &[&str] = &[
    "node_modules",
    "bower_components",
    "jspm_packages",
    "site-packages",
    "dist-packages",
    "__pypackages__",
];

/// The extensions of generated text files.
const GENERATED: &[&str] =
    &[".min.js", ".min.css", ".map", ".lock", "-lock.json", "-lock.yaml", ".svg", ".csv", ".snap", ".sum"];

/// The most entries of a folder that are searched for other names of a file.
const ENTRIES: usize = 4096;
/// The anchor of patterns for files outside of all workspace folders, on every system.
const ANYWHERE: &str = "/";
/// The pattern that is reported for another name of a secret file.
const HARD_LINK: &str = "a hard link to a secret file";

/// The largest file that is read. Larger ones are generated, or data.
pub const FILE_BYTES: u64 = 512 * 1024;

/// The identity of a file in its file system: device and inode number.
type FileNumber = (u64, u64);

/// Why a file or folder is excluded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Excluded {
    /// By its name, or that of a folder around it.
    #[error("files like `{0}` may hold secrets")]
    Secret(Arc<str>),
    /// By its content.
    #[error(
        "line {} contains what looks like a secret ({}); if it is a false positive, add `gitleaks:allow` to that line",
        .0.line,
        .0.rule
    )]
    SecretText(SecretText),
    /// By an ignore file.
    #[error("`{pattern}` in {file} excludes it")]
    Ignored {
        /// The matching pattern.
        pattern: Arc<str>,
        /// The file that contains the pattern.
        file: PathBuf,
    },
    /// Its name begins with a dot.
    #[error("it is hidden")]
    Hidden,
    /// It belongs to a third-party package, or to a cache.
    #[error("it is in a package or cache folder ({0})")]
    Vendored(&'static str),
    /// It is a working tree of its own: a clone, or another working tree of the same repository.
    #[error("it belongs to another git working tree; open that one as a workspace folder")]
    OtherRepository,
    /// It is generated, by its name.
    #[error("files like `*{0}` are generated")]
    Generated(&'static str),
    /// It is minified or generated, by the length of its lines.
    #[error("its lines are too long for hand-written code")]
    Minified,
    /// It is large.
    #[error("it is larger than {} KB", FILE_BYTES >> 10)]
    TooLarge,
    /// It contains NUL bytes.
    #[error("it is not text")]
    Binary,
    /// It is not UTF-8.
    #[error("it is not UTF-8 text")]
    NotUtf8,
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// A link, a device, a pipe; links are not followed.
    #[error("it is a link or not a regular file")]
    Special,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
    /// It is not on disk.
    #[error("it is not a file on disk")]
    NoFile,
    /// Its file system has not answered yet.
    #[error("its file system does not answer, so the ignore rules for it are not known; try again later")]
    Unresponsive,
    /// It exceeds a bound.
    #[error("it exceeds a limit: {0}")]
    OverBounds(&'static str),
}

impl Excluded {
    /// Whether it applies even to an open file.
    pub fn holds_for_open_files(&self) -> bool {
        matches!(self, Excluded::Secret(_) | Excluded::SecretText(_) | Excluded::Ignored { .. })
    }
}

/// The rules for one set of workspace folders and settings. Ignore files are cached until [`Rules::forget`], or until
/// [`Rules::check_again`] finds that one has changed.
#[derive(Debug)]
pub struct Rules {
    roots: Vec<PathBuf>,
    /// The real path of each of them.
    real_roots: Vec<PathBuf>,
    /// The user's patterns for secret files, by workspace folder.
    own: Vec<(PathBuf, Gitignore)>,
    /// The same for files outside of all workspace folders.
    own_outside: Gitignore,
    cache: Mutex<RulesCache>,
    /// Secret files with several names.
    twins: Mutex<FxHashSet<FileNumber>>,
    running: RunningChecks,
}

#[derive(Debug, Default)]
struct RulesCache {
    folders: FxHashMap<PathBuf, Arc<Folder>>,
    /// The versions of the rule files in each folder on the way to one of `folders`, from before they were read.
    versions: FxHashMap<PathBuf, u64>,
    /// Git's `core.excludesFile`, for folders outside of a git working tree.
    global: Option<Arc<Gitignore>>,
    verdicts: FxHashMap<PathBuf, Option<Excluded>>,
    /// The folders whose secret files are in `twins`.
    noted: FxHashSet<PathBuf>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules::new(&[], &[])
    }
}

impl Rules {
    /// The rules for these workspace folders. `secret_files` are the user's own patterns, in the form of `.gitignore`,
    /// relative to a workspace folder; an invalid one is logged and ignored.
    pub fn new(roots: &[PathBuf], secret_files: &[String]) -> Rules {
        let own = roots.iter().map(|root| (root.clone(), patterns(root, secret_files)));
        Rules {
            own: own.collect(),
            own_outside: patterns(Path::new(ANYWHERE), secret_files),
            real_roots: roots
                .iter()
                .map(|root| files::canonicalize(root).unwrap_or_else(|_| root.clone()))
                .collect(),
            roots: roots.to_owned(),
            cache: Mutex::default(),
            twins: Mutex::default(),
            running: RunningChecks::default(),
        }
    }

    /// The workspace folders.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// The path below its workspace folder; otherwise the path as it is.
    pub fn relative<'p>(&self, path: &'p Path) -> &'p Path {
        self.roots.iter().find_map(|root| path.strip_prefix(root).ok()).unwrap_or(path)
    }

    /// Whether a model may see an open file. Called at each keystroke, so the result is cached. See
    /// [`Rules::check_in_time`] for threads that may not wait for the disk.
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

    /// The cached result of [`Rules::check`]; does not access the disk.
    pub(super) fn known(&self, path: &Path) -> Option<Result<(), Excluded>> {
        let verdict = self.cache().verdicts.get(path).cloned();
        verdict.map(|verdict| verdict.map_or(Ok(()), Err))
    }

    /// Whether a file that is not open may be read, by its name. Behind a link out of the workspace it may not.
    ///
    /// # Errors
    /// The rule that excludes it.
    pub fn check_unopened(&self, path: &Path) -> Result<(), Excluded> {
        let identity = self.identity(path);
        let is_inside = |path: &Path| self.roots.iter().any(|root| path.starts_with(root));
        if is_inside(path) && !is_inside(&identity) {
            return Err(Excluded::Special);
        }
        let verdict = self.verdict(&identity).or_else(|| self.twin(&identity));
        verdict.or_else(|| (identity != path).then(|| self.verdict(path))?).map_or(Ok(()), Err)
    }

    /// The same for a file from a walk, which does not follow links.
    pub(super) fn check_walked(&self, path: &Path) -> Result<(), Excluded> {
        self.verdict(path).map_or(Ok(()), Err)
    }

    /// The canonical path of a file: without links, and below a workspace folder in the spelling of that folder. For a
    /// missing file, the folder is resolved.
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

    /// Records a secret file that has several names (hard links).
    pub(super) fn note_secret(&self, file: &std::fs::Metadata) {
        if let Some(number) = several_names(file) {
            self.twins().insert(number);
        }
    }

    /// Checks that a file that is not open is not another name of a secret one.
    ///
    /// # Errors
    /// It is, and the other name is recorded.
    pub(super) fn check_twin(&self, path: &Path) -> Result<(), Excluded> {
        self.twin(path).map_or(Ok(()), Err)
    }

    fn twin(&self, path: &Path) -> Option<Excluded> {
        let number = several_names(&std::fs::metadata(path).ok()?)?;
        self.note_beside(path.parent()?);
        self.twins().contains(&number).then(|| Excluded::Secret(HARD_LINK.into()))
    }

    /// Records the secret files in a folder, once: a walk may not have reached it yet.
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

    // A panic of a holder can lose one entry at most.
    fn twins(&self) -> MutexGuard<'_, FxHashSet<FileNumber>> {
        self.twins.lock()
    }

    /// Whether files in a folder may be read if they are not open.
    ///
    /// # Errors
    /// The rule that excludes the whole folder.
    pub fn check_folder(&self, path: &Path) -> Result<(), Excluded> {
        self.folder(path).excluded().map_or(Ok(()), |reason| Err(reason.clone()))
    }

    /// Whether a file may be copied for the user's own program, by its name.
    ///
    /// # Errors
    /// The rule by which it is a secret; ignore files do not matter.
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

    /// Clears the cached verdicts, which depend on links.
    pub(super) fn forget_links(&self) {
        let mut known = self.cache();
        known.verdicts.clear();
        known.noted.clear();
    }

    /// Clears the cache, so that ignore files are read again.
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

    /// Why an entry of `folder` is excluded.
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
        match folder.matched(&path, is_folder, &self.global()) {
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

    fn global(&self) -> Arc<Gitignore> {
        if let Some(known) = &self.cache().global {
            return known.clone();
        }
        let top = self.roots.first().map_or(Path::new("/"), |root| root);
        let global = Arc::new(ignored::global(top));
        self.cache().global = Some(global.clone());
        global
    }

    /// The user's pattern by which this file or folder is a secret.
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

    /// The folder `path` in `above`, which is excluded as a whole if there is an `excluded` reason.
    pub(super) fn below(&self, above: &Folder, path: &Path, excluded: Option<Excluded>) -> Folder {
        let other = || self.is_other_repository(above, path).then_some(Excluded::OtherRepository);
        Folder::below(above, path, excluded.or_else(other))
    }

    /// Whether a folder is the top of another working tree than the enclosing one. A submodule belongs to the enclosing one.
    /// Outside of a working tree, repositories are separate projects of the workspace, except linked working trees of a
    /// repository that is in the workspace, too.
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

    /// The cached rules of a folder.
    pub(super) fn folder(&self, path: &Path) -> Arc<Folder> {
        if let Some(known) = self.cache().folders.get(path) {
            return known.clone();
        }
        let is_base = self.is_base(path);
        for folder in path.ancestors().take(if is_base { usize::MAX } else { 1 }) {
            let version = versions::version_of(folder);
            self.cache().versions.insert(folder.to_owned(), version);
        }
        let folder = Arc::new(if is_base {
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
            known.versions.clear();
        }
        known.folders.insert(path.to_owned(), folder.clone());
        folder
    }

    /// Whether rules apply from here on: a workspace folder, or outside of all of them a project folder.
    fn is_base(&self, path: &Path) -> bool {
        let inside = self.roots.iter().any(|root| path.starts_with(root));
        self.roots.iter().any(|root| root == path) || (!inside && super::root_of(&path.join("_")) == path)
    }

    // A panic of a holder can lose one entry at most.
    fn cache(&self) -> MutexGuard<'_, RulesCache> {
        self.cache.lock()
    }
}

fn patterns(anchor: &Path, lines: &[String]) -> Gitignore {
    let mut builder = GitignoreBuilder::new(anchor);
    let builder = builder.case_insensitive(true).expect("never fails");
    for line in lines {
        if let Err(problem) = builder.add_line(None, &with_slashes(line, cfg!(windows))) {
            tracing::warn!(
                "settings: repository.secretFiles: `{line}` is not a valid pattern and is ignored: {problem}"
            );
        }
    }
    builder.build().unwrap_or_else(|problem| {
        tracing::warn!("settings: repository.secretFiles: {problem}");
        Gitignore::empty()
    })
}

/// A path below [`ANYWHERE`], without a Windows drive.
fn anywhere(path: &Path) -> PathBuf {
    let names = path.components().filter(|part| matches!(part, std::path::Component::Normal(_)));
    Path::new(ANYWHERE).join(names.collect::<PathBuf>())
}

/// On Windows a pattern may use `\` as a separator; before a special character it remains an escape.
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

/// The rule by which a file is a secret, by its name or by the names of it and its folder.
fn by_file_name(folder: &Path, name: &str) -> Option<&'static str> {
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    names::of_file(name).or_else(|| names::of_file_in(&folder, name))
}

/// The identity of a file with several names.
#[cfg(unix)]
fn several_names(file: &std::fs::Metadata) -> Option<FileNumber> {
    use std::os::unix::fs::MetadataExt;
    (file.is_file() && file.nlink() > 1).then(|| (file.dev(), file.ino()))
}

/// Not supported: the file would have to be opened.
#[cfg(not(unix))]
fn several_names(_: &std::fs::Metadata) -> Option<FileNumber> {
    None
}
