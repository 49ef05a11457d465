//! A report on the index of a workspace: its size, its cost and the excluded files. It explains why a file is, or is not,
//! shown to the model.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::Repository;
use super::index::{IndexMemory, Stats};
use super::rules::Exclusions;

/// The result of the latest walk through the workspace.
#[derive(Debug, Clone, Default)]
pub struct Indexing {
    /// The excluded files, by rule.
    pub excluded: Exclusions,
    /// Whether the workspace exceeds the bounds.
    pub is_cut: bool,
    /// The times of the steps.
    pub times: Times,
}

/// The durations of the steps of indexing; serialized in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// Loading the saved index.
    #[serde(serialize_with = "milliseconds")]
    pub load: Duration,
    /// Finding the files.
    #[serde(serialize_with = "milliseconds")]
    pub walk: Duration,
    /// Reading new and changed files.
    #[serde(serialize_with = "milliseconds")]
    pub read: Duration,
    /// Saving the index.
    #[serde(serialize_with = "milliseconds")]
    pub save: Duration,
}

/// The report, as `phi-ls index --json` and the command of the same name print it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// The workspace folders.
    pub folders: Vec<PathBuf>,
    /// Its counts.
    #[serde(flatten)]
    pub stats: Stats,
    /// Whether the workspace exceeds the bounds.
    pub is_cut: bool,
    /// By rule, the one that excluded the most first.
    pub excluded: Vec<LeftOut>,
    /// Its memory.
    pub memory: Used,
    /// The times of the steps.
    pub milliseconds: Times,
}

/// The files that one rule excluded.
#[derive(Debug, Clone, Serialize)]
pub struct LeftOut {
    /// The rule's name, for display.
    pub rule: &'static str,
    /// The number of files and folders; a folder counts once.
    pub count: usize,
    /// The first of them by path.
    pub examples: Vec<Example>,
}

/// One excluded file or folder.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// Absolute.
    pub path: PathBuf,
    /// The reason.
    pub why: String,
}

/// Bytes of memory.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Used {
    /// The index, estimated.
    pub index: usize,
    /// Part by part.
    pub parts: IndexMemory,
    /// The whole process, models included; absent if the operating system does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<u64>,
}

impl Overview {
    /// The report on the current index.
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
