//! The one owner of all updates of the index: it hears what has happened and puts the index right.
//!
//! An event says only *where* something may have changed. What is there then is looked up when the indexer gets round to
//! it, in the open documents first and on disk otherwise; so it does not matter in which order events come, or
//! whether one comes twice. [`Indexer::handle`] takes note, [`Indexer::settle`] does the work, and neither waits
//! for a clock: that is what [`run`] does, on a thread of its own.
//!
//! Files are read on threads of low priority; each is put into the index under a lock of its own, so that a keystroke
//! waits for one file at the most.

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

/// Something has happened.
#[derive(Debug)]
pub enum Event {
    /// The document of this file was opened, changed or closed.
    Document(PathBuf),
    /// These files and folders were made, saved, renamed or deleted.
    Disk(Vec<PathBuf>),
    /// Nobody knows what: events were lost, or another branch was checked out.
    Rescan,
    /// [`Repository::rules`] are others now: other settings, other workspace folders.
    Rules,
    /// The disk is to be watched.
    Watch {
        /// All folders of the workspace; else only for the checking out of another branch, because the client tells
        /// of the rest.
        files: bool,
    },
    /// All is to be put right and saved now; somebody waits until this is dropped.
    Save(mpsc::SyncSender<()>),
}

/// From so many changed places on, one walk is cheaper than looking at each.
const DIRTY: usize = 8192;
/// Files read between two reports.
const REPORT: usize = 64;
/// Bytes that the index reads, all files together: its own memory is a few times that.
pub const INDEX_BYTES: u64 = 192 << 20;

/// Who is told what the indexer does.
pub struct IndexListener {
    /// The text of a file that nobody has open, or that there is none any more. Returns whether texts are wanted that
    /// need not be read for the index.
    pub text: Box<Text>,
    /// Files done and in all, while there are many; `None` at the end.
    pub progress: Box<Progress>,
}

/// See [`IndexListener::text`].
pub type Text = dyn FnMut(&Path, Option<Arc<str>>) -> bool + Send;
/// See [`IndexListener::progress`].
pub type Progress = dyn FnMut(Option<(usize, usize)>) + Send;

impl IndexListener {
    /// Nobody.
    pub fn none() -> IndexListener {
        IndexListener { text: Box::new(|_, _| false), progress: Box::new(|_| {}) }
    }
}

/// Keeps the index of a repository true.
pub struct Indexer {
    repository: Repository,
    /// Not kept alive: where nobody else holds the documents any longer, all work ends.
    documents: Weak<Documents>,
    listener: IndexListener,
    bounds: Bounds,
    pool: rayon::ThreadPool,
    /// What was found at each place that was read, by path.
    known: BTreeMap<PathBuf, FileState>,
    /// How many of them are in the index.
    indexed: usize,
    /// The folders of the workspace.
    folders: BTreeSet<PathBuf>,
    /// What the latest walk left out.
    left_out: Exclusions,
    is_cut: bool,
    times: Times,
    dirty: BTreeSet<PathBuf>,
    typed: BTreeSet<PathBuf>,
    rescan: bool,
    /// Where indexes are kept between two starts.
    indexes: Option<PathBuf>,
    is_unsaved: bool,
    /// Who asks git.
    refreshing: Option<JoinHandle<()>>,
}

impl Indexer {
    /// An indexer that has read nothing yet. It reads at most `max_files`.
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

    /// Keeps the index in this folder between two starts.
    pub fn kept_in(self, indexes: Option<PathBuf>) -> Indexer {
        Indexer { indexes, ..self }
    }

    /// Takes note of an event.
    pub fn handle(&mut self, event: Event) {
        match event {
            Event::Document(path) => drop(self.typed.insert(path)),
            Event::Disk(paths) => {
                let rules = self.repository.rules();
                rules.forget_links();
                self.dirty.extend(paths.into_iter().map(|path| rules.identity(&path)));
            }
            Event::Rescan | Event::Rules => self.rescan = true,
            Event::Watch { .. } | Event::Save(_) => {}
        }
        if self.dirty.len() > DIRTY {
            self.rescan = true;
        }
    }

    /// Puts the index right: afterwards it is as if it had just been made, for all that events have told of.
    pub fn settle(&mut self) {
        self.settle_disk();
        self.settle_typed();
        (self.listener.progress)(None);
    }

    /// Begins: with what was saved, then with what has changed since.
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
            "{files} files are indexed after {:.1?}, {loaded} of them known from before",
            started.elapsed()
        );
        self.save();
        self.tell_rest();
        // Who waits for the workspace to be read wants its guidance and changes, too.
        if let Some(refreshing) = self.refreshing.take() {
            let _ = refreshing.join();
        }
        (self.listener.progress)(None);
    }

    /// After a panic, which may have left the index half changed: everything is read again at the next walk.
    fn begin_again(&mut self) {
        *self.repository.index_mut() = Index::default();
        self.known.clear();
        self.indexed = 0;
        self.is_unsaved = false;
        self.rescan = true;
        (self.listener.progress)(None);
    }

    /// What was left out, by which rule.
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
        // Where a `HEAD` has come to be or changed, there is another branch, or another working tree.
        let is_head = |path: &PathBuf| git(path) && path.ends_with("HEAD");
        if dirty.iter().any(|path| is_ignore_file(path) || is_head(path)) {
            self.repository.rules().forget();
            self.rescan = true;
        }
        // What is said to have changed is read even where it looks the same: two changes may come within one tick of
        // the file system's clock.
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

    /// Says to whoever asks what the latest walk came to.
    fn publish(&self) {
        let (excluded, is_cut, times) = (self.exclusions(), self.is_cut, self.times);
        self.repository.set_indexing(Indexing { excluded, is_cut, times });
    }

    /// Walks the workspace; what was known and is not found is looked at as well.
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
                "the workspace is larger than what is read of it (`repository.maxFiles` is {bound}); the files that lie deepest are left out"
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

    /// Looks at these places and puts into the index what is there, in the order in which they are given: what the
    /// n-gram model says depends on what it has heard last.
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
            // Where nobody wants it any longer, the rest is done at once.
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
        // What is open is not saved, nor what was left out before and still is.
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

    /// Tells the listener of the files that need not be read for the index, in the order of their paths, until it has
    /// enough.
    fn tell_rest(&mut self) {
        for (path, known) in &mut self.known {
            if known.is_told || known.excluded.is_some() || known.origin == Origin::Editor {
                continue;
            }
            if self.documents.strong_count() == 0 {
                return;
            }
            let Ok((stamp, text)) = walk::read(path) else { continue };
            known.is_told = true;
            // Of a file that has changed since there will be an event.
            if stamp == known.stamp && !(self.listener.text)(path, Some(text.into())) {
                return;
            }
        }
    }

    /// What is known at a path, be it a file or a folder.
    fn known_below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        let from = (Bound::Included(path), Bound::Unbounded);
        let below = self.known.range::<Path, _>(from).take_while(move |(known, _)| known.starts_with(path));
        below.map(|(known, _)| known.clone())
    }

    /// The folders of the workspace, as the latest walks have found them.
    fn folders(&self) -> &BTreeSet<PathBuf> {
        &self.folders
    }

    fn open(&self) -> FxHashMap<PathBuf, Arc<Document>> {
        let recent = self.documents.upgrade().map(|documents| documents.recent()).unwrap_or_default();
        // The most recent of two documents with one path is the last to be put in.
        recent.into_iter().rev().filter_map(|document| Some((document.path.clone()?, document))).collect()
    }

    fn is_abandoned(&self) -> bool {
        self.documents.strong_count() == 0
    }
}

/// Puts into the index what was found, and tells the listener.
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
        // Under the same lock, so that nobody takes one text for the other.
        repository.shared.texts.set_open(path, text.clone().filter(|_| is_open));
    }
    match text {
        // The flows tell of what is open, with the line being typed left out.
        Some(_) if is_open => {}
        Some(text) => {
            (listener.text)(path, Some(text));
            known.is_told = true;
        }
        None => drop((listener.text)(path, None)),
    }
    known
}
