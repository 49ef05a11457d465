//! The importing file, and the index queries that all languages share.

use std::cmp::Reverse;
use std::path::{Component, Path, PathBuf};

use crate::facts::Manifest;
use crate::repository::index::{FileId, Index};

/// The number of parent folders that are searched.
const MOST_FOLDERS: usize = 32;
/// The number of files of one name that are compared.
const MOST_NAMED: usize = 4096;
/// Longer paths are not imports.
const MOST_SEGMENTS: usize = 24;

/// A file that imports.
pub(super) struct Site<'i> {
    pub index: &'i Index,
    pub from: FileId,
    pub path: &'i Path,
    pub folder: &'i Path,
}

impl<'i> Site<'i> {
    /// `None` for a file in no folder.
    pub fn new(index: &'i Index, from: FileId) -> Option<Site<'i>> {
        let path = index.path(from);
        Some(Site { index, from, path, folder: path.parent()? })
    }

    /// The file's folder and its parents, the innermost first.
    pub fn folders(&self) -> impl Iterator<Item = &'i Path> + use<'i> {
        self.folder.ancestors().take(MOST_FOLDERS)
    }

    pub fn file(&self, path: &Path) -> Option<FileId> {
        self.index.file(path)
    }

    /// The first of `names` in `folder`.
    pub fn first(&self, folder: &Path, names: &[&str]) -> Option<FileId> {
        names.iter().find_map(|name| self.file(&folder.join(name)))
    }

    /// The manifests of this name in the parent folders, the innermost first.
    pub fn manifests_above(&self, name: &str) -> impl Iterator<Item = (&'i Path, &'i Manifest)> {
        self.folders().filter_map(move |folder| {
            let file = self.index.file(&folder.join(name))?;
            Some((folder, self.index.manifest(file)?))
        })
    }

    /// All manifests of this name, by path.
    pub fn manifests(&self, name: &'i str) -> impl Iterator<Item = (&'i Path, &'i Manifest)> + use<'i> {
        let index = self.index;
        let files = index.named(name).take(MOST_NAMED);
        files.filter_map(move |file| Some((index.path(file).parent()?, index.manifest(file)?)))
    }

    /// Files whose path ends in these segments, the nearest first, ties by path.
    pub fn ending_in(&self, segments: &[&str]) -> Vec<FileId> {
        let Some((name, folders)) = segments.split_last() else { return Vec::new() };
        let fits = |file: &FileId| {
            let folder = self.index.path(*file).parent();
            let mut own = folder.into_iter().flat_map(|folder| folder.components().rev());
            folders.iter().rev().all(|name| own.next().is_some_and(|own| own.as_os_str() == *name))
        };
        let mut found: Vec<_> = self.index.named(name).take(MOST_NAMED).filter(fits).collect();
        self.sort_by_distance(&mut found);
        found
    }

    /// The nearest first, ties by path.
    pub fn sort_by_distance(&self, files: &mut [FileId]) {
        files.sort_by_cached_key(|&file| {
            let path = self.index.path(file);
            (distance(self.folder, path.parent().unwrap_or(path)), path)
        });
    }
}

/// Steps from one folder to another, up and down. Steps down count less than steps up, so that of two equally distant
/// folders the one below is nearer.
pub(super) fn distance(from: &Path, to: &Path) -> (usize, Reverse<usize>) {
    let common = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let steps = from.components().count() + to.components().count() - 2 * common;
    (steps, Reverse(common))
}

/// `path` from `folder` on, without `.` and `..`; `None` if it leads above the root, or is too long.
pub(super) fn join(folder: &Path, path: &str) -> Option<PathBuf> {
    if path.len() > 1024 || path.contains('\0') {
        return None;
    }
    let mut joined = folder.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !joined.pop() {
                    return None;
                }
            }
            Component::Normal(name) => joined.push(name),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(joined)
}

/// The segments of a path between `separator`s; `None` for an unrealistic path.
pub(super) fn segments<'t>(path: &'t str, separator: &str) -> Option<Vec<&'t str>> {
    let segments: Vec<_> = path.split(separator).map(str::trim).take(MOST_SEGMENTS + 1).collect();
    let plain =
        |segment: &&str| !segment.is_empty() && !segment.contains(['/', '\\', '\0']) && *segment != "..";
    (segments.len() <= MOST_SEGMENTS && segments.iter().all(plain)).then_some(segments)
}

/// The text that `*` of `pattern` matches in `text`; empty if there is no `*` and both are equal.
pub(super) fn star<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
    match pattern.split_once('*') {
        None => (pattern == text).then_some(""),
        Some((before, after)) => text.strip_prefix(before)?.strip_suffix(after),
    }
}
