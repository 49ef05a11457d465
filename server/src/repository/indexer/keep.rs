//! Loads and saves the index, and refreshes the background.

use std::thread::Builder;
use std::time::Instant;

use super::Indexer;
use super::examine::FileState;
use crate::repository::index::disk;
use crate::repository::walk;
use crate::repository::{Background, Repository, changes, guidance};

impl Indexer {
    /// Loads the saved index of these workspace folders.
    pub(super) fn load(&mut self) {
        let rules = self.repository.rules();
        let Some(indexes) = self.indexes.as_ref().filter(|_| !rules.roots().is_empty()) else { return };
        let file = disk::file(indexes, rules.roots());
        let Some(mut index) = self.pool.install(|| disk::load(&file, rules.roots())) else { return };
        // The rules may have changed since, and the index is used before the walk ends.
        let paths: Vec<_> = index.files().map(|id| index.path(id).to_owned()).collect();
        for path in paths.iter().filter(|path| rules.check_walked(path).is_err()) {
            index.remove(path);
        }
        let saved = walk::saved(&file);
        let known = |id| (index.path(id).to_owned(), FileState::saved(index.stamp(id), saved));
        self.known = index.files().map(known).collect();
        self.indexed = self.known.len();
        let before = std::mem::replace(&mut *self.repository.index_mut(), index);
        drop(before);
    }

    /// Whether the index has changed since it was saved.
    pub(super) fn is_unsaved(&self) -> bool {
        self.is_unsaved && self.indexes.is_some() && !self.repository.rules().roots().is_empty()
    }

    /// Saves the index if it has changed since it was saved.
    pub(super) fn save(&mut self) {
        if !self.is_unsaved() {
            return;
        }
        self.is_unsaved = false;
        let started = Instant::now();
        let rules = self.repository.rules();
        let Some(indexes) = &self.indexes else { return };
        let snapshot = self.repository.index().snapshot();
        if let Err(error) = disk::save(&snapshot, rules.roots(), &disk::file(indexes, rules.roots())) {
            tracing::warn!(
                "the index is not saved, because {} cannot be written: {error}",
                indexes.display()
            );
            self.indexes = None;
        }
        self.times.save = started.elapsed();
        self.publish();
    }

    /// Refreshes the background on another thread, because git may be slow. False if a refresh is still running.
    pub(super) fn refresh_background(&mut self) -> bool {
        if self.refreshing.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return false;
        }
        let repository = self.repository.clone();
        let thread = Builder::new().name("phi-ls-git".to_owned());
        self.refreshing = thread.spawn(move || refresh_background(&repository)).ok();
        true
    }
}

fn refresh_background(repository: &Repository) {
    let rules = repository.rules();
    let mut background = Background { roots: rules.roots().to_owned(), ..Background::default() };
    for root in rules.roots() {
        if let Some(changes) = changes::of_working_tree(&rules, root) {
            background.changes.files.extend(changes.files);
        }
        let guidance = guidance::read(&rules, root);
        background.guidance.extend(guidance.map(|guidance| (root.clone(), guidance)));
    }
    repository.set_background(background);
}
