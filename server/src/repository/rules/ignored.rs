//! What ignore files say: `.gitignore` and `.git/info/exclude`, `.ignore`, and our own `.phi-ignore`.
//!
//! The patterns are those of the `ignore` crate. The order is ripgrep's: all `.phi-ignore` files go before all `.ignore`
//! files, these before `.gitignore` files, `.git/info/exclude` and git's global file; among files of a name the one
//! nearest to what is asked about goes first. A `.gitignore` counts up to the top of its git working tree, and without
//! git up to the workspace folder.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder, Glob};

use super::Excluded;

/// Names of ignore files, the strongest first.
const FILES: [&str; 3] = [".phi-ignore", ".ignore", ".gitignore"];
const GIT_IGNORE: usize = 2;
/// Of a larger ignore file only so much counts.
const FILE_BYTES: u64 = 1 << 20;
/// What a folder holds that its owner wants nobody to look into: the tag of cache folders (bford.info/cachedir),
/// Python's virtual environments, the vendor folders of Go and PHP.
const TAGS: [(&str, Option<&str>); 4] = [
    ("CACHEDIR.TAG", None),
    ("pyvenv.cfg", None),
    ("modules.txt", Some("vendor")),
    ("autoload.php", Some("vendor")),
];

/// Whether a change of this file changes what is excluded.
pub fn is_ignore_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| FILES.iter().any(|file| name == *file))
        || path.ends_with(".git/info/exclude")
}

/// What is known of one folder: its ignore files, those of the folders above it, and whether all in it is left out.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    excluded: Option<Excluded>,
    /// From here upwards, the nearest first: folders that have ignore files.
    said: Option<Arc<Said>>,
}

/// The ignore files of one folder.
#[derive(Debug)]
struct Said {
    /// In the order of [`FILES`].
    files: [Option<Gitignore>; 3],
    /// `.git/info/exclude`.
    exclude: Option<Gitignore>,
    /// The top of a git working tree: `.gitignore` files above it are not its own.
    is_top: bool,
    above: Option<Arc<Said>>,
}

impl Folder {
    /// A folder that is not asked about itself: a workspace folder. Ignore files above it count.
    pub(super) fn base(path: &Path, excluded: Option<Excluded>) -> Folder {
        let mut above: Vec<_> = path.ancestors().collect();
        let top = above.iter().position(|folder| folder.join(".git").exists());
        let mut said = None;
        while let Some(folder) = above.pop() {
            let own = above.is_empty();
            let in_tree = own || top.is_some_and(|top| above.len() <= top);
            said = Said::of(folder, said, in_tree);
        }
        Folder { path: path.to_owned(), excluded, said }
    }

    /// The folder `path`, which lies in `above` and is left out as a whole if it is `excluded`.
    pub(in super::super) fn below(above: &Folder, path: &Path, excluded: Option<Excluded>) -> Folder {
        let excluded = excluded.or_else(|| tag(path).map(Excluded::Vendored));
        Folder { path: path.to_owned(), excluded, said: Said::of(path, above.said.clone(), true) }
    }

    /// Where it lies.
    pub(in super::super) fn path(&self) -> &Path {
        &self.path
    }

    /// Why all that it holds is left out.
    pub(in super::super) fn excluded(&self) -> Option<&Excluded> {
        self.excluded.as_ref()
    }

    /// What the ignore files say of something in this folder.
    pub(super) fn matched<'a>(
        &'a self,
        path: &Path,
        is_folder: bool,
        global: &'a Gitignore,
    ) -> Match<&'a Glob> {
        let chain = || std::iter::successors(self.said.as_deref(), |said| said.above.as_deref());
        for name in 0..FILES.len() {
            let mut left_tree = false;
            for said in chain() {
                if name == GIT_IGNORE && left_tree {
                    break;
                }
                let file = said.files[name].as_ref();
                let matched = file.map_or(Match::None, |file| file.matched(path, is_folder));
                if !matched.is_none() {
                    return matched;
                }
                left_tree |= said.is_top;
            }
        }
        let exclude = chain().find(|said| said.is_top).and_then(|top| top.exclude.as_ref());
        let matched = exclude.map_or(Match::None, |file| file.matched(path, is_folder));
        if matched.is_none() { global.matched(path, is_folder) } else { matched }
    }
}

impl Said {
    /// What `folder` says itself, before what was said above; `in_tree`: its `.gitignore` counts.
    fn of(folder: &Path, above: Option<Arc<Said>>, in_tree: bool) -> Option<Arc<Said>> {
        let read = |name: &str| {
            if name == FILES[GIT_IGNORE] && !in_tree { None } else { read(folder, &folder.join(name)) }
        };
        let files = FILES.map(read);
        let is_top = in_tree && folder.join(".git").exists();
        if !is_top && files.iter().all(Option::is_none) {
            return above;
        }
        let exclude = is_top.then(|| read_exclude(folder)).flatten();
        Some(Arc::new(Said { files, exclude, is_top, above }))
    }
}

fn read_exclude(top: &Path) -> Option<Gitignore> {
    read(top, &top.join(".git/info/exclude"))
}

/// The patterns of a file, relative to a folder; `None` where there is no such file, or nothing in it.
fn read(folder: &Path, path: &Path) -> Option<Gitignore> {
    // Opening a pipe may wait for ever.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(FILE_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut builder = GitignoreBuilder::new(folder);
    for line in text.trim_start_matches('\u{feff}').lines() {
        if let Err(problem) = builder.add_line(Some(path.to_owned()), line) {
            tracing::debug!("{}: {problem}", path.display());
        }
    }
    builder.build().ok().filter(|patterns| !patterns.is_empty())
}

/// What marks a folder as a cache or as somebody else's packages.
fn tag(folder: &Path) -> Option<&'static str> {
    let named =
        |name: Option<&str>| name.is_none_or(|name| folder.file_name().is_some_and(|own| own == name));
    TAGS.into_iter().find(|(tag, name)| named(*name) && folder.join(tag).exists()).map(|(tag, _)| tag)
}
