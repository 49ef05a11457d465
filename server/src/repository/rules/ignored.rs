//! Ignore files: `.gitignore`, git's `info/exclude` and `core.excludesFile`, `.ignore`, and our own `.phi-ignore`.
//!
//! The patterns are those of the `ignore` crate. The precedence is ripgrep's: all `.phi-ignore` files, then all `.ignore`
//! files, `.gitignore` files, `.git/info/exclude` and git's global file; among files of one name the nearest one comes
//! first. A `.gitignore` applies up to the top of its git working tree, and without git up to the workspace folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder, Glob};

use rustc_hash::FxHashSet;

use super::Excluded;
use super::git::{self, GitFolder, Settings};

/// Names of ignore files, in the order of precedence.
const FILES: [&str; 3] = [".phi-ignore", ".ignore", ".gitignore"];
const GIT_IGNORE: usize = 2;
/// Only this much of a larger ignore file is read.
const FILE_BYTES: u64 = 1 << 20;
/// Files that mark a folder as not worth reading: the tag of cache folders (bford.info/cachedir), Python's virtual
/// environments, the vendor folders of Go and PHP.
const TAGS: [(&str, Option<&str>); 4] = [
    ("CACHEDIR.TAG", None),
    ("pyvenv.cfg", None),
    ("modules.txt", Some("vendor")),
    ("autoload.php", Some("vendor")),
];

/// The names of the files in a folder that decide which of its files are excluded.
pub(super) fn rule_files() -> impl Iterator<Item = &'static str> {
    FILES.into_iter().chain([".git", ".gitmodules"]).chain(TAGS.map(|(tag, _)| tag))
}

/// Whether a change of this file changes what is excluded.
pub fn is_ignore_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| FILES.iter().any(|file| name == *file))
        // The configuration may name another file with patterns, and `.git` makes a folder another repository.
        || ["info/exclude", ".git/config", ".git", ".gitmodules"].iter().any(|end| path.ends_with(end))
}

/// A folder: its ignore files, those of the folders above it, and whether it is excluded as a whole.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    excluded: Option<Excluded>,
    /// The nearest ignore files, from here upwards.
    ignore_files: Option<Arc<IgnoreFiles>>,
}

/// The ignore files of one folder.
#[derive(Debug)]
struct IgnoreFiles {
    /// In the order of [`FILES`].
    files: [Option<Gitignore>; 3],
    /// Set at the top of a git working tree: `.gitignore` files above it do not apply.
    top: Option<Top>,
    above: Option<Arc<IgnoreFiles>>,
}

/// The top of a git working tree.
#[derive(Debug)]
struct Top {
    path: PathBuf,
    /// `info/exclude`, then `core.excludesFile`.
    excludes: Vec<Gitignore>,
    ignore_case: bool,
    /// Other working trees in this one that belong to it, relative to it.
    submodules: FxHashSet<PathBuf>,
}

impl Folder {
    /// A folder that is never excluded itself: a workspace folder. Ignore files above it apply.
    pub(super) fn base(path: &Path, excluded: Option<Excluded>) -> Folder {
        let mut above: Vec<_> = path.ancestors().collect();
        let top = above.iter().position(|folder| folder.join(".git").exists());
        let mut ignore_files: Option<Arc<IgnoreFiles>> = None;
        while let Some(folder) = above.pop() {
            let own = above.is_empty();
            let in_tree = own || top.is_some_and(|top| above.len() <= top);
            ignore_files = IgnoreFiles::of(folder, ignore_files, in_tree);
        }
        Folder { path: path.to_owned(), excluded, ignore_files }
    }

    /// The folder `path` in `above`, which is excluded as a whole if there is an `excluded` reason.
    pub(in super::super) fn below(above: &Folder, path: &Path, excluded: Option<Excluded>) -> Folder {
        let excluded = excluded.or_else(|| tag(path).map(Excluded::Vendored));
        Folder {
            path: path.to_owned(),
            excluded,
            ignore_files: IgnoreFiles::of(path, above.ignore_files.clone(), true),
        }
    }

    /// Its path.
    pub(in super::super) fn path(&self) -> &Path {
        &self.path
    }

    /// Why it is excluded as a whole.
    pub(in super::super) fn excluded(&self) -> Option<&Excluded> {
        self.excluded.as_ref()
    }

    /// Matches an entry of this folder with the ignore files.
    pub(super) fn matched<'a>(
        &'a self,
        path: &Path,
        is_folder: bool,
        global: &'a Gitignore,
    ) -> Match<&'a Glob> {
        let chain = || std::iter::successors(self.ignore_files.as_deref(), |files| files.above.as_deref());
        for name in 0..FILES.len() {
            let mut left_tree = false;
            for ignore in chain() {
                if name == GIT_IGNORE && left_tree {
                    break;
                }
                let file = ignore.files[name].as_ref();
                let matched = file.map_or(Match::None, |file| file.matched(path, is_folder));
                if !matched.is_none() {
                    return matched;
                }
                left_tree |= ignore.top.is_some();
            }
        }
        match self.top() {
            Some(top) => {
                let all = top.excludes.iter().map(|file| file.matched(path, is_folder));
                all.into_iter().find(|matched| !matched.is_none()).unwrap_or(Match::None)
            }
            None => global.matched(path, is_folder),
        }
    }

    fn top(&self) -> Option<&Top> {
        self.ignore_files.as_deref().and_then(IgnoreFiles::top)
    }

    /// Whether the folder is in a git working tree, and if so, whether `path` in it is a submodule of that.
    pub(super) fn registers(&self, path: &Path) -> Option<bool> {
        let top = self.top()?;
        Some(path.strip_prefix(&top.path).is_ok_and(|below| top.submodules.contains(below)))
    }
}

impl IgnoreFiles {
    /// The ignore files of `folder` on top of those `above`; `in_tree`: its `.gitignore` applies.
    fn of(folder: &Path, above: Option<Arc<IgnoreFiles>>, in_tree: bool) -> Option<Arc<IgnoreFiles>> {
        let is_top = in_tree && folder.join(".git").exists();
        let top = is_top.then(|| Top::of(folder));
        let above_top = || above.as_deref().and_then(IgnoreFiles::top);
        let ignore_case = top.as_ref().or_else(above_top).is_some_and(|top| top.ignore_case);
        let read = |name: &str| {
            let is_git = name == FILES[GIT_IGNORE];
            (in_tree || !is_git).then(|| read(folder, &folder.join(name), is_git && ignore_case)).flatten()
        };
        let files = FILES.map(read);
        if !is_top && files.iter().all(Option::is_none) {
            return above;
        }
        Some(Arc::new(IgnoreFiles { files, top, above }))
    }

    /// The top of the innermost working tree.
    fn top(&self) -> Option<&Top> {
        std::iter::successors(Some(self), |files| files.above.as_deref()).find_map(|files| files.top.as_ref())
    }
}

impl Top {
    fn of(path: &Path) -> Top {
        let git = GitFolder::of(path);
        let Settings { excludes_file, ignore_case } =
            git.as_ref().map(GitFolder::settings).unwrap_or_default();
        let exclude = git.and_then(|git| read(path, &git.common.join("info/exclude"), ignore_case));
        let global = match excludes_file {
            Some(file) => read(path, &path.join(file), ignore_case),
            None => Some(global(path)),
        };
        let excludes = exclude.into_iter().chain(global).collect();
        Top { path: path.to_owned(), excludes, ignore_case, submodules: git::submodules(path) }
    }
}

/// Git's ignore patterns for all repositories of this user.
pub(super) fn global(top: &Path) -> Gitignore {
    let file = super::git::users_excludes_file();
    file.and_then(|file| read(top, &file, false)).unwrap_or_else(Gitignore::empty)
}

/// The patterns of a file, relative to a folder; `None` if it is missing or has none.
fn read(folder: &Path, path: &Path, ignore_case: bool) -> Option<Gitignore> {
    let bytes = crate::files::bytes_up_to(path, FILE_BYTES).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut builder = GitignoreBuilder::new(folder);
    let builder = builder.case_insensitive(ignore_case).expect("never fails");
    for line in text.trim_start_matches('\u{feff}').lines() {
        if let Err(problem) = builder.add_line(Some(path.to_owned()), line) {
            tracing::debug!("{}: {problem}", path.display());
        }
    }
    builder.build().ok().filter(|patterns| !patterns.is_empty())
}

/// The tag that marks a folder as a cache or as third-party packages.
fn tag(folder: &Path) -> Option<&'static str> {
    let named =
        |name: Option<&str>| name.is_none_or(|name| folder.file_name().is_some_and(|own| own == name));
    TAGS.into_iter().find(|(tag, name)| named(*name) && folder.join(tag).exists()).map(|(tag, _)| tag)
}
