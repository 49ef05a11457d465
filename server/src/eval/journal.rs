//! What a run has finished, line by line on disk, so that it can go on where it was ended.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Other versions write other lines.
const VERSION: u32 = 1;
/// A larger file is no journal.
const MOST_BYTES: u64 = 1 << 30;

/// What a run is: two runs with equal plans over equal files do the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Of the journal.
    version: u32,
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

impl Plan {
    /// A plan in this version.
    pub fn new(
        repository: PathBuf,
        samples: usize,
        seed: u64,
        kinds: Vec<String>,
        task: String,
        model: String,
    ) -> Plan {
        Plan { version: VERSION, repository, samples, seed, kinds, task, model }
    }
}

/// An open journal: a line for the plan, then one for each finished sample.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Begins a journal, in place of one that is there.
    pub fn begin(path: &Path, plan: &Plan) -> anyhow::Result<Journal> {
        let file = File::create(path).with_context(|| format!("the journal {}", path.display()))?;
        let mut journal = Journal { path: path.to_owned(), file };
        journal.add(plan)?;
        Ok(journal)
    }

    /// Goes on with a journal, and says what it holds. A last line that was not finished is taken away.
    pub fn resume<T: DeserializeOwned>(path: &Path, plan: &Plan) -> anyhow::Result<(Journal, Vec<T>)> {
        let name = path.display();
        let text = crate::files::text(path, MOST_BYTES)
            .with_context(|| format!("the journal {name}; run without --resume to begin one"))?;
        let text = text.text;
        let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let known: Plan = lines
            .next()
            .and_then(|line| serde_json::from_str(line).ok())
            .with_context(|| format!("{name} is no journal of an evaluation; name another with --journal"))?;
        anyhow::ensure!(
            known == *plan,
            "{name} is the journal of another run ({}); give the same arguments, or run without --resume",
            known.difference(plan)
        );
        let mut finished = Vec::new();
        let mut length = text.find('\n').map_or(0, |at| at + 1);
        for line in lines {
            // A run that was killed may have left anything at the end; what follows is done again.
            let Ok(sample) = serde_json::from_str(line) else { break };
            length += line.len();
            finished.push(sample);
        }
        let file = File::options().append(true).open(path)?;
        file.set_len(length as u64)?;
        Ok((Journal { path: path.to_owned(), file }, finished))
    }

    /// Adds a line.
    pub fn add(&mut self, entry: &impl Serialize) -> anyhow::Result<()> {
        let line = serde_json::to_string(entry)? + "\n";
        self.file.write_all(line.as_bytes()).with_context(|| format!("the journal {}", self.path.display()))
    }
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
        Plan::new("/w".into(), 10, seed, vec!["line".into()], "retrieval".into(), "none".into())
    }

    #[test]
    fn a_journal_goes_on_behind_its_last_whole_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let mut journal = Journal::begin(&path, &plan(1)).expect("begun");
        journal.add(&1).expect("written");
        journal.add(&2).expect("written");
        journal.file.write_all(b"{\"half").expect("written");
        let (mut journal, finished) = Journal::resume::<u32>(&path, &plan(1)).expect("resumed");
        assert_eq!(finished, [1, 2]);
        journal.add(&3).expect("written");
        let (_, finished) = Journal::resume::<u32>(&path, &plan(1)).expect("resumed");
        assert_eq!(finished, [1, 2, 3]);
    }

    #[test]
    fn another_runs_journal_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let refused = |plan: &Plan| Journal::resume::<u32>(&path, plan).expect_err("refused").to_string();
        assert!(refused(&plan(1)).contains("run without --resume"));
        std::fs::write(&path, "notes\n").expect("written");
        assert!(refused(&plan(1)).contains("is no journal"));
        Journal::begin(&path, &plan(1)).expect("begun");
        assert!(refused(&plan(2)).contains("seed was 1"));
    }
}
