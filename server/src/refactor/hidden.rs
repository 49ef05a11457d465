//! Finds definitions in files that may not be read, so that the users of an unchanged definition are not rewritten. No
//! text read here is shown or sent; secret files are not read at all.

use std::fs;
use std::path::{Path, PathBuf};

use super::names;
use crate::facts;
use crate::files;
use crate::languages::Language;
use crate::repository::rules::{self, Excluded, Rules};
use crate::repository::walk;
use crate::workspace::Workspace;

/// Maximum folder entries to visit.
const ENTRIES: usize = 100_000;
/// A larger file is assumed to be data.
const FILE_BYTES: u64 = 4 << 20;
/// Maximum bytes of all files together.
const BYTES: usize = 64 << 20;

/// A definition in a file that may not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hidden {
    pub(super) path: PathBuf,
    /// Why it may not be read, as a message.
    pub(super) reason: String,
}

/// Where to search for a definition.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) name: &'a str,
    pub(super) container: Option<&'a str>,
    /// Also in ignored files.
    pub(super) ignored: bool,
    pub(super) fits: &'a dyn Fn(&Path, &'static Language) -> bool,
}

/// The first definition, by path, in a file that is not in the index. Reads files, so the caller must not lock the
/// index.
pub(super) fn definition(workspace: &Workspace, search: Search) -> Option<Hidden> {
    let rules = workspace.repository.rules();
    let mut files = unopened(&rules, search);
    {
        let index = workspace.repository.index();
        files.retain(|(path, _)| index.file(path).is_none());
    }
    let mut bytes = 0;
    for (path, language) in files {
        let Ok(files::Text { text, .. }) = files::text(&path, FILE_BYTES) else { continue };
        bytes += text.len();
        if bytes > BYTES {
            return None;
        }
        if !names::speaks_of(&text, search.name) {
            continue;
        }
        let is_defined = if text.len() as u64 > rules::FILE_BYTES {
            // Too large to parse; it may be the definition if no indexed file has one.
            search.ignored
        } else {
            let symbols = facts::read(&path, &text, Some(language), None).symbols;
            let is_of_container =
                |of: Option<&str>| search.container.is_none_or(|container| of == Some(container));
            symbols
                .iter()
                .any(|symbol| *symbol.name == *search.name && is_of_container(symbol.container.as_deref()))
        };
        if is_defined {
            let reason = rules.check_unopened(&path).and_then(|()| walk::read(&path).map(drop)).err();
            let reason = reason.map_or_else(|| "it is not in the index".to_owned(), |why| why.to_string());
            return Some(Hidden { path, reason });
        }
    }
    None
}

/// The files of known languages in the workspace folders, by path. Excludes packages, other working trees, and names
/// that are hidden or secret; does not follow links.
fn unopened(rules: &Rules, search: Search) -> Vec<(PathBuf, &'static Language)> {
    let is_looked_at = |verdict: Result<(), Excluded>| match verdict {
        Ok(()) => true,
        Err(Excluded::Ignored { .. } | Excluded::Generated(_)) => search.ignored,
        Err(_) => false,
    };
    let mut folders = rules.roots().to_vec();
    let (mut found, mut entries) = (Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            entries += 1;
            if entries > ENTRIES {
                break;
            }
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if is_looked_at(rules.check_folder(&path)) {
                    folders.push(path);
                }
                continue;
            }
            let Some(language) = Language::of_path(&path).filter(|_| kind.is_file()) else { continue };
            let is_secret = rules.check_secret(&path).is_err();
            if !is_secret && (search.fits)(&path, language) && is_looked_at(rules.check_unopened(&path)) {
                found.push((path, language));
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}
