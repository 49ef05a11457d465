//! Repairs the problems that a check command reports, item by item.
//!
//! The command runs in a copy of the workspace with the changes applied. Problems that it also reports without the
//! changes are ignored; each other problem is added to one more rewrite request for the item that contains its line.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::check::{self, Checked, Limits, Problem};
use super::journal::Entry;
use super::report::{CheckReport, Diagnostic, Outcome, SiteReport};
use super::run::Run;
use super::sandbox::{Bounds, SandboxCopy};
use super::{FileChange, targets};
use crate::documents::Document;
use crate::messages::counted;
use crate::rewrite::target::Target;

/// Maximum rounds of repairs.
const ROUNDS: usize = 3;
/// Maximum items repaired in one round.
const MOST_REPAIRS: usize = 24;
/// The limits of one check.
const LIMITS: Limits = Limits { time: Duration::from_secs(20 * 60), output: 1 << 20 };
/// Bytes to keep from the end of an output without positions.
const LAST_WORDS: usize = 800;

/// A problem without its line, which the refactoring shifts.
type Known = (PathBuf, String);

impl Run<'_> {
    /// Checks the changes of the run, and repairs them. A check that cannot run is reported and does not stop the run.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub(super) async fn check(&mut self, command: &[String]) -> io::Result<CheckReport> {
        let mut report = CheckReport { command: command.to_vec(), ..CheckReport::default() };
        self.progress.step("copying the workspace for the check");
        let copy = match self.sandbox().await {
            Ok(copy) => copy,
            Err(error) => {
                report.note = Some(format!("it could not be run: {error}"));
                return Ok(report);
            }
        };
        let mut known: Option<Vec<Known>> = None;
        loop {
            self.progress.step("checking");
            let checked = match run(&copy, command, self.files.changes()).await {
                Ok(checked) => checked,
                Err(error) => {
                    report.note = Some(format!("it could not be run: {error}"));
                    return Ok(report);
                }
            };
            let (round, problems) = (report.repairs as u32 + 1, checked.problems.len());
            if let Some(journal) = &mut self.resume.journal {
                journal.append(&Entry::Checked { round, passed: checked.passed, problems })?;
            }
            report.passed = checked.passed;
            report.note = note(&checked);
            report.output = output(&checked);
            if checked.passed {
                report.diagnostics.clear();
                return Ok(report);
            }
            report.not_copied = copy.left_out();
            if known.is_none() {
                self.progress.step("checking without the changes");
                let before = run(&copy, command, Vec::new()).await;
                report.failed_before = before.as_ref().is_ok_and(|before| !before.passed);
                let before = before.map(|before| before.problems).unwrap_or_default();
                known = Some(before.into_iter().map(|one| (one.path, one.message)).collect());
            }
            let known = known.as_deref().unwrap_or_default();
            let is_new = |one: &Problem| {
                !known.iter().any(|(path, message)| (path, message) == (&one.path, &one.message))
            };
            let problems: Vec<Problem> = checked.problems.into_iter().filter(is_new).collect();
            let diagnostic = |Problem { path, line, message }: &Problem| Diagnostic {
                path: path.clone(),
                line: *line,
                message: message.clone(),
            };
            report.diagnostics = problems.iter().map(diagnostic).collect();
            if report.repairs == ROUNDS || !self.repair(&problems).await? {
                return Ok(report);
            }
            report.repairs += 1;
        }
    }

    /// Makes the copy of the workspace; dropping the future cancels it.
    async fn sandbox(&self) -> io::Result<SandboxCopy> {
        let folder = self.resume.copies.ok_or_else(|| io::Error::other("there is no folder for a copy"))?;
        let (rules, folder) = (self.workspace.repository.rules(), folder.to_owned());
        let besides = self.workspace.settings().refactor.copy.clone();
        let dropped = Dropped::default();
        let is_dropped = dropped.0.clone();
        let copy = move || {
            SandboxCopy::of(&rules, &folder, &besides, Bounds::default(), &|| {
                is_dropped.load(Ordering::Relaxed)
            })
        };
        tokio::task::spawn_blocking(copy).await.map_err(io::Error::other)?
    }

    /// Rewrites the items that contain the problems' lines. Returns whether anything changed.
    async fn repair(&mut self, problems: &[Problem]) -> io::Result<bool> {
        let mut by_path: BTreeMap<&Path, Vec<&Problem>> = BTreeMap::new();
        for problem in problems {
            by_path.entry(&problem.path).or_default().push(problem);
        }
        let mut left = MOST_REPAIRS;
        let mut has_changed = false;
        for (path, problems) in by_path {
            let Ok(file) = self.files.file(self.workspace, self.plan, path) else { continue };
            // From bottom to top, so that the ranges above stay valid.
            for (target, problem) in concerned(&file.now.clone(), &problems).into_iter().rev() {
                if left == 0 {
                    return Ok(has_changed);
                }
                left -= 1;
                has_changed |= self.repair_item(path, target, problem).await?;
            }
        }
        Ok(has_changed)
    }

    async fn repair_item(&mut self, path: &Path, target: Target, problem: String) -> io::Result<bool> {
        let Ok(file) = self.files.file(self.workspace, self.plan, path) else { return Ok(false) };
        let planned = file.site_at(&target.range);
        let mut site = targets::site(&file.now, &target);
        site.reason = "the check complains of it".to_owned();
        let Ok(ask) = self.ask(path, target, Some(problem)) else { return Ok(false) };
        let done = self.rewrite(&ask, planned, &format!("repairing {}", site.label())).await?;
        let (outcome, deletes) = match &done {
            Ok(done) => (Outcome::Changed { repaired: true, resumed: false }, done.deletes.clone()),
            Err(refused) => (Outcome::Refused(refused.to_string()), None),
        };
        match planned {
            // Keep the first outcome.
            Some(_) if done.is_err() => {}
            Some(at) => {
                // What the first rewrite deleted is still deleted.
                let all: Vec<String> = self.sites[at].deletes.take().into_iter().chain(deletes).collect();
                self.sites[at].deletes = (!all.is_empty()).then(|| all.join("; "));
                self.sites[at].outcome = outcome;
            }
            None => {
                let is_it = |one: &&mut SiteReport| {
                    (&one.site.path, &one.site.name, one.site.nth) == (&site.path, &site.name, site.nth)
                };
                match self.sites.iter_mut().skip(self.plan.sites.len()).find(is_it) {
                    Some(known) => known.outcome = outcome,
                    None => self.sites.push(SiteReport { site, outcome, deletes }),
                }
            }
        }
        Ok(done.is_ok())
    }
}

/// When dropped, cancels the thread that makes a copy.
#[derive(Debug, Default)]
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs the command in the copy with these changes.
async fn run(copy: &SandboxCopy, command: &[String], changes: Vec<FileChange>) -> io::Result<Checked> {
    let written = copy.clone();
    tokio::task::spawn_blocking(move || written.write(&changes)).await.map_err(io::Error::other)??;
    check::check(copy, command, LIMITS).await
}

/// The items that contain problems, in text order and not nested, each with its messages.
fn concerned(document: &Document, problems: &[&Problem]) -> Vec<(Target, String)> {
    let mut items: Vec<(Target, String)> = Vec::new();
    for problem in problems {
        let Some(target) = targets::at(document, problem.line as usize) else { continue };
        let line = document.text.line(problem.line as usize).to_string();
        let said = format!("In `{}`: {}\n", line.trim(), problem.message);
        match items.iter_mut().find(|(item, _)| item.range == target.range) {
            Some((_, text)) => text.push_str(&said),
            None => items.push((target, said)),
        }
    }
    items.sort_by_key(|(item, _)| (item.range.start, std::cmp::Reverse(item.range.end)));
    let mut end = 0;
    items.retain(|(item, _)| {
        let is_free = end <= item.range.start;
        end = end.max(item.range.end);
        is_free
    });
    items
}

/// Why a check did not finish.
fn note(checked: &Checked) -> Option<String> {
    let minutes = LIMITS.time.as_secs() as usize / 60;
    checked.timed_out.then(|| format!("it was ended after {}", counted(minutes, "minute")))
}

/// The end of a failed check's output.
fn output(checked: &Checked) -> Option<String> {
    let output = checked.output.trim_end();
    let from = output.ceil_char_boundary(output.len().saturating_sub(LAST_WORDS));
    let said = match output[from..].trim_start() {
        "" => "nothing",
        said => said,
    };
    (!checked.passed).then(|| said.to_owned())
}
