//! What a run has finished, line by line on disk, so that it can be resumed where it ended.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::journal::{Journal, JournalError, subject};

/// What a run is: two runs with equal plans over equal files do the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The repository.
    pub repository: PathBuf,
    /// How many holes were asked for.
    pub samples: usize,
    /// Which.
    pub seed: u64,
    /// Of which kinds.
    pub kinds: Vec<String>,
    /// What is done with them: `retrieval`, or the reaches of the context.
    pub task: String,
    /// The model's name.
    pub model: String,
}

/// The first lines of a file, to see whether it is a journal of an evaluation.
const HEAD_BYTES: u64 = 64 << 10;

/// Starts a journal. It replaces the journal of an earlier evaluation, but no other file.
pub fn begin(path: &Path, plan: &Plan) -> anyhow::Result<Journal> {
    let is_other = matches!(subject::<Plan>(path, HEAD_BYTES), Some((Err(_), _)));
    let is_empty = path.metadata().is_ok_and(|file| file.len() == 0);
    anyhow::ensure!(
        !is_other || is_empty,
        "{} exists and is no journal of an evaluation; delete it, or name another file with --journal",
        path.display()
    );
    Journal::replace(path, plan).context("the journal cannot be started")
}

/// Opens a journal, and reads the samples that are finished. What follows a damaged line is done again.
pub fn resume<T: DeserializeOwned>(path: &Path, plan: &Plan) -> anyhow::Result<(Journal, Vec<T>)> {
    let name = path.display();
    let (mut journal, known, lines) = match Journal::open::<Plan>(path) {
        Err(JournalError::Damaged { .. }) => {
            anyhow::bail!("{name} is no journal of an evaluation; name another with --journal")
        }
        opened => opened.context("the journal cannot be resumed; run without --resume to start one")?,
    };
    anyhow::ensure!(
        known == *plan,
        "{name} is the journal of another run ({}); give the same arguments, or run without --resume",
        known.difference(plan)
    );
    let mut finished = Vec::new();
    for line in lines.iter() {
        let Ok(sample) = line.parse() else {
            journal.truncate(line.start);
            break;
        };
        finished.push(sample);
    }
    Ok((journal, finished))
}

impl Plan {
    fn difference(&self, other: &Plan) -> String {
        let [old, new] = [self, other].map(|plan| serde_json::to_value(plan).unwrap_or_default());
        let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return String::new() };
        let changed = old.iter().filter(|(key, value)| new.get(*key) != Some(value));
        changed.map(|(key, value)| format!("{key} was {value}")).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64) -> Plan {
        Plan { repository: "/w".into(), samples: 10, seed, task: "retrieval".into(), ..Plan::default() }
    }

    #[test]
    fn cases_after_a_damaged_line_are_evaluated_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let mut journal = begin(&path, &plan(1)).expect("begun");
        [1, 2, 4].iter().for_each(|sample| journal.append(sample).expect("written"));
        drop(journal);
        let text = std::fs::read_to_string(&path).expect("readable");
        let damaged = text.replace(" 4\n", " 5\n");
        for left in [format!("{damaged}{}", text.lines().last().expect("a line")), format!("{text}half")] {
            std::fs::write(&path, &left).expect("written");
            let (mut journal, finished) = resume::<u32>(&path, &plan(1)).expect("resumed");
            let whole: &[u32] = if left.starts_with(&text) { &[1, 2, 4] } else { &[1, 2] };
            assert_eq!(finished, whole);
            journal.append(&3).expect("written");
            drop(journal);
            let (_, finished) = resume::<u32>(&path, &plan(1)).expect("resumed");
            assert_eq!(finished, [whole, &[3]].concat());
        }
    }

    #[test]
    fn another_runs_journal_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let refused = |plan: &Plan| format!("{:#}", resume::<u32>(&path, plan).expect_err("refused"));
        assert!(refused(&plan(1)).contains("run without --resume"));
        std::fs::write(&path, "notes\n").expect("written");
        assert!(refused(&plan(1)).contains("is no journal"));
        let error = format!("{:#}", begin(&path, &plan(1)).expect_err("it would be lost"));
        assert!(error.contains("is no journal"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "notes\n");
        std::fs::write(&path, "").expect("written");
        let journal = begin(&path, &plan(1)).expect("begun");
        assert!(refused(&plan(2)).contains("in use"));
        drop(journal);
        assert!(refused(&plan(2)).contains("seed was 1"));
    }
}
