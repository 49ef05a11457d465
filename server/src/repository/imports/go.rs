//! Go: a package is a folder, found by the path of the enclosing module, by `replace`, in `vendor`, or below `src`.

use std::path::{Path, PathBuf};

use super::site::{Site, distance, join};
use crate::facts::Import;
use crate::facts::Manifest;
use crate::repository::index::FileId;

/// All files of the package except its tests, by path.
pub(super) fn resolve(site: &Site, import: &Import) -> Vec<FileId> {
    let path = &*import.path;
    // Modules outside the workspace are not searched for in folders: most files import the standard library.
    let places = [own(site, path), other(site, path), vendored(site, path)];
    let package =
        places.into_iter().flatten().map(|folder| files(site, &folder)).find(|files| !files.is_empty());
    package.unwrap_or_default()
}

fn files(site: &Site, folder: &Path) -> Vec<FileId> {
    let is_source = |file: &FileId| {
        let name = site.index.path(*file).file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.ends_with(".go") && !name.ends_with("_test.go"))
    };
    site.index.in_folder(folder).filter(is_source).collect()
}

/// By the `go.mod` of the file: its module, and what it replaces.
fn own(site: &Site, path: &str) -> Option<PathBuf> {
    let (folder, manifest) = site.manifests_above("go.mod").next()?;
    let Manifest::Go { module, replaced } = manifest else { return None };
    let replaced = replaced.iter().filter_map(|(module, place)| Some((inside(module, path)?, place)));
    let replaced = replaced.min_by_key(|(rest, _)| rest.len());
    match replaced {
        Some((rest, place)) => join(&join(folder, place)?, rest),
        None => join(folder, inside(module, path)?),
    }
}

/// By any `go.mod` of the workspace: of those that match, the one with the longest path, then the nearest.
fn other(site: &Site, path: &str) -> Option<PathBuf> {
    let modules = site.manifests("go.mod").filter_map(|(folder, manifest)| match manifest {
        Manifest::Go { module, .. } => Some((inside(module, path)?, folder)),
        _ => None,
    });
    let (rest, folder) = modules.min_by_key(|(rest, folder)| (rest.len(), distance(site.folder, folder)))?;
    join(folder, rest)
}

/// In a `vendor` folder of a parent folder, or below the `src` of a GOPATH.
fn vendored(site: &Site, path: &str) -> Option<PathBuf> {
    let has_host = path.split('/').next().is_some_and(|host| host.contains('.'));
    let places = site.folders().flat_map(|folder| {
        let source = folder.ends_with("src").then_some(folder.to_owned());
        [Some(folder.join("vendor")), source].into_iter().flatten()
    });
    let mut places = places.filter_map(|place| join(&place, path)).filter(|_| has_host);
    places.find(|place| site.index.in_folder(place).next().is_some())
}

/// What follows a module's path in the path of one of its packages.
fn inside<'p>(module: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(module)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}
