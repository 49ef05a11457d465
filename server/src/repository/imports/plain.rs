//! Languages whose imports are paths of files (shell, CSS, HTML), or names of modules that are such paths (Lua).

use super::site::{Site, join};
use crate::facts::Import;
use crate::languages::Language;
use crate::repository::index::FileId;

/// Seen from the own folder, then from those around.
pub(super) fn resolve(site: &Site, import: &Import, language: &Language) -> Vec<FileId> {
    let path = import.path.split(['?', '#']).next().unwrap_or("").trim_start_matches('/');
    if path.is_empty() || path.contains("://") {
        return Vec::new();
    }
    let mut candidates = vec![path.to_owned()];
    if language.id == "lua" {
        let module = path.replace('.', "/");
        candidates.extend([
            format!("{module}.lua"),
            format!("{module}/init.lua"),
            format!("lua/{module}.lua"),
        ]);
        candidates.push(format!("lua/{module}/init.lua"));
    }
    let at = |folder| candidates.iter().find_map(|path| site.file(&join(folder, path)?));
    site.folders().find_map(at).into_iter().collect()
}
