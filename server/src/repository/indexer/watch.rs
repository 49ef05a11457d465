//! Watches the folders of the workspace, if the editor does not report changes of files.
//!
//! Only walked folders are watched, so ignored ones cost nothing. On macOS and Windows one watch covers a whole tree; on
//! Linux each folder needs its own watch, and their number is bounded. In git's folder only a few files matter. Of the files
//! outside of the workspace, those are watched that git's configuration names for ignored files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::EventKind;
use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use parking_lot::Mutex;

use super::Event;
use crate::messages;
use crate::repository::rules::{GitFolder, files_outside};

/// The most watched folders: each takes about a kilobyte of the kernel's memory.
const FOLDERS: usize = 16_384;
/// The files of git whose changes matter: another branch is checked out, something is committed or reset, other files
/// are excluded, a folder becomes another repository.
const GIT: [&str; 7] =
    ["HEAD", "COMMIT_EDITMSG", "ORIG_HEAD", "MERGE_HEAD", "info/exclude", ".git/config", ".git"];
/// Whether one watch covers a whole tree.
const TREES: bool = cfg!(any(target_os = "macos", target_os = "windows"));

/// Watches folders until it is dropped.
pub struct Watcher {
    system: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    /// Whether to watch all folders, not only git's.
    files: bool,
    outside: Arc<Mutex<Outside>>,
    /// Whether a bound was reached and logged.
    is_full: bool,
}

/// What is watched outside of the workspace.
#[derive(Debug, Default)]
struct Outside {
    /// The files that matter.
    files: BTreeSet<PathBuf>,
    /// The folders that are watched for these files only.
    folders: BTreeSet<PathBuf>,
}

impl Watcher {
    /// A watcher of no folders yet. It passes events to `send`, on another thread. `None` if the operating system cannot
    /// watch, which is logged.
    pub fn start(files: bool, send: impl Fn(Event) + Send + 'static) -> Option<Watcher> {
        let outside: Arc<Mutex<Outside>> = Arc::default();
        let known = outside.clone();
        let handler = move |happened: notify::Result<notify::Event>| {
            let event = event(happened, &known.lock());
            if let Some(event) = event {
                send(event);
            }
        };
        match notify::recommended_watcher(handler) {
            Ok(system) => Some(Watcher { system, watched: BTreeSet::new(), files, outside, is_full: false }),
            Err(error) => {
                tracing::warn!("changes on disk are noticed only if the editor reports them: {error}");
                None
            }
        }
    }

    /// Watches exactly these folders of a workspace, and the files outside that matter. Returns the newly watched folders of
    /// the workspace, which may have changed before.
    pub fn follow(&mut self, roots: &[PathBuf], folders: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let git = roots.iter().filter_map(|root| root.ancestors().find_map(GitFolder::of));
        // A linked working tree has its own folder for its `HEAD`.
        let git = git.flat_map(|git| [git.common.join("info"), git.own, git.common]);
        let mut wanted: BTreeSet<PathBuf> = git.filter(|folder| folder.is_dir()).collect();
        match (self.files, TREES) {
            (true, true) => wanted.extend(roots.iter().cloned()),
            (true, false) => wanted.extend(self.nearest(folders)),
            (false, _) => {}
        }
        let outside = Outside::of(roots, &wanted);
        wanted.extend(outside.folders.iter().cloned());
        for gone in self.watched.difference(&wanted) {
            // It may have been removed, and the watch with it.
            let _ = self.system.unwatch(gone);
        }
        let mut new = Vec::new();
        let only_outside = outside.folders.clone();
        *self.outside.lock() = outside;
        for folder in wanted.difference(&self.watched) {
            let is_tree = TREES && roots.contains(folder);
            let mode = if is_tree { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            match self.system.watch(folder, mode) {
                Ok(()) => new.push(folder.clone()),
                Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                    if !std::mem::replace(&mut self.is_full, true) {
                        let count = self.watched.len() + new.len();
                        tracing::warn!(
                            "the system allows to watch only {}, so changes in others are noticed late; on Linux the limit is fs.inotify.max_user_watches",
                            messages::counted(count, "folder")
                        );
                    }
                    break;
                }
                Err(error) => tracing::debug!("{} is not watched: {error}", folder.display()),
            }
        }
        self.watched = self.watched.intersection(&wanted).cloned().chain(new.iter().cloned()).collect();
        new.retain(|folder| !only_outside.contains(folder));
        new
    }

    /// Drops the watches of these paths and below: a deleted or renamed folder must be watched again.
    pub fn forget(&mut self, places: &[PathBuf]) {
        for place in places {
            if !self.watched.contains(place) {
                continue;
            }
            let below: Vec<_> = self
                .watched
                .range::<PathBuf, _>(place..)
                .take_while(|watched| watched.starts_with(place))
                .cloned()
                .collect();
            for folder in below {
                let _ = self.system.unwatch(&folder);
                self.watched.remove(&folder);
            }
        }
    }

    /// The folders nearest to the top, within the bound.
    fn nearest(&mut self, folders: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let mut nearest: Vec<_> = folders.iter().cloned().collect();
        if nearest.len() > FOLDERS {
            nearest.sort_by_cached_key(|folder| folder.components().count());
            nearest.truncate(FOLDERS);
            if !std::mem::replace(&mut self.is_full, true) {
                let all = folders.len();
                tracing::warn!(
                    "only {FOLDERS} of {all} folders are watched; changes in the others are noticed late"
                );
            }
        }
        nearest
    }
}

impl Outside {
    /// What to watch for these workspace folders, beside what is `watched` anyway.
    fn of(roots: &[PathBuf], watched: &BTreeSet<PathBuf>) -> Outside {
        let top = |root: &'_ PathBuf| {
            root.ancestors().find(|top| GitFolder::of(top).is_some()).unwrap_or(root).to_owned()
        };
        let files: BTreeSet<PathBuf> = roots.iter().map(top).flat_map(|top| files_outside(&top)).collect();
        let is_watched = |folder: &Path| {
            watched.contains(folder) || TREES && roots.iter().any(|root| folder.starts_with(root))
        };
        let folders = files.iter().filter_map(|file| file.parent());
        let folders = folders.filter(|folder| folder.is_dir() && !is_watched(folder)).map(Path::to_owned);
        Outside { folders: folders.collect(), files }
    }

    /// Whether a change of this path does not matter.
    fn ignores(&self, path: &Path) -> bool {
        !self.files.contains(path) && path.parent().is_some_and(|folder| self.folders.contains(folder))
    }
}

/// Converts an event of the operating system; `None` if nothing has changed.
fn event(happened: notify::Result<notify::Event>, outside: &Outside) -> Option<Event> {
    let happened = match happened {
        Ok(happened) => happened,
        Err(error) => {
            tracing::debug!("watching: {error}");
            return Some(Event::Rescan);
        }
    };
    if happened.need_rescan() {
        tracing::info!("events of the file system were lost; the workspace is walked again");
        return Some(Event::Rescan);
    }
    if matches!(happened.kind, EventKind::Access(_)) {
        return None;
    }
    if happened.paths.iter().any(|path| outside.files.contains(path)) {
        return Some(Event::Rules);
    }
    let of_interest = |path: &Path| {
        let is_in_git = path.iter().any(|name| name == ".git");
        (!is_in_git || GIT.iter().any(|file| path.ends_with(file))) && !outside.ignores(path)
    };
    let paths: Vec<_> = happened.paths.into_iter().filter(|path| of_interest(path)).collect();
    (!paths.is_empty()).then_some(Event::Disk(paths))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Waits for an event about a path; the operating system may be slow.
    fn wait(events: &mpsc::Receiver<Event>, path: &Path) {
        loop {
            match events.recv_timeout(Duration::from_secs(60)).expect("an event") {
                Event::Disk(paths) if paths.iter().any(|changed| changed == path) => return,
                _ => {}
            }
        }
    }

    #[test]
    fn changes_in_watched_folders_are_reported() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("it exists");
        std::fs::create_dir_all(root.join("src/.git")).expect("a folder");
        std::fs::create_dir(root.join(".git")).expect("a folder");
        let (sender, events) = mpsc::channel();
        let mut watcher = Watcher::start(true, move |event| drop(sender.send(event))).expect("it watches");
        let roots = [root.clone()];
        let folders = BTreeSet::from([root.clone(), root.join("src")]);
        assert!(watcher.follow(&roots, &folders).contains(&root.join(".git")));
        assert!(watcher.follow(&roots, &folders).is_empty(), "all are watched");

        std::fs::write(root.join("src/a.rs"), "a").expect("written");
        wait(&events, &root.join("src/a.rs"));
        std::fs::write(root.join(".git/HEAD"), "ref: refs/heads/other\n").expect("written");
        wait(&events, &root.join(".git/HEAD"));

        if !TREES {
            // Deleted and created again, it is another folder.
            std::fs::remove_dir_all(root.join("src")).expect("removed");
            wait(&events, &root.join("src"));
            watcher.forget(&[root.join("src")]);
            std::fs::create_dir(root.join("src")).expect("a folder");
            assert_eq!(watcher.follow(&roots, &folders), [root.join("src")]);
            std::fs::write(root.join("src/b.rs"), "b").expect("written");
            wait(&events, &root.join("src/b.rs"));
        }
    }

    #[test]
    fn a_file_outside_that_names_ignored_files_is_watched_and_no_other_file_there() {
        let place = tempfile::tempdir().expect("a folder");
        let place = place.path().canonicalize().expect("it exists");
        let (root, other) = (place.join("w"), place.join("other"));
        std::fs::create_dir_all(root.join(".git")).expect("a folder");
        std::fs::create_dir(&other).expect("a folder");
        let excludes = other.join("excludes");
        let config =
            format!("[core]\n\texcludesFile = {}\n", excludes.display().to_string().replace('\\', "/"));
        std::fs::write(root.join(".git/config"), config).expect("written");
        let (sender, events) = mpsc::channel();
        let mut watcher = Watcher::start(true, move |event| drop(sender.send(event))).expect("it watches");
        let new = watcher.follow(std::slice::from_ref(&root), &BTreeSet::from([root.clone()]));
        assert!(!new.contains(&other), "{new:?}");

        std::fs::write(other.join("diary.txt"), "a").expect("written");
        std::fs::write(&excludes, "*.tmp\n").expect("written");
        loop {
            match events.recv_timeout(Duration::from_secs(60)).expect("an event") {
                Event::Rules => return,
                Event::Disk(paths) => {
                    assert!(!paths.iter().any(|path| path.starts_with(&other)), "{paths:?}");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn after_lost_events_the_workspace_is_walked() {
        let none = Outside::default();
        let lost = notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        assert!(matches!(event(Ok(lost), &none), Some(Event::Rescan)));
        assert!(matches!(event(Err(notify::Error::generic("failed")), &none), Some(Event::Rescan)));
        let kind = EventKind::Access(notify::event::AccessKind::Any);
        assert!(event(Ok(notify::Event::new(kind).add_path("/w/a".into())), &none).is_none());
        let kind = EventKind::Modify(notify::event::ModifyKind::Any);
        assert!(event(Ok(notify::Event::new(kind).add_path("/w/.git/index.lock".into())), &none).is_none());
    }
}
