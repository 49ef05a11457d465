//! Python: absolute imports from the source roots, relative ones by dots, packages and modules alike.
//!
//! A file's source roots are its parent folders that are not packages, the roots in their manifests, and the usual
//! `src`. Empty `__init__.py` are not in the index, so a folder without one may still be a package.

use std::path::{Path, PathBuf};

use super::site::{Site, join, segments};
use crate::facts::Import;
use crate::facts::Manifest;
use crate::repository::index::FileId;

/// Usual package folders next to a manifest, even if the manifest does not name them.
const USUAL_ROOTS: [&str; 3] = ["src", "lib", "python"];
/// The number of projects in a workspace whose roots are searched.
const MOST_PROJECTS: usize = 64;
/// Modules of the standard library that projects have namesakes of, in a package where they do not shadow it.
const STANDARD: &[&str] = &[
    "abc",
    "ast",
    "asyncio",
    "base64",
    "calendar",
    "cmd",
    "code",
    "codecs",
    "collections",
    "concurrent",
    "copy",
    "csv",
    "ctypes",
    "dataclasses",
    "datetime",
    "decimal",
    "dis",
    "email",
    "enum",
    "errno",
    "filecmp",
    "fractions",
    "ftplib",
    "functools",
    "glob",
    "gzip",
    "hashlib",
    "heapq",
    "html",
    "http",
    "imp",
    "importlib",
    "inspect",
    "io",
    "itertools",
    "json",
    "keyword",
    "locale",
    "logging",
    "math",
    "multiprocessing",
    "numbers",
    "operator",
    "os",
    "parser",
    "pathlib",
    "pickle",
    "platform",
    "pprint",
    "profile",
    "queue",
    "random",
    "re",
    "runpy",
    "sched",
    "secrets",
    "select",
    "selectors",
    "shelve",
    "shutil",
    "signal",
    "site",
    "socket",
    "sqlite3",
    "ssl",
    "stat",
    "statistics",
    "string",
    "struct",
    "subprocess",
    "symbol",
    "symtable",
    "sys",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "token",
    "tokenize",
    "trace",
    "traceback",
    "types",
    "typing",
    "unittest",
    "urllib",
    "uuid",
    "warnings",
    "weakref",
    "xml",
    "zipfile",
];

pub(super) fn resolve(site: &Site, import: &Import) -> Vec<FileId> {
    let module = import.path.trim_start_matches('.');
    let dots = import.path.len() - module.len();
    let path = if module.is_empty() { Some(Vec::new()) } else { segments(module, ".") };
    let Some(path) = path else { return Vec::new() };
    if dots > 0 {
        let base = site.folder.ancestors().nth(dots - 1);
        return base.map_or_else(Vec::new, |base| Found::at(site, base, &path, &import.names).files);
    }
    let is_standard = path.first().is_some_and(|first| STANDARD.contains(first));
    let all = path.len();
    if is_standard && all == 1 {
        return Vec::new();
    }
    let least = if is_standard { 2 } else { 1 };
    let mut best = Found::default();
    for root in roots(site) {
        let found = Found::at(site, &root, &path, &import.names);
        if found.depth >= least && found.depth > best.depth {
            best = found;
        }
        if best.depth >= all {
            return best.files;
        }
    }
    if best.files.is_empty() && all > 1 {
        // A search path that only the project's runner knows.
        let mut file = path.clone();
        let name = format!("{}.py", file[all - 1]);
        file[all - 1] = &name;
        return site.ending_in(&file).into_iter().take(1).collect();
    }
    best.files
}

/// Source roots of absolute imports, the nearest first.
fn roots(site: &Site) -> impl Iterator<Item = PathBuf> {
    let around = site.folders().filter(|folder| site.file(&folder.join("__init__.py")).is_none());
    let manifests = ["pyproject.toml", "setup.cfg", "setup.py"];
    let projects = manifests.into_iter().flat_map(|name| site.index.named(name).take(MOST_PROJECTS));
    let projects = projects.filter_map(|file| site.index.path(file).parent());
    around.chain(projects).flat_map(move |folder| {
        let manifests: Vec<_> = manifests.iter().filter_map(|name| site.file(&folder.join(name))).collect();
        let declared = manifests.iter().filter_map(|&file| site.index.manifest(file));
        let declared = declared.flat_map(|manifest| match manifest {
            Manifest::Python { roots } => &roots[..],
            _ => &[],
        });
        let declared = declared.filter_map(|root| join(folder, root));
        let usual = USUAL_ROOTS.iter().filter(|_| !manifests.is_empty()).map(|root| folder.join(root));
        std::iter::once(folder.to_owned()).chain(declared).chain(usual).collect::<Vec<_>>()
    })
}

/// What an import resolves to from one root.
#[derive(Default)]
struct Found {
    files: Vec<FileId>,
    /// The number of segments that are modules; one more if a name is one too.
    depth: usize,
}

impl Found {
    fn at(site: &Site, root: &Path, path: &[&str], names: &[Box<str>]) -> Found {
        let mut found = Found::default();
        let mut folder = root.to_owned();
        folder.extend(path);
        let modules = names.iter().filter(|name| !name.contains(['/', '\\', '.']));
        let modules: Vec<_> = modules.map(|name| module(site, folder.join(&**name))).collect();
        let whole = (1..=path.len()).rev().find_map(|length| {
            let mut place = root.to_owned();
            place.extend(&path[..length]);
            Some((module(site, place)?, length))
        });
        let whole = whole.or_else(|| Some((package(site, root).filter(|_| path.is_empty())?, 0)));
        // `import a` has the name `a`, as `from a import a` does.
        let is_plain = names.len() == 1 && path.first().is_some_and(|first| **first == *names[0]);
        if modules.iter().any(Option::is_some) {
            found.depth = path.len() + 1;
        }
        let needs_whole = is_plain || modules.is_empty() || modules.iter().any(Option::is_none);
        found.files.extend(modules.into_iter().flatten());
        if let Some((file, length)) = whole.filter(|_| needs_whole) {
            found.files.insert(if is_plain { 0 } else { found.files.len() }, file);
            found.depth = found.depth.max(length);
        }
        found
    }
}

/// The module at a path without its extension.
fn module(site: &Site, place: PathBuf) -> Option<FileId> {
    let with = |end: &str| {
        let mut place = place.clone();
        place.as_mut_os_string().push(end);
        site.file(&place)
    };
    with(".py").or_else(|| package(site, &place)).or_else(|| with(".pyi"))
}

fn package(site: &Site, folder: &Path) -> Option<FileId> {
    site.first(folder, &["__init__.py", "__init__.pyi"])
}
