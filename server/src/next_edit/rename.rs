//! A use of a renamed definition is updated with the new name: a model could not do better.
//!
//! Only where the meaning of the name is certain ([`super::meaning`]). These drafts meet the same constraints as a
//! model's.

use std::ops::Range;

use super::NextEdit;
use super::NextEdits;
use super::changed::Change;
use super::meaning::{self, Meaning, Use};
use crate::answer::Draft;

/// The item with the new name at each certain use; `None` where this use is not certain, or the definition was not
/// renamed.
pub(super) fn draft(next_edits: &NextEdits, next: &NextEdit) -> Option<Draft> {
    let (document, change) = (&*next.document, &next.change);
    if !change.is_rename() || !is_only_renamed(change) {
        return None;
    }
    let target = &next.action.target.range;
    let uses = meaning::uses(next_edits, document, change);
    let certain: Vec<&Use> = certain_in(&uses, target).collect();
    if !certain.iter().any(|one| one.range == next.range) {
        return None;
    }
    let mut text = document.text.byte_slice(target.clone()).to_string();
    for one in certain.iter().rev() {
        text.replace_range(one.range.start - target.start..one.range.end - target.start, &one.text);
    }
    Some(Draft { range: target.clone(), text })
}

/// The uses in a range that refer to the definition.
pub(super) fn certain_in<'u>(uses: &'u [Use], range: &Range<usize>) -> impl Iterator<Item = &'u Use> {
    let range = range.clone();
    let is_inside = move |one: &&Use| range.start <= one.range.start && one.range.end <= range.end;
    uses.iter().filter(is_inside).filter(|one| one.meaning == Meaning::Same)
}

/// Whether nothing of the declaration has changed but the name.
fn is_only_renamed(change: &Change) -> bool {
    let (was, is) = (&change.was, &change.is);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    // A type may contain its own name, and is not renamed there yet.
    let with_new_name = |text: &str| -> String {
        let pieces = text.split_inclusive(|c| !is_name(c)).map(|piece| {
            match piece.trim_end_matches(|c| !is_name(c)) == &*was.name {
                true => piece.replacen(&*was.name, &is.name, 1),
                false => piece.to_owned(),
            }
        });
        pieces.collect::<String>().split_whitespace().collect()
    };
    with_new_name(&was.signature) == with_new_name(&is.signature)
}
