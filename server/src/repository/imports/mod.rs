//! From what an import says to the files that it means, where the language allows.
//!
//! Resolved when somebody asks, against the files that are there then, so that it does not matter in which order files
//! became known. Nothing is read from disk: an import costs some lookups of paths in the index. Where a language leaves
//! room (a search path that only the build knows), the nearest file that fits counts.

mod c;
mod csharp;
mod go;
mod java;
mod javascript;
mod json;
mod manifest;
mod php;
mod plain;
mod python;
mod ruby;
mod rust;
mod site;

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use self::site::Site;
use super::facts::Import;
use super::index::{FileId, Index};
use crate::languages::Language;

pub use manifest::manifest;

/// What a manifest says of the project in its folder, as far as imports need it. Paths are relative to that folder, with
/// slashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manifest {
    /// `Cargo.toml`.
    Cargo {
        /// The package, as its manifest spells it; empty for a workspace without one.
        package: Box<str>,
        /// The library as code writes it: `phi_ls`.
        name: Box<str>,
        /// The library's root file: `src/lib.rs`.
        library: Box<str>,
        /// Dependencies that code calls otherwise than their package: what code writes, and the package.
        renamed: Vec<(Box<str>, Box<str>)>,
    },
    /// `go.mod`.
    Go {
        /// The module's path: `example.com/shapes`.
        module: Box<str>,
        /// Modules that are taken from a folder: their path, and the folder.
        replaced: Vec<(Box<str>, Box<str>)>,
    },
    /// `tsconfig.json`, `tsconfig.app.json`, `jsconfig.json`.
    TypeScript {
        /// The local configurations that this one builds on, the last one first.
        extends: Vec<Box<str>>,
        /// `baseUrl`: the folder of paths that are not relative.
        base: Option<Box<str>>,
        /// `paths`: what is imported, `*` for any text, and where it may lie.
        paths: Vec<(Box<str>, Vec<Box<str>>)>,
    },
    /// `package.json` with a name.
    Package {
        /// `@shop/till`.
        name: Box<str>,
        /// Where the package itself may lie, the likeliest first.
        entries: Vec<Box<str>>,
        /// `exports` and `imports` but for the package itself: what is imported, `*` for any text, and where it lies.
        paths: Vec<(Box<str>, Box<str>)>,
    },
    /// `pyproject.toml`, `setup.cfg`.
    Python {
        /// Folders that packages lie in, where they do not lie beside the manifest.
        roots: Vec<Box<str>>,
    },
    /// `composer.json` with `psr-4`.
    Composer {
        /// The beginning of a namespace, and its folder.
        roots: Vec<(Box<str>, Box<str>)>,
    },
}

/// A name is followed through so many files that only pass it on.
const MOST_HOPS: usize = 4;
/// An import means no more files than that: a Go package, a C# namespace.
const MOST_FILES: usize = 256;

/// The files that an import in `from` brings in: what it names first, then where names that these files only pass on
/// (`pub use`, `export from`, an `__init__.py`) are defined. Empty where it leads out of the workspace, or nobody can tell.
pub fn resolve(index: &Index, from: FileId, import: &Import) -> Vec<FileId> {
    let mut found = named(index, from, import);
    let mut follow = Follow { index, seen: FxHashSet::default(), found: Vec::new() };
    follow.seen.insert(from);
    for name in &import.names {
        for &file in &found {
            follow.seen.insert(file);
            if !defines(index, file, name) {
                follow.name(file, name, MOST_HOPS);
            }
        }
    }
    found.append(&mut follow.found);
    tidy(found, from)
}

/// All files that the imports of a file lead to, in the order of the imports, each once.
pub fn related(index: &Index, file: FileId) -> Vec<FileId> {
    let found = index.imports(file).iter().flat_map(|import| resolve(index, file, import)).collect();
    tidy(found, file)
}

/// The files that an import names, by the rules of its language.
fn named(index: &Index, from: FileId, import: &Import) -> Vec<FileId> {
    let Some(site) = Site::new(index, from) else { return Vec::new() };
    let Some(language) = Language::of_path(site.path) else { return Vec::new() };
    let mut found = match language.id {
        "rust" => rust::resolve(&site, import),
        "python" => python::resolve(&site, import),
        "javascript" | "typescript" | "typescriptreact" => javascript::resolve(&site, import),
        "go" => go::resolve(&site, import),
        "java" => java::resolve(&site, import),
        "c" | "cpp" => c::resolve(&site, import),
        "csharp" => csharp::resolve(&site, import),
        "php" => php::resolve(&site, import),
        "ruby" => ruby::resolve(&site, import),
        _ => plain::resolve(&site, import, language),
    };
    found.truncate(MOST_FILES);
    found
}

/// Each file once, and not the one that asks.
fn tidy(mut files: Vec<FileId>, from: FileId) -> Vec<FileId> {
    let mut seen = FxHashSet::default();
    files.retain(|&file| file != from && seen.insert(file));
    files
}

fn defines(index: &Index, file: FileId, name: &str) -> bool {
    index.symbols(file).iter().any(|symbol| &*symbol.name == name)
}

/// Follows names through files that pass them on.
struct Follow<'i> {
    index: &'i Index,
    /// No file is gone through twice, so that files which pass names on to each other come to an end.
    seen: FxHashSet<FileId>,
    found: Vec<FileId>,
}

impl Follow<'_> {
    /// Goes through the imports of `file` to where `name` is defined.
    fn name(&mut self, file: FileId, name: &str, hops: usize) {
        if hops == 0 {
            return;
        }
        for import in self.index.imports(file) {
            let says = import.names.iter().any(|own| &**own == name);
            // Without names all is passed on, and only a definition tells whether the name is among it.
            if !says && !import.names.is_empty() {
                continue;
            }
            for next in named(self.index, file, import) {
                if defines(self.index, next, name) {
                    self.found.push(next);
                } else if self.seen.len() < MOST_FILES && self.seen.insert(next) {
                    self.name(next, name, hops - 1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
