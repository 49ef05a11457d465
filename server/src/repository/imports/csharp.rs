//! C#: a namespace is in every file that declares it; if no declaration is known, a folder of its name.

use super::site::{Site, join, segments};
use crate::facts::{Import, SymbolKind};
use crate::repository::index::FileId;

/// The number of files of a namespace that count as imported: the nearest.
const MOST_FILES: usize = 64;

pub(super) fn resolve(site: &Site, import: &Import) -> Vec<FileId> {
    let path = import.path.trim_start_matches("global::").trim_start_matches("static ").trim();
    let Some(path) = segments(path, ".") else { return Vec::new() };
    // The last segment may be a type: `using static`, `using Till = Shop.Till`.
    let whole = declared(site, &path);
    if !whole.is_empty() {
        return whole;
    }
    if let Some((class, namespace)) = path.split_last()
        && !namespace.is_empty()
    {
        let mut files = declared(site, namespace);
        files.retain(|&file| site.index.symbols(file).iter().any(|symbol| *symbol.name == **class));
        if !files.is_empty() {
            return files;
        }
    }
    // `Shop.Till.Money` may be in `Shop/Till/Money`, `Shop.Till/Money` or, in a project of that name, `Money`.
    let tails = (0..path.len()).flat_map(|from| [path[from..].join("/"), path[from..].join(".")]);
    let folders = tails
        .flat_map(|tail| site.folders().filter_map(move |folder| join(folder, &tail)).collect::<Vec<_>>());
    let packages = folders.map(|folder| {
        let is_source = |file: &FileId| site.index.path(*file).extension().is_some_and(|end| end == "cs");
        site.index.in_folder(&folder).filter(is_source).take(MOST_FILES).collect::<Vec<_>>()
    });
    let own_namespace = path.first().is_some_and(|first| !matches!(*first, "System" | "Microsoft"));
    packages.into_iter().find(|files| own_namespace && !files.is_empty()).unwrap_or_default()
}

/// The files that declare a namespace, the nearest first.
fn declared(site: &Site, namespace: &[&str]) -> Vec<FileId> {
    let name = namespace.join(".");
    let definitions = site.index.definitions(&name).filter(|found| found.symbol.kind == SymbolKind::Module);
    let mut files: Vec<_> = definitions.map(|found| found.file).collect();
    files.dedup();
    site.sort_by_distance(&mut files);
    files.truncate(MOST_FILES);
    files
}
