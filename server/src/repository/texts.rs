//! A cache of the texts of indexed files: those of open documents as they were indexed, and the most recently read ones,
//! within a bound.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;

use super::index::Stamp;
use super::{CachedText, walk};

/// The bound on the texts of files that are not open, in bytes.
const BYTES: usize = 16 << 20;

/// The cache.
#[derive(Debug, Default)]
pub(super) struct TextCache {
    entries: Mutex<CacheEntries>,
}

#[derive(Debug, Default)]
struct CacheEntries {
    /// The indexed texts of open documents.
    open: FxHashMap<PathBuf, Arc<str>>,
    read: FxHashMap<PathBuf, (Stamp, Arc<str>)>,
    /// The paths of `read` in the order of insertion.
    order: VecDeque<PathBuf>,
    bytes: usize,
}

impl TextCache {
    /// The text of a file in this version.
    pub(super) fn get(&self, path: &Path, stamp: Stamp) -> Option<Arc<str>> {
        if stamp.modified == 0 {
            return self.entries().open.get(path).filter(|text| text.len() as u64 == stamp.bytes).cloned();
        }
        if walk::look(path) != Ok(stamp) {
            return None;
        }
        if let Some((_, text)) = self.entries().read.get(path).filter(|(known, _)| *known == stamp) {
            return Some(text.clone());
        }
        let (read, text) = walk::read(path).ok()?;
        if read != stamp {
            return None;
        }
        let text: Arc<str> = text.into();
        self.entries().keep(path, stamp, text.clone());
        Some(text)
    }

    /// The same without reading the disk: the cached text of this version. The file may have changed since.
    pub(super) fn cached(&self, path: &Path, stamp: Stamp) -> CachedText {
        let entries = self.entries();
        let is_open = stamp.modified == 0;
        let text = match is_open {
            true => entries.open.get(path).filter(|text| text.len() as u64 == stamp.bytes),
            false => entries.read.get(path).filter(|(known, _)| *known == stamp).map(|(_, text)| text),
        };
        match text {
            Some(text) => CachedText::Text(text.clone()),
            None if is_open => CachedText::Unavailable,
            None => CachedText::Unread,
        }
    }

    /// Sets the indexed text of an open document; `None` if it was closed.
    pub(super) fn set_open(&self, path: &Path, text: Option<Arc<str>>) {
        let mut entries = self.entries();
        match text {
            Some(text) => drop(entries.open.insert(path.to_owned(), text)),
            None => drop(entries.open.remove(path)),
        }
    }

    // A panic of a holder can lose one text at most.
    fn entries(&self) -> MutexGuard<'_, CacheEntries> {
        self.entries.lock()
    }
}

impl CacheEntries {
    fn keep(&mut self, path: &Path, stamp: Stamp, text: Arc<str>) {
        self.bytes += text.len();
        match self.read.insert(path.to_owned(), (stamp, text)) {
            Some((_, old)) => self.bytes -= old.len(),
            None => self.order.push_back(path.to_owned()),
        }
        while self.bytes > BYTES
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some((_, text)) = self.read.remove(&oldest) {
                self.bytes -= text.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_that_of_the_stamp_or_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.rs");
        std::fs::write(&path, "fn a() {}\n").expect("written");
        let texts = TextCache::default();
        let stamp = walk::look(&path).expect("a file");
        assert_eq!(texts.get(&path, stamp).as_deref(), Some("fn a() {}\n"));
        assert_eq!(texts.get(&path, Stamp { bytes: 9, ..stamp }), None, "another state");
        std::fs::write(&path, "fn longer() {}\n").expect("written");
        assert_eq!(texts.get(&path, stamp), None, "changed since");
        let open = Stamp { modified: 0, bytes: 4 };
        assert_eq!(texts.get(&path, open), None);
        texts.set_open(&path, Some("text".into()));
        assert_eq!(texts.get(&path, open).as_deref(), Some("text"));
        texts.set_open(&path, None);
        assert_eq!(texts.get(&path, open), None);
    }

    #[test]
    fn memory_is_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let texts = TextCache::default();
        let text = "a line of text that is read again and again\n".repeat(10_000);
        for number in 0..60 {
            let path = folder.path().join(format!("{number}.rs"));
            std::fs::write(&path, &text).expect("written");
            assert!(texts.get(&path, walk::look(&path).expect("a file")).is_some());
        }
        let entries = texts.entries();
        assert!(entries.bytes <= BYTES && entries.read.len() == entries.order.len());
        assert_eq!(entries.bytes, entries.read.values().map(|(_, text)| text.len()).sum::<usize>());
    }
}
