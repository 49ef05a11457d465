//! The report of a refactoring: as text, as Markdown and as JSON.

use std::path::{Path, PathBuf};
use std::time::Duration;

use phi_engine::Usage;
use serde::Serialize;

use super::apply::{Applied, Skipped};
use super::{LeftOut, Site};
use crate::messages::counted;

/// The result of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The instruction of the request.
    pub instruction: String,
    /// The model that answered.
    pub model: String,
    /// The outcome of each site, in the sequence of the plan.
    pub sites: Vec<SiteReport>,
    /// The result of the check, if there is one and there were changes to check.
    pub check: Option<CheckReport>,
    /// Matches that were not in the plan.
    pub left_out: Vec<LeftOut>,
    /// Files that were not written, and why.
    pub skipped: Vec<LeftOut>,
    /// Files that were written.
    pub written: Vec<PathBuf>,
    /// Other notes for the user.
    pub notes: Vec<String>,
    /// Time of all rewrites.
    #[serde(rename = "milliseconds", serialize_with = "milliseconds")]
    pub time: Duration,
    /// Tokens of all rewrites.
    pub tokens: Tokens,
}

/// The result of a check command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// The command, as arguments.
    pub command: Vec<String>,
    /// Whether it succeeded in the end.
    pub passed: bool,
    /// It also fails without the refactoring.
    pub failed_before: bool,
    /// Rounds of repairs.
    pub repairs: usize,
    /// The problems of the last run that it did not report before the refactoring.
    pub diagnostics: Vec<Diagnostic>,
    /// Why it did not finish.
    pub note: Option<String>,
    /// If it fails, the end of its output.
    pub output: Option<String>,
    /// If it fails, files and folders missing from its copy because they are ignored or hold secrets.
    pub not_copied: Vec<PathBuf>,
}

/// A problem that a check reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// The file.
    pub path: PathBuf,
    /// Counted from 0.
    pub line: u32,
    /// The command's message.
    pub message: String,
}

/// The outcome of one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteReport {
    /// The site.
    #[serde(flatten)]
    pub site: Site,
    /// The outcome.
    pub outcome: Outcome,
    /// What its new text deletes that the instruction does not mention, as a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletes: Option<String>,
}

/// The outcome of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It has a new text.
    Changed {
        /// A first answer was rejected, or the check reported a problem in it.
        repaired: bool,
        /// It was finished by an earlier run.
        resumed: bool,
    },
    /// The model answered that no change is needed.
    Unchanged,
    /// It keeps its text, for this reason.
    Refused(String),
}

/// Tokens that a model read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// In all prompts.
    pub prompt: usize,
    /// Of these, read from the cache.
    pub cached: usize,
    /// Generated.
    pub generated: usize,
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Tokens {
        Tokens { prompt: usage.prompt, cached: usage.cached, generated: usage.generated }
    }
}

impl Report {
    /// Adds the written and skipped files.
    pub fn applied(&mut self, applied: &Applied) {
        self.written.extend(applied.written.iter().cloned());
        let left =
            |(path, reason): &(PathBuf, Skipped)| LeftOut { path: path.clone(), reason: reason.to_string() };
        self.skipped.extend(applied.skipped.iter().map(left));
        self.notes.extend(applied.notes.iter().map(|(path, note)| format!("{}: {note}", path.display())));
    }

    /// Whether there is a check and it fails.
    pub fn fails(&self) -> bool {
        self.check.as_ref().is_some_and(|check| !check.passed)
    }

    /// A description of what the changes of a file delete.
    pub fn deletes_in(&self, path: &Path) -> Option<String> {
        let own = self.sites.iter().filter(|one| one.site.path == path);
        let said: Vec<String> =
            own.filter_map(|one| Some(format!("{} {}", one.site.label(), one.deletes.as_ref()?))).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// The number of changed, unchanged and refused sites.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |is: fn(&Outcome) -> bool| self.sites.iter().filter(|site| is(&site.outcome)).count();
        (
            count(|outcome| matches!(outcome, Outcome::Changed { .. })),
            count(|outcome| matches!(outcome, Outcome::Unchanged)),
            count(|outcome| matches!(outcome, Outcome::Refused(_))),
        )
    }

    /// Formats it for a terminal. Paths are relative to a workspace folder.
    pub fn text(&self, root: &Path) -> String {
        let mut text = self.summary() + "\n";
        for (heading, lines) in self.lists(root) {
            text += &format!("{heading}:\n");
            text.extend(lines.iter().map(|line| format!("  {line}\n")));
        }
        text
    }

    /// Formats it for a review or a commit.
    pub fn markdown(&self, root: &Path) -> String {
        let mut text = format!("## {}\n\n{}\n", self.instruction.trim(), self.summary());
        for (heading, lines) in self.lists(root) {
            text += &format!("\n### {heading}\n\n");
            text.extend(lines.iter().map(|line| format!("- {line}\n")));
        }
        text
    }

    fn summary(&self) -> String {
        let (written, skipped) = (self.written.len(), self.skipped.len());
        if self.sites.is_empty() {
            let files = format!("; files written: {written}, skipped: {skipped}");
            return "the result of an earlier run".to_owned()
                + if written + skipped > 0 { &files } else { "" };
        }
        let (changed, unchanged, refused) = self.counts();
        let check = self.check.as_ref().map_or("no check ran".to_owned(), CheckReport::summary);
        let sites = counted(self.sites.len(), "site");
        let Tokens { prompt, generated, .. } = self.tokens;
        format!(
            "{sites}: {changed} changed, {unchanged} unchanged, {refused} refused; {:.1} s, {prompt} tokens read, \
             {generated} written by {}; {check}",
            self.time.as_secs_f64(),
            self.model
        )
    }

    /// The lists to show, with their headings.
    fn lists(&self, root: &Path) -> Vec<(&'static str, Vec<String>)> {
        let place = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
        let of =
            |wanted: &dyn Fn(&SiteReport) -> Option<String>| self.sites.iter().filter_map(wanted).collect();
        let name = |site: &Site| format!("{}:{} {}", place(&site.path), site.line + 1, site.label());
        let changed = of(&|one| match &one.outcome {
            Outcome::Changed { repaired, resumed } => {
                let notes = [(*repaired, " (repaired)"), (*resumed, " (resumed)")];
                let notes = notes.iter().filter(|(holds, _)| *holds).map(|(_, note)| *note);
                Some(name(&one.site) + &notes.collect::<String>())
            }
            _ => None,
        });
        let unchanged = of(&|one| matches!(one.outcome, Outcome::Unchanged).then(|| name(&one.site)));
        let refused = of(&|one| match &one.outcome {
            Outcome::Refused(reason) => Some(format!("{}: {reason}", name(&one.site))),
            _ => None,
        });
        let files = |files: &[LeftOut]| -> Vec<String> {
            files.iter().map(|left| format!("{}: {}", place(&left.path), left.reason)).collect()
        };
        let deletes = of(&|one| Some(format!("{} {}", name(&one.site), one.deletes.as_ref()?)));
        let diagnostics = self.check.iter().flat_map(|check| {
            let place = |one: &Diagnostic| format!("{}:{}: {}", place(&one.path), one.line + 1, one.message);
            check.diagnostics.iter().map(place).chain(check.note.clone())
        });
        let diagnostics: Vec<String> = diagnostics.collect();
        let output = self.check.iter().filter_map(|check| check.output.as_ref());
        let output: Vec<String> = output.flat_map(|output| output.lines()).map(str::to_owned).collect();
        let not_copied = self.check.iter().flat_map(|check| &check.not_copied);
        let mut not_copied: Vec<String> = not_copied.map(|path| place(path)).collect();
        if !not_copied.is_empty() {
            not_copied.push("the setting `refactor.copy` names what is copied all the same".to_owned());
        }
        let written = self.written.iter().map(|path| place(path)).collect();
        let mut lists = vec![
            ("Changed", changed),
            ("Unchanged", unchanged),
            ("Refused", refused),
            ("Deletions to review", deletes),
            ("The check complains", diagnostics),
            ("The check says", output),
            ("Not in the copy that was checked", not_copied),
            ("Not in the plan", files(&self.left_out)),
            ("Written", written),
            ("Skipped", files(&self.skipped)),
            ("Notes", self.notes.clone()),
        ];
        lists.retain(|(_, lines)| !lines.is_empty());
        lists
    }
}

impl CheckReport {
    /// One line about the check for one file: whether it passes, and the first problem in this file.
    pub fn of_file(&self, path: &Path) -> String {
        let here: Vec<&Diagnostic> = self.diagnostics.iter().filter(|one| one.path == path).collect();
        let diagnostic = match here.as_slice() {
            [] => {
                let said = self.note.as_deref().and_then(|note| note.lines().next());
                let last = || self.output.as_deref().filter(|_| self.diagnostics.is_empty())?.lines().last();
                said.or_else(last).map(|said| format!("; {said}"))
            }
            [first] => Some(format!("; line {}: {}", first.line + 1, first.message)),
            [first, more @ ..] => {
                Some(format!("; line {}: {}; {} more", first.line + 1, first.message, more.len()))
            }
        };
        self.summary() + &diagnostic.unwrap_or_default()
    }

    /// Whether it passes, in words.
    pub fn summary(&self) -> String {
        let command = self.command.join(" ");
        let passed = if self.passed { "passes" } else { "fails" };
        let before =
            if self.failed_before && !self.passed { ", as it does without this refactoring" } else { "" };
        let repairs = match self.repairs {
            0 => String::new(),
            1 => " after a round of repairs".to_owned(),
            rounds => format!(" after {rounds} rounds of repairs"),
        };
        format!("`{command}` {passed}{repairs}{before}")
    }
}

fn milliseconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_millis() as u64)
}
