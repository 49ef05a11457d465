//! Java: a class is in a file of its name, below folders named like its package.

use super::site::{Site, join, segments};
use crate::facts::Import;
use crate::repository::index::FileId;

/// Usual source roots, relative to the parent folders of a file.
const ROOTS: [&str; 5] = ["", "src/main/java", "main/java", "src", "src/test/java"];

pub(super) fn resolve(site: &Site, import: &Import) -> Vec<FileId> {
    let path = import.path.trim_start_matches("static ").trim_end_matches(".*");
    let Some(path) = segments(path, ".") else { return Vec::new() };
    // The last segments may name a nested class or a static member.
    for length in (1..=path.len()).rev().take(3) {
        let (folders, class) = path[..length].split_at(length - 1);
        let name = format!("{}.java", class[0]);
        let file: Vec<_> = folders.iter().copied().chain([name.as_str()]).collect();
        let found = site.ending_in(&file);
        if let Some(&nearest) = found.first() {
            return vec![nearest];
        }
    }
    // An import of only a package (`a.b.*`) is its folder.
    let package = path.join("/");
    let folders = site.folders().flat_map(|folder| ROOTS.iter().map(move |root| folder.join(root)));
    let packages = folders.filter_map(|root| join(&root, &package)).map(|folder| {
        let is_class = |file: &FileId| {
            *file != site.from && site.index.path(*file).extension().is_some_and(|end| end == "java")
        };
        site.index.in_folder(&folder).filter(is_class).collect::<Vec<_>>()
    });
    packages.into_iter().find(|files| !files.is_empty()).unwrap_or_default()
}
