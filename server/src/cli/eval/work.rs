//! One hole after the other: progress shown, each written down when it is done, ended by Ctrl-C.

use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::eval::completion::Sample;
use crate::eval::corpus::Hole;
use crate::eval::edits::Triple;
use crate::eval::edits::run::Edited;
use crate::eval::journal::{Journal, Plan};
use crate::eval::retrieval::HoleResult;

/// A run over holes, or over other things of which one is done after the other.
pub struct Work<'a> {
    journal: &'a Path,
    plan: &'a Plan,
    resume: bool,
    progress: ProgressBar,
    /// What they are called.
    things: &'static str,
    of: usize,
    done: usize,
}

/// What is known of a finished hole, or of another thing that was done.
pub trait Finished<T>: Serialize + DeserializeOwned {
    /// Whether it is this one's.
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

impl<'a> Work<'a> {
    /// Work that has not begun; progress is shown where standard error is a terminal.
    pub fn begin(
        journal: &'a Path,
        plan: &'a Plan,
        of: usize,
        things: &'static str,
        resume: bool,
    ) -> Work<'a> {
        let style = ProgressStyle::with_template(&format!(
            "{{bar:32}} {{pos}}/{{len}} {things}, {{eta}} left {{msg}}"
        ));
        let progress =
            ProgressBar::new(of as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Work { journal, plan, resume, progress, things, of, done: 0 }
    }

    /// Does all things but those that the journal holds, in their order; these are told to `pass`. What is done when
    /// `ended` comes is the answer, and what is being done then is not.
    pub async fn run<T, F: Finished<T>>(
        &mut self,
        all: &[T],
        pass: impl Fn(&T),
        mut fill: impl AsyncFnMut(&T) -> anyhow::Result<F>,
        ended: impl Future,
    ) -> anyhow::Result<Vec<F>> {
        let (mut journal, mut finished) = match self.resume {
            true => Journal::resume::<F>(self.journal, self.plan)?,
            false => (Journal::begin(self.journal, self.plan)?, Vec::new()),
        };
        anyhow::ensure!(
            finished.len() <= all.len() && finished.iter().zip(all).all(|(done, thing)| done.is_of(thing)),
            "the repository has changed since {} was written; run without --resume to begin anew",
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
                sample = fill(thing) => sample?,
            };
            journal.add(&sample)?;
            finished.push(sample);
            self.progress.inc(1);
        }
        self.progress.finish_and_clear();
        self.done = finished.len();
        Ok(finished)
    }

    /// Says how to go on, if it was ended early.
    pub fn end(self) -> ExitCode {
        if self.done == self.of {
            return ExitCode::SUCCESS;
        }
        anstream::eprintln!(
            "phi-ls: ended after {} of {} {}; the same command with --journal {} --resume goes on",
            self.done,
            self.of,
            self.things,
            self.journal.display()
        );
        ExitCode::FAILURE
    }
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
    async fn what_is_done_when_it_is_ended_counts_and_the_rest_is_done_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("journal");
        let plan = Plan::new("/w".into(), 5, 1, Vec::new(), String::new(), String::new());
        let holes: Vec<_> = (0..5).map(|file| Hole { file, kind: Kind::Line, range: 0..1 }).collect();

        let end = Notify::new();
        let fill = async |hole: &Hole| {
            if hole.file == 2 {
                end.notify_one();
            }
            Ok(Done(hole.file))
        };
        let mut work = Work::begin(&journal, &plan, holes.len(), "holes", false);
        let done = work.run(&holes, |_| {}, fill, end.notified()).await.expect("done");
        assert_eq!(done, [Done(0), Done(1), Done(2)]);
        assert_ne!(work.end(), ExitCode::SUCCESS);

        let passed = std::cell::RefCell::new(Vec::new());
        let mut work = Work::begin(&journal, &plan, holes.len(), "holes", true);
        let pass = |hole: &Hole| passed.borrow_mut().push(hole.file);
        let fill = async |hole: &Hole| Ok(Done(hole.file));
        let done = work.run(&holes, pass, fill, std::future::pending::<()>()).await.expect("done");
        assert_eq!(done, [0, 1, 2, 3, 4].map(Done));
        assert_eq!(passed.into_inner(), [0, 1, 2]);
        assert_eq!(work.end(), ExitCode::SUCCESS);
    }

    #[tokio::test]
    async fn a_hole_that_waits_is_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("journal");
        let plan = Plan::new("/w".into(), 1, 1, Vec::new(), String::new(), String::new());
        let holes = [Hole { file: 0, kind: Kind::Line, range: 0..1 }];
        let mut work = Work::begin(&journal, &plan, 1, "holes", false);
        let never = async |_: &Hole| std::future::pending::<anyhow::Result<Done>>().await;
        let done = work.run(&holes, |_| {}, never, tokio::task::yield_now()).await.expect("ended");
        assert_eq!(done, []);
    }
}
