//! What a name means in a file: which of the definitions that the workspace has of it.

use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use super::rank::{self, Distance};
use crate::languages::Language;
use crate::repository::facts::SymbolKind;
use crate::repository::imports;
use crate::repository::index::{Definition, FileId, Index};

/// More imports are not resolved.
const MOST_IMPORTS: usize = 100;
/// So many files of a folder are at hand at the most.
const MOST_FILES: usize = 500;
/// Files that stand for their folder: what they bring in may be defined beside or below them.
const FRONTS: [&str; 8] =
    ["__init__.py", "mod.rs", "lib.rs", "index.ts", "index.js", "index.tsx", "index.d.ts", "mod.ts"];

/// The names that a file knows.
pub struct Scope<'i> {
    /// All files.
    pub index: &'i Index,
    /// The file itself, if the index knows it.
    pub own: Option<FileId>,
    folder: PathBuf,
    language: Option<&'static Language>,
    imported: FxHashSet<FileId>,
    folders: Vec<PathBuf>,
    /// Imported names, and the files that they come from.
    names: FxHashMap<&'i str, Vec<FileId>>,
}

impl<'i> Scope<'i> {
    /// The scope of the file at `path`.
    pub fn of(index: &'i Index, path: Option<&Path>, language: Option<&'static Language>) -> Scope<'i> {
        let own = path.and_then(|path| index.file(path));
        let folder = path.and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
        let mut scope = Scope {
            index,
            own,
            folder,
            language,
            imported: FxHashSet::default(),
            folders: Vec::new(),
            names: FxHashMap::default(),
        };
        let Some(own) = own else { return scope };
        for import in index.imports(own).iter().take(MOST_IMPORTS) {
            let files = imports::resolve(index, own, import);
            for &file in &files {
                let path = index.path(file);
                let is_front = path.file_name().is_some_and(|name| FRONTS.iter().any(|front| name == *front));
                if let Some(folder) = path.parent().filter(|_| is_front && scope.imported.insert(file)) {
                    scope.folders.push(folder.to_owned());
                }
            }
            scope.imported.extend(&files);
            for name in &import.names {
                scope.names.entry(name).or_default().extend(&files);
            }
        }
        scope
    }

    /// The files that are known by a name: what `import shape` brings in, or a module beside this file.
    pub fn modules(&self, name: &str) -> Vec<FileId> {
        if let Some(files) = self.names.get(name).filter(|files| !files.is_empty()) {
            return files.clone();
        }
        let is_module = |&file: &FileId| {
            let path = self.index.path(file);
            path.file_stem().is_some_and(|stem| stem == name) && self.speaks(file)
        };
        let below = self.folder.join(name);
        let beside = self.index.in_folder(&self.folder).filter(is_module);
        let front = self.index.in_folder(&below).filter(|&file| {
            self.index.path(file).file_name().is_some_and(|name| FRONTS.iter().any(|front| name == *front))
        });
        beside.chain(front).collect()
    }

    /// Other files that are imported, and those in the same folder.
    pub fn at_hand(&self) -> Vec<FileId> {
        let mut files: Vec<_> = self.imported.iter().copied().collect();
        files.extend(self.index.in_folder(&self.folder).take(MOST_FILES));
        files.retain(|&file| Some(file) != self.own && self.speaks(file));
        files.sort_by_key(|&file| self.index.path(file));
        files.dedup();
        files
    }

    /// The definitions that `name` may mean, the nearest alone, each with how sure that is. None where there
    /// are too many.
    pub fn meant<'s>(&'s self, name: &'s str) -> Vec<(Definition<'s>, f32)> {
        let mut nearest = Distance::Anywhere;
        let mut found: Vec<Definition> = Vec::new();
        let mut files = 0;
        let mut latest = None;
        for definition in self.index.definitions(name).filter(|definition| self.speaks(definition.file)) {
            let distance = self.distance(definition.file, name);
            if distance < nearest {
                (nearest, files, latest) = (distance, 0, None);
                found.clear();
            }
            if distance == nearest {
                // A type and its constructor, a function and its overloads in one file are one meaning.
                if latest.replace(definition.file) != Some(definition.file) {
                    files += 1;
                }
                if files <= rank::MOST_DEFINERS {
                    found.push(definition);
                }
            }
        }
        if files > rank::MOST_DEFINERS {
            return Vec::new();
        }
        let certainty = rank::certainty(nearest, files);
        found.into_iter().map(|definition| (definition, certainty)).collect()
    }

    /// The types that `name` may mean.
    pub fn types<'s>(&'s self, name: &'s str) -> Vec<(Definition<'s>, f32)> {
        let mut meant = self.meant(name);
        meant.retain(|(definition, _)| is_type(definition));
        meant
    }

    /// Whether a file is in a language that this one can name things of.
    pub fn speaks(&self, file: FileId) -> bool {
        family(self.index.language(file)) == family(self.language.map_or("", |language| language.id))
    }

    /// How near a file is.
    pub fn distance(&self, file: FileId, name: &str) -> Distance {
        if Some(file) == self.own || self.names.get(name).is_some_and(|files| files.contains(&file)) {
            return Distance::Imported;
        }
        let path = self.index.path(file);
        let through_front =
            || self.names.contains_key(name) && self.folders.iter().any(|folder| path.starts_with(folder));
        if self.imported.contains(&file) || through_front() {
            Distance::Imported
        } else if path.parent() == Some(&self.folder) {
            Distance::Folder
        } else {
            Distance::Anywhere
        }
    }
}

/// Whether a definition is one of a type.
pub fn is_type(definition: &Definition) -> bool {
    matches!(definition.symbol.kind, SymbolKind::Class | SymbolKind::Interface)
}

/// Languages whose files name each other's things have one family.
fn family(language: &str) -> &str {
    match language {
        "javascript" | "javascriptreact" | "typescript" | "typescriptreact" => "ecmascript",
        "c" | "cpp" => "c",
        other => other,
    }
}
