//! What is known of the workspace: which files may be read at all, what they define, use and say.
//!
//! A file goes one way: [`walk`] finds it, [`rules`] let it through, [`facts`] reads it, [`index`] holds it beside all
//! others; [`indexer`] sees to it that it does so again whenever the file changes. Flows read the index and never wait for it: what is not there yet is as if it were not in the workspace.

pub mod changes;
pub mod guidance;
pub mod imports;
pub mod index;
pub mod indexer;
pub mod overview;
pub mod rules;
mod texts;
pub mod walk;

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use self::changes::Changes;
use self::guidance::Guidance;
use self::index::{FileId, Index};
use self::overview::Indexing;
use self::rules::{Excluded, Rules};
use self::texts::TextCache;
use crate::documents::Document;
use crate::files::NoReading;
use crate::{secrets, user_dirs};

/// What is known of the workspace, shared by the flows and by who keeps it up to date. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Repository {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    index: RwLock<Index>,
    background: RwLock<Arc<Background>>,
    indexing: RwLock<Arc<Indexing>>,
    rules: RwLock<Arc<Rules>>,
    texts: TextCache,
}

/// What is known besides the index; replaced as a whole.
#[derive(Debug, Default)]
pub struct Background {
    /// The workspace folders.
    pub roots: Vec<PathBuf>,
    /// What the working trees change.
    pub changes: Changes,
    /// By workspace folder.
    pub guidance: Vec<(PathBuf, Guidance)>,
}

impl Repository {
    /// The index, for as long as the guard is held: a few milliseconds, so that no change waits for long. Its thread reads
    /// no file meanwhile.
    pub fn index(&self) -> IndexGuard<RwLockReadGuard<'_, Index>> {
        // A panic of a writer can have left out a file at the most.
        IndexGuard::new(self.shared.index.read())
    }

    /// The index to change it, for as long as the guard is held: one file's facts, not more, because a keystroke may
    /// be waiting.
    pub fn index_mut(&self) -> IndexGuard<RwLockWriteGuard<'_, Index>> {
        IndexGuard::new(self.shared.index.write())
    }

    /// The text of a file, as the index knows it: that of the editor where the file is open, else that of the disk.
    /// `None` where the index does not know the file, or it has changed since or is gone; the index will know of that
    /// soon. Reads the file, so that nobody may hold the index meanwhile.
    pub fn text(&self, path: &Path) -> Option<Arc<str>> {
        let stamp = {
            let index = self.index();
            let file = index.file(path)?;
            let stamp = index.stamp(file);
            if stamp.modified == 0 {
                // Under the lock: another text of the same length may be put in its place.
                let CachedText::Text(text) = self.shared.texts.cached(path, stamp) else { return None };
                drop(index);
                return self.rules().check(path).ok().map(|()| text);
            }
            stamp
        };
        // The rules may have changed since it was read.
        self.rules().check(path).ok()?;
        self.shared.texts.get(path, stamp)
    }

    /// The same as far as nothing has to be read for it.
    pub fn cached_text(&self, index: &Index, file: FileId) -> CachedText {
        let (path, stamp) = (index.path(file), index.stamp(file));
        match self.rules().known(path) {
            Some(Ok(())) => self.shared.texts.cached(path, stamp),
            Some(Err(_)) => CachedText::Unavailable,
            None => CachedText::Unread,
        }
    }

    /// Whether the text of a document may be in the index.
    ///
    /// # Errors
    /// The bound or the rule of contents by which it may not.
    pub fn may_be_indexed(&self, document: &Document) -> Result<(), Excluded> {
        if document.text.len_bytes() as u64 > rules::FILE_BYTES {
            return Err(Excluded::TooLarge);
        }
        walk::check_text(&document.text.to_string())
    }

    /// Which files may be read and shown.
    pub fn rules(&self) -> Arc<Rules> {
        self.shared.rules.read().clone()
    }

    /// Puts other rules in force, at once for what is shown; what the index holds is put right by [`indexer`].
    pub fn set_rules(&self, rules: Rules) {
        *self.shared.rules.write() = Arc::new(rules);
    }

    /// What the latest walk through the workspace came to.
    pub fn indexing(&self) -> Arc<Indexing> {
        self.shared.indexing.read().clone()
    }

    /// Puts in place what a walk came to.
    pub fn set_indexing(&self, indexing: Indexing) {
        *self.shared.indexing.write() = Arc::new(indexing);
    }

    /// What is known besides.
    pub fn background(&self) -> Arc<Background> {
        self.shared.background.read().clone()
    }

    /// Puts in place what is known besides.
    pub fn set_background(&self, background: Background) {
        *self.shared.background.write() = Arc::new(background);
    }
}

/// What is at hand of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CachedText {
    /// All of it.
    Text(Arc<str>),
    /// It cannot be had, or must not be shown.
    Unavailable,
    /// [`Repository::text`] may have it.
    Unread,
}

/// A lock on the index. Its thread reads no file for as long as it is held.
#[derive(Debug)]
pub struct IndexGuard<G> {
    guard: G,
    _no_reading: NoReading,
}

impl<G> IndexGuard<G> {
    fn new(guard: G) -> IndexGuard<G> {
        IndexGuard { guard, _no_reading: NoReading::begin() }
    }
}

impl<G: Deref> Deref for IndexGuard<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for IndexGuard<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

impl Background {
    /// The guidance for a file: that of the innermost workspace folder around it that has one.
    pub fn guidance(&self, file: &Path) -> Option<&Guidance> {
        let around = self.guidance.iter().filter(|(root, _)| file.starts_with(root));
        around.max_by_key(|(root, _)| root.as_os_str().len()).map(|(_, guidance)| guidance)
    }
}

/// Whether a model may see an open document: what it says, its file, and the client's name for it.
///
/// # Errors
/// The rule that excludes it.
pub fn check_document(rules: &Rules, document: &Document) -> Result<(), Excluded> {
    if document.is_binary() {
        return Err(Excluded::Binary);
    }
    for path in [&document.path, &document.named].into_iter().flatten() {
        rules.check(path)?;
    }
    if document.has_secret() {
        // Rare, so that the line need not be known all the time.
        let found = secrets::in_text(&document.text.to_string());
        return Err(found.map_or(Excluded::Binary, Excluded::SecretText));
    }
    Ok(())
}

/// The folder of the project that a file belongs to: the nearest one above it with a `.git` or settings of its own,
/// else the file's own folder.
pub fn root_of(file: &Path) -> PathBuf {
    let is_root =
        |folder: &&Path| [".git", user_dirs::SETTINGS_FILE].iter().any(|name| folder.join(name).exists());
    let own = file.parent().unwrap_or(Path::new(""));
    own.ancestors().find(is_root).unwrap_or(own).to_owned()
}
