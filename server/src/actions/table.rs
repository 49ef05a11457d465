//! The built-in actions: one row each. A match of a row fills in its title and its instruction.
//!
//! A small model reads the instructions: one or two short sentences that say what to do and what to leave alone. They
//! contain no text of the repository except names; selected text and messages of other programs are quoted separately.

use super::find::*;
use super::selection_context::SelectionContext;
use super::{Action, ActionKind};
use crate::edits::DeletionAllowance;

/// A built-in action.
pub(super) struct Row {
    pub(super) id: &'static str,
    /// `{}` is the [`Found::subject`].
    pub(super) title: &'static str,
    pub(super) kind: ActionKind,
    /// `{}` is the [`Found::detail`].
    pub(super) instruction: &'static str,
    pub(super) may_delete: DeletionAllowance,
    pub(super) may_add_items: bool,
    /// Where the action applies: once for each match.
    pub(super) find: fn(&SelectionContext) -> Vec<Found>,
}

/// All rows, in the order of a menu.
pub(super) const ROWS: [Row; 11] = [
    Row {
        id: "fix",
        title: "Fix: {}",
        kind: ActionKind::QuickFix,
        instruction: "Fix the problem stated above. Change nothing else.",
        may_delete: DeletionAllowance::Some,
        may_add_items: false,
        find: problems,
    },
    Row {
        id: "complete",
        title: "Complete {}",
        kind: ActionKind::QuickFix,
        instruction: "{}",
        may_delete: DeletionAllowance::Some,
        may_add_items: false,
        find: unfinished,
    },
    Row {
        id: "document",
        title: "Document {}",
        kind: ActionKind::Rewrite,
        instruction: "Add {} that describes what it does, its parameters and its result. Change no code.",
        may_delete: DeletionAllowance::Nothing,
        may_add_items: false,
        find: undocumented,
    },
    Row {
        id: "simplify",
        title: "Simplify {}",
        kind: ActionKind::Rewrite,
        instruction: "Simplify this code. Keep its behavior.",
        may_delete: DeletionAllowance::Much,
        may_add_items: false,
        find: simplifiable,
    },
    Row {
        id: "extract",
        title: "Extract {} into a function",
        kind: ActionKind::Extract,
        instruction: "Move the statements in the excerpt into a new function with a fitting name, next to this \
            one, and call it instead.",
        may_delete: DeletionAllowance::Much,
        may_add_items: true,
        find: extractable,
    },
    Row {
        id: "inline-variable",
        title: "Inline the variable `{}`",
        kind: ActionKind::Inline,
        instruction: "Inline the variable `{}`: replace each use with its value, and remove its declaration.",
        may_delete: DeletionAllowance::Much,
        may_add_items: false,
        find: inlinable_variable,
    },
    Row {
        id: "inline-call",
        title: "Inline the call of `{}`",
        kind: ActionKind::Inline,
        instruction: "Inline the call of `{}`: replace the call with what its body does. The excerpt shows \
            the body.",
        may_delete: DeletionAllowance::Much,
        may_add_items: false,
        find: inlinable_call,
    },
    Row {
        id: "rename-locals",
        title: "Rename unclear local variables ({})",
        kind: ActionKind::Rewrite,
        instruction: "Rename the local variables {} everywhere in the item, so that each name says what it holds. Change \
            nothing else.",
        may_delete: DeletionAllowance::Some,
        may_add_items: false,
        find: badly_named,
    },
    Row {
        id: "errors",
        title: "Add error handling to {}",
        kind: ActionKind::Rewrite,
        instruction: "Add error handling. {} Keep the behavior when nothing fails.",
        may_delete: DeletionAllowance::Some,
        may_add_items: false,
        find: without_error_handling,
    },
    Row {
        id: "types",
        title: "Add types to {}",
        kind: ActionKind::Rewrite,
        instruction: "Add {}. Change no code.",
        may_delete: DeletionAllowance::Nothing,
        may_add_items: false,
        find: untyped,
    },
    Row {
        id: "document-all",
        title: "Document all {} functions without documentation",
        kind: ActionKind::Source,
        instruction: "Add {} that describes what it does, its parameters and its result. Change no code.",
        may_delete: DeletionAllowance::Nothing,
        may_add_items: false,
        find: all_undocumented,
    },
];

impl Row {
    /// The actions of this row at a place.
    pub(super) fn actions(&self, place: &SelectionContext) -> Vec<Action> {
        let action = |found: Found| {
            Some(Action {
                id: self.id.to_owned(),
                title: self.title.replace("{}", &found.subject),
                kind: self.kind,
                target: found.target?,
                more: found.more,
                instruction: self.instruction.replace("{}", &found.detail),
                may_delete: self.may_delete,
                may_add_items: self.may_add_items,
                must_touch: found.must_touch,
                material: found.material,
                problem: found.problem,
            })
        };
        (self.find)(place).into_iter().filter_map(action).collect()
    }
}
