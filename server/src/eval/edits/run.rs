//! Runs one instruction after the other through the rewrite flow of editors.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use parking_lot::Mutex;
use phi_engine::{Priority, Usage};
use serde::{Deserialize, Serialize};

use super::lines;
use super::tree::Tree;
use super::triples::{Site, Triple};
use crate::documents::Document;
use crate::edits::DeletionAllowance;
use crate::eval::metrics;
use crate::models::Models;
use crate::refactor::FileChange;
use crate::refactor::check::{self, Limits};
use crate::refactor::sandbox::{self, SandboxCopy};
use crate::repository::Repository;
use crate::repository::changes::git::Git;
use crate::repository::rules::Rules;
use crate::repository::walk::Bounds;
use crate::rewrite::{self, RewriteError, RewriteRequest, Rewritten, Stage};
use crate::settings::Settings;
use crate::workspace::Workspace;

/// The time limit of git for checking out one commit.
const LAYING_OUT: Duration = Duration::from_secs(120);
/// The limits of a check: time and output.
const CHECK: Limits = Limits { time: Duration::from_secs(300), output: 64 * 1024 };

/// The result of one triple.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    /// The triple's.
    pub name: String,
    /// The triple's.
    pub path: String,
    /// The item, for display.
    pub item: String,
    /// The language's id.
    pub language: String,
    /// The new text of the item; `None` without an edit.
    pub text: Option<String>,
    /// Why there is no edit, as a category and as a sentence.
    pub refused: Option<(String, String)>,
    /// Whether the last answer was valid and complete code that fits the item.
    pub parses: bool,
    /// Whether a first answer was rejected, and the second one was not.
    pub repaired: bool,
    /// Whether the text equals the actual change, except trailing spaces.
    pub exact: bool,
    /// Edit similarity of the new text to the actual change.
    pub similarity: f64,
    /// The same for the unchanged item.
    pub similarity_before: f64,
    /// Lines that the edit changes or inserts.
    pub changed: usize,
    /// The unnecessary ones among these: the actual change keeps the text.
    pub needless: usize,
    /// Whether the check passes with the edit; `None` if it was not run, or does not pass with the actual change.
    pub check: Option<bool>,
    /// The time from the request to the end of the last answer.
    pub milliseconds: f64,
    /// Tokens of the prompts.
    pub prompt: usize,
    /// Tokens generated.
    pub generated: usize,
}

/// A run over triples.
pub struct Run {
    models: Models,
    settings: Settings,
    bounds: Bounds,
    check: Option<Vec<String>>,
    repository: Option<PathBuf>,
    tree: Mutex<Tree>,
    /// Whether the answer is the actual change, so that no model is asked.
    of_truth: bool,
}

impl Run {
    /// `repository`: its history has the trees around files; without one a file is alone. `check`: a command, as arguments,
    /// that succeeds if an edit is right.
    ///
    /// # Errors
    /// There is no temporary folder.
    pub fn new(
        models: Models,
        settings: Settings,
        bounds: Bounds,
        repository: Option<PathBuf>,
        check: Option<Vec<String>>,
    ) -> anyhow::Result<Run> {
        let tree = Mutex::new(Tree::new()?);
        Ok(Run { models, settings, bounds, check, repository, tree, of_truth: false })
    }

    /// Without a model: the answer is the actual change, so that every rejection is one of hand-written code. Other files are
    /// not checked out, because they do not matter for that.
    ///
    /// # Errors
    /// There is no temporary folder.
    pub fn of_truth(settings: Settings, bounds: Bounds) -> anyhow::Result<Run> {
        Ok(Run { of_truth: true, ..Run::new(Models::default(), settings, bounds, None, None)? })
    }

    /// Runs a triple's instruction, and compares the result.
    ///
    /// # Errors
    /// The tree around it cannot be checked out, or its check cannot be run.
    pub async fn edit(&self, triple: &Triple) -> anyhow::Result<Edited> {
        let site = triple
            .site()
            .ok_or_else(|| anyhow::anyhow!("{} changes no item of {}", triple.name, triple.path))?;
        let (root, repository) = self.surroundings(triple)?;
        let mut workspace = Workspace::new(self.settings.clone());
        workspace.repository = repository;
        let document = Arc::new(triple.document(&root));
        workspace.documents.open((*document).clone());
        let ask = RewriteRequest {
            document: document.clone(),
            target: site.target.clone(),
            instruction: triple.instruction.clone(),
            material: None,
            related: Vec::new(),
            may_delete: DeletionAllowance::Some,
            may_add_items: true,
            may_add_imports: false,
            must_touch: None,
            priority: Priority::Interactive,
        };
        let usage = Mutex::new(Usage::default());
        let stage = |stage| {
            if let Stage::Answered(cost) = stage {
                *usage.lock() += cost;
            }
        };
        let started = Instant::now();
        let result = if self.of_truth {
            // With the white space in front, as the prompt shows the item.
            let line = document.text.line_to_byte(document.text.byte_to_line(site.target.range.start));
            let answer = [&triple.before[line..site.target.range.start], &site.expected].concat();
            rewrite::verify(&workspace, &ask, &answer)
        } else {
            rewrite::rewrite(&workspace, &self.models, &ask, &stage).await
        };
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let usage = *usage.lock();
        let mut edited = compare(triple, &site, &document, result);
        edited.check = self.check(&root, triple, &site, edited.text.as_deref()).await?;
        Ok(Edited { milliseconds, prompt: usage.prompt, generated: usage.generated, ..edited })
    }

    /// The repository around a triple: the tree of its parent commit, or an empty one.
    fn surroundings(&self, triple: &Triple) -> anyhow::Result<(PathBuf, Repository)> {
        let mut tree = self.tree.lock();
        let (Some(history), Some(parent)) = (&self.repository, &triple.parent) else {
            let repository = Repository::default();
            let root = tree.root();
            repository
                .set_rules(Rules::new(std::slice::from_ref(&root), &self.settings.repository.secret_files));
            return Ok((root, repository));
        };
        let git = Git::within(history, LAYING_OUT).context("git does not answer")?;
        tree.lay_out(&git, parent)?;
        Ok((tree.root(), tree.repository(&self.settings.repository.secret_files, self.bounds)))
    }

    /// Whether the check passes with the edit, if it does with the actual change.
    async fn check(
        &self,
        root: &Path,
        triple: &Triple,
        site: &Site,
        text: Option<&str>,
    ) -> anyhow::Result<Option<bool>> {
        let (Some(command), Some(text), Some(_)) = (&self.check, text, &triple.parent) else {
            return Ok(None);
        };
        let rules = Rules::new(&[root.to_owned()], &self.settings.repository.secret_files);
        let copies = tempfile::tempdir()?;
        let copy = SandboxCopy::of(&rules, copies.path(), &[], sandbox::Bounds::default(), &|| false)?;
        let range = &site.target.range;
        for (item, is_expectation) in [(site.expected.as_str(), true), (text, false)] {
            let after = [&triple.before[..range.start], item, &triple.before[range.end..]].concat();
            let change = FileChange {
                path: root.join(&triple.path),
                before: triple.before.as_str().into(),
                after: after.into(),
            };
            copy.write(&[change])?;
            let passed = check::check(&copy, command, CHECK).await?.passed;
            if !is_expectation || !passed {
                return Ok((!is_expectation).then_some(passed));
            }
        }
        Ok(None)
    }
}

/// Compares the edit with the actual change.
fn compare(
    triple: &Triple,
    site: &Site,
    document: &Document,
    result: Result<Rewritten, RewriteError>,
) -> Edited {
    let range = &site.target.range;
    let old = &triple.before[range.clone()];
    let (text, repaired, refused, parses) = match result {
        // The deletions were not asked for: an editor shows a warning, and here it counts as wrong.
        Ok(Rewritten { edit, .. }) if edit.deletions().is_unexpected => {
            let reason = format!("the model's answer was to be confirmed: it {}", edit.deletions());
            (None, false, Some(("code lost".to_owned(), reason)), true)
        }
        Ok(Rewritten { edit, repaired, .. }) => (Some(edit.new_text().to_owned()), repaired, None, true),
        Err(refused) => {
            let parses = matches!(&refused, RewriteError::Answer(refusal) if refusal.parses());
            (None, false, Some((kind(&refused).to_owned(), refused.to_string())), parses)
        }
    };
    let similar = |text: &str| metrics::compare(&site.expected, text, document.language);
    let scores = similar(text.as_deref().unwrap_or(old));
    let (changed, needless) =
        text.as_deref().map_or((0, 0), |text| lines::changed_and_needless(old, &site.expected, text));
    Edited {
        name: triple.name.clone(),
        path: triple.path.clone(),
        item: site.target.label(document),
        language: document.language.map_or("", |language| language.id).to_owned(),
        parses,
        refused,
        repaired,
        exact: text.is_some() && scores.exact,
        similarity: scores.edit_similarity,
        similarity_before: similar(old).edit_similarity,
        changed,
        needless,
        text,
        check: None,
        milliseconds: 0.0,
        prompt: 0,
        generated: 0,
    }
}

fn kind(refused: &RewriteError) -> &'static str {
    match refused {
        RewriteError::NoModel | RewriteError::NoInstructions(_) => "no model",
        RewriteError::MayNotBeShown(_) => "not to be shown",
        RewriteError::TooLong { .. } => "too long",
        RewriteError::Engine(_) => "engine",
        RewriteError::Failed => "failed",
        RewriteError::Repair(_) => "repair",
        RewriteError::Answer(refusal) => refusal.kind(),
    }
}
