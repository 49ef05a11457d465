//! One hole after the other: progress shown, each written down when it is done, ended by Ctrl-C.

use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::eval::completion::Sample;
use crate::eval::corpus::Hole;
use crate::eval::journal::{Journal, Plan};
use crate::eval::retrieval::Found;

/// A run over holes.
pub struct Work<'a> {
    journal: &'a Path,
    plan: &'a Plan,
    resume: bool,
    progress: ProgressBar,
    holes: usize,
    done: usize,
}

/// What is known of a finished hole.
pub trait Finished: Serialize + DeserializeOwned {
    /// Whether it is this hole's.
    fn is_of(&self, hole: &Hole) -> bool;
}

impl Finished for Sample {
    fn is_of(&self, hole: &Hole) -> bool {
        (self.kind, self.offset, self.expected.len()) == (hole.kind, hole.range.start, hole.range.len())
    }
}

impl Finished for Found {
    fn is_of(&self, hole: &Hole) -> bool {
        (self.kind, self.offset) == (hole.kind, hole.range.start)
    }
}

impl<'a> Work<'a> {
    /// Work that has not begun; progress is shown where standard error is a terminal.
    pub fn begin(journal: &'a Path, plan: &'a Plan, holes: usize, resume: bool) -> Work<'a> {
        let style = ProgressStyle::with_template("{bar:32} {pos}/{len} holes, {eta} left {msg}");
        let progress =
            ProgressBar::new(holes as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Work { journal, plan, resume, progress, holes, done: 0 }
    }

    /// Does all holes but those that the journal holds, in their order; these are told to `pass`. What is done when
    /// Ctrl-C is pressed is the answer.
    pub async fn run<T: Finished>(
        &mut self,
        holes: &[Hole],
        pass: impl Fn(&Hole),
        mut fill: impl AsyncFnMut(&Hole) -> T,
    ) -> anyhow::Result<Vec<T>> {
        let (mut journal, mut finished) = match self.resume {
            true => Journal::resume::<T>(self.journal, self.plan)?,
            false => (Journal::begin(self.journal, self.plan)?, Vec::new()),
        };
        anyhow::ensure!(
            finished.len() <= holes.len() && finished.iter().zip(holes).all(|(done, hole)| done.is_of(hole)),
            "the repository has changed since {} was written; run without --resume to begin anew",
            self.journal.display()
        );
        for hole in &holes[..finished.len()] {
            pass(hole);
        }
        self.progress.set_position(finished.len() as u64);
        self.progress.reset_eta();
        let interrupted = tokio::spawn(tokio::signal::ctrl_c());
        for hole in &holes[finished.len()..] {
            // Cancelled between two holes: one takes a fraction of a second, with a large model some.
            if interrupted.is_finished() {
                break;
            }
            let sample = fill(hole).await;
            journal.add(&sample)?;
            finished.push(sample);
            self.progress.inc(1);
        }
        interrupted.abort();
        self.progress.finish_and_clear();
        self.done = finished.len();
        Ok(finished)
    }

    /// Says how to go on, if it was ended early.
    pub fn end(self) -> ExitCode {
        if self.done == self.holes {
            return ExitCode::SUCCESS;
        }
        anstream::eprintln!(
            "phi-ls: ended after {} of {} holes; the same command with --journal {} --resume goes on",
            self.done,
            self.holes,
            self.journal.display()
        );
        ExitCode::FAILURE
    }
}
