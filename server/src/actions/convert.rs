//! Conversions to another form of the language, offered where the tree has such a node around the cursor or beginning
//! on its line.

use tree_sitter::Node;

use super::selection_context::SelectionContext;
use super::{Action, ActionKind};
use crate::edits::DeletionAllowance;
use crate::languages::actions::Conversion;
use crate::prompt::Material;
use crate::syntax::is_one_of;

/// The conversions at a selection, each once.
pub(super) fn actions(place: &SelectionContext) -> Vec<Action> {
    let target = place.function.clone().or_else(|| place.code());
    let Some(target) = target else { return Vec::new() };
    let nodes = place.nodes(&target.range);
    let innermost = |conversion: &&Conversion| -> Option<Node> {
        let fits = |node: &&Node| {
            let around = node.start_byte() <= place.selection.start && place.selection.end <= node.end_byte();
            let begins_here = place.lines(&(node.start_byte()..node.start_byte()))
                == place.lines(&(place.selection.start..place.selection.start));
            let holds = || {
                let text = place.text(**node);
                conversion.holds.is_empty() || conversion.holds.iter().any(|part| text.contains(part))
            };
            is_one_of(conversion.nodes, node.kind()) && (around || begins_here) && holds()
        };
        nodes.iter().rfind(fits).copied()
    };
    let mut actions: Vec<Action> = Vec::new();
    let conversions = place.language.actions.as_ref().map_or(&[][..], |actions| actions.conversions);
    for (at, conversion) in conversions.iter().enumerate() {
        let title = format!("Convert to {}", conversion.to);
        let Some(node) =
            innermost(&conversion).filter(|_| actions.iter().all(|action| action.title != title))
        else {
            continue;
        };
        let lines = place.lines(&node.byte_range());
        let instruction = format!(
            "{} It begins with the line in the excerpt. Change nothing else.",
            conversion.instruction
        );
        let first_line = place.document.text.line(lines.start).to_string().trim().to_owned();
        actions.push(Action {
            id: format!("convert/{at}"),
            title,
            kind: ActionKind::Rewrite,
            target: target.clone(),
            more: Vec::new(),
            instruction,
            may_delete: DeletionAllowance::Much,
            may_add_items: false,
            must_touch: Some(lines),
            material: Some(Material::Excerpt(first_line)),
            problem: None,
        });
    }
    actions
}
