//! The flow of a rewrite, from an item and an instruction to a verified edit, first step to last.
//!
//! The model writes the whole item and may draft from the old one. [`crate::edits`] verifies the answer against the
//! request; a refused answer is shown to the model once, and a second refusal is final.

mod repetition;
pub mod target;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use phi_engine::{Engine, EngineError, Event, FinishReason, Priority, Request, Sampling, StopRule, Usage};

use self::repetition::repeats_itself;
use self::target::Target;
use crate::answer;
use crate::blocking;
use crate::context::{self, Context, ContextScope, Contexts};
use crate::documents::Document;
use crate::edits::{self, Constraints, DeletionAllowance, Edit, Policy, Rejection};
use crate::models::Models;
use crate::prompt::{self, Material, Related, Rewrite};
use crate::workspace::Workspace;

/// The request to rewrite one item.
#[derive(Debug, Clone)]
pub struct RewriteRequest {
    /// The snapshot that contains it.
    pub document: Arc<Document>,
    /// The item.
    pub target: Target,
    /// The instruction.
    pub instruction: String,
    /// Text that the instruction is about and that the user has not written.
    pub material: Option<Material>,
    /// Changed definitions that the item depends on.
    pub related: Vec<Related>,
    /// How much of the item is expected to be deleted.
    pub may_delete: DeletionAllowance,
    /// Whether functions and types may be added.
    pub may_add_items: bool,
    /// Whether imports may be added at the head of the file.
    pub may_add_imports: bool,
    /// Lines, counted from 0, of which one must change.
    pub must_touch: Option<Range<usize>>,
    /// [`Priority::Interactive`] if the user waits for this item.
    pub priority: Priority,
}

impl RewriteRequest {
    /// The constraints on the edit.
    pub fn policy(&self) -> Policy<'_> {
        Policy {
            instruction: &self.instruction,
            may_delete: self.may_delete,
            may_add_items: self.may_add_items,
            must_touch: self.must_touch.clone(),
        }
    }
}

/// The progress of a rewrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The number of prompt tokens that the model has read; 0 of 0 until the prompt is built.
    Reading {
        /// So far.
        read: usize,
        /// In total.
        of: usize,
    },
    /// The number of bytes written, of about as many as expected.
    Writing {
        /// So far.
        bytes: usize,
        /// The length of the old item.
        of: usize,
    },
    /// An answer has ended; its cost, whether it is accepted or not.
    Answered(Usage),
    /// Its answer was refused, and the model is asked again.
    Repairing,
}

/// A rewritten item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The verified edit. If the item only needed an import, it adds that.
    pub edit: Edit,
    /// The imports that the item needs, at the head of its file.
    pub import: Option<Edit>,
    /// Whether a first answer was refused.
    pub repaired: bool,
    /// Tokens and time of all answers.
    pub usage: Usage,
}

/// Why an item was not rewritten.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RewriteError {
    /// The n-gram model cannot follow an instruction.
    #[error("this needs a model: `phi-ls model pull` downloads one; `phi-ls doctor` says more")]
    NoModel,
    /// The model has no chat format.
    #[error(
        "{0} only continues code and follows no instructions; choose a model with `instruct` in its name"
    )]
    NoInstructions(String),
    /// A rule excludes the file, or it holds a secret.
    #[error("this file may not be shown to a model: {0}")]
    MayNotBeShown(String),
    /// The item and its answer do not fit the model's context.
    #[error(
        "the item takes {tokens} tokens, and with its answer more than the {context} that fit; choose a smaller part of it, or raise `model.contextTokens`"
    )]
    TooLong {
        /// Tokens of the item.
        tokens: usize,
        /// Tokens that fit.
        context: usize,
    },
    /// The engine failed.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// A diagnostic is no reason to delete code: it is not the user's text.
    #[error("the model's repair was refused: it {0}")]
    Repair(String),
    /// phi-ls itself failed.
    #[error("phi-ls failed on this item; its log says where")]
    Failed,
    /// No answer was accepted; the reason for the last one.
    #[error("the model's answer was refused: {0}")]
    Answer(#[from] Rejection),
}

/// An answer may have this many times the item's tokens...
const LONGER: usize = 2;
/// ...plus this many.
const MORE: usize = 384;
/// Longer texts are truncated.
const MOST_MATERIAL: usize = 4000;
/// The instruction for models that may add imports.
const WITH_IMPORTS: &str =
    "If the item needs an import that the file lacks, write the import first, above the item.";

/// Rewrites an item. Dropping the future cancels it; `stage` receives its progress.
///
/// # Errors If no edit can be offered, and why. Nothing has changed then.
pub async fn rewrite(
    workspace: &Workspace,
    models: &Models,
    ask: &RewriteRequest,
    stage: &(dyn Fn(Stage) + Send + Sync),
) -> Result<Rewritten, RewriteError> {
    let engine = model_of(models)?;
    workspace.may_be_shown_now(&ask.document).await.map_err(RewriteError::MayNotBeShown)?;
    stage(Stage::Reading { read: 0, of: 0 });
    let material = ask.material.clone().map(|material| material.shortened(MOST_MATERIAL));
    let instruction = match ask.may_add_imports {
        true => format!("{} {WITH_IMPORTS}", ask.instruction.trim()),
        false => ask.instruction.clone(),
    };
    let wanted = Arc::new(Wanted { ask: ask.clone(), instruction, material });
    let gathered = {
        let (workspace, engine, wanted) = (workspace.clone(), engine.clone(), wanted.clone());
        blocking::run(move || gather(&workspace, &engine, &wanted.rewrite(None))).await
    };
    let (context, max_tokens) = gathered.ok_or(RewriteError::Failed)??;
    let fence = prompt::rewrite_fence(&wanted.rewrite(None), &context);
    let mut refused: Option<prompt::RejectedAnswer> = None;
    let old = ask.document.text.byte_slice(ask.target.range.clone()).to_string();
    let mut usage = Usage::default();
    // An edit that deletes too much, in case the second answer is no better.
    let mut first: Option<Made> = None;
    let made = loop {
        let request = Request {
            prompt: prompt::rewrite(&wanted.rewrite(refused.clone()), &context),
            priority: ask.priority,
            max_tokens,
            sampling: Sampling::Greedy,
            stop: vec![StopRule::Line(fence.clone())],
            heal: false,
        };
        let (answer, reason) = write(&engine, request, &old, &mut usage, stage).await?;
        let verified = match reason {
            FinishReason::MaxTokens => Err(Rejection::Endless),
            _ => {
                let (wanted, answer) = (wanted.clone(), answer.clone());
                blocking::run(move || verified(&wanted.ask, &answer)).await.ok_or(RewriteError::Failed)?
            }
        };
        let reason = match verified {
            Ok(made) => match made.edit.deletions() {
                // Only if the action allows no deletion: an instruction may ask for one.
                deletions if deletions.is_unexpected && ask.may_delete == DeletionAllowance::Nothing => {
                    if refused.is_some() {
                        break first.unwrap_or(made);
                    }
                    let reason = format!("It {deletions}, and nothing may be deleted.");
                    first = Some(made);
                    reason
                }
                _ => break made,
            },
            // A truncated answer does not fit before a second one.
            Err(refusal) if refused.is_some() || refusal == Rejection::Endless => match first {
                Some(first) => break first,
                None => return Err(refusal.into()),
            },
            Err(refusal) => refusal.to_string(),
        };
        stage(Stage::Repairing);
        refused = Some(prompt::RejectedAnswer { answer, reason });
    };
    let Made { edit, import } = made;
    Ok(Rewritten { edit, import, repaired: refused.is_some(), usage })
}

/// The model that follows instructions.
///
/// # Errors
/// There is none.
pub fn model_of(models: &Models) -> Result<Engine, RewriteError> {
    let engine = models.engine().ok_or(RewriteError::NoModel)?;
    let model = engine.model();
    match model.follows_instructions() {
        true => Ok(engine),
        false => Err(RewriteError::NoInstructions(model.name.clone())),
    }
}

/// Verifies a given answer as [`rewrite`] verifies a model's.
///
/// # Errors Why the answer is refused.
pub fn verify(workspace: &Workspace, ask: &RewriteRequest, answer: &str) -> Result<Rewritten, RewriteError> {
    workspace.may_be_shown(&ask.document).map_err(RewriteError::MayNotBeShown)?;
    let Made { edit, import } = verified(ask, answer)?;
    Ok(Rewritten { edit, import, repaired: false, usage: Usage::default() })
}

/// The request, with the texts for the prompt.
struct Wanted {
    ask: RewriteRequest,
    instruction: String,
    material: Option<Material>,
}

impl Wanted {
    fn rewrite(&self, refused: Option<prompt::RejectedAnswer>) -> Rewrite<'_> {
        Rewrite {
            document: &self.ask.document,
            item: self.ask.target.range.clone(),
            instruction: &self.instruction,
            material: self.material.as_ref(),
            related: &self.ask.related,
            refused,
        }
    }
}

/// The result of an answer.
struct Made {
    edit: Edit,
    import: Option<Edit>,
}

fn verified(ask: &RewriteRequest, answer: &str) -> Result<Made, Rejection> {
    let (document, range) = (&*ask.document, &ask.target.range);
    if !ask.may_add_imports {
        let draft = answer::item(document, range, answer).ok_or(Rejection::NoCode)?;
        let edit = edits::verify(document, &draft, &Constraints::Item(ask.policy()))?;
        return Ok(Made { edit, import: None });
    }
    let (imports, draft) = answer::item_with_imports(document, range, answer).ok_or(Rejection::NoCode)?;
    let import = edits::imports(document, range, &imports)?;
    let terms = match import {
        // The import may be all that was missing.
        Some(_) => Policy { must_touch: None, ..ask.policy() },
        None => ask.policy(),
    };
    let edit = draft.ok_or(Rejection::Unchanged);
    match (edit.and_then(|draft| edits::verify(document, &draft, &Constraints::Item(terms))), import) {
        (Ok(edit), import) => Ok(Made { edit, import }),
        (Err(Rejection::Unchanged), Some(import)) => Ok(Made { edit: import, import: None }),
        (Err(refusal), _) => Err(refusal),
    }
}

/// The context of an item, and the token limit of an answer, with space for a second answer after the first.
fn gather(
    workspace: &Workspace,
    engine: &Engine,
    wanted: &Rewrite,
) -> Result<(Context, usize), RewriteError> {
    let engine = engine.clone();
    let text = wanted.document.text.byte_slice(wanted.item.clone()).to_string();
    let tokens = engine.count(&text);
    let others = [wanted.instruction, wanted.material.map_or("", Material::text)];
    let related: usize = wanted.related.iter().map(|related| engine.count(&related.text) + 24).sum();
    let fixed = tokens + related + others.iter().map(|text| engine.count(text)).sum::<usize>();
    let context_tokens = workspace.settings().rewrite.context_tokens;
    let model = engine.model();
    let too_long = || RewriteError::TooLong { tokens, context: model.context };
    // A short window still serves a short item; the answer is limited before the item is.
    let longest = [tokens * LONGER + MORE, tokens + tokens / 2 + MORE / 2, tokens + MORE / 4];
    let fits = |most: usize| Some((prompt::rewrite_budget(model, context_tokens, fixed + most, most)?, most));
    let (budget, max_tokens) = longest.into_iter().find_map(fits).ok_or_else(too_long)?;
    let cursor = wanted.item.end.saturating_sub(1);
    // Separate contexts: those of completions follow the user's cursor.
    let contexts = Contexts::default();
    let scope = ContextScope::Repository;
    let count = |text: &str| engine.count(text);
    let context = context::gather(workspace, &contexts, wanted.document, cursor, scope, budget, &count);
    Ok((context, max_tokens))
}

/// Runs one answer to its end.
async fn write(
    engine: &Engine,
    request: Request,
    old: &str,
    usage: &mut Usage,
    stage: &(dyn Fn(Stage) + Send + Sync),
) -> Result<(String, FinishReason), EngineError> {
    let mut generation = engine.generate(request);
    let mut answer = String::new();
    while let Some(event) = generation.next().await {
        match event? {
            Event::Read { read, of } => stage(Stage::Reading { read, of }),
            Event::Text(piece) => {
                answer.push_str(&piece);
                if repeats_itself(&answer, old) {
                    return Ok((answer, FinishReason::MaxTokens));
                }
                stage(Stage::Writing { bytes: answer.len(), of: old.len() });
            }
            Event::Done(finish) => {
                *usage += finish.usage;
                stage(Stage::Answered(finish.usage));
                tracing::trace!(answer, "the model has answered");
                return Ok((answer, finish.reason));
            }
        }
    }
    Err(EngineError::Stopped)
}
