//! Rust: `mod`, `crate::`, `self::`, `super::`, sibling modules, and other crates of the workspace by their manifests.

use std::path::{Path, PathBuf};

use super::site::{Site, distance, join};
use crate::facts::Manifest;
use crate::facts::{Import, SymbolKind};
use crate::repository::index::FileId;

/// Folders of a package whose files are crates of their own.
const TARGETS: [&str; 4] = ["tests", "examples", "benches", "bin"];
/// A path that begins with one of these leaves the workspace, unless there is such a module.
const STANDARD: [&str; 5] = ["std", "core", "alloc", "proc_macro", "test"];
/// Longer paths are not imports.
const MOST_SEGMENTS: usize = 24;

pub(super) fn resolve(site: &Site, import: &Import) -> Vec<FileId> {
    let segments = import.path.split("::").map(|segment| segment.trim().trim_start_matches("r#"));
    let mut path: Vec<_> = segments.filter(|segment| !segment.is_empty()).take(MOST_SEGMENTS).collect();
    path.retain(|segment| *segment != "*");
    let Some((&first, rest)) = path.split_first() else { return Vec::new() };
    let found = match first {
        "crate" | "$crate" => crate_folder(site).and_then(|folder| module(site, &folder, rest)),
        "self" => module(site, &own_folder(site, import.line), rest),
        "super" => {
            let supers = path.iter().take_while(|segment| **segment == "super").count();
            let own = own_folder(site, import.line);
            own.ancestors().nth(supers).and_then(|folder| module(site, folder, &path[supers..]))
        }
        _ => below(site, &own_folder(site, import.line), &path)
            .or_else(|| other_crate(site, first, rest))
            // Before the 2018 edition a path began at the crate's root.
            .or_else(|| below(site, &crate_folder(site)?, &path).filter(|_| !STANDARD.contains(&first))),
    };
    found.into_iter().collect()
}

/// The file of the longest prefix of `path` that is a module below `folder`; if there is none, of the module whose
/// submodules are in `folder`, because the path then names an item of it.
fn module(site: &Site, folder: &Path, path: &[&str]) -> Option<FileId> {
    below(site, folder, path).or_else(|| {
        let is_main = site.path.ends_with("main.rs") && site.folder == folder;
        let roots = if is_main { ["mod.rs", "main.rs", "lib.rs"] } else { ["mod.rs", "lib.rs", "main.rs"] };
        let named = || library(site).filter(|library| library.parent() == Some(folder));
        site.first(folder, &roots)
            .or_else(|| site.file(&folder.with_extension("rs")))
            .or_else(|| site.file(&named()?))
    })
}

fn below(site: &Site, folder: &Path, path: &[&str]) -> Option<FileId> {
    (1..=path.len()).rev().find_map(|length| {
        let mut place = folder.to_owned();
        place.extend(&path[..length]);
        let inside = place.join("mod.rs");
        place.as_mut_os_string().push(".rs");
        site.file(&place).or_else(|| site.file(&inside))
    })
}

/// The folder of the submodules of the module around a line of the file.
fn own_folder(site: &Site, line: u32) -> PathBuf {
    let is_root = |stem: &str| matches!(stem, "mod" | "lib" | "main") || is_target(site, site.folder);
    let mut folder = match site.path.file_stem().and_then(|stem| stem.to_str()) {
        Some(stem) if !is_root(stem) => site.folder.join(stem),
        _ => site.folder.to_owned(),
    };
    // Modules with a body, the outermost first: `super` in `mod tests { use super::*; }` is the file itself.
    let around = site.index.symbols(site.from).iter().filter(|symbol| {
        symbol.kind == SymbolKind::Module && symbol.lines.len() > 1 && symbol.lines.contains(&line)
    });
    folder.extend(around.map(|symbol| &*symbol.name));
    folder
}

/// Whether the files directly in a folder are crates: `tests`, `src/bin`.
fn is_target(site: &Site, folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| TARGETS.iter().any(|target| name == *target))
        && folder
            .parent()
            .is_some_and(|above| above.ends_with("src") || site.file(&above.join("Cargo.toml")).is_some())
}

/// The package of the file: its folder, and the path of its library's root file in the manifest.
fn package<'i>(site: &Site<'i>) -> Option<(&'i Path, &'i str)> {
    site.manifests_above("Cargo.toml").find_map(|(folder, manifest)| match manifest {
        Manifest::Cargo { package, library, .. } if !package.is_empty() => Some((folder, &**library)),
        _ => None,
    })
}

fn library(site: &Site) -> Option<PathBuf> {
    let (folder, library) = package(site)?;
    join(folder, library)
}

/// The folder of the root file of the file's crate.
fn crate_folder(site: &Site) -> Option<PathBuf> {
    let package = package(site);
    let library = package.and_then(|(folder, library)| Some(join(folder, library)?.parent()?.to_owned()));
    for folder in site.folders() {
        let is_root = site.first(folder, &["lib.rs", "main.rs"]).is_some()
            || is_target(site, folder)
            || library.as_deref() == Some(folder);
        if is_root {
            return Some(folder.to_owned());
        }
        if package.is_some_and(|(package, _)| package == folder) {
            break;
        }
    }
    library
}

/// A module of another crate, or the package's library as its tests and binaries name it.
fn other_crate(site: &Site, name: &str, path: &[&str]) -> Option<FileId> {
    if STANDARD.contains(&name) {
        return None;
    }
    let renamed = site.manifests_above("Cargo.toml").find_map(|(_, manifest)| match manifest {
        Manifest::Cargo { renamed, .. } => renamed.iter().find(|(alias, _)| **alias == *name),
        _ => None,
    });
    let package = renamed.map(|(_, package)| package);
    let found = site.manifests("Cargo.toml").filter_map(|(folder, manifest)| match manifest {
        Manifest::Cargo { package: own, name: own_name, library, .. } => {
            let fits = package.map_or(**own_name == *name, |package| own == package);
            fits.then(|| Some((folder, join(folder, library)?)))?
        }
        _ => None,
    });
    let (_, library) = found.min_by_key(|(folder, _)| distance(site.folder, folder))?;
    below(site, library.parent()?, path).or_else(|| site.file(&library))
}
