//! The workspace's files: which may be read, and what they define, use and import.
//!
//! The path of a file: [`walk`] finds it, [`rules`] admit it, [`facts`](crate::facts) are read from it, [`index`] stores
//! them; [`indexer`] repeats that whenever the file changes. Flows read the index and never wait for it: a file that is not
//! indexed yet is treated as absent.

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

/// The files of the workspace, shared by the flows and the indexer. Cheap to clone.
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

/// Facts about the workspace that are not in the index; replaced as a whole.
#[derive(Debug, Default)]
pub struct Background {
    /// The workspace folders.
    pub roots: Vec<PathBuf>,
    /// The changes of the working trees.
    pub changes: Changes,
    /// The guidelines of each workspace folder.
    pub guidance: Vec<(PathBuf, Guidance)>,
}

impl Repository {
    /// Locks the index for reading: for a few milliseconds at most, so that no change waits for long. The thread may not
    /// read files while it holds the guard.
    pub fn index(&self) -> IndexGuard<RwLockReadGuard<'_, Index>> {
        // A panic of a writer can lose one file at most.
        IndexGuard::new(self.shared.index.read())
    }

    /// Locks the index for writing: for the facts of one file at most, because a keystroke may be waiting.
    pub fn index_mut(&self) -> IndexGuard<RwLockWriteGuard<'_, Index>> {
        IndexGuard::new(self.shared.index.write())
    }

    /// The indexed text of a file: the editor's text if the file is open, else the text on disk. `None` if the file is not
    /// indexed, or was changed or removed since; the index will be updated soon. Reads the file, so the caller may not hold
    /// the index.
    pub fn text(&self, path: &Path) -> Option<Arc<str>> {
        let stamp = {
            let index = self.index();
            let file = index.file(path)?;
            let stamp = index.stamp(file);
            if stamp.modified == 0 {
                // Under the lock, because another text of the same length may replace it.
                let CachedText::Text(text) = self.shared.texts.cached(path, stamp) else { return None };
                drop(index);
                return self.rules().check(path).ok().map(|()| text);
            }
            stamp
        };
        // The rules may have changed since the file was read.
        self.rules().check(path).ok()?;
        self.shared.texts.get(path, stamp)
    }

    /// The same without reading a file.
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
    /// The bound or the content rule that excludes it.
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

    /// Forgets the rules that an event makes outdated, before the indexer has time for the event.
    pub fn notice(&self, event: &indexer::Event) {
        let is_outdated = match event {
            indexer::Event::Disk(paths) => paths.iter().any(|path| rules::is_ignore_file(path)),
            indexer::Event::Rules => true,
            _ => false,
        };
        if is_outdated {
            self.rules().forget();
        }
    }

    /// Whether an indexed file is as it was indexed, or the index does not hold it.
    pub fn is_current(&self, path: &Path) -> bool {
        let stamp = {
            let index = self.index();
            index.file(path).map(|file| index.stamp(file))
        };
        stamp.is_none_or(|stamp| stamp.modified == 0 || walk::look(path) == Ok(stamp))
    }

    /// Replaces the rules. They apply to prompts at once; [`indexer`] updates the index.
    pub fn set_rules(&self, rules: Rules) {
        *self.shared.rules.write() = Arc::new(rules);
    }

    /// The result of the latest walk through the workspace.
    pub fn indexing(&self) -> Arc<Indexing> {
        self.shared.indexing.read().clone()
    }

    /// Sets the result of a walk.
    pub fn set_indexing(&self, indexing: Indexing) {
        *self.shared.indexing.write() = Arc::new(indexing);
    }

    /// The background.
    pub fn background(&self) -> Arc<Background> {
        self.shared.background.read().clone()
    }

    /// Replaces the background.
    pub fn set_background(&self, background: Background) {
        *self.shared.background.write() = Arc::new(background);
    }
}

/// A text that can be returned without reading a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CachedText {
    /// The text.
    Text(Arc<str>),
    /// It is not available, or must not be shown.
    Unavailable,
    /// [`Repository::text`] may be able to read it.
    Unread,
}

/// A lock on the index. The thread may not read files while it holds the lock.
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
    /// The guidelines for a file: those of the innermost workspace folder around it that has some.
    pub fn guidance(&self, file: &Path) -> Option<&Guidance> {
        let around = self.guidance.iter().filter(|(root, _)| file.starts_with(root));
        around.max_by_key(|(root, _)| root.as_os_str().len()).map(|(_, guidance)| guidance)
    }
}

/// Whether a model may see an open document: checks its text, its file, and the client's name for it. `check` checks a
/// path.
///
/// # Errors
/// The rule that excludes it.
pub fn check_document(
    document: &Document,
    check: impl Fn(&Path) -> Result<(), Excluded>,
) -> Result<(), Excluded> {
    if document.is_binary() {
        return Err(Excluded::Binary);
    }
    for path in [&document.path, &document.named].into_iter().flatten() {
        check(path)?;
    }
    if document.has_secret() {
        // Rare, so the line is computed here.
        let found = secrets::in_text(&document.text.to_string());
        return Err(found.map_or(Excluded::Binary, Excluded::SecretText));
    }
    Ok(())
}

/// The folder of the project that contains a file: the nearest one above it with a `.git` or a settings file,
/// else the file's own folder.
pub fn root_of(file: &Path) -> PathBuf {
    let is_root =
        |folder: &&Path| [".git", user_dirs::SETTINGS_FILE].iter().any(|name| folder.join(name).exists());
    let own = file.parent().unwrap_or(Path::new(""));
    own.ancestors().find(is_root).unwrap_or(own).to_owned()
}
