//! Rewrites items one by one, each with the changes of earlier rewrites in its prompt.

use std::io;
use std::path::Path;
use std::time::Instant;

use phi_engine::Priority;

use super::definitions::{self, Redefined};
use super::files::Files;
use super::journal::{Entry, Journal, fingerprint};
use super::progress::{ProgressSink, ProgressTracker};
use super::report::{Outcome, Report, SiteReport};
use super::{FileChange, Plan};
use crate::answer::Draft;
use crate::edits::{self, Constraints, DeletionAllowance, Edit, Policy, Rejection};
use crate::models::Models;
use crate::prompt::{self, Material};
use crate::rewrite::target::Target;
use crate::rewrite::{RewriteError, RewriteRequest, Rewritten, model_of, rewrite};
use crate::workspace::Workspace;

/// The result of a run; nothing is written yet.
#[derive(Debug, Clone)]
pub struct Refactored {
    /// The changed files, by path.
    pub changes: Vec<FileChange>,
    /// The outcome of each site.
    pub report: Report,
}

/// Why a run stopped early. Finished steps are in the journal.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// No model can follow an instruction.
    #[error("{0}")]
    NoModel(RewriteError),
    /// The plan has no sites.
    #[error("the plan has no sites left")]
    NothingToDo,
    /// The journal could not be written.
    #[error("the journal could not be written: {0}")]
    Journal(#[from] io::Error),
}

/// Where a run stores finished steps, and the finished steps of an earlier run.
#[derive(Debug, Default)]
pub struct ResumeState<'a> {
    /// `None`: steps are not stored.
    pub journal: Option<&'a mut Journal>,
    /// Finished steps of the same plan. Refused sites are tried again.
    pub finished: &'a [Entry],
    /// The folder for the sandbox copy in which a check runs.
    pub copies: Option<&'a Path>,
}

/// Rewrites the sites of a plan in sequence. Dropping the future stops it within a token or two. A refused site keeps
/// its text and does not stop the run.
///
/// # Errors
/// Nothing can be rewritten at all, or the journal cannot be written.
pub async fn run(
    workspace: &Workspace,
    models: &Models,
    plan: &Plan,
    resume: ResumeState<'_>,
    sink: ProgressSink<'_>,
) -> Result<Refactored, Stopped> {
    let engine = model_of(models).map_err(Stopped::NoModel)?;
    if plan.sites.is_empty() {
        return Err(Stopped::NothingToDo);
    }
    let started = Instant::now();
    let progress = ProgressTracker::new(plan, sink);
    let (files, changed, sites) = (Files::default(), Vec::new(), Vec::new());
    let mut run = Run { workspace, models, plan, resume, progress, files, changed, sites };
    for (at, site) in plan.sites.iter().enumerate() {
        let (outcome, deletes) = run.site(at).await?;
        run.progress.finished(site.bytes, matches!(outcome, Outcome::Changed { resumed: true, .. }));
        run.sites.push(SiteReport { site: site.clone(), outcome, deletes });
    }
    let check = match plan.order.check.as_deref() {
        Some(command @ [_, ..]) if !run.files.changes().is_empty() => Some(run.check(command).await?),
        _ => None,
    };
    let report = Report {
        instruction: plan.order.instruction.clone(),
        model: engine.model().name.clone(),
        sites: run.sites,
        check,
        left_out: plan.left_out.clone(),
        time: started.elapsed(),
        tokens: run.progress.usage().into(),
        ..Report::default()
    };
    Ok(Refactored { changes: run.files.changes(), report })
}

/// A rewritten item.
pub(super) struct Done {
    /// It needed a second answer.
    repaired: bool,
    /// A description of what it deletes.
    pub(super) deletes: Option<String>,
}

fn deletes(edit: &Edit) -> Option<String> {
    let deletions = edit.deletions();
    (!deletions.is_empty()).then(|| deletions.to_string())
}

/// The state of a run.
pub(super) struct Run<'a> {
    pub(super) workspace: &'a Workspace,
    models: &'a Models,
    pub(super) plan: &'a Plan,
    pub(super) resume: ResumeState<'a>,
    pub(super) progress: ProgressTracker<'a>,
    pub(super) files: Files,
    /// Changed definitions, the latest last.
    changed: Vec<Redefined>,
    /// The outcome of the plan's sites so far, then of other items with problems from the check.
    pub(super) sites: Vec<SiteReport>,
}

impl Run<'_> {
    /// Rewrites one site of the plan, or reuses an earlier run's edit of the same text. Returns the outcome and a
    /// description of what it deletes.
    async fn site(&mut self, at: usize) -> io::Result<(Outcome, Option<String>)> {
        let site = &self.plan.sites[at];
        let file = self.files.file(self.workspace, self.plan, &site.path);
        let found =
            file.and_then(|file| file.target(at).ok_or_else(|| "it is not there any more".to_owned()));
        let target = match found {
            Ok(target) => target,
            Err(reason) => return self.refused(at, reason),
        };
        let ask = match self.ask(&site.path, target, None) {
            Ok(ask) => ask,
            Err(reason) => return self.refused(at, reason),
        };
        if self.is_made(at, &ask) {
            return Ok((Outcome::Changed { repaired: false, resumed: true }, None));
        }
        let old = ask.document.text.byte_slice(ask.target.range.clone()).to_string();
        let unchanged = Entry::Unchanged { site: at, item_old: old };
        if self.resume.finished.contains(&unchanged) {
            return Ok((Outcome::Unchanged, None));
        }
        if let Some(edit) = self.made_before(at, &ask) {
            self.apply(&ask, &edit);
            return Ok((Outcome::Changed { repaired: false, resumed: true }, deletes(&edit)));
        }
        match self.rewrite(&ask, Some(at), &site.label()).await? {
            Ok(Done { repaired, deletes }) => Ok((Outcome::Changed { repaired, resumed: false }, deletes)),
            Err(RewriteError::Answer(Rejection::Unchanged)) => {
                if let Some(journal) = &mut self.resume.journal {
                    journal.append(&unchanged)?;
                }
                Ok((Outcome::Unchanged, None))
            }
            Err(RewriteError::Answer(rejection)) => self.refused(at, rejection.to_string()),
            Err(refused) => self.refused(at, refused.to_string()),
        }
    }

    /// The rewrite request for an item of a file; with a problem, the request to repair it.
    pub(super) fn ask(
        &mut self,
        path: &Path,
        target: Target,
        problem: Option<String>,
    ) -> Result<RewriteRequest, String> {
        let order = &self.plan.order;
        let file = self.files.file(self.workspace, self.plan, path)?;
        Ok(RewriteRequest {
            document: file.now.clone(),
            related: definitions::related(&self.changed, &file.text(&target.range)),
            target,
            instruction: match &problem {
                Some(_) => prompt::repair(&order.instruction),
                None => order.instruction.clone(),
            },
            material: problem.map(Material::Problem),
            may_delete: DeletionAllowance::Some,
            may_add_items: true,
            may_add_imports: false,
            must_touch: None,
            priority: Priority::Background,
        })
    }

    /// Rewrites an item and applies the edit; if the plan has the item at `site`, also journals it. Returns the result,
    /// or why the item was refused.
    pub(super) async fn rewrite(
        &mut self,
        ask: &RewriteRequest,
        site: Option<usize>,
        label: &str,
    ) -> io::Result<Result<Done, RewriteError>> {
        let path = ask.document.path.as_deref().unwrap_or(Path::new(""));
        let item = format!("{label} in {}", self.workspace.repository.rules().relative(path).display());
        self.progress.item(&item);
        let Rewritten { edit, repaired, .. } = match rewrite(self.workspace, self.models, ask, &|stage| {
            self.progress.report(&item, stage)
        })
        .await
        {
            Ok(rewritten) => rewritten,
            Err(refused) => return Ok(Err(refused)),
        };
        let deletions = edit.deletions();
        if ask.material.is_some() && deletions.is_unexpected {
            return Ok(Err(RewriteError::Repair(deletions.to_string())));
        }
        if let (Some(journal), Some(site)) = (&mut self.resume.journal, site) {
            journal.append(&Entry::Rewritten {
                site,
                before: fingerprint(&ask.document.text.to_string()),
                item_old: edit.old().to_owned(),
                item_new: edit.new_text().to_owned(),
            })?;
        }
        self.apply(ask, &edit);
        Ok(Ok(Done { repaired, deletes: deletes(&edit) }))
    }

    /// Whether the item already has an earlier run's new text: its file was written, and the journal lost that entry.
    fn is_made(&self, at: usize, ask: &RewriteRequest) -> bool {
        let now = ask.document.text.byte_slice(ask.target.range.clone());
        let last = self.resume.finished.iter().rev().find_map(|entry| match entry {
            Entry::Rewritten { site, item_new, .. } if *site == at => Some(item_new),
            _ => None,
        });
        last.is_some_and(|last| now == last.as_str())
    }

    /// An earlier run's edit of the same item, repairs included. It is verified again, because the surrounding code may
    /// have changed.
    fn made_before(&self, at: usize, ask: &RewriteRequest) -> Option<Edit> {
        let old = ask.document.text.byte_slice(ask.target.range.clone()).to_string();
        let mut text = None;
        for entry in self.resume.finished {
            if let Entry::Rewritten { site, item_old, item_new, .. } = entry
                && *site == at
                && text.as_ref().unwrap_or(&old) == item_old
            {
                text = Some(item_new.clone());
            }
        }
        let draft = Draft { range: ask.target.range.clone(), text: text? };
        let terms = Policy {
            instruction: &ask.instruction,
            may_delete: ask.may_delete,
            may_add_items: ask.may_add_items,
            must_touch: None,
        };
        edits::verify(&ask.document, &draft, &Constraints::Item(terms)).ok()
    }

    fn refused(&mut self, at: usize, reason: String) -> io::Result<(Outcome, Option<String>)> {
        if let Some(journal) = &mut self.resume.journal {
            journal.append(&Entry::Refused { site: at, reason: reason.clone() })?;
        }
        Ok((Outcome::Refused(reason), None))
    }

    /// Applies an edit, and records the definitions it changed.
    fn apply(&mut self, ask: &RewriteRequest, edit: &Edit) {
        let path = ask.document.path.clone().unwrap_or_default();
        let Ok(file) = self.files.file(self.workspace, self.plan, &path) else { return };
        let range = file.apply(edit);
        let before = (&*ask.document, edit.range());
        self.changed.extend(definitions::redefined(before, (&file.now, range)));
    }
}
