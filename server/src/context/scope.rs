//! Name resolution for one file: which definitions of the workspace a name can refer to.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use super::rank::{self, Distance};
use crate::facts::SymbolKind;
use crate::languages::Language;
use crate::languages::names::Sharing;
use crate::repository::imports;
use crate::repository::index::{Definition, FileId, Index};
use crate::syntax::is_one_of;

/// The most imports of a file that are resolved.
const MOST_IMPORTS: usize = 100;
/// The most files of a folder that are considered.
const MOST_FILES: usize = 500;

/// The names that are in scope in a file.
pub struct Scope<'i> {
    /// All files.
    pub index: &'i Index,
    /// The file itself, if it is indexed.
    pub own: Option<FileId>,
    folder: PathBuf,
    language: Option<&'static Language>,
    imported: FxHashSet<FileId>,
    folders: Vec<PathBuf>,
    /// Imported names, and the files that define them.
    names: FxHashMap<&'i str, Vec<FileId>>,
    /// Imported names from this workspace whose file is unknown.
    unknown: FxHashSet<&'i str>,
    /// Files that are imported as a whole.
    whole: FxHashSet<FileId>,
    /// The files of the folder by stem; computed on demand.
    beside: OnceCell<FxHashMap<&'i OsStr, Vec<FileId>>>,
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
            unknown: FxHashSet::default(),
            whole: FxHashSet::default(),
            beside: OnceCell::new(),
        };
        let sharing = language.map(|language| language.resolution.sharing);
        let Some(own) = own else { return scope };
        for import in index.imports(own).iter().take(MOST_IMPORTS) {
            let files = imports::resolve(index, own, import);
            for &file in &files {
                let path = index.path(file);
                let is_entry_file = is_entry_file(path, language);
                if let Some(folder) = path.parent().filter(|_| is_entry_file && scope.imported.insert(file)) {
                    scope.folders.push(folder.to_owned());
                }
            }
            scope.imported.extend(&files);
            if import.names.is_empty() {
                scope.whole.extend(&files);
                // A Go package has the name of its folder, without a version.
                let mut folders = import.path.rsplit('/').filter(|_| sharing == Some(Sharing::Folder));
                let is_version = |name: &&str| {
                    name.strip_prefix('v').is_some_and(|version| version.parse::<u32>().is_ok())
                };
                if let Some(package) = folders.find(|name| !is_version(name)) {
                    scope.names.entry(package).or_default().extend(&files);
                }
            }
            let is_own = [".", "crate", "self", "super"].iter().any(|own| import.path.starts_with(own));
            for name in &import.names {
                scope.names.entry(name).or_default().extend(&files);
                if files.is_empty() && is_own {
                    scope.unknown.insert(name);
                }
            }
        }
        scope
    }

    /// The files that a name refers to as a module: by `import shape`, or in this file's folder.
    pub fn modules(&self, name: &str) -> Vec<FileId> {
        if let Some(files) = self.names.get(name).filter(|files| !files.is_empty()) {
            return files.clone();
        }
        let below = self.folder.join(name);
        let beside = self.beside.get_or_init(|| {
            let mut beside: FxHashMap<&OsStr, Vec<FileId>> = FxHashMap::default();
            for file in self.index.in_folder(&self.folder).filter(|&file| self.shares_language(file)) {
                beside.entry(self.index.path(file).file_stem().unwrap_or_default()).or_default().push(file);
            }
            beside
        });
        let beside = beside.get(OsStr::new(name)).into_iter().flatten().copied();
        let front =
            self.index.in_folder(&below).filter(|&file| is_entry_file(self.index.path(file), self.language));
        beside.chain(front).collect()
    }

    /// The imported files, and the files in the same folder.
    pub fn nearby_files(&self) -> Vec<FileId> {
        let mut files: Vec<_> = self.imported.iter().copied().collect();
        files.extend(self.index.in_folder(&self.folder).take(MOST_FILES));
        files.retain(|&file| Some(file) != self.own && self.shares_language(file));
        files.sort_by_key(|&file| self.index.path(file));
        files.dedup();
        files
    }

    /// The definitions that `name` may refer to, only the nearest, each with its certainty. Empty if there are too many.
    pub fn resolve<'s>(&'s self, name: &'s str) -> Vec<(Definition<'s>, f32)> {
        self.nearest(name, |_| true)
    }

    /// The definitions that an unqualified name may refer to, as [`Scope::resolve`].
    pub fn resolve_unqualified<'s>(&'s self, name: &'s str) -> Vec<(Definition<'s>, f32)> {
        let found = self.nearest(name, |definition| self.is_in_scope(name, definition));
        if !found.is_empty() || self.names.contains_key(name) {
            return found;
        }
        // The import may be missing yet.
        let mut found = self.nearest(name, |definition| {
            !matches!(definition.symbol.kind, SymbolKind::Method | SymbolKind::Field)
        });
        found.iter_mut().for_each(|(_, certainty)| *certainty *= rank::NOT_IMPORTED);
        found
    }

    /// The `wanted` definitions that `name` may refer to, as [`Scope::resolve`].
    pub fn nearest<'s>(
        &'s self,
        name: &'s str,
        wanted: impl Fn(&Definition) -> bool,
    ) -> Vec<(Definition<'s>, f32)> {
        let mut nearest = Distance::Anywhere;
        let mut found: Vec<Definition> = Vec::new();
        let mut meanings = 0;
        let mut latest = None;
        let definitions =
            self.index.definitions(name).filter(|definition| self.shares_language(definition.file));
        for definition in definitions.filter(|definition| wanted(definition)) {
            let distance = self.distance(definition.file, name);
            if distance < nearest {
                (nearest, meanings, latest) = (distance, 0, None);
                found.clear();
            }
            if distance == nearest {
                // A type and its constructor, a function and its overloads are one meaning.
                let container = definition.symbol.container.as_deref().filter(|container| *container != name);
                if latest.replace((definition.file, container)) != Some((definition.file, container)) {
                    meanings += 1;
                }
                if meanings <= rank::MOST_DEFINERS {
                    found.push(definition);
                }
            }
        }
        if meanings > rank::MOST_DEFINERS {
            return Vec::new();
        }
        let certainty = rank::certainty(nearest, meanings);
        found.into_iter().map(|definition| (definition, certainty)).collect()
    }

    /// Whether an unqualified name can refer to this definition, by an approximation of the language's scope rules.
    fn is_in_scope(&self, name: &str, definition: &Definition) -> bool {
        let own = Some(definition.file) == self.own;
        let is_member = matches!(definition.symbol.kind, SymbolKind::Method | SymbolKind::Field);
        match self.language.map_or(Sharing::Unknown, |language| language.resolution.sharing) {
            Sharing::Folder => !is_member && self.index.path(definition.file).parent() == Some(&self.folder),
            Sharing::Imports => {
                if definition.symbol.kind == SymbolKind::Macro || self.unknown.contains(name) {
                    return true;
                }
                let is_imported = match self.names.get(name) {
                    Some(files) => {
                        files.contains(&definition.file)
                            || !files.is_empty() && self.distance(definition.file, name) == Distance::Imported
                    }
                    None => self.whole.contains(&definition.file),
                };
                is_imported || own && !is_member
            }
            Sharing::Namespace | Sharing::Includes | Sharing::Unknown => true,
        }
    }

    /// The files that are imported under this name: empty if the import leads out of the workspace; `None` if no import has
    /// the name, or its target is unknown.
    pub fn imported(&self, name: &str) -> Option<&[FileId]> {
        self.names.get(name).filter(|_| !self.unknown.contains(name)).map(Vec::as_slice)
    }

    /// The types that `name` may refer to.
    pub fn types<'s>(&'s self, name: &'s str) -> Vec<(Definition<'s>, f32)> {
        let mut meant = self.resolve(name);
        meant.retain(|(definition, _)| is_type(definition));
        meant
    }

    /// Whether code of this file can refer to definitions in that file's language.
    pub fn shares_language(&self, file: FileId) -> bool {
        let family = |language: Option<&Language>| language.map_or("", |language| language.family);
        family(self.index.language_of(file)) == family(self.language)
    }

    /// The distance of a file.
    pub fn distance(&self, file: FileId, name: &str) -> Distance {
        if Some(file) == self.own || self.names.get(name).is_some_and(|files| files.contains(&file)) {
            return Distance::Imported;
        }
        let path = self.index.path(file);
        let through_entry_file =
            || self.names.contains_key(name) && self.folders.iter().any(|folder| path.starts_with(folder));
        if self.imported.contains(&file) || through_entry_file() {
            Distance::Imported
        } else if path.parent() == Some(&self.folder) {
            Distance::Folder
        } else {
            Distance::Anywhere
        }
    }
}

/// Whether a definition is a type.
pub fn is_type(definition: &Definition) -> bool {
    matches!(definition.symbol.kind, SymbolKind::Class | SymbolKind::Interface)
}

/// Whether a file is the entry file of its folder, which may re-export what other files of the folder define.
fn is_entry_file(path: &Path, language: Option<&Language>) -> bool {
    let names = language.map_or("", |language| language.folder_files);
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| is_one_of(names, name))
}
