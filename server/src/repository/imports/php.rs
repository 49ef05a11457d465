//! PHP: a class is in the file given by `psr-4` of a composer.json, else in the file whose path is most like its
//! namespace; `require` names a file.

use super::site::{Site, join, segments};
use crate::facts::Import;
use crate::facts::Manifest;
use crate::repository::index::FileId;

pub(super) fn resolve(site: &Site, import: &Import) -> Vec<FileId> {
    let path = import.path.trim();
    if path.contains('/') || path.ends_with(".php") {
        return required(site, path).into_iter().collect();
    }
    let path = path.trim_matches('\\');
    // `use Shop\{Till, Stock}` has the namespace as path, and the classes as names.
    let last = path.rsplit('\\').next();
    let members = import.names.iter().filter(|name| last != Some(&**name));
    let found: Vec<_> = members.filter_map(|name| mapped(site, &format!("{path}\\{name}"))).collect();
    if found.is_empty() { class(site, path).into_iter().collect() } else { found }
}

/// `__DIR__ . '/till.php'` arrives as `/till.php`, and means the file's folder.
fn required(site: &Site, path: &str) -> Option<FileId> {
    let path = path.trim_start_matches('/');
    let around = site.folders().find_map(|folder| site.file(&join(folder, path)?));
    around.or_else(|| site.ending_in(&segments(path.trim_start_matches(['.', '/']), "/")?).first().copied())
}

fn class(site: &Site, path: &str) -> Option<FileId> {
    let path = segments(path, "\\").or_else(|| segments(path, "\\\\"))?;
    // The last segment may be a function or a constant.
    let whole = path.len();
    (whole.saturating_sub(1).max(1)..=whole).rev().find_map(|length| {
        let path = &path[..length];
        mapped(site, &path.join("\\")).or_else(|| ending_most_alike(site, path))
    })
}

/// By `psr-4` of the manifests in the parent folders, then of all: the longest prefix of the namespace counts.
fn mapped(site: &Site, class: &str) -> Option<FileId> {
    let manifests = site.manifests_above("composer.json").chain(site.manifests("composer.json"));
    manifests.into_iter().find_map(|(folder, manifest)| {
        let Manifest::Composer { roots } = manifest else { return None };
        let fitting = roots.iter().filter_map(|(namespace, place)| {
            let rest = class.strip_prefix(&**namespace)?;
            Some((rest.strip_prefix('\\').or(namespace.is_empty().then_some(rest))?, place))
        });
        let mut fitting: Vec<_> = fitting.collect();
        fitting.sort_by_key(|(rest, _)| rest.len());
        fitting.into_iter().find_map(|(rest, place)| {
            let place = join(folder, place)?;
            site.file(&join(&place, &format!("{}.php", rest.replace('\\', "/")))?)
        })
    })
}

/// Without a manifest: the file of the class's name with the most, and at least one, folders that match the end of its
/// namespace, ignoring case.
fn ending_most_alike(site: &Site, path: &[&str]) -> Option<FileId> {
    let (class, namespace) = path.split_last()?;
    let mut files = site.ending_in(&[&format!("{class}.php")]);
    let alike = |file: &FileId| {
        let folders = site.index.path(*file).parent().into_iter().flat_map(|folder| folder.iter().rev());
        let pairs = folders.zip(namespace.iter().rev());
        pairs.take_while(|(folder, name)| folder.to_string_lossy().eq_ignore_ascii_case(name)).count()
    };
    files.retain(|file| namespace.is_empty() || alike(file) > 0);
    let most = files.iter().map(alike).max()?;
    files.into_iter().find(|file| alike(file) == most)
}
