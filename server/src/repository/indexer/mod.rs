//! Keeps the index up to date. All updates of the index go through the indexer.
//!
//! An event names only the path that may have changed. Its current text is looked up when the event is processed, in the
//! open documents first and on disk otherwise, so the order of events and duplicates do not matter. [`Indexer::handle`]
//! records an event, [`Indexer::settle`] does the work, and neither waits: timing is up to [`run`], on its own thread.
//!
//! Files are read on low-priority threads; the index is locked for one file at a time, so that a keystroke waits for one
//! file at most.

mod examine;
mod keep;
pub mod run;
#[cfg(test)]
mod tests;
mod watch;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use rustc_hash::FxHashMap;

use self::examine::{DirtyPath, Examined, FileState, Origin, examine};
use self::workers::{in_order, pool};
use super::Repository;
use super::index::Index;
use super::overview::{Indexing, Times};
use super::rules::{Exclusions, is_ignore_file};
use super::walk::{self, Bounds, FoundFile};
use crate::documents::{Document, Documents};
use crate::messages;

/// A change that the indexer must process.
#[derive(Debug)]
pub enum Event {
    /// The document of this file was opened, changed or closed.
    Document(PathBuf),
    /// These files and folders were created, saved, renamed or deleted.
    Disk(Vec<PathBuf>),
    /// Anything may have changed: events were lost, or another branch was checked out.
    Rescan,
    /// [`Repository::rules`] were replaced: other settings, other workspace folders.
    Rules,
    /// Start to watch the disk.
    Watch {
        /// Watch all folders of the workspace; else only for the checkout of another branch, because the client reports
        /// the rest.
        files: bool,
    },
    /// Update and save the index now; the sender of the event waits until this is dropped.
    Save(mpsc::SyncSender<()>),
}

/// With more changed paths, one walk is cheaper than checking each.
const DIRTY: usize = 8192;
/// Files between two progress reports.
const REPORT: usize = 64;
/// The most bytes that the indexer reads, all files together: the memory of the index is a few times that.
pub const INDEX_BYTES: u64 = 192 << 20;

/// Callbacks of the indexer.
pub struct IndexListener {
    /// Gets the text of a file that is not open; `None` if it was removed. Returns whether it wants the texts of unchanged
    /// files, too.
    pub text: Box<Text>,
    /// Gets the number of files done and in total, if there are many; `None` at the end.
    pub progress: Box<Progress>,
}

/// See [`IndexListener::text`].
pub type Text = dyn FnMut(&Path, Option<Arc<str>>) -> bool + Send;
/// See [`IndexListener::progress`].
pub type Progress = dyn FnMut(Option<(usize, usize)>) + Send;

impl IndexListener {
    /// A listener that ignores everything.
    pub fn none() -> IndexListener {
        IndexListener { text: Box::new(|_, _| false), progress: Box::new(|_| {}) }
    }
}

/// Keeps the index of a repository up to date.
pub struct Indexer {
    repository: Repository,
    /// Weak: when the documents are dropped, all work ends.
    documents: Weak<Documents>,
    listener: IndexListener,
    bounds: Bounds,
    pool: rayon::ThreadPool,
    /// The state of each path that was read.
    known: BTreeMap<PathBuf, FileState>,
    /// The number of them that are in the index.
    indexed: usize,
    /// The folders of the workspace.
    folders: BTreeSet<PathBuf>,
    /// What the latest walk excluded.
    left_out: Exclusions,
    is_cut: bool,
    times: Times,
    dirty: BTreeSet<PathBuf>,
    typed: BTreeSet<PathBuf>,
    rescan: bool,
    /// The folder of saved indexes.
    indexes: Option<PathBuf>,
    is_unsaved: bool,
    /// The thread that runs git.
    refreshing: Option<JoinHandle<()>>,
}

impl Indexer {
    /// A new indexer, which reads at most `max_files`.
    pub fn new(
        repository: Repository,
        documents: &Arc<Documents>,
        max_files: usize,
        listener: IndexListener,
    ) -> Indexer {
        Indexer {
            repository,
            documents: Arc::downgrade(documents),
            listener,
            bounds: Bounds { files: max_files, bytes: INDEX_BYTES },
            pool: pool(),
            known: BTreeMap::new(),
            indexed: 0,
            folders: BTreeSet::new(),
            left_out: Exclusions::default(),
            is_cut: false,
            times: Times::default(),
            dirty: BTreeSet::new(),
            typed: BTreeSet::new(),
            rescan: true,
            indexes: None,
            is_unsaved: false,
            refreshing: None,
        }
    }

    /// Saves the index in this folder.
    pub fn kept_in(self, indexes: Option<PathBuf>) -> Indexer {
        Indexer { indexes, ..self }
    }

    /// Records an event.
    pub fn handle(&mut self, event: Event) {
        match event {
            Event::Document(path) => drop(self.typed.insert(path)),
            Event::Disk(paths) => {
                let rules = self.repository.rules();
                rules.forget_links();
                for path in paths {
                    let identity = rules.identity(&path);
                    if identity != path {
                        // It may have become a link: what was known below it is gone.
                        let below: Vec<PathBuf> = self.known_below(&path).collect();
                        self.dirty.extend(below);
                    }
                    self.dirty.insert(identity);
                }
            }
            Event::Rescan | Event::Rules => self.rescan = true,
            Event::Watch { .. } | Event::Save(_) => {}
        }
        if self.dirty.len() > DIRTY {
            self.rescan = true;
        }
    }

    /// Processes all events: afterwards the index equals a fresh one, for all paths with events.
    pub fn settle(&mut self) {
        self.settle_disk();
        self.settle_typed();
        (self.listener.progress)(None);
    }

    /// Loads the saved index, and updates it.
    pub fn start(&mut self) {
        let started = Instant::now();
        self.refresh_background();
        self.load();
        self.times.load = started.elapsed();
        let loaded = self.known.len();
        self.settle_disk();
        self.settle_typed();
        let files = self.indexed;
        tracing::info!(
            "{} indexed after {:.1?}, {loaded} of them loaded from disk",
            messages::counted(files, "file"),
            started.elapsed()
        );
        self.save();
        self.send_unchanged();
        // A caller that waits for the index needs the guidelines and changes, too.
        if let Some(refreshing) = self.refreshing.take() {
            let _ = refreshing.join();
        }
        (self.listener.progress)(None);
    }

    /// Resets the index after a panic, which may have left it inconsistent: the next walk reads everything.
    fn reset(&mut self) {
        *self.repository.index_mut() = Index::default();
        self.known.clear();
        self.indexed = 0;
        self.is_unsaved = false;
        self.rescan = true;
        (self.listener.progress)(None);
    }

    /// The excluded files, by rule.
    pub fn exclusions(&self) -> Exclusions {
        let mut all = self.left_out.clone();
        for (path, known) in &self.known {
            if let Some(reason) = &known.excluded {
                all.add(path, reason);
            }
        }
        all
    }

    fn settle_typed(&mut self) {
        let typed = std::mem::take(&mut self.typed);
        self.read(typed.into_iter().map(DirtyPath::event).collect());
    }

    fn settle_disk(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        let git = |path: &PathBuf| path.iter().any(|name| name == ".git");
        // A new or changed `HEAD` means another branch, or another working tree.
        let is_head = |path: &PathBuf| git(path) && path.ends_with("HEAD");
        if dirty.iter().any(|path| is_ignore_file(path) || is_head(path)) {
            self.repository.rules().forget();
            self.rescan = true;
        }
        // A file with an event is read even if its stamp is unchanged: two changes may happen within one tick of the file
        // system's clock.
        let mut due: BTreeMap<PathBuf, DirtyPath> = BTreeMap::new();
        for path in dirty.into_iter().filter(|path| !git(path)) {
            if !self.rescan && path.is_dir() && !path.is_symlink() {
                self.walk_folder(&path, &mut due);
            }
            for known in self.known_below(&path) {
                due.entry(known.clone()).or_insert(DirtyPath::event(known));
            }
            if !path.exists() {
                self.folders.retain(|folder| !folder.starts_with(&path));
            }
            due.insert(path.clone(), DirtyPath::event(path));
        }
        if std::mem::take(&mut self.rescan) {
            let started = Instant::now();
            self.walk_all(&mut due);
            self.times.walk = started.elapsed();
        }
        let started = Instant::now();
        self.read(due.into_values().collect());
        self.times.read = started.elapsed();
        self.publish();
    }

    /// Publishes the result of the latest walk.
    fn publish(&self) {
        let (excluded, is_cut, times) = (self.exclusions(), self.is_cut, self.times);
        self.repository.set_indexing(Indexing { excluded, is_cut, times });
    }

    /// Walks the workspace; known files that it does not find are checked, too.
    fn walk_all(&mut self, dirty: &mut BTreeMap<PathBuf, DirtyPath>) {
        let rules = self.repository.rules();
        let walked = self.walk(rules.roots());
        if self.is_abandoned() {
            return;
        }
        for path in self.known.keys() {
            dirty.entry(path.clone()).or_insert_with(|| DirtyPath::missed(path.clone()));
        }
        for document in self.open().into_keys() {
            dirty.entry(document.clone()).or_insert(DirtyPath::event(document));
        }
        for FoundFile { path, stamp } in walked.files {
            let found = DirtyPath::found(path.clone(), stamp);
            dirty.entry(path).and_modify(|dirty| dirty.or(&found)).or_insert(found);
        }
        self.folders = walked.folders.into_iter().collect();
        self.left_out = walked.excluded;
        if walked.is_cut && !self.is_cut {
            let bound = self.bounds.files;
            tracing::warn!(
                "the workspace exceeds the limits (`repository.maxFiles` is {bound}); the deepest files are not indexed"
            );
        }
        self.is_cut = walked.is_cut;
    }

    fn walk_folder(&mut self, folder: &Path, dirty: &mut BTreeMap<PathBuf, DirtyPath>) {
        let rules = self.repository.rules();
        if !rules.roots().iter().any(|root| folder.starts_with(root)) {
            return;
        }
        let walked = self.walk(&[folder.to_owned()]);
        self.folders.extend(walked.folders);
        for FoundFile { path, stamp } in walked.files {
            dirty.entry(path.clone()).or_insert(DirtyPath::found(path, stamp));
        }
    }

    fn walk(&self, tops: &[PathBuf]) -> walk::Walked {
        let rules = self.repository.rules();
        let (bounds, documents) = (self.bounds, self.documents.clone());
        let tops = if bounds.files == 0 { &[] } else { tops };
        self.pool.install(move || walk::walk(&rules, tops, bounds, &|| documents.strong_count() == 0))
    }

    /// Reads these paths and updates the index, in the given order: the n-gram model's suggestions depend on the order of
    /// its sources.
    fn read(&mut self, dirty: Vec<DirtyPath>) {
        let (open, rules) = (self.open(), self.repository.rules());
        let known = std::mem::take(&mut self.known);
        let is_due = |dirty: &DirtyPath| {
            open.contains_key(&dirty.path) || !known.get(&dirty.path).is_some_and(|known| known.is(dirty))
        };
        let due: Vec<_> = dirty.into_iter().filter(is_due).collect();
        let mut indexed = self.indexed;
        let mut changes = Vec::new();
        let (repository, listener, most) = (&self.repository, &mut self.listener, self.bounds.files);
        let examine = |place: &DirtyPath| {
            // If the documents were dropped, the rest is skipped.
            (self.documents.strong_count() > 0)
                .then(|| {
                    examine(
                        &rules,
                        place,
                        open.get(&place.path).map(|document| &**document),
                        known.get(&place.path),
                    )
                })
                .flatten()
        };
        in_order(&self.pool, &due, examine, |done, place, news| {
            if due.len() > REPORT && done % REPORT == 0 {
                (listener.progress)(Some((done, due.len())));
            }
            let Some(news) = news else { return };
            let before = known.get(&place.path);
            let was_indexed = before.is_some_and(|before| before.excluded.is_none());
            let fits = was_indexed || indexed < most || news.known.origin == Origin::Editor;
            let news = if fits { news } else { news.over_bounds() };
            indexed = indexed + usize::from(news.facts.is_some()) - usize::from(was_indexed);
            changes.push((place.path.clone(), put(repository, listener, &place.path, news, before)));
        });
        self.known = known;
        self.indexed = indexed;
        // Open documents are not saved, and neither are files that were and are excluded.
        let is_held = |known: &FileState| known.excluded.is_none();
        let was_held = |path: &PathBuf| self.known.get(path).is_some_and(is_held);
        let is_news = |(path, now): &(PathBuf, FileState)| is_held(now) || was_held(path);
        let on_disk = |change: &&(PathBuf, FileState)| change.1.origin == Origin::Disk;
        self.is_unsaved |= changes.iter().filter(on_disk).any(is_news);
        for (path, known) in changes {
            match known.is_gone() {
                true => drop(self.known.remove(&path)),
                false => drop(self.known.insert(path, known)),
            }
        }
    }

    /// Passes the texts of unchanged files to the listener, in the order of their paths, until it has enough.
    fn send_unchanged(&mut self) {
        for (path, known) in &mut self.known {
            if known.is_sent || known.excluded.is_some() || known.origin == Origin::Editor {
                continue;
            }
            if self.documents.strong_count() == 0 {
                return;
            }
            let Ok((stamp, text)) = walk::read(path) else { continue };
            known.is_sent = true;
            // There will be an event for a file that has changed since.
            if stamp == known.stamp && !(self.listener.text)(path, Some(text.into())) {
                return;
            }
        }
    }

    /// The known paths at or below a path.
    fn known_below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        let from = (Bound::Included(path), Bound::Unbounded);
        let below = self.known.range::<Path, _>(from).take_while(move |(known, _)| known.starts_with(path));
        below.map(|(known, _)| known.clone())
    }

    /// The folders of the workspace, from the latest walks.
    fn folders(&self) -> &BTreeSet<PathBuf> {
        &self.folders
    }

    fn open(&self) -> FxHashMap<PathBuf, Arc<Document>> {
        let recent = self.documents.upgrade().map(|documents| documents.recent()).unwrap_or_default();
        // Of two documents with one path the most recent one wins.
        recent.into_iter().rev().filter_map(|document| Some((document.path.clone()?, document))).collect()
    }

    fn is_abandoned(&self) -> bool {
        self.documents.strong_count() == 0
    }
}

/// Updates the index with the result for one path, and notifies the listener.
fn put(
    repository: &Repository,
    listener: &mut IndexListener,
    path: &Path,
    examined: Examined,
    before: Option<&FileState>,
) -> FileState {
    let Examined { mut known, facts, text } = examined;
    let was_indexed = before.is_some_and(|before| before.excluded.is_none());
    let is_open = known.origin == Origin::Editor;
    {
        let mut index = repository.index_mut();
        match facts {
            Some(facts) => drop(index.replace(path, known.stamp, facts)),
            None if was_indexed => index.remove(path),
            None => {}
        }
        // Under the same lock, so that index and text agree.
        repository.shared.texts.set_open(path, text.clone().filter(|_| is_open));
    }
    match text {
        // The flows add open documents as sources, without the line that you are typing.
        Some(_) if is_open => {}
        Some(text) => {
            (listener.text)(path, Some(text));
            known.is_sent = true;
        }
        None => drop((listener.text)(path, None)),
    }
    known
}
