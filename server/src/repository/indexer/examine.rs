//! Reads one path of the workspace, and decides whether it has changed.

use std::hash::Hasher;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustc_hash::FxHasher;

use crate::documents::Document;
use crate::facts::{self, Facts};
use crate::languages::Language;
use crate::repository::check_document;
use crate::repository::index::Stamp;
use crate::repository::rules::{Excluded, FILE_BYTES, Rules};
use crate::repository::walk;

/// A file that changed less than this before it was read may change again with the same stamp.
const RACY_NANOSECONDS: u64 = 2_000_000_000;

/// A path that may have changed.
#[derive(Debug)]
pub(super) struct DirtyPath {
    pub path: PathBuf,
    reason: DirtyReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DirtyReason {
    /// There was an event.
    Event,
    /// A walk found this version.
    Found(Stamp),
    /// It was known, and a walk did not find it.
    Missed,
}

/// The source of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The file.
    Disk,
    /// The open document.
    Editor,
}

/// The last known state of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileState {
    pub origin: Origin,
    pub stamp: Stamp,
    /// The hash of the text; 0 if it was not read.
    hash: u64,
    is_racy: bool,
    /// Why its text is not in the index.
    pub excluded: Option<Excluded>,
    /// Whether the listener has got its text.
    pub is_sent: bool,
}

/// The new state of a path.
pub(super) struct Examined {
    pub known: FileState,
    pub facts: Option<Facts>,
    pub text: Option<Arc<str>>,
}

impl DirtyPath {
    pub(super) fn event(path: PathBuf) -> DirtyPath {
        DirtyPath { path, reason: DirtyReason::Event }
    }

    pub(super) fn found(path: PathBuf, stamp: Stamp) -> DirtyPath {
        DirtyPath { path, reason: DirtyReason::Found(stamp) }
    }

    pub(super) fn missed(path: PathBuf) -> DirtyPath {
        DirtyPath { path, reason: DirtyReason::Missed }
    }

    /// Merges two reasons for the same path: a path that was found is not missed.
    pub(super) fn or(&mut self, other: &DirtyPath) {
        if self.reason == DirtyReason::Missed {
            self.reason = other.reason;
        }
    }
}

impl FileState {
    /// The state of a file in an index that was saved at `saved` (nanoseconds since 1970).
    pub(super) fn saved(stamp: Stamp, saved: u64) -> FileState {
        let is_racy = saved.saturating_sub(stamp.modified) < RACY_NANOSECONDS;
        FileState { origin: Origin::Disk, stamp, hash: 0, is_racy, excluded: None, is_sent: false }
    }

    fn without(origin: Origin, reason: Excluded) -> FileState {
        let stamp = Stamp::default();
        FileState { origin, stamp, hash: 0, is_racy: true, excluded: Some(reason), is_sent: false }
    }

    /// Whether a walk found exactly this version.
    pub(super) fn is(&self, dirty: &DirtyPath) -> bool {
        self.origin == Origin::Disk && !self.is_racy && dirty.reason == DirtyReason::Found(self.stamp)
    }

    /// Whether there is no file, or one that is excluded by its name.
    pub(super) fn is_gone(&self) -> bool {
        self.excluded.as_ref().is_some_and(|reason| {
            !matches!(
                reason,
                Excluded::SecretText(_)
                    | Excluded::Minified
                    | Excluded::TooLarge
                    | Excluded::Binary
                    | Excluded::NotUtf8
                    | Excluded::Empty
            ) && !matches!(reason, Excluded::Unreadable(kind) if *kind != std::io::ErrorKind::NotFound)
        })
    }
}

impl Examined {
    fn excluded(origin: Origin, reason: Excluded) -> Examined {
        Examined { known: FileState::without(origin, reason), facts: None, text: None }
    }

    /// The same path, excluded because the index is full.
    pub(super) fn over_bounds(self) -> Examined {
        Examined::excluded(self.known.origin, Excluded::OverBounds("number of files"))
    }
}

/// Reads a path. `None` if nothing has changed.
pub(super) fn examine(
    rules: &Rules,
    dirty: &DirtyPath,
    document: Option<&Document>,
    before: Option<&FileState>,
) -> Option<Examined> {
    let looked = catch_unwind(AssertUnwindSafe(|| match document {
        Some(document) => in_editor(rules, &dirty.path, document, before),
        None => on_disk(rules, dirty, before),
    }));
    let origin = if document.is_some() { Origin::Editor } else { Origin::Disk };
    let news = match looked {
        Ok(Ok(news)) => news?,
        Ok(Err(reason)) => Examined::excluded(origin, reason),
        Err(_) => {
            tracing::error!(
                "{}: reading the file failed; see the message above. It is not indexed",
                dirty.path.display()
            );
            Examined::excluded(origin, Excluded::Unreadable(std::io::ErrorKind::Other))
        }
    };
    let is_new = before.is_none_or(|before| {
        before.excluded != news.known.excluded || before.origin != origin || news.facts.is_some()
    });
    (is_new && !(before.is_none() && news.known.is_gone())).then_some(news)
}

fn in_editor(
    rules: &Rules,
    path: &Path,
    document: &Document,
    before: Option<&FileState>,
) -> Result<Option<Examined>, Excluded> {
    check_document(document, |path| rules.check(path))?;
    if document.text.len_bytes() as u64 > FILE_BYTES {
        return Err(Excluded::TooLarge);
    }
    let text = String::from(&document.text);
    let hash = hash(&text);
    if before.is_some_and(|before| before.origin == Origin::Editor && before.hash == hash) {
        return Ok(None);
    }
    walk::check_text(&text)?;
    let facts = facts::read(path, &text, document.language, document.tree());
    let stamp = Stamp { modified: 0, bytes: text.len() as u64 };
    let known =
        FileState { origin: Origin::Editor, stamp, hash, is_racy: false, excluded: None, is_sent: false };
    Ok(Some(Examined { known, facts: Some(facts), text: Some(text.into()) }))
}

fn on_disk(
    rules: &Rules,
    dirty: &DirtyPath,
    before: Option<&FileState>,
) -> Result<Option<Examined>, Excluded> {
    let path = &dirty.path;
    match dirty.reason {
        // The walk has checked the rules already.
        DirtyReason::Found(_) => {}
        DirtyReason::Missed => return Err(Excluded::Unreadable(std::io::ErrorKind::NotFound)),
        DirtyReason::Event => {
            if !rules.roots().iter().any(|root| path.starts_with(root)) {
                return Err(Excluded::OverBounds("outside of the workspace"));
            }
            walk::look(path)?;
            rules.check_unopened(path)?;
            // Behind a link it is another file, which has its own path. Walks do not follow links either.
            if rules.identity(path) != *path {
                return Err(Excluded::Special);
            }
        }
    }
    let (stamp, text) = walk::read(path)?;
    rules.check_twin(path)?;
    let hash = hash(&text);
    let same =
        |before: &FileState| before.origin == Origin::Disk && before.hash == hash && before.stamp == stamp;
    if before.is_some_and(same) {
        return Ok(None);
    }
    let language =
        Language::of_path(path).or_else(|| Language::of_shebang(text.lines().next().unwrap_or_default()));
    let facts = facts::read(path, &text, language, None);
    let known = FileState {
        origin: Origin::Disk,
        stamp,
        hash,
        is_racy: is_racy(stamp),
        excluded: None,
        is_sent: false,
    };
    Ok(Some(Examined { known, facts: Some(facts), text: Some(text.into()) }))
}

/// Never 0.
fn hash(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish() | 1
}

fn is_racy(stamp: Stamp) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX).saturating_sub(stamp.modified) < RACY_NANOSECONDS
}
