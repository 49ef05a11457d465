//! A use of a renamed definition follows by taking the new name: no model writes that better.
//!
//! Only where it is certain what the name means ([`super::meaning`]). What is made here is held to the same demands as
//! what a model writes.

use std::ops::Range;

use super::NextEdit;
use super::NextEdits;
use super::changed::Change;
use super::meaning::{self, Meaning, Use};
use crate::answer::Draft;

/// The place's item with the new name in it, at each use that is certain; `None` where this one is not, or nothing was
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

/// The uses in a range that mean the definition.
pub(super) fn certain_in<'u>(uses: &'u [Use], range: &Range<usize>) -> impl Iterator<Item = &'u Use> {
    let range = range.clone();
    let is_inside = move |one: &&Use| range.start <= one.range.start && one.range.end <= range.end;
    uses.iter().filter(is_inside).filter(|one| one.meaning == Meaning::Same)
}

/// Whether nothing of the declaration has changed but the name.
fn is_only_renamed(change: &Change) -> bool {
    let (was, is) = (&change.was, &change.is);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    // A type may name itself, and is not renamed there yet.
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
