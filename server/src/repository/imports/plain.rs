//! Languages whose imports are file paths (shell, CSS, HTML), or module names that are such paths (Lua).

use super::site::{Site, join};
use crate::facts::Import;
use crate::repository::index::FileId;

/// A file by its path.
pub(super) fn file(site: &Site, import: &Import) -> Vec<FileId> {
    path(import).map(|path| nearest(site, &[path.to_owned()])).unwrap_or_default()
}

/// A file by its path, or by the name of a module.
pub(super) fn module(site: &Site, import: &Import) -> Vec<FileId> {
    let Some(path) = path(import) else { return Vec::new() };
    let module = path.replace('.', "/");
    let candidates = [
        path.to_owned(),
        format!("{module}.lua"),
        format!("{module}/init.lua"),
        format!("lua/{module}.lua"),
        format!("lua/{module}/init.lua"),
    ];
    nearest(site, &candidates)
}

fn path(import: &Import) -> Option<&str> {
    let path = import.path.split(['?', '#']).next().unwrap_or("").trim_start_matches('/');
    (!path.is_empty() && !path.contains("://")).then_some(path)
}

/// Relative to the file's folder, then to its parent folders.
fn nearest(site: &Site, candidates: &[String]) -> Vec<FileId> {
    let at = |folder| candidates.iter().find_map(|path| site.file(&join(folder, path)?));
    site.folders().find_map(at).into_iter().collect()
}
