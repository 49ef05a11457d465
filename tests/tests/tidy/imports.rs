//! Imports point downwards only: no two modules of a crate import each other, directly or through others.
//!
//! Modules are compared with their siblings: `complete` with `context`, `context::rank` with `context::window`. A module and
//! its own submodules may use each other. Code under `#[cfg(test)]` does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

use crate::{read, rust_files};

/// A module's path below the crate's root.
type Module = Vec<String>;

/// Which siblings a module imports, each with an example of how.
type Imports = BTreeMap<Module, BTreeMap<Module, String>>;

#[test]
fn imports_point_downwards_only() {
    let mut cycles = Vec::new();
    for root in ["server/src", "engine/src"] {
        let imports = imports(Path::new(root));
        assert!(imports.len() > 15, "{root}: only {} modules import others", imports.len());
        cycles.extend(cycle_of_each_parent(&imports).into_iter().map(|cycle| format!("{root}: {cycle}")));
    }
    assert!(cycles.is_empty(), "modules import each other:\n{}", cycles.join("\n"));
}

#[test]
fn a_cycle_is_found_and_named() {
    let modules = ["a", "b", "c", "c::d", "c::e"];
    let files = [
        ("a", "use crate::{b::{self, X}, other};"),
        ("b", "fn f() { log!(\"{}\", crate::c::d::Y) }"),
        ("c", "use self::d::Z; fn g() -> super::a::W { d::h() }"),
        ("c::d", "#[cfg(test)] mod tests { use crate::c::e; } use super::g;"),
        ("c::e", "use super::d;"),
    ];
    let modules: BTreeSet<Module> = modules.iter().map(|module| module_named(module)).collect();
    let mut imports = Imports::new();
    for (name, code) in files {
        let file = syn::parse_file(code).expect("the code parses");
        add_imports(&mut imports, &modules, &module_named(name), &file, name);
    }
    let cycles = cycle_of_each_parent(&imports);
    let [cycle] = &cycles[..] else { panic!("{cycles:?}") };
    assert_eq!(cycle, "a -> b (a: crate::b) -> c (b: crate::c::d::Y) -> a (c: super::a::W)");
}

fn module_named(name: &str) -> Module {
    name.split("::").map(str::to_owned).collect()
}

/// All imports of siblings in the crate whose sources are in `root`.
fn imports(root: &Path) -> Imports {
    let files: Vec<_> = rust_files()
        .filter_map(|(path, _)| {
            let below = path.strip_prefix(root).ok()?.with_extension("");
            let mut module: Module = below
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .filter(|part| part != "mod")
                .collect();
            if matches!(module.last().map(String::as_str), Some("lib" | "main")) {
                module.pop();
            }
            (!module.iter().any(|part| part == "tests")).then_some((module, path))
        })
        .collect();
    let modules: BTreeSet<Module> = files.iter().map(|(module, _)| module.clone()).collect();
    let mut imports = Imports::new();
    for (module, path) in &files {
        let file = syn::parse_file(&read(path)).expect("the compiler has parsed it");
        add_imports(&mut imports, &modules, module, &file, &path.display().to_string());
    }
    imports
}

fn add_imports(
    imports: &mut Imports,
    modules: &BTreeSet<Module>,
    own: &Module,
    file: &syn::File,
    name: &str,
) {
    let mut paths = Paths::default();
    paths.visit_file(file);
    for path in paths.0 {
        let Some(other) = resolve(modules, own, &path) else { continue };
        let common = own.iter().zip(&other).take_while(|(one, other)| one == other).count();
        // A module and its submodules may use each other.
        if common < own.len() && common < other.len() {
            let example = format!("{name}: {}", path.join("::"));
            let (one, other) = (own[..=common].to_vec(), other[..=common].to_vec());
            imports.entry(one).or_default().entry(other).or_insert(example);
        }
    }
}

/// The module that a path leads to, or that holds the item that it leads to; `None` for a path into another crate.
fn resolve(modules: &BTreeSet<Module>, own: &Module, path: &[String]) -> Option<Module> {
    let mut base: Module = match path[0].as_str() {
        "crate" => Vec::new(),
        "super" | "self" => own.clone(),
        first => {
            let child = [own.as_slice(), &[first.to_owned()]].concat();
            return modules.contains(&child).then_some(child);
        }
    };
    let supers = path.iter().filter(|segment| *segment == "super").count();
    base.truncate(base.len().checked_sub(supers)?);
    for segment in path.iter().filter(|segment| !["crate", "super", "self"].contains(&segment.as_str())) {
        base.push(segment.clone());
        if !modules.contains(&base) {
            base.pop();
            break;
        }
    }
    Some(base)
}

/// The paths that a file uses, outside of tests.
#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl Visit<'_> for Paths {
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.add_tree(&item.tree, &mut Vec::new());
        }
    }

    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &syn::ItemFn) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            syn::visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &syn::Macro) {
        self.add_tokens(invocation.tokens.clone());
        syn::visit::visit_macro(self, invocation);
    }
}

impl Paths {
    fn add_tree(&mut self, tree: &syn::UseTree, before: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add_tree(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(tree, before)),
            syn::UseTree::Name(name) => self.add_use(before, Some(&name.ident)),
            syn::UseTree::Rename(rename) => self.add_use(before, Some(&rename.ident)),
            syn::UseTree::Glob(_) => self.add_use(before, None),
        }
    }

    fn add_use(&mut self, before: &[String], name: Option<&syn::Ident>) {
        let name = name.map(ToString::to_string).filter(|name| name != "self");
        let path: Vec<String> = before.iter().cloned().chain(name).collect();
        if !path.is_empty() {
            self.0.push(path);
        }
    }

    /// The paths in a macro's arguments: names with `::` in between.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.add_use(&std::mem::take(&mut path), None);
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                other => {
                    self.add_use(&std::mem::take(&mut path), None);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(group.stream());
                    }
                }
            }
        }
        self.add_use(&path, None);
    }
}

/// Whether what has these attributes is part of tests.
pub fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg_test =
            |list: &syn::MetaList| list.path.is_ident("cfg") && list.tokens.to_string().contains("test");
        attribute.path().is_ident("test") || attribute.meta.require_list().is_ok_and(is_cfg_test)
    })
}

/// A shortest cycle among the submodules of each module that has one.
fn cycle_of_each_parent(imports: &Imports) -> Vec<String> {
    let mut cycles: BTreeMap<&[String], Vec<&Module>> = BTreeMap::new();
    for module in imports.keys() {
        let Some(cycle) = cycle_through(imports, module) else { continue };
        let parent = &module[..module.len() - 1];
        if cycles.get(parent).is_none_or(|known| cycle.len() < known.len()) {
            cycles.insert(parent, cycle);
        }
    }
    let described = |cycle: &Vec<&Module>| {
        let steps = cycle
            .windows(2)
            .map(|step| format!(" -> {} ({})", step[1].join("::"), imports[step[0]][step[1]]));
        format!("{}{}", cycle[0].join("::"), steps.collect::<String>())
    };
    cycles.values().map(described).collect()
}

/// A shortest path from a module back to itself, both ends included.
fn cycle_through<'a>(imports: &'a Imports, start: &'a Module) -> Option<Vec<&'a Module>> {
    let mut came_from: BTreeMap<&Module, &Module> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(module) = queue.pop_front() {
        for other in imports.get(module).into_iter().flat_map(BTreeMap::keys) {
            if other == start {
                let mut path = vec![start, module];
                let mut at = module;
                while at != start {
                    at = came_from[at];
                    path.push(at);
                }
                if module == start {
                    path.pop();
                }
                path.reverse();
                return Some(path);
            }
            if !came_from.contains_key(other) {
                came_from.insert(other, module);
                queue.push_back(other);
            }
        }
    }
    None
}
