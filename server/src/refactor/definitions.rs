//! Which definitions in an item a rewrite changed, for the items that use them.

use std::ops::Range;
use std::path::Path;

use super::names;
use crate::documents::Document;
use crate::facts;
use crate::prompt::Related;

/// The maximum number of changed definitions that a prompt shows, the latest.
const MOST_RELATED: usize = 8;

/// Changed definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redefined {
    /// Their old and new names: an item with one of these names is affected.
    names: Vec<String>,
    /// Their new declarations.
    related: Related,
}

/// A name and how it is declared.
type Declared = (String, String);

/// The changed definitions in a range; `None` if no declaration was changed or removed.
pub(super) fn redefined(
    (before, old): (&Document, Range<usize>),
    (after, new): (&Document, Range<usize>),
) -> Option<Redefined> {
    let (old, new) = (declared(before, old), declared(after, new));
    let gone: Vec<&Declared> = old.iter().filter(|one| !new.contains(one)).collect();
    let mut come: Vec<&Declared> = new.iter().filter(|one| !old.contains(one)).collect();
    if gone.is_empty() {
        // Nothing uses a new definition yet.
        return None;
    }
    // A small type is declared with its fields.
    let texts: Vec<&str> = come.iter().map(|(_, text)| text.as_str()).collect();
    let is_part =
        |(_, text): &Declared| texts.iter().any(|other| other.len() > text.len() && other.contains(text));
    let mut names: Vec<String> = gone.iter().chain(&come).map(|(name, _)| name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    come.retain(|one| !is_part(one));
    let gone_for_good = gone.iter().filter(|(name, _)| !new.iter().any(|(other, _)| other == name));
    let mut text: Vec<String> = come.iter().map(|(_, text)| text.clone()).collect();
    if text.is_empty() {
        text.extend(gone_for_good.map(|(name, _)| format!("{name} is gone")));
    }
    Some(Redefined { names, related: Related { path: after.label(), text: text.join("\n") } })
}

/// The changed definitions that an item with this text uses.
pub(super) fn related(changed: &[Redefined], text: &str) -> Vec<Related> {
    let words = names::words(text);
    let concerns = |one: &&Redefined| one.names.iter().any(|name| words.contains(name.as_str()));
    let mut related: Vec<Related> =
        changed.iter().rev().filter(concerns).take(MOST_RELATED).map(|one| one.related.clone()).collect();
    related.reverse();
    related
}

fn declared(document: &Document, range: Range<usize>) -> Vec<Declared> {
    let text = document.text.to_string();
    let path = document.path.as_deref().unwrap_or(Path::new(""));
    let lines = [range.start, range.end].map(|byte| document.text.byte_to_line(byte) as u32);
    let facts = facts::read(path, &text, document.language, document.tree());
    let within = facts.symbols.into_iter();
    let within = within.filter(|symbol| lines[0] <= symbol.lines.start && symbol.lines.end <= lines[1] + 1);
    within.map(|symbol| (symbol.name.into(), symbol.signature.into())).collect()
}
