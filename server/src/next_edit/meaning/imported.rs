//! How imports resolve a name: whether it is from the file of the renamed definition.

use std::path::Path;

use tree_sitter::Node;

use super::{Meaning, Named, Reader, field};
use crate::facts::Import;
use crate::languages::imports::ImportRules;
use crate::languages::names::Sharing;
use crate::repository::imports;
use crate::repository::index::{FileId, Index};

/// Path segments for the current crate or module, before `::`.
const HERE: [&str; 3] = ["crate", "super", "self"];
/// File stems that name the module of their folder.
const OF_FOLDERS: [&str; 6] = ["mod", "lib", "main", "__init__", "index", ""];

pub(super) const NOT_KNOWN: Meaning = Meaning::Unsure("where it comes from is not known");

/// The old name, in the module that a path names.
pub(super) struct From<'p> {
    pub path: &'p str,
    pub name: &'p str,
}

impl Reader<'_> {
    /// What a name means by the imports of the document: `None` where they do not import it.
    pub(super) fn imported(&self, names: &[Named], name: &str) -> Option<Meaning> {
        let mut said: Option<Meaning> = None;
        for named in names {
            let Some(meaning) = self.brought_by(named, name) else { continue };
            said = match said {
                Some(other) if other != meaning => Some(Meaning::Unsure("the file imports the name twice")),
                _ => Some(meaning),
            };
        }
        said
    }

    /// What a name that an import binds in the document means.
    fn brought_by(&self, named: &Named, name: &str) -> Option<Meaning> {
        let import = self.import_of(named)?;
        let of_parent = named.parent().and_then(|parent| field(parent, named.node));
        // `import { load as l }` binds `l`.
        let has_alias = of_parent != Some("alias")
            && named.parent().is_some_and(|parent| {
                let around = if parent.kind() == "dotted_name" { parent.parent() } else { Some(parent) };
                around.is_some_and(|around| around.child_by_field_name("alias").is_some())
            });
        let is_path = is_module_part(named);
        if has_alias || is_path && import.kind() != "import_statement" {
            return None;
        }
        Some(self.in_import_as(named, import, name))
    }

    /// What a name in an import means.
    pub(super) fn in_import(&self, named: &Named, import: Node) -> Meaning {
        self.in_import_as(named, import, &self.change.was.name)
    }

    fn in_import_as(&self, named: &Named, import: Node, name: &str) -> Meaning {
        let of_parent = named.parent().and_then(|parent| field(parent, named.node));
        let is_local = of_parent == Some("alias")
            || named
                .parent()
                .is_some_and(|parent| matches!(parent.kind(), "namespace_import" | "import_clause"));
        if is_local {
            return Meaning::Other;
        }
        let from = |source: &str| {
            let source = import.child_by_field_name(source).map(|node| self.place.text(node));
            let source = source.map(|text| text.trim_matches(['"', '\'', '`']).to_owned());
            source.map_or(NOT_KNOWN, |path| self.in_module(&From { path: &path, name }))
        };
        match self.imports_by {
            ImportRules::Python if import.kind() == "import_from_statement" && !is_module_part(named) => {
                from("module_name")
            }
            // `import load` names a module, even if something else has the name.
            ImportRules::Python => Meaning::Other,
            ImportRules::JavaScript => from("source"),
            ImportRules::Rust => {
                if is_module_part(named) && !self.is_type() {
                    return Meaning::Other;
                }
                self.in_use_tree(named, name)
            }
            ImportRules::Java | ImportRules::CSharp | ImportRules::C => {
                let is_last = !self.text[named.node.end_byte()..].trim_start().starts_with(['.', ':']);
                match is_last {
                    true if self.brings(name) => Meaning::Same,
                    // `using T = Shop.Load`: the namespaces of the index do not say which type it is.
                    true if self.imports_by == ImportRules::CSharp && self.is_type() => NOT_KNOWN,
                    _ => Meaning::Other,
                }
            }
            _ => Meaning::Other,
        }
    }

    /// Whether a name is the default export of the home in an import or a re-export, and the definition is that export:
    /// `import load from './a'`, `export { default as load } from './a'`.
    pub(super) fn names_default(&self, named: &Named) -> bool {
        let Some(parent) = named
            .parent()
            .filter(|_| self.place.language.imports.rules == ImportRules::JavaScript && !self.is_home)
        else {
            return false;
        };
        let is_called = match parent.kind() {
            "import_clause" => true,
            "import_specifier" | "export_specifier" => {
                let imported = parent.child_by_field_name("name").map(|name| self.place.text(name));
                imported.is_some_and(|name| name == "default") && field(parent, named.node) == Some("alias")
            }
            _ => false,
        };
        let source = named.around.iter().rev().find_map(|node| node.child_by_field_name("source"));
        let Some(source) = source.filter(|_| is_called) else { return false };
        let source = self.place.text(source);
        let path = source.trim_matches(['"', '\'', '`']).into();
        let import = Import { path, names: Vec::new(), line: 0 };
        let is_home =
            self.with_index(|index, own, home| imports::resolve(index, own, &import).contains(&home));
        is_home == Some(true) && self.is_default()
    }

    /// Whether the home exports the definition as its default.
    fn is_default(&self) -> bool {
        let home = &self.change.home;
        let Some(tree) = home.tree() else { return false };
        let text = |node: Node| home.text.byte_slice(node.byte_range()).to_string();
        // Its own statements may have the new name already, or not.
        let is_meant = |node: Node| {
            let text = text(node);
            text == *self.change.was.name || text == *self.change.is.name
        };
        let exports = |statement: Node| {
            let mut cursor = statement.walk();
            let has_default = statement.children(&mut cursor).any(|child| child.kind() == "default");
            let exported = match has_default {
                true => ["declaration", "value"].iter().find_map(|name| statement.child_by_field_name(name)),
                false => None,
            };
            if let Some(exported) = exported {
                return is_meant(exported.child_by_field_name("name").unwrap_or(exported));
            }
            let mut clauses = statement.walk();
            let clause = statement.named_children(&mut clauses).find(|child| child.kind() == "export_clause");
            clause.is_some_and(|clause| {
                let mut cursor = clause.walk();
                clause.named_children(&mut cursor).any(|one| {
                    one.child_by_field_name("name").is_some_and(is_meant)
                        && one.child_by_field_name("alias").is_some_and(|alias| text(alias) == "default")
                })
            })
        };
        let root = tree.root_node();
        let mut cursor = root.walk();
        root.named_children(&mut cursor).any(|node| node.kind() == "export_statement" && exports(node))
    }

    /// A name in `export { load }`, with or without a source.
    pub(super) fn in_export(&self, named: &Named, imported: Option<Meaning>) -> Meaning {
        if self.names_default(named) {
            return Meaning::Alias;
        }
        if named.parent().and_then(|parent| field(parent, named.node)) == Some("alias") {
            return Meaning::Other;
        }
        let statement = named.around.iter().find(|node| node.kind() == "export_statement");
        match statement.and_then(|statement| statement.child_by_field_name("source")) {
            Some(source) => {
                let source = self.place.text(source);
                let path = source.trim_matches(['"', '\'', '`']);
                self.in_module(&From { path, name: &self.change.was.name })
            }
            None => self.bare(named, imported),
        }
    }

    /// A name after a path: `a.load`, `crate::a::load`.
    pub(super) fn behind(&self, named: &Named, path: &str) -> Meaning {
        if path.is_empty() {
            return Meaning::Other;
        }
        let (name, first) = (&*self.change.was.name, path.split(['.', ':']).next().unwrap_or(path));
        let all = super::named(self.place, first);
        let is_local = |one: &Named| {
            let binding = self.binding(one);
            binding.is_some_and(|binding| binding.reaches(&named.node.byte_range()))
        };
        if all.iter().any(is_local) {
            return Meaning::Other;
        }
        match self.imports_by {
            ImportRules::Rust => {
                let is_point = self.text[..named.node.start_byte()].trim_end().ends_with('.');
                if is_point { Meaning::Other } else { self.at_path(&format!("{path}::{name}"), named) }
            }
            ImportRules::Python => match self.python_module(path) {
                Some(module) => self.in_module(&From { path: &module, name }),
                None => Meaning::Other,
            },
            ImportRules::JavaScript => {
                let imports = all.iter().filter_map(|one| Some((one.parent()?, self.import_of(one)?)));
                let source = |(parent, import): (Node, Node)| {
                    let field = "source";
                    let source = import.child_by_field_name(field).or(parent.child_by_field_name(field))?;
                    let source = self.place.text(source);
                    let is_space = matches!(parent.kind(), "namespace_import" | "import_require_clause");
                    Some((is_space, source.trim_matches(['"', '\'', '`']).to_owned()))
                };
                match imports.filter_map(source).next() {
                    Some((true, module)) if path == first => self.in_module(&From { path: &module, name }),
                    Some((_, module)) => self.in_imported(&module),
                    // Any other object still has a member of this name.
                    None => Meaning::Other,
                }
            }
            ImportRules::Go => self
                .with_index(|index, own, home| {
                    let last =
                        |path: &str| path.rsplit('/').next().is_some_and(|last| last == path_end(first));
                    let imports = self.imports.iter();
                    let mut of_name = imports.filter(|import| {
                        import.names.iter().any(|name| **name == *first)
                            || import.names.is_empty() && last(&import.path)
                    });
                    of_name.any(|import| imports::resolve(index, own, import).contains(&home))
                })
                .map_or(NOT_KNOWN, |is_home| if is_home { Meaning::Same } else { Meaning::Other }),
            _ => Meaning::Unsure("the type of the value in front of it is unknown"),
        }
    }

    /// What a name means that nothing in the file binds.
    pub(super) fn brought_by_all(&self) -> Meaning {
        let all = self.with_index(|index, own, home| {
            let mut found = Some(false);
            for import in self.imports.iter().filter(|import| import.names.is_empty()) {
                let files = imports::resolve(index, own, import);
                match files.is_empty() {
                    true => found = found.filter(|found| *found),
                    false if files.contains(&home) => return Some(true),
                    false => {}
                }
            }
            found
        });
        match (self.imports_by, all.flatten()) {
            (ImportRules::Python | ImportRules::Rust, Some(true)) => Meaning::Same,
            // A builtin, or from a library.
            (ImportRules::Python | ImportRules::Rust, Some(false)) => Meaning::Other,
            (ImportRules::JavaScript, _) if self.is_module() => Meaning::Other,
            _ => NOT_KNOWN,
        }
    }

    fn is_module(&self) -> bool {
        let root = self.place.document.tree().map(|tree| tree.root_node());
        root.is_some_and(|root| {
            let mut cursor = root.walk();
            root.named_children(&mut cursor)
                .any(|node| matches!(node.kind(), "import_statement" | "export_statement"))
        })
    }

    /// Whether an import of the document imports `word` from the home, as the last name of a path or as a file.
    pub(super) fn brings(&self, word: &str) -> bool {
        let last = |path: &str| path_end(path) == word;
        self.with_index(|index, own, home| {
            let imports = self.imports.iter();
            let mut of_word = imports
                .filter(|import| import.names.iter().any(|name| **name == *word) || last(&import.path));
            of_word.any(|import| imports::resolve(index, own, import).contains(&home))
        })
        .unwrap_or(false)
    }

    /// Whether the document and the home share their names without naming them in imports.
    pub(super) fn shares(&self) -> bool {
        let is_included = match self.names.sharing {
            Sharing::Folder | Sharing::Namespace => false,
            Sharing::Includes => true,
            Sharing::Imports | Sharing::Unknown => return false,
        };
        self.with_index(|index, own, home| {
            let folder = |file| index.path(file).parent();
            let is_beside = folder(own) == folder(home) && index.language(own) == index.language(home);
            // A header that the definition's file includes declares it for all files that include the header.
            let headers = || imports::related(index, home).into_iter().filter(|file| *file != own);
            let related = imports::related(index, own);
            let declares =
                |file: &FileId| index.symbols(*file).iter().any(|symbol| symbol.name == self.change.was.name);
            !is_included && is_beside
                || related.contains(&home)
                || is_included && imports::related(index, home).contains(&own)
                || is_included && headers().any(|header| related.contains(&header) && declares(&header))
        })
        .unwrap_or(false)
    }

    /// What `name` from a module means, where the module is named as Python or JavaScript imports it.
    pub(super) fn in_module(&self, from: &From) -> Meaning {
        let import = Import { path: from.path.into(), names: vec![from.name.into()], line: 0 };
        let said = self.with_index(|index, own, home| {
            let files = self.resolved(index, own, &import);
            if files.is_empty() {
                return NOT_KNOWN;
            }
            let is_module = |file: FileId| module_name(index.path(file)) == Some(from.name);
            let is_submodule = |file: FileId| {
                self.imports_by == ImportRules::Python && is_module(file) && path_end(from.path) != from.name
            };
            if !files.contains(&home) {
                return Meaning::Other;
            }
            if is_submodule(home) {
                // The package may re-export the definition of its submodule.
                let package = index.path(home).with_file_name("__init__.py");
                let passes = |wanted: &str| {
                    index.file(&package).is_some_and(|package| {
                        let mut own = index.imports(package).iter();
                        own.any(|import| import.names.iter().any(|name| **name == *wanted))
                    })
                };
                return match passes(from.name) {
                    true => Meaning::Same,
                    // The re-export is already renamed, or the package has always had both names.
                    false if passes(&self.change.is.name) => Meaning::Unsure("a module has the same name"),
                    false => Meaning::Other,
                };
            }
            // `import { Load }` imports an interface and a constant of this name.
            let is_both = self.defines_another();
            match files.iter().any(|&file| is_submodule(file)) {
                true => Meaning::Unsure("a module has the same name"),
                false if is_both => Meaning::Unsure("the module defines something else of this name, too"),
                false => Meaning::Same,
            }
        });
        said.unwrap_or(NOT_KNOWN)
    }

    /// The module that a path before a dot refers to, as Python imports it.
    fn python_module(&self, path: &str) -> Option<String> {
        let first = path.split('.').next()?;
        self.with_index(|index, own, _| {
            self.imports.iter().find_map(|import| {
                let names = |word: &str| import.names.iter().any(|name| **name == *word);
                // `import a.b`; `import a.b as c`; `from a import b`.
                let is_plain =
                    names(first) && (*import.path == *path || import.path.starts_with(&format!("{first}.")));
                if is_plain && *import.path == *path {
                    return Some(path.to_owned());
                }
                if !names(path) {
                    return None;
                }
                let below = match import.path.ends_with('.') {
                    true => format!("{}{path}", import.path),
                    false => format!("{}.{path}", import.path),
                };
                let below_import =
                    Import { path: below.as_str().into(), names: Vec::new(), line: import.line };
                let files = imports::resolve(index, own, &below_import);
                let is_below = files.iter().any(|&file| module_name(index.path(file)) == Some(path));
                let is_alias = || {
                    path_end(&import.path) != path && {
                        let module =
                            Import { path: import.path.clone(), names: Vec::new(), line: import.line };
                        let files = imports::resolve(index, own, &module);
                        // `from a import b`, where `b` is not a module, names a class or the like.
                        let text = format!("import {} as {path}", import.path);
                        self.text.contains(&text) && !files.is_empty()
                    }
                };
                if is_below { Some(below) } else { is_alias().then(|| import.path.to_string()) }
            })
        })
        .flatten()
    }

    /// A leaf of a `use` declaration, or a part of its path.
    fn in_use_tree(&self, named: &Named, name: &str) -> Meaning {
        let line = named.node.start_position().row as u32;
        let first = named.around.iter().find(|node| node.kind() == "use_declaration");
        let first = first.map_or(line, |node| node.start_position().row as u32);
        let is_of_name = |import: &&Import| match self.is_type() {
            true => import.path.split("::").any(|part| part == name),
            false => path_end(&import.path) == name,
        };
        let all = self.imports.iter().filter(is_of_name);
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            all.map(|one| (one.line, &*one.path)).partition(|one| one.0 == first);
        let chosen = if here.is_empty() { elsewhere } else { here };
        let mut meanings: Vec<Meaning> = chosen
            .iter()
            .map(|(_, path)| {
                let end = path.split("::").take_while(|part| *part != name).count() + 1;
                let path: Vec<&str> =
                    path.split("::").take(if self.is_type() { end } else { usize::MAX }).collect();
                self.at_path(&path.join("::"), named)
            })
            .collect();
        meanings.dedup();
        match meanings.as_slice() {
            [one] => *one,
            [] => NOT_KNOWN,
            _ => Meaning::Unsure("one import names several of this name"),
        }
    }

    /// What a path of Rust means whose last name is the old one.
    fn at_path(&self, path: &str, named: &Named) -> Meaning {
        let parts: Vec<&str> = path.split("::").collect();
        let [.., module, name] = parts.as_slice() else { return NOT_KNOWN };
        let is_nested = named.is_in("mod_item");
        if self.is_home && parts.len() == 2 {
            let is_root = self.home_name().is_some_and(|stem| OF_FOLDERS.contains(&stem));
            match *module {
                "self" if !is_nested => return Meaning::Same,
                "super" if is_nested => return Meaning::Same,
                "crate" if is_root => return Meaning::Same,
                _ => {}
            }
        }
        let line = named.node.start_position().row as u32;
        let said = self.with_index(|index, own, home| {
            // The first name may be one that an import binds.
            let import = self.imports.iter().find(|import| {
                named.around.iter().all(|node| node.kind() != "use_declaration")
                    && import.names.iter().any(|known| **known == *parts[0])
                    && !HERE.contains(&parts[0])
            });
            let path = match import {
                Some(import) => format!("{}::{}", import.path, parts[1..].join("::")),
                None => path.to_owned(),
            };
            let resolved = |path: &str| {
                let names = vec![(*name).into()];
                self.resolved(index, own, &Import { path: path.into(), names, line })
            };
            let files = resolved(&path);
            let Some(&first) = files.first() else {
                // The files of a path exclude the document itself.
                return if self.is_home { Meaning::Unsure("it may be another module's") } else { NOT_KNOWN };
            };
            let is_named = |file: FileId, word: &str| module_name(index.path(file)) == Some(word);
            let of_path = path.rsplit("::").nth(1).unwrap_or(module);
            let is_root = |file: FileId| {
                index
                    .path(file)
                    .file_stem()
                    .and_then(|stem| stem.to_str())
                    .is_some_and(|stem| OF_FOLDERS.contains(&stem))
            };
            if is_named(first, name) && of_path != *name {
                // A module has the name; its parent may define it, too.
                let above = index.path(first).parent();
                let is_above = index.path(home).parent() == above && is_root(home);
                let is_passed_on = first == home && passes_on(index, home, name);
                return match is_above || is_passed_on {
                    true => Meaning::Unsure("a module has the same name"),
                    false => Meaning::Other,
                };
            }
            if !files.contains(&home) {
                return Meaning::Other;
            }
            let is_module = HERE.contains(&of_path) || is_named(first, of_path) || is_root(first);
            let is_type = of_path.starts_with(char::is_uppercase);
            match (is_module, is_type) {
                (_, true) => Meaning::Other,
                (true, _) => Meaning::Same,
                _ => Meaning::Unsure("the value in front of it may not be a module"),
            }
        });
        said.unwrap_or(NOT_KNOWN)
    }

    /// The files that an import of the old or the new name leads to. Some of the files in between may be renamed
    /// already, and the index may not be up to date: where none of them has the name itself, its other spelling counts.
    fn resolved(&self, index: &Index, own: FileId, import: &Import) -> Vec<FileId> {
        let files = imports::resolve(index, own, import);
        let home = self.change.home.path.as_deref().and_then(|path| index.file(path));
        let [name] = import.names.as_slice() else { return files };
        let (was, is) = (&self.change.was.name, &self.change.is.name);
        let other = match **name == **was {
            true => is,
            false if **name == **is => was,
            false => return files,
        };
        let has_name = |&file: &FileId| {
            module_name(index.path(file)) == Some(&**name)
                || index.symbols(file).iter().any(|symbol| symbol.name == *name)
        };
        let without = imports::resolve(index, own, &Import { names: Vec::new(), ..import.clone() });
        if home.is_some_and(|home| files.contains(&home)) || files != without || files.iter().any(has_name) {
            return files;
        }
        let path = match import.path.strip_suffix(&**name).filter(|before| before.ends_with("::")) {
            Some(before) => format!("{before}{other}").into(),
            None => import.path.clone(),
        };
        let renamed =
            imports::resolve(index, own, &Import { path, names: vec![other.clone()], line: import.line });
        if home.is_some_and(|home| renamed.contains(&home)) { renamed } else { files }
    }

    fn home_name(&self) -> Option<&str> {
        self.change.home.path.as_deref()?.file_stem()?.to_str()
    }

    /// Queries the index, if it knows the document and the definition's file. The index stays locked meanwhile.
    pub(super) fn with_index<T>(&self, ask: impl FnOnce(&Index, FileId, FileId) -> T) -> Option<T> {
        let index = self.next_edits.workspace.repository.index();
        let own = index.file(self.place.document.path.as_deref()?)?;
        let home = index.file(self.change.home.path.as_deref()?)?;
        Some(ask(&index, own, home))
    }
}

/// Whether a name in an import is part of the module's path.
fn is_module_part(named: &Named) -> bool {
    let mut child = named.node;
    for &parent in named.around.iter().rev() {
        // `use a::load as l` has no path other than the imported name.
        let is_whole = parent.kind() == "use_as_clause";
        if !is_whole && matches!(field(parent, child), Some("path" | "module_name" | "module" | "source")) {
            return true;
        }
        child = parent;
    }
    false
}

/// Whether the parent module of a file re-exports what the file defines under this name.
fn passes_on(index: &Index, file: FileId, name: &str) -> bool {
    let path = index.path(file);
    let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod") => path.parent().and_then(Path::parent),
        _ => path.parent(),
    };
    let above = ["mod.rs", "lib.rs", "main.rs"].iter().filter_map(|root| index.file(&folder?.join(root)));
    let twice = format!("{name}::{name}");
    above.flat_map(|file| index.imports(file)).any(|import| import.path.ends_with(&twice))
}

/// The last name of a path.
fn path_end(path: &str) -> &str {
    path.rsplit(['/', '.', ':']).next().unwrap_or(path)
}

/// The module name of a file.
fn module_name(path: &Path) -> Option<&str> {
    match path.file_stem()?.to_str()? {
        "mod" | "__init__" | "index" => path.parent()?.file_name()?.to_str(),
        stem => Some(stem),
    }
}
