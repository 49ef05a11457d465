//! Resolves imports to files, where the language allows.
//!
//! Imports are resolved on request against the current files, so the order in which files are added does not matter.
//! Nothing is read from disk: an import costs some lookups of paths in the index. Where a language leaves the result
//! open (a search path that only the build knows), the nearest matching file counts.

mod c;
mod csharp;
mod go;
mod java;
mod javascript;
mod php;
mod plain;
mod python;
mod ruby;
mod rust;
mod site;

use rustc_hash::FxHashSet;

use self::site::Site;
use super::index::{FileId, Index};
use crate::facts::Import;
use crate::languages::Language;
use crate::languages::imports::ImportRules;
use crate::languages::names::Sharing;

/// The longest chain of re-exporting files through which a name is followed.
const MOST_HOPS: usize = 4;
/// The number of files that are visited for all names of an import.
const MOST_VISITS: usize = 64;
/// An import resolves to no more files than this: a Go package, a C# namespace.
const MOST_FILES: usize = 256;

/// The files that an import in `from` resolves to: the files that it names, then those that define names which these
/// files only re-export (`pub use`, `export from`, an `__init__.py`). Empty if it leaves the workspace or is unknown.
pub fn resolve(index: &Index, from: FileId, import: &Import) -> Vec<FileId> {
    let mut found = named(index, from, import);
    let mut passed_on = Vec::new();
    let mut left = MOST_VISITS;
    for name in &import.names {
        let seen = FxHashSet::from_iter([from]);
        let mut search = Search { index, name, seen, left, found: &mut passed_on };
        for &file in found.iter().filter(|&&file| passes_names_on(index, file)) {
            search.visit(file, MOST_HOPS);
        }
        left = search.left;
    }
    found.append(&mut passed_on);
    tidy(found, from)
}

/// The files that all imports of a file resolve to, in the order of the imports, each once.
pub fn related(index: &Index, file: FileId) -> Vec<FileId> {
    let found = index.imports(file).iter().flat_map(|import| resolve(index, file, import)).collect();
    tidy(found, file)
}

/// The files that an import names, by the rules of its language.
fn named(index: &Index, from: FileId, import: &Import) -> Vec<FileId> {
    let Some(site) = Site::new(index, from) else { return Vec::new() };
    let Some(language) = Language::of_path(site.path) else { return Vec::new() };
    let mut found = match language.imports.rules {
        ImportRules::Rust => rust::resolve(&site, import),
        ImportRules::Python => python::resolve(&site, import),
        ImportRules::JavaScript => javascript::resolve(&site, import),
        ImportRules::Go => go::resolve(&site, import),
        ImportRules::Java => java::resolve(&site, import),
        ImportRules::C => c::resolve(&site, import),
        ImportRules::CSharp => csharp::resolve(&site, import),
        ImportRules::Php => php::resolve(&site, import),
        ImportRules::Ruby => ruby::resolve(&site, import),
        ImportRules::Lua => plain::module(&site, import),
        ImportRules::Paths => plain::file(&site, import),
    };
    found.truncate(MOST_FILES);
    found
}

/// Each file once, without the importing file.
fn tidy(mut files: Vec<FileId>, from: FileId) -> Vec<FileId> {
    let mut seen = FxHashSet::default();
    files.retain(|&file| file != from && seen.insert(file));
    files
}

/// Whether a file can re-export names of other files.
fn passes_names_on(index: &Index, file: FileId) -> bool {
    let language = Language::of_path(index.path(file));
    language.is_some_and(|language| language.resolution.sharing == Sharing::Imports)
}

/// The search for a name through re-exporting files.
struct Search<'i, 'f> {
    index: &'i Index,
    name: &'i str,
    /// No file is visited twice, so that files that re-export each other's names terminate.
    seen: FxHashSet<FileId>,
    /// The number of files that may still be visited.
    left: usize,
    found: &'f mut Vec<FileId>,
}

impl Search<'_, '_> {
    /// Visits the imports of `file`, unless it defines the name itself.
    fn visit(&mut self, file: FileId, hops: usize) {
        if hops == 0 || self.left == 0 || self.is_defined_in(file) || !self.seen.insert(file) {
            return;
        }
        self.left -= 1;
        for import in self.index.imports(file) {
            // Without names all is re-exported, and only a definition shows whether the name is included.
            let says = import.names.iter().any(|own| **own == *self.name);
            if !says && !import.names.is_empty() {
                continue;
            }
            let before = self.found.len();
            let next = named(self.index, file, import);
            for &next in &next {
                if self.is_defined_in(next) {
                    self.found.push(next);
                } else {
                    self.visit(next, hops - 1);
                }
            }
            // Re-exported under another name, or defined by a macro.
            if says && self.found.len() == before {
                self.found.extend(next);
            }
        }
    }

    fn is_defined_in(&self, file: FileId) -> bool {
        self.index.symbols(file).iter().any(|symbol| *symbol.name == *self.name)
    }
}

#[cfg(test)]
mod tests;
