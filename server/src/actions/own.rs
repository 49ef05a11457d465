//! Where the actions that the user has defined in the settings apply.

use super::selection_context::SelectionContext;
use super::{Action, OwnAction};
use crate::edits::DeletionAllowance;
use crate::languages::Language;

/// The user's actions that apply at a selection.
pub(super) fn actions(place: &SelectionContext, own: &[OwnAction]) -> Vec<Action> {
    let Some(target) = &place.target else { return Vec::new() };
    let is_for = |action: &OwnAction| {
        let named = |name: &String| Language::named(name) == Some(place.language);
        action.languages.is_empty() || action.languages.iter().any(named)
    };
    let offered = own.iter().enumerate().filter(|(_, action)| is_for(action));
    let action = |(at, own): (usize, &OwnAction)| Action {
        id: format!("own/{at}"),
        title: own.title.trim().to_owned(),
        kind: own.kind,
        target: target.clone(),
        more: Vec::new(),
        instruction: own.instruction.trim().to_owned(),
        may_delete: DeletionAllowance::Some,
        may_add_items: true,
        must_touch: None,
        material: None,
        problem: None,
    };
    offered.map(action).collect()
}
