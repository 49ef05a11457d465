//! One instruction after the other through the flow that editors ask.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use parking_lot::Mutex;
use phi_engine::{Engine, Priority, Usage};
use serde::{Deserialize, Serialize};

use super::lines;
use super::tree::Tree;
use super::triples::{Site, Triple};
use crate::documents::Document;
use crate::edits::Drops;
use crate::eval::metrics;
use crate::refactor::FileChange;
use crate::refactor::check::{self, Limits};
use crate::refactor::sandbox::{self, SandboxCopy};
use crate::repository::Repository;
use crate::repository::changes::git::Git;
use crate::repository::rules::Rules;
use crate::repository::walk::Bounds;
use crate::rewrite::{self, Ask, Refused, Rewritten, Stage};
use crate::settings::Settings;
use crate::workspace::Workspace;

/// What git may take to say what one commit holds.
const LAYING_OUT: Duration = Duration::from_secs(120);
/// What a check may take and say.
const CHECK: Limits = Limits { time: Duration::from_secs(300), output: 64 * 1024 };

/// What came of one triple.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    /// The triple's.
    pub name: String,
    /// The triple's.
    pub path: String,
    /// The item, for a person.
    pub item: String,
    /// The language's id.
    pub language: String,
    /// What stands there afterwards; `None` where nothing was offered.
    pub text: Option<String>,
    /// Why nothing was offered, for counting and in a sentence.
    pub refused: Option<(String, String)>,
    /// Whether the last answer was code of the language, whole, and in its place.
    pub parses: bool,
    /// Whether a first answer was refused, and the second one was not.
    pub repaired: bool,
    /// The same text as was written then, spaces at line ends aside.
    pub exact: bool,
    /// Edit similarity of what stands there afterwards to what was written then.
    pub similarity: f64,
    /// The same of the item as it was.
    pub similarity_before: f64,
    /// Lines that the offered edit changes or puts in.
    pub changed: usize,
    /// Of these, where what was done then leaves the text as it was.
    pub needless: usize,
    /// Whether the check passes with the edit; `None` where it was not run, or does not pass with what was done then.
    pub check: Option<bool>,
    /// From the question to the end of the last answer.
    pub milliseconds: f64,
    /// Tokens of the prompts.
    pub prompt: usize,
    /// Tokens generated.
    pub generated: usize,
}

/// Triples of one source.
pub struct Run {
    engine: Engine,
    settings: Settings,
    bounds: Bounds,
    check: Option<Vec<String>>,
    repository: Option<PathBuf>,
    tree: Mutex<Tree>,
    /// Whether the answer is what was done then, so that no model is asked.
    of_truth: bool,
}

impl Run {
    /// `repository`: whose history holds the trees around files; without one a file stands alone. `check`: a command, as
    /// arguments, that succeeds where an edit is right.
    ///
    /// # Errors
    /// There is no temporary folder.
    pub fn new(
        engine: Engine,
        settings: Settings,
        bounds: Bounds,
        repository: Option<PathBuf>,
        check: Option<Vec<String>>,
    ) -> anyhow::Result<Run> {
        let tree = Mutex::new(Tree::new()?);
        Ok(Run { engine, settings, bounds, check, repository, tree, of_truth: false })
    }

    /// No model: what was done then is the answer, so that what is refused is refused though somebody wrote it. The files
    /// around are not laid out: they have no part in that.
    ///
    /// # Errors
    /// There is no temporary folder.
    pub fn of_truth(settings: Settings, bounds: Bounds) -> anyhow::Result<Run> {
        Ok(Run { of_truth: true, ..Run::new(Engine::ngram(), settings, bounds, None, None)? })
    }

    /// Asks for what a triple's instruction asks for, and compares.
    ///
    /// # Errors
    /// The tree around it cannot be laid out, or its check cannot be run.
    pub async fn edit(&self, triple: &Triple) -> anyhow::Result<Edited> {
        let site = triple
            .site()
            .ok_or_else(|| anyhow::anyhow!("{} changes no item of {}", triple.name, triple.path))?;
        let (root, repository) = self.surroundings(triple)?;
        let mut workspace = Workspace::new(self.settings.clone());
        workspace.repository = repository;
        let document = Arc::new(triple.document(&root));
        workspace.documents.open((*document).clone());
        let ask = Ask {
            document: document.clone(),
            target: site.target.clone(),
            instruction: triple.instruction.clone(),
            material: None,
            related: Vec::new(),
            drops: Drops::Some,
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
            rewrite::rewrite(&workspace, &self.engine, &ask, &stage).await
        };
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let usage = *usage.lock();
        let mut edited = compare(triple, &site, &document, result);
        edited.check = self.check(&root, triple, &site, edited.text.as_deref()).await?;
        Ok(Edited { milliseconds, prompt: usage.prompt, generated: usage.generated, ..edited })
    }

    /// What is known around a triple: the tree of its parent commit, or nothing.
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

    /// Whether the check passes with the edit, where it does with what was done then.
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

/// Holds what was offered against what was done.
fn compare(triple: &Triple, site: &Site, document: &Document, result: Result<Rewritten, Refused>) -> Edited {
    let range = &site.target.range;
    let old = &triple.before[range.clone()];
    let (text, repaired, refused, parses) = match result {
        // Nobody has asked for that much to go: it is offered with a warning, and counts as wrong.
        Ok(Rewritten { edit, .. }) if edit.deletions().is_unexpected => {
            let reason = format!("the model's answer was to be confirmed: it {}", edit.deletions());
            (None, false, Some(("code lost".to_owned(), reason)), true)
        }
        Ok(Rewritten { edit, repaired, .. }) => (Some(edit.new_text().to_owned()), repaired, None, true),
        Err(refused) => {
            let parses = matches!(&refused, Refused::Answer(refusal) if refusal.parses());
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

fn kind(refused: &Refused) -> &'static str {
    match refused {
        Refused::NoModel => "no model",
        Refused::MayNotBeShown(_) => "not to be shown",
        Refused::TooLong { .. } => "too long",
        Refused::Engine(_) => "engine",
        Refused::Failed => "failed",
        Refused::Repair(_) => "repair",
        Refused::Answer(refusal) => refusal.kind(),
    }
}
