//! Ruby: `require_relative` from the file's folder, `require` from a `lib` in a parent folder or anywhere.

use super::site::{Site, join, segments};
use crate::facts::Import;
use crate::repository::index::FileId;

/// Folders on the load path, relative to the parent folders of a file.
const ROOTS: [&str; 5] = ["lib", "", "app", "spec", "test"];

/// The facts do not distinguish `require_relative` from `require`: the file's folder, a root of neither, comes first.
pub(super) fn resolve(site: &Site, import: &Import) -> Vec<FileId> {
    let path = import.path.trim();
    let path = if path.ends_with(".rb") { path.to_owned() } else { format!("{path}.rb") };
    let beside = join(site.folder, &path).and_then(|place| site.file(&place));
    let around = || {
        let folders = site.folders().flat_map(|folder| ROOTS.iter().map(move |root| folder.join(root)));
        folders.into_iter().find_map(|root| site.file(&join(&root, &path)?))
    };
    // A single name (`require "json"`) is a library's, unless it is on a load path.
    let anywhere = || {
        let found = site.ending_in(&segments(&path, "/")?);
        let on_load_path = |file: &&FileId| path.contains('/') || lies_in_lib(site, **file);
        found.iter().find(on_load_path).copied()
    };
    beside.or_else(around).or_else(anywhere).into_iter().collect()
}

fn lies_in_lib(site: &Site, file: FileId) -> bool {
    site.index.path(file).parent().is_some_and(|folder| folder.ends_with("lib"))
}
