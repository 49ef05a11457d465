//! Git's folders of a working tree, and its settings there.
//!
//! The top of a working tree has a folder `.git`, or a file `.git` that names another folder: in a linked worktree
//! (`git worktree add`) and in a submodule. A linked worktree shares most of git's files with the main one.

use std::path::{Component, Path, PathBuf};

use rustc_hash::FxHashSet;

/// Only this much of a larger file is read.
const FILE_BYTES: u64 = 1 << 20;

/// Git's folders of one working tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitFolder {
    /// The folder for this working tree alone: `HEAD`, the index.
    pub own: PathBuf,
    /// The folder that all working trees of the repository share: configuration, `info/exclude`.
    pub common: PathBuf,
}

/// The settings for ignored files in a repository's configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// `core.excludesFile`.
    pub excludes_file: Option<PathBuf>,
    /// `core.ignoreCase`.
    pub ignore_case: bool,
}

impl GitFolder {
    /// The folders of the working tree whose top is `top`; `None` if it is not the top of one.
    pub fn of(top: &Path) -> Option<GitFolder> {
        let entry = top.join(".git");
        let metadata = std::fs::metadata(&entry).ok()?;
        if metadata.is_dir() {
            return Some(GitFolder { own: entry.clone(), common: entry });
        }
        let named = |file: &Path, front: &str| {
            let text = text(file)?;
            let place = text.strip_prefix(front)?.trim_end_matches(['\r', '\n']);
            (!place.is_empty()).then(|| PathBuf::from(place))
        };
        let own = plain(&top.join(named(&entry, "gitdir: ")?));
        let common =
            named(&own.join("commondir"), "").map_or_else(|| own.clone(), |common| plain(&own.join(common)));
        Some(GitFolder { own, common })
    }

    /// Whether it shares a repository with a main working tree.
    pub(super) fn is_linked(&self) -> bool {
        self.own != self.common
    }

    /// Whether it is initialized: a folder that is only named `.git` is not a repository.
    pub(super) fn is_repository(&self) -> bool {
        !self.own.ends_with(".git") || self.own.join("HEAD").exists()
    }

    /// The settings. Included files are not read.
    pub(super) fn settings(&self) -> Settings {
        Settings::of(&[self.common.join("config"), self.own.join("config.worktree")])
    }
}

/// A path on which git would block in the working tree of `folder`: git opens these paths without checking their type, and
/// reading from a pipe without a writer never ends.
pub fn blocked_by(folder: &Path) -> Option<PathBuf> {
    let (top, git) = folder.ancestors().find_map(|top| Some((top, GitFolder::of(top)?)))?;
    let own = ["HEAD", "index", "commondir", "config.worktree"].map(|name| git.own.join(name));
    let common = ["HEAD", "config", "packed-refs", "shallow", "info/exclude", "info/attributes"]
        .map(|name| git.common.join(name));
    let of_tree = [".gitignore", ".gitattributes"].map(|name| top.join(name));
    let attributes = users_folder().map(|folder| folder.join("attributes"));
    let all = own.into_iter().chain(common).chain(of_tree).chain(users_files()).chain(attributes);
    let set = git.settings().excludes_file;
    let is_read = |path: &PathBuf| match std::fs::metadata(path) {
        Ok(metadata) => metadata.is_file() || metadata.is_dir(),
        Err(_) => true,
    };
    all.chain(set).find(|path| !is_read(path))
}

impl Settings {
    /// The settings in these files; a later one overrides an earlier one.
    fn of(files: &[PathBuf]) -> Settings {
        let mut settings = Settings::default();
        for file in files {
            for (section, key, value) in text(file).iter().flat_map(|text| entries(text)) {
                match (section.as_str(), key.as_str()) {
                    ("core", "excludesfile") if !value.is_empty() => {
                        settings.excludes_file = Some(home(&value))
                    }
                    ("core", "ignorecase") => {
                        settings.ignore_case =
                            ["", "true", "yes", "on", "1"].contains(&value.to_lowercase().as_str());
                    }
                    _ => {}
                }
            }
        }
        settings
    }
}

/// The files outside of a repository that decide what git ignores in it: the user's configuration and ignore file, and the
/// ignore file that the repository's configuration names. They need not exist.
pub fn files_outside(top: &Path) -> Vec<PathBuf> {
    let named = GitFolder::of(top).and_then(|git| git.settings().excludes_file);
    users_files().into_iter().chain(named.map(|file| top.join(file))).collect()
}

/// The ignore file for all repositories of this user.
pub(super) fn users_excludes_file() -> Option<PathBuf> {
    Settings::of(&users_configuration()).excludes_file.or_else(|| Some(users_folder()?.join("ignore")))
}

/// The user's configuration and ignore file.
pub(super) fn users_files() -> Vec<PathBuf> {
    users_configuration().into_iter().chain(users_excludes_file()).collect()
}

/// The files of the user's configuration; a later one overrides an earlier one.
fn users_configuration() -> Vec<PathBuf> {
    let in_home = crate::user_dirs::home_dir().map(|home| home.join(".gitconfig"));
    users_folder().map(|folder| folder.join("config")).into_iter().chain(in_home).collect()
}

/// The folder of this user's git files, except `.gitconfig`.
fn users_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    Some(folder.or_else(|| Some(crate::user_dirs::home_dir()?.join(".config")))?.join("git"))
}

/// The submodules that a working tree registers, relative to its top.
pub(super) fn submodules(top: &Path) -> FxHashSet<PathBuf> {
    let Some(text) = text(&top.join(".gitmodules")) else { return FxHashSet::default() };
    let paths = entries(&text)
        .into_iter()
        .filter(|(section, key, _)| section.starts_with("submodule") && key == "path");
    paths.map(|(_, _, path)| PathBuf::from(path.trim_end_matches('/'))).collect()
}

fn text(path: &Path) -> Option<String> {
    let text = crate::files::bytes_up_to(path, FILE_BYTES).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Section, key (both in lower case, as git reads them) and value of each entry of a configuration file.
fn entries(text: &str) -> Vec<(String, String, String)> {
    let (mut section, mut entries) = (String::new(), Vec::new());
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
        let line = match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, rest)) => {
                section = name.to_lowercase();
                rest.trim()
            }
            None => line,
        };
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        // A key without a value is true.
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        entries.push((section.clone(), key.trim().to_lowercase(), value_of(value.trim())));
    }
    entries
}

/// A value without quotes and without a trailing comment.
fn value_of(text: &str) -> String {
    let (mut value, mut quoted) = (String::new(), false);
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => quoted = !quoted,
            '\\' => value.extend(chars.next().map(|next| if next == 't' { '\t' } else { next })),
            '#' | ';' if !quoted => break,
            char => value.push(char),
        }
    }
    value.trim_end().to_owned()
}

fn home(path: &str) -> PathBuf {
    match path.strip_prefix("~/").zip(crate::user_dirs::home_dir()) {
        Some((below, home)) => home.join(below),
        None => PathBuf::from(path),
    }
}

/// The path without `.` and `..`, which git writes: `/w/sub/../.git/modules/sub`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}
