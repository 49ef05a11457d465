//! What the index of a workspace holds, what it took, and what was left out: for whoever wonders why something is, or is
//! not, shown to the model.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::Repository;
use super::index::{IndexMemory, Stats};
use super::rules::Exclusions;

/// What the latest walk through the workspace came to.
#[derive(Debug, Clone, Default)]
pub struct Indexing {
    /// What was left out, by which rule.
    pub excluded: Exclusions,
    /// The workspace is larger than what is read of it.
    pub is_cut: bool,
    /// What it took.
    pub times: Times,
}

/// How long the steps took that lead to an index, as milliseconds where they are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// The saved index.
    #[serde(serialize_with = "milliseconds")]
    pub load: Duration,
    /// Finding the files.
    #[serde(serialize_with = "milliseconds")]
    pub walk: Duration,
    /// Reading those that are new or others than before.
    #[serde(serialize_with = "milliseconds")]
    pub read: Duration,
    /// Saving the index.
    #[serde(serialize_with = "milliseconds")]
    pub save: Duration,
}

/// All that is known of an index, as `phi-ls index --json` and the command of the same name write it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// The workspace folders.
    pub folders: Vec<PathBuf>,
    /// What it holds.
    #[serde(flatten)]
    pub stats: Stats,
    /// The workspace is larger than what is read of it.
    pub is_cut: bool,
    /// By rule, the one that left out most first.
    pub excluded: Vec<LeftOut>,
    /// What it takes.
    pub memory: Used,
    /// What it took.
    pub milliseconds: Times,
}

/// What one rule has left out.
#[derive(Debug, Clone, Serialize)]
pub struct LeftOut {
    /// The rule, for a person.
    pub rule: &'static str,
    /// Files and folders; a folder counts once, whatever it holds.
    pub count: usize,
    /// The first of them by path.
    pub examples: Vec<Example>,
}

/// One file or folder that was left out.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// Absolute.
    pub path: PathBuf,
    /// What exactly excludes it.
    pub why: String,
}

/// Bytes of memory.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Used {
    /// The index, estimated.
    pub index: usize,
    /// Part by part.
    pub parts: IndexMemory,
    /// The whole process, models and all, where the operating system tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<u64>,
}

impl Overview {
    /// Of the index as it is now.
    pub fn of(repository: &Repository) -> Overview {
        let Indexing { excluded, is_cut, times } = &*repository.indexing();
        let (stats, parts) = {
            let index = repository.index();
            (index.stats(), index.memory())
        };
        let left_out = excluded.by_rule().into_iter().map(|rule| LeftOut {
            rule: rule.rule,
            count: rule.count,
            examples: rule
                .examples
                .iter()
                .map(|(path, why)| Example { path: path.clone(), why: why.clone() })
                .collect(),
        });
        Overview {
            folders: repository.rules().roots().to_vec(),
            stats,
            is_cut: *is_cut,
            excluded: left_out.collect(),
            memory: Used { index: parts.total(), parts, process: resident() },
            milliseconds: *times,
        }
    }
}

/// Bytes of this process that are in memory.
fn resident() -> Option<u64> {
    let own = Pid::from_u32(std::process::id());
    let mut system = System::new().ok()?;
    let wanted = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, wanted);
    system.process(own).map(|process| process.memory())
}

/// With one decimal.
fn milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1e4).round() / 10.0)
}
