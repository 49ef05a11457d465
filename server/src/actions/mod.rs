//! The code actions for a selection: from a document and a selection in it to a list of [`Action`]s.
//!
//! Nothing is generated here. An action names the item to rewrite and the instruction; when the user picks it,
//! [`crate::rewrite`] does the rest. The syntax tree decides what is offered: [`table`] has a row per action,
//! [`convert`] has the language's conversions, [`own`] the user's actions. [`crate::next_edit`] finds the uses of a
//! changed definition.

mod convert;
mod find;
pub mod own;
mod selection_context;
mod table;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use phi_engine::Priority;
use serde::{Deserialize, Serialize};

pub(crate) use self::selection_context::SelectionContext;
pub use self::selection_context::meant;
use crate::documents::Document;
use crate::edits::DeletionAllowance;
use crate::prompt::Material;
use crate::rewrite::target::Target;
use crate::rewrite::{self, target};
pub use crate::settings::ActionKind;
use crate::settings::OwnAction;

/// A diagnostic of a compiler or a linter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Its bytes.
    pub range: Range<usize>,
    /// The message. Another program wrote it: the model sees it as quoted text, never as an instruction.
    pub message: String,
}

/// An action on one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Identifies the action at a selection: `document`, `own/2`. Fixes of several problems share one.
    pub id: String,
    /// The title in a menu.
    pub title: String,
    /// The kind of the action.
    pub kind: ActionKind,
    /// The item to rewrite.
    pub target: Target,
    /// More items to rewrite, each separately.
    pub more: Vec<Target>,
    /// The instruction for the model.
    pub instruction: String,
    /// How much of the item may be deleted.
    pub may_delete: DeletionAllowance,
    /// Whether functions and types may be added.
    pub may_add_items: bool,
    /// Lines, counted from 0, of which one must change.
    pub must_touch: Option<Range<usize>>,
    /// Text that the instruction is about and that the user has not written.
    pub material: Option<Material>,
    /// The index of the problem that it fixes.
    pub problem: Option<usize>,
}

impl Action {
    /// The requests for [`crate::rewrite`], one per item.
    pub fn requests(self, document: &Arc<Document>) -> Vec<rewrite::RewriteRequest> {
        let targets: Vec<Target> = [self.target.clone()].into_iter().chain(self.more.clone()).collect();
        targets.into_iter().map(|target| Action { target, ..self.clone() }.request(document)).collect()
    }

    /// The request for its first item, which may be the only one.
    pub fn request(self, document: &Arc<Document>) -> rewrite::RewriteRequest {
        rewrite::RewriteRequest {
            document: document.clone(),
            target: self.target,
            instruction: self.instruction,
            material: self.material,
            related: Vec::new(),
            may_delete: self.may_delete,
            may_add_items: self.may_add_items,
            may_add_imports: self.problem.is_some(),
            must_touch: self.must_touch,
            priority: Priority::Interactive,
        }
    }
}

/// The actions at a selection, quick fixes first. Only kinds for which `wanted` holds are searched for.
pub fn offered(
    document: &Document,
    selection: Range<usize>,
    problems: &[Problem],
    own: &[OwnAction],
    wanted: impl Fn(ActionKind) -> bool,
) -> Vec<Action> {
    let Some(place) = SelectionContext::of(document, selection, problems) else { return Vec::new() };
    let rows = table::ROWS.iter().filter(|row| wanted(row.kind));
    let mut actions: Vec<Action> = rows.flat_map(|row| row.actions(&place)).collect();
    if wanted(ActionKind::Rewrite) {
        actions.extend(convert::actions(&place));
    }
    actions.extend(own::actions(&place, own).into_iter().filter(|action| wanted(action.kind)));
    actions
}

/// The action for an instruction in a user's own words; `None` if nothing at the selection can be rewritten.
pub fn instructed(document: &Document, selection: Range<usize>, instruction: &str) -> Option<Action> {
    let target = target::at(document, meant(document, selection))?;
    Some(Action {
        id: "instruction".to_owned(),
        title: format!("Rewrite {}", target.label(document)),
        kind: ActionKind::Rewrite,
        target,
        more: Vec::new(),
        instruction: instruction.to_owned(),
        may_delete: DeletionAllowance::Some,
        may_add_items: true,
        must_touch: None,
        material: None,
        problem: None,
    })
}
