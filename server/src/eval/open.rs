//! A deterministic guess which other files are open while a file is edited.

use std::path::Path;
use std::sync::Arc;

use super::corpus::{Corpus, Hole};
use crate::documents::{Document, DocumentId};
use crate::repository::imports;
use crate::repository::index::Index;

/// The number of other open files.
const OPEN: usize = 4;

/// The files that a file imports, the nearest first, then its neighbours in its folder, the nearest by name first.
pub fn beside(corpus: &Corpus, index: &Index, hole: &Hole) -> Vec<Arc<Document>> {
    let path = &corpus.files[hole.file].path;
    let Some(own) = index.file(path) else { return Vec::new() };
    let mut files = Vec::new();
    let imported = index.imports(own).iter().flat_map(|import| imports::resolve(index, own, import));
    for file in imported {
        if file != own && !files.contains(&file) {
            files.push(file);
        }
    }
    files.sort_by_key(|&file| steps(path, index.path(file)));
    let mut neighbours: Vec<_> =
        path.parent().into_iter().flat_map(|folder| index.in_folder(folder)).collect();
    neighbours.sort_by_key(|&file| index.path(file));
    let place = neighbours.iter().position(|&file| file == own).unwrap_or(0);
    let mut by_distance: Vec<_> = neighbours.into_iter().enumerate().collect();
    by_distance.sort_by_key(|&(at, _)| at.abs_diff(place));
    for (_, file) in by_distance {
        if file != own && !files.contains(&file) {
            files.push(file);
        }
    }
    let open = |file| {
        let (path, text) = (index.path(file), corpus.text(index, file)?);
        let id = DocumentId(path.to_string_lossy().into());
        Some(Arc::new(Document::open(id, Some(path.to_owned()), "", 1, &text)))
    };
    files.into_iter().filter_map(open).take(OPEN).collect()
}

/// Folders to leave and to enter on the way from one file to another.
fn steps(from: &Path, to: &Path) -> usize {
    let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    from.iter().count() + to.iter().count() - 2 * common
}
