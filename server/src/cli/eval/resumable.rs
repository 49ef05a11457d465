//! A run over many samples with a progress bar, a journal, and Ctrl-C: it can be resumed.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::output::eprintln;
use crate::eval::completion::Sample;
use crate::eval::corpus::Hole;
use crate::eval::edits::Triple;
use crate::eval::edits::run::Edited;
use crate::eval::journal::{self, Plan};
use crate::eval::retrieval::HoleResult;
use crate::messages::{counted, inflected};

/// A sequential run over holes or other samples.
pub struct ResumableRun<'a> {
    journal: PathBuf,
    /// Whether the journal is removed when the run has finished.
    is_temporary: bool,
    plan: &'a Plan,
    resume: bool,
    progress: ProgressBar,
    /// The name of one sample, for messages.
    thing: &'static str,
    of: usize,
    done: usize,
}

/// The result of one sample.
pub trait Finished<T>: Serialize + DeserializeOwned {
    /// Whether it is the result of this sample.
    fn is_of(&self, thing: &T) -> bool;
}

impl Finished<Triple> for Edited {
    fn is_of(&self, triple: &Triple) -> bool {
        (&self.name, &self.path) == (&triple.name, &triple.path)
    }
}

impl Finished<Hole> for Sample {
    fn is_of(&self, hole: &Hole) -> bool {
        (self.kind, self.offset, self.expected.len()) == (hole.kind, hole.range.start, hole.range.len())
    }
}

impl Finished<Hole> for HoleResult {
    fn is_of(&self, hole: &Hole) -> bool {
        (self.kind, self.offset) == (hole.kind, hole.range.start)
    }
}

impl<'a> ResumableRun<'a> {
    /// A new run; shows progress if standard error is a terminal. Without a journal, one of the plan is kept in the
    /// temporary folder until the run has finished.
    pub fn begin(
        journal: Option<&Path>,
        plan: &'a Plan,
        of: usize,
        thing: &'static str,
        resume: bool,
    ) -> ResumableRun<'a> {
        let things = inflected(of, thing);
        let style = ProgressStyle::with_template(&format!(
            "{{bar:32}} {{pos}}/{{len}} {things}, {{eta}} left {{msg}}"
        ));
        let progress =
            ProgressBar::new(of as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        ResumableRun {
            journal: journal.map_or_else(|| temporary_journal(plan), Path::to_owned),
            is_temporary: journal.is_none(),
            plan,
            resume,
            progress,
            thing,
            of,
            done: 0,
        }
    }

    /// Runs all samples in order, except those in the journal, for which it calls `pass`. Stops when `ended` resolves
    /// and returns the finished results; the sample in progress is dropped.
    pub async fn run<T, F: Finished<T>>(
        &mut self,
        all: &[T],
        pass: impl Fn(&T),
        mut fill: impl AsyncFnMut(&T) -> anyhow::Result<F>,
        ended: impl Future,
    ) -> anyhow::Result<Vec<F>> {
        let (mut journal, mut finished) = match self.resume {
            true => journal::resume::<F>(&self.journal, self.plan)?,
            false => (journal::begin(&self.journal, self.plan)?, Vec::new()),
        };
        anyhow::ensure!(
            finished.len() <= all.len() && finished.iter().zip(all).all(|(done, thing)| done.is_of(thing)),
            "the repository has changed since {} was written; run without --resume to start over",
            self.journal.display()
        );
        for thing in &all[..finished.len()] {
            pass(thing);
        }
        self.progress.set_position(finished.len() as u64);
        self.progress.reset_eta();
        let mut ended = std::pin::pin!(ended);
        for thing in &all[finished.len()..] {
            let sample = tokio::select! {
                biased;
                _ = &mut ended => break,
                sample = fill(thing) => sample,
            };
            let sample = sample.with_context(|| self.stopped(finished.len()))?;
            let written = journal.append(&sample);
            written.with_context(|| format!("the journal {}", self.journal.display()))?;
            finished.push(sample);
            self.progress.inc(1);
        }
        self.progress.finish_and_clear();
        self.done = finished.len();
        Ok(finished)
    }

    /// Prints how to resume if the run was interrupted; otherwise removes a temporary journal.
    pub fn end(self) -> ExitCode {
        if self.done < self.of {
            eprintln!("phi-ls: {}", self.stopped(self.done));
            return ExitCode::FAILURE;
        }
        if self.is_temporary {
            let _ = std::fs::remove_file(&self.journal);
        }
        ExitCode::SUCCESS
    }

    fn stopped(&self, done: usize) -> String {
        format!(
            "stopped after {done} of {}; to continue, run the same command with --journal {} --resume",
            counted(self.of, self.thing),
            self.journal.display()
        )
    }
}

/// The same for equal plans.
fn temporary_journal(plan: &Plan) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(plan).unwrap_or_default().hash(&mut hasher);
    std::env::temp_dir().join(format!("phi-ls-eval-{:016x}.jsonl", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use tokio::sync::Notify;

    use super::*;
    use crate::eval::holes::Kind;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Done(usize);

    impl Finished<Hole> for Done {
        fn is_of(&self, hole: &Hole) -> bool {
            self.0 == hole.file
        }
    }

    #[tokio::test]
    async fn an_interrupted_run_keeps_its_results_and_can_be_resumed() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("journal");
        let plan = Plan { samples: 5, ..Plan::default() };
        let holes: Vec<_> = (0..5).map(|file| Hole { file, kind: Kind::Line, range: 0..1 }).collect();

        let end = Notify::new();
        let fill = async |hole: &Hole| {
            if hole.file == 2 {
                end.notify_one();
            }
            Ok(Done(hole.file))
        };
        let mut run = ResumableRun::begin(Some(&journal), &plan, holes.len(), "hole", false);
        let done = run.run(&holes, |_| {}, fill, end.notified()).await.expect("done");
        assert_eq!(done, [Done(0), Done(1), Done(2)]);
        assert_ne!(run.end(), ExitCode::SUCCESS);

        let passed = std::cell::RefCell::new(Vec::new());
        let mut run = ResumableRun::begin(Some(&journal), &plan, holes.len(), "hole", true);
        let pass = |hole: &Hole| passed.borrow_mut().push(hole.file);
        let fill = async |hole: &Hole| Ok(Done(hole.file));
        let done = run.run(&holes, pass, fill, std::future::pending::<()>()).await.expect("done");
        assert_eq!(done, [0, 1, 2, 3, 4].map(Done));
        assert_eq!(passed.into_inner(), [0, 1, 2]);
        assert_eq!(run.end(), ExitCode::SUCCESS);
    }

    #[tokio::test]
    async fn a_sample_in_progress_is_dropped_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("journal");
        let plan = Plan { samples: 1, ..Plan::default() };
        let holes = [Hole { file: 0, kind: Kind::Line, range: 0..1 }];
        let mut run = ResumableRun::begin(Some(&journal), &plan, 1, "hole", false);
        let never = async |_: &Hole| std::future::pending::<anyhow::Result<Done>>().await;
        let done = run.run(&holes, |_| {}, never, tokio::task::yield_now()).await.expect("ended");
        assert_eq!(done, []);
    }
}
