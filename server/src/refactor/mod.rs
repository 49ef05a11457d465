//! The flow of a refactoring of the whole repository, from an instruction to verified edits of many files, first step
//! to last.
//!
//! ```text
//! order ─> plan (sites, pruned by the user) ─> one rewrite after the other, definitions before their users
//!       ─> journal (what is finished is kept) ─> check in a sandbox copy, repairs ─> changes of whole files
//!       ─> the editor's preview, or a unified diff ─> applied, each file wholly or not at all ─> report
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

/// What a user asks of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RefactorRequest {
    /// What is to be done with each site.
    pub instruction: String,
    /// Globs relative to a workspace folder, in the form of `.gitignore`: only files that fit one, all where there is
    /// none.
    pub paths: Vec<String>,
    /// The definitions of this name and what uses them.
    pub symbol: Option<String>,
    /// A command, as arguments, that succeeds where the result is right; run in a sandbox copy. Where an order has none,
    /// its plan has that of the settings; an empty one is none.
    pub check: Option<Vec<String>>,
}

/// What would be rewritten: to be shown, pruned and run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What was asked for.
    pub order: RefactorRequest,
    /// In the order in which they are rewritten: definitions before their users.
    pub sites: Vec<Site>,
    /// What belongs to the order and is not in the plan, for a person.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
}

/// One item that is to be rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Site {
    /// Its file.
    pub path: PathBuf,
    /// What it is called, or of statements their first line; with its container, kind and place among equals it is
    /// found again when the file has changed around it.
    pub name: String,
    /// The item around it.
    pub container: Option<String>,
    /// What it is.
    pub kind: TargetKind,
    /// How many of the same name, container and kind stand above it.
    #[serde(default)]
    pub nth: usize,
    /// Its first line, counted from 0, when the plan was made.
    pub line: u32,
    /// Its length in bytes, when the plan was made.
    #[serde(default)]
    pub bytes: usize,
    /// Why it is in the plan, for a person: `defines Shape`, `uses Shape in lines 12 and 14`.
    pub reason: String,
}

/// A place that cannot be rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Its file.
    pub path: PathBuf,
    /// Why it is not in the plan.
    pub reason: String,
}

/// One file before and after: what is previewed, written or skipped as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Its path, absolute.
    pub path: PathBuf,
    /// The text that the change was made for.
    pub before: Arc<str>,
    /// The text that takes its place.
    pub after: Arc<str>,
}

impl FileChange {
    /// The change as a unified diff, with paths relative to the workspace folder `root`. Empty where nothing changes.
    pub fn unified(&self, root: &Path) -> String {
        diff::unified(self.path.strip_prefix(root).unwrap_or(&self.path), &self.before, &self.after)
    }

    /// The places that change, from top to bottom.
    pub fn hunks(&self) -> Vec<Hunk> {
        diff::hunks(&self.before, &self.after)
    }

    /// The same change with only the chosen hunks of [`FileChange::hunks`], by their places there.
    pub fn with_hunks(&self, chosen: &[usize]) -> FileChange {
        FileChange { after: diff::with_hunks(&self.before, &self.after, chosen).into(), ..self.clone() }
    }
}

/// A name for a run that no other has.
pub fn new_id() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:08x}", now.as_secs(), fastrand::u32(..))
}

impl Site {
    /// For a person: `Shape.area`, or the first line of statements.
    pub fn label(&self) -> String {
        match &self.container {
            Some(container) => format!("{container}.{}", self.name),
            None => self.name.clone(),
        }
    }
}
