//! Refactors the whole repository, from an instruction to verified edits of many files. The steps in sequence:
//!
//! ```text
//! request ─> plan (sites, pruned by the user) ─> rewrites one by one, definitions before their users
//!         ─> journal (keeps finished steps) ─> check in a sandbox copy, repairs ─> changes of whole files
//!         ─> the editor's preview, or a unified diff ─> applied, each file completely or not at all ─> report
//! ```

pub mod apply;
pub mod check;
mod definitions;
mod files;
mod hidden;
pub mod journal;
mod names;
mod progress;
mod repair;
mod report;
mod run;
pub mod running;
pub mod sandbox;
mod sequence;
mod sites;
mod targets;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

pub use self::progress::{Progress, ProgressSink};
pub use self::report::{CheckReport, Diagnostic, Outcome, Report, SiteReport};
pub use self::run::{Refactored, ResumeState, Stopped, run};
pub use self::sites::{NoPlan, plan};
use crate::diff::{self, Hunk};
use crate::rewrite::target::TargetKind;

/// What the user asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RefactorRequest {
    /// What to do with each site.
    pub instruction: String,
    /// Globs relative to a workspace folder, in `.gitignore` syntax: only matching files, or all files if it is empty.
    pub paths: Vec<String>,
    /// Selects the definitions of this name and their users.
    pub symbol: Option<String>,
    /// A command, as arguments, that succeeds if the result is correct; run in a sandbox copy. If it is `None`, the
    /// plan uses the command from the settings; an empty command disables the check.
    pub check: Option<Vec<String>>,
}

/// The sites to be rewritten: shown to the user, pruned and run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The request that it was made for.
    pub order: RefactorRequest,
    /// In the sequence in which they are rewritten: definitions before their users.
    pub sites: Vec<Site>,
    /// Matches of the request that are not in the plan, as messages.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
}

/// One item to be rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Site {
    /// Its file.
    pub path: PathBuf,
    /// Its name; for statements, their first line. With the container, kind and index it identifies the item after the
    /// file has changed.
    pub name: String,
    /// The enclosing item.
    pub container: Option<String>,
    /// Its kind.
    pub kind: TargetKind,
    /// How many with the same name, container and kind precede it.
    #[serde(default)]
    pub nth: usize,
    /// Its first line, counted from 0, when the plan was made.
    pub line: u32,
    /// Its length in bytes, when the plan was made.
    #[serde(default)]
    pub bytes: usize,
    /// Why it is in the plan, as a message: `defines Shape`, `uses Shape in lines 12 and 14`.
    pub reason: String,
}

/// A match that cannot be rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Its file.
    pub path: PathBuf,
    /// Why it is not in the plan.
    pub reason: String,
}

/// One file before and after the change: previewed, written or skipped as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Absolute.
    pub path: PathBuf,
    /// The text that the change was made for.
    pub before: Arc<str>,
    /// The new text.
    pub after: Arc<str>,
}

impl FileChange {
    /// The change as a unified diff, with paths relative to the workspace folder `root`. Empty if nothing changes.
    pub fn unified(&self, root: &Path) -> String {
        diff::unified(self.path.strip_prefix(root).unwrap_or(&self.path), &self.before, &self.after)
    }

    /// The changed hunks, from top to bottom.
    pub fn hunks(&self) -> Vec<Hunk> {
        diff::hunks(&self.before, &self.after)
    }

    /// The same change with only the chosen hunks, by index in [`FileChange::hunks`].
    pub fn with_hunks(&self, chosen: &[usize]) -> FileChange {
        FileChange { after: diff::with_hunks(&self.before, &self.after, chosen).into(), ..self.clone() }
    }
}

/// A unique id for a run.
pub fn new_id() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:08x}", now.as_secs(), fastrand::u32(..))
}

impl Site {
    /// A label for messages: `Shape.area`, or the first line of statements.
    pub fn label(&self) -> String {
        match &self.container {
            Some(container) => format!("{container}.{}", self.name),
            None => self.name.clone(),
        }
    }
}
