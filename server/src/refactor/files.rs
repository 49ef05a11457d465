//! The files of a run, in memory: each as it was when its first item was reached, and as it is now.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FileChange, Plan, sites, targets};
use crate::documents::Document;
use crate::edits::Edit;
use crate::rewrite::target::Target;
use crate::workspace::Workspace;

/// All files that a run has opened.
#[derive(Debug, Default)]
pub(super) struct Files {
    open: BTreeMap<PathBuf, Result<Edited, String>>,
}

/// One file.
#[derive(Debug)]
pub(super) struct Edited {
    /// The text when it was opened.
    before: Arc<Document>,
    /// With all edits since then.
    pub(super) now: Arc<Document>,
    /// The current ranges of the plan's sites, by index in the plan.
    targets: BTreeMap<usize, Target>,
}

impl Files {
    /// Returns a file. The first call opens it and finds its sites.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) fn file(
        &mut self,
        workspace: &Workspace,
        plan: &Plan,
        path: &Path,
    ) -> Result<&mut Edited, String> {
        let opened = self.open.entry(path.to_owned()).or_insert_with(|| {
            let before = sites::open(workspace, path)?;
            let own = plan.sites.iter().enumerate().filter(|(_, site)| site.path == path);
            let found = own.filter_map(|(at, site)| Some((at, targets::find(&before, site)?)));
            Ok(Edited { targets: found.collect(), now: before.clone(), before })
        });
        opened.as_mut().map_err(|reason| reason.clone())
    }

    /// The files whose text has changed, by path.
    pub(super) fn changes(&self) -> Vec<FileChange> {
        let opened = self.open.iter().filter_map(|(path, file)| Some((path, file.as_ref().ok()?)));
        let change = |(path, file): (&PathBuf, &Edited)| FileChange {
            path: path.clone(),
            before: file.before.text.to_string().into(),
            after: file.now.text.to_string().into(),
        };
        opened.map(change).filter(|change| change.before != change.after).collect()
    }
}

impl Edited {
    /// The current range of a site.
    pub(super) fn target(&self, site: usize) -> Option<Target> {
        self.targets.get(&site).cloned()
    }

    /// The site that has exactly this range.
    pub(super) fn site_at(&self, range: &Range<usize>) -> Option<usize> {
        self.targets.iter().find(|(_, target)| target.range == *range).map(|(site, _)| *site)
    }

    /// The current text of a range.
    pub(super) fn text(&self, range: &Range<usize>) -> String {
        self.now.text.byte_slice(range.clone()).to_string()
    }

    /// Applies an edit and moves the targets after it. Returns the range of the new text.
    pub(super) fn apply(&mut self, edit: &Edit) -> Range<usize> {
        let (old, length) = (edit.range(), edit.new_text().len());
        self.now = Arc::new(self.now.apply(self.now.version, &[edit.change()]));
        let moved = |byte: usize| byte - old.len() + length;
        for target in self.targets.values_mut() {
            if target.range.start >= old.end {
                target.range = moved(target.range.start)..moved(target.range.end);
            } else if target.range.end >= old.end {
                target.range.end = moved(target.range.end);
            }
        }
        old.start..old.start + length
    }
}
