//! What a name means in a file: which of the definitions that the workspace has of it.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use super::rank::{self, Distance};
use crate::facts::SymbolKind;
use crate::languages::Language;
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
    /// Imported names of the workspace's own of which nobody can tell where they come from.
    unknown: FxHashSet<&'i str>,
    /// Files of which all is brought in, or nobody says what.
    whole: FxHashSet<FileId>,
    /// The files of the folder by their names without endings, once somebody asks.
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
        let is_go = language.is_some_and(|language| language.id == "go");
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
            if import.names.is_empty() {
                scope.whole.extend(&files);
                // A Go package is called as its folder is, but for the number of a version.
                let mut folders = import.path.rsplit('/').filter(|_| is_go);
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

    /// The files that are known by a name: what `import shape` brings in, or a module beside this file.
    pub fn modules(&self, name: &str) -> Vec<FileId> {
        if let Some(files) = self.names.get(name).filter(|files| !files.is_empty()) {
            return files.clone();
        }
        let below = self.folder.join(name);
        let beside = self.beside.get_or_init(|| {
            let mut beside: FxHashMap<&OsStr, Vec<FileId>> = FxHashMap::default();
            for file in self.index.in_folder(&self.folder).filter(|&file| self.speaks(file)) {
                beside.entry(self.index.path(file).file_stem().unwrap_or_default()).or_default().push(file);
            }
            beside
        });
        let beside = beside.get(OsStr::new(name)).into_iter().flatten().copied();
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
        self.nearest(name, |_| true)
    }

    /// The definitions that a name may mean which stands by itself, as [`Scope::meant`].
    pub fn meant_bare<'s>(&'s self, name: &'s str) -> Vec<(Definition<'s>, f32)> {
        let found = self.nearest(name, |definition| self.is_at_hand(name, definition));
        if !found.is_empty() || self.names.contains_key(name) {
            return found;
        }
        // It may have been written before it is imported.
        let mut found = self.nearest(name, |definition| {
            !matches!(definition.symbol.kind, SymbolKind::Method | SymbolKind::Field)
        });
        found.iter_mut().for_each(|(_, certainty)| *certainty *= rank::NOT_IMPORTED);
        found
    }

    /// The definitions among those that are `wanted` that `name` may mean, as [`Scope::meant`].
    pub fn nearest<'s>(
        &'s self,
        name: &'s str,
        wanted: impl Fn(&Definition) -> bool,
    ) -> Vec<(Definition<'s>, f32)> {
        let mut nearest = Distance::Anywhere;
        let mut found: Vec<Definition> = Vec::new();
        let mut meanings = 0;
        let mut latest = None;
        let definitions = self.index.definitions(name).filter(|definition| self.speaks(definition.file));
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

    /// Whether a name that stands by itself can mean this definition, by the rules of the language as far as they are
    /// known here.
    fn is_at_hand(&self, name: &str, definition: &Definition) -> bool {
        let language = family(self.language.map_or("", |language| language.id));
        let own = Some(definition.file) == self.own;
        let is_member = matches!(definition.symbol.kind, SymbolKind::Method | SymbolKind::Field);
        match language {
            "go" => !is_member && self.index.path(definition.file).parent() == Some(&self.folder),
            "python" | "ecmascript" | "rust" => {
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
            _ => true,
        }
    }

    /// The files that an import brings in under this name: none where it leads out of the workspace; `None` where no
    /// import says the name, or nobody can tell.
    pub fn imported(&self, name: &str) -> Option<&[FileId]> {
        self.names.get(name).filter(|_| !self.unknown.contains(name)).map(Vec::as_slice)
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
