//! What the n-gram model learns from: the open documents and the files of the workspace, as its sources.

mod files;
mod open;

use std::hash::{Hash, Hasher};
use std::path::Path;

use phi_engine::SourceId;

pub use self::files::FileSources;
pub use self::open::SyncedSources;
use crate::documents::Document;

/// The id of a file as a source. An open document has the same id as its file, so that one replaces the other.
pub fn source_id(path: &Path) -> SourceId {
    named(path)
}

fn source_of(document: &Document) -> SourceId {
    document.path.as_deref().map_or_else(|| named(&document.id), named)
}

fn named(name: impl Hash) -> SourceId {
    let mut hasher = std::hash::DefaultHasher::new();
    name.hash(&mut hasher);
    SourceId(hasher.finish())
}
