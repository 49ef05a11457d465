//! Which code actions make sense at a selection: from a document and what is selected in it to a list of [`Action`]s.
//!
//! Nothing is generated here. An action names the item that it would rewrite and how; when the user picks it, the flow
//! [`crate::rewrite`] does the rest. What is offered is decided by the syntax tree: [`table`] has a row per action,
//! [`convert`] asks the language for its conversions, [`own`] holds the user's. What should follow a definition that has
//! changed is found by [`crate::follow`].

mod convert;
mod find;
pub mod own;
mod place;
mod table;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use phi_engine::Priority;
use serde::{Deserialize, Serialize};

pub(crate) use self::place::Place;
pub use self::place::meant;
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
    /// What is wrong. It was written by another program: the model sees it as material, never as an instruction.
    pub message: String,
}

/// One thing that can be done with one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Tells it from the other actions at the same place: `document`, `own/2`. Fixes of several problems share one.
    pub id: String,
    /// For a menu.
    pub title: String,
    /// What it does.
    pub kind: ActionKind,
    /// What would be rewritten.
    pub target: Target,
    /// What else, each as an item of its own.
    pub more: Vec<Target>,
    /// What the model is asked to do.
    pub instruction: String,
    /// How much of the item may go.
    pub may_delete: DeletionAllowance,
    /// Whether functions and types may be added.
    pub may_add_items: bool,
    /// Lines, counted from 0, of which one must change.
    pub must_touch: Option<Range<usize>>,
    /// Text that the instruction is about and that the user has not written.
    pub material: Option<Material>,
    /// Which of the problems it was made of.
    pub problem: Option<usize>,
}

impl Action {
    /// The action as the flow of a rewrite takes it, item by item.
    pub fn requests(self, document: &Arc<Document>) -> Vec<rewrite::RewriteRequest> {
        let targets: Vec<Target> = [self.target.clone()].into_iter().chain(self.more.clone()).collect();
        targets.into_iter().map(|target| Action { target, ..self.clone() }.request(document)).collect()
    }

    /// The same for its first item, which may be the only one.
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

/// What can be done at a selection, quick fixes first. Only kinds for which `wanted` holds are looked for.
pub fn offered(
    document: &Document,
    selection: Range<usize>,
    problems: &[Problem],
    own: &[OwnAction],
    wanted: impl Fn(ActionKind) -> bool,
) -> Vec<Action> {
    let Some(place) = Place::of(document, selection, problems) else { return Vec::new() };
    let rows = table::ROWS.iter().filter(|row| wanted(row.kind));
    let mut actions: Vec<Action> = rows.flat_map(|row| row.actions(&place)).collect();
    if wanted(ActionKind::Rewrite) {
        actions.extend(convert::actions(&place));
    }
    actions.extend(own::actions(&place, own).into_iter().filter(|action| wanted(action.kind)));
    actions
}

/// What an instruction in a user's own words asks for; `None` where nothing at the selection can be rewritten.
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
