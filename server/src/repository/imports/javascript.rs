//! JavaScript and TypeScript: relative paths with or without their extensions, `paths` and `baseUrl` of tsconfig.json,
//! and packages of the workspace by their package.json.

use std::path::{Path, PathBuf};

use super::site::{Site, distance, join, star};
use crate::facts::Import;
use crate::facts::Manifest;
use crate::facts::is_typescript;
use crate::repository::index::FileId;

/// Extensions that an import may omit, the likeliest first.
const ENDINGS: [&str; 12] =
    [".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mts", ".cts", ".mjs", ".cjs", ".json", ".vue", ".svelte"];
/// The extension in an import, and the extensions of the sources that it is compiled from.
const COMPILED: [(&str, &[&str]); 4] =
    [(".js", &[".ts", ".tsx", ".jsx"]), (".jsx", &[".tsx"]), (".mjs", &[".mts"]), (".cjs", &[".cts"])];
/// Source folders of a package whose package.json only names build outputs.
const SOURCES: [&str; 4] = ["src", "", "lib", "source"];
/// Folders that builds write to.
const BUILT: [&str; 5] = ["dist", "build", "out", "lib", "esm"];
/// The longest chain of configurations that extend each other.
const MOST_EXTENDS: usize = 4;

pub(super) fn resolve(site: &Site, import: &Import) -> Vec<FileId> {
    // `./shape?raw` is `./shape` to a bundler.
    let path = import.path.split('?').next().unwrap_or("");
    let found = match path {
        "" => None,
        _ if is_relative(path) => join(site.folder, path).and_then(|place| at(site, &place)),
        _ if path.contains("://") || path.starts_with("node:") => None,
        _ => configured(site, path).or_else(|| own_paths(site, path)).or_else(|| package(site, path)),
    };
    found.into_iter().collect()
}

fn is_relative(path: &str) -> bool {
    matches!(path, "." | "..") || path.starts_with("./") || path.starts_with("../")
}

/// The module at a path as written in an import.
fn at(site: &Site, place: &Path) -> Option<FileId> {
    let with = |place: &Path, end: &str| {
        let mut place = place.to_owned();
        place.as_mut_os_string().push(end);
        site.file(&place)
    };
    let source = || {
        let name = place.to_str()?;
        let (end, sources) = COMPILED.iter().find(|(end, _)| name.ends_with(end))?;
        let stem = Path::new(&name[..name.len() - end.len()]);
        sources.iter().find_map(|end| with(stem, end))
    };
    let guess = |place: &Path| ENDINGS.iter().find_map(|end| with(place, end));
    site.file(place).or_else(source).or_else(|| guess(place)).or_else(|| guess(&place.join("index")))
}

/// By the configurations in the parent folders, the innermost first.
fn configured(site: &Site, path: &str) -> Option<FileId> {
    site.folders().find_map(|folder| {
        let is_configuration = |file: &FileId| {
            site.index.path(*file).file_name().and_then(|name| name.to_str()).is_some_and(is_typescript)
        };
        let mut files: Vec<_> = site.index.in_folder(folder).filter(is_configuration).collect();
        // Of several, the plain one takes precedence; it references the others.
        files.sort_by_cached_key(|&file| (site.index.path(file).as_os_str().len(), site.index.path(file)));
        files.into_iter().find_map(|file| by_configuration(site, file, path, MOST_EXTENDS))
    })
}

fn by_configuration(site: &Site, file: FileId, path: &str, most: usize) -> Option<FileId> {
    let Some(Manifest::TypeScript { extends, base, paths }) = site.index.manifest(file) else { return None };
    let folder = site.index.path(file).parent()?;
    let base_folder = base.as_deref().map_or(Some(folder.to_owned()), |base| join(folder, base))?;
    // The pattern with the longest prefix takes precedence, an exact one over all.
    let fitting = paths.iter().filter_map(|(pattern, places)| Some((pattern, star(pattern, path)?, places)));
    let best = fitting.max_by_key(|(pattern, ..)| match pattern.find('*') {
        Some(length) => (false, length),
        None => (true, pattern.len()),
    });
    let by_paths = best.and_then(|(_, rest, places)| {
        places.iter().find_map(|place| at(site, &join(&base_folder, &place.replacen('*', rest, 1))?))
    });
    let by_base = || base.as_ref().and_then(|_| at(site, &join(&base_folder, path)?));
    by_paths.or_else(by_base).or_else(|| {
        extends.iter().filter(|_| most > 0).find_map(|extended| {
            let place = join(folder, extended)?;
            let with_ending = PathBuf::from(format!("{}.json", place.to_str()?));
            let extended = site.file(&place).or_else(|| site.file(&with_ending))?;
            by_configuration(site, extended, path, most - 1)
        })
    })
}

/// By `imports` of the file's package.json: `#till`.
fn own_paths(site: &Site, path: &str) -> Option<FileId> {
    if !path.starts_with('#') {
        return None;
    }
    let (folder, manifest) = site.manifests_above("package.json").next()?;
    let Manifest::Package { paths, .. } = manifest else { return None };
    subpath(site, folder, paths, path)
}

/// By the package's name: the nearest of the workspace's packages.
fn package(site: &Site, path: &str) -> Option<FileId> {
    // `@shop/till/money` is `money` of `@shop/till`.
    let name_end = path.match_indices('/').nth(usize::from(path.starts_with('@')));
    let (name, rest) = name_end.map_or((path, ""), |(at, _)| (&path[..at], &path[at + 1..]));
    let packages = site.manifests("package.json").filter_map(|(folder, manifest)| match manifest {
        Manifest::Package { name: own, entries, paths } if **own == *name => Some((folder, entries, paths)),
        _ => None,
    });
    let (folder, entries, paths) = packages.min_by_key(|(folder, ..)| distance(site.folder, folder))?;
    if rest.is_empty() {
        let index = SOURCES.iter().map(|source| folder.join(source).join("index"));
        let entries = entries.iter().find_map(|entry| target(site, folder, entry));
        return entries.or_else(|| index.into_iter().find_map(|place| at(site, &place)));
    }
    subpath(site, folder, paths, rest)
        .or_else(|| SOURCES.iter().find_map(|source| at(site, &join(&folder.join(source), rest)?)))
}

fn subpath(site: &Site, folder: &Path, paths: &[(Box<str>, Box<str>)], path: &str) -> Option<FileId> {
    paths
        .iter()
        .find_map(|(pattern, place)| target(site, folder, &place.replacen('*', star(pattern, path)?, 1)))
}

/// A file that package.json names, or the source that it is built from.
fn target(site: &Site, folder: &Path, path: &str) -> Option<FileId> {
    let built = join(folder, path)?;
    at(site, &built).or_else(|| {
        let inside = built.strip_prefix(folder).ok()?;
        let mut parts = inside.components();
        let is_built = parts.next().is_some_and(|part| BUILT.iter().any(|name| part.as_os_str() == *name));
        let stem = parts.as_path().to_str().filter(|_| is_built)?;
        let stem = ENDINGS.iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(stem);
        SOURCES.iter().find_map(|source| at(site, &folder.join(source).join(stem)))
    })
}
