//! Whether a draft changes anything, and the lines that were to change.

use super::nodes::{self, Part};
use super::{Policy, Rejection};
use crate::answer::Draft;
use crate::diff;
use crate::documents::Document;

/// Insignificant white space is no change.
pub(super) fn changes(before: Part, after: Part) -> Result<(), Rejection> {
    let text = |(document, range): Part| document.text.byte_slice(range.clone()).to_string();
    let (old, new) = (text(before), text(after));
    match old.split_whitespace().eq(new.split_whitespace()) && shape(before) == shape(after) {
        true => Err(Rejection::Unchanged),
        false => Ok(()),
    }
}

/// The nodes in a range with their depths and the texts of leaves: this differs if white space is significant, in
/// strings and in Python's indentation.
fn shape<'d>(part: Part<'d>) -> Vec<(&'d str, usize, String)> {
    let (document, range) = part;
    let mut shape = Vec::new();
    // The ends of the enclosing nodes.
    let mut open: Vec<usize> = Vec::new();
    nodes::each_inside((document, range), |node| {
        while open.last().is_some_and(|&end| end <= node.start_byte()) {
            open.pop();
        }
        let text = match node.child_count() {
            0 if nodes::is_comment(document, node) => nodes::one_line(&nodes::text(document, node)),
            0 => nodes::text(document, node),
            _ => String::new(),
        };
        shape.push((node.kind(), open.len(), text));
        open.push(node.end_byte());
    });
    shape
}

/// A draft that does not change the faulty lines does not fix them.
pub(super) fn touches(
    old: &str,
    draft: &Draft,
    document: &Document,
    policy: &Policy,
) -> Result<(), Rejection> {
    let Some(lines) = &policy.must_touch else { return Ok(()) };
    let (old_lines, new_lines): (Vec<_>, Vec<_>) = (old.lines().collect(), draft.text.lines().collect());
    let span = diff::span(&old_lines, &new_lines).before;
    let first = document.text.byte_to_line(draft.range.start);
    let mut changed = first + span.start..first + span.end;
    if changed.is_empty() {
        // Lines inserted between two lines count as a change of both.
        changed = changed.start.saturating_sub(1)..changed.end + 1;
    }
    if changed.start < lines.end && lines.start < changed.end {
        return Ok(());
    }
    Err(Rejection::LeavesThePlace { line: lines.start + 1 })
}
