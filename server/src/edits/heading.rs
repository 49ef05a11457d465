//! What precedes an item's name: comments, attributes, `pub` and `async`. A small model often begins at the name, and
//! this loss changes what the item means to other code.

use super::nodes::{self, Part, mentions, one_line, top_items};
use crate::facts::Item;

/// Longer ones are truncated to this length.
const SHOWN: usize = 80;

/// What precedes a name.
#[derive(Default)]
struct Heading {
    /// Comments above, and documentation at the start of a body.
    comments: Vec<String>,
    /// Attributes with the names in them.
    attributes: Vec<(String, Vec<String>)>,
    /// Words of [`Language::modifiers`](crate::languages::Language::modifiers).
    modifiers: Vec<String>,
}

/// What preceded the names of an item and is missing, unless the instruction mentions it.
pub(super) fn lost(before: Part, after: Part, instruction: &str) -> Vec<String> {
    let (old, new) = (top_items(before), top_items(after));
    let mut all = Vec::new();
    for (place, item) in old.iter().enumerate() {
        let same = new.iter().find(|other| other.name == item.name && other.container == item.container);
        let renamed = || new.get(place).filter(|_| old.len() == new.len());
        let Some(other) = same.or_else(renamed) else { continue };
        let (old, new) = (heading(before, item), heading(after, other));
        let lost = lost_of(&old, &new, instruction);
        all.extend(lost.map(|lost| one_line(lost).chars().take(SHOWN).collect::<String>()));
    }
    all
}

/// What the new heading lacks.
fn lost_of<'h>(old: &'h Heading, new: &'h Heading, instruction: &'h str) -> impl Iterator<Item = &'h String> {
    let comment = old.comments.first().filter(|_| new.comments.is_empty());
    let has = |name: &String| new.attributes.iter().any(|(_, names)| names.contains(name));
    let is_kept = move |names: &[String]| names.iter().all(|name| has(name) || mentions(instruction, name));
    let attributes = old.attributes.iter().filter(move |(_, names)| !is_kept(names)).map(|(text, _)| text);
    let is_gone = move |word: &&String| !new.modifiers.contains(word) && !mentions(instruction, word);
    comment.into_iter().chain(attributes).chain(old.modifiers.iter().filter(is_gone))
}

fn heading((document, _): Part, item: &Item) -> Heading {
    let mut heading = Heading::default();
    let end = item.body.as_ref().map_or(item.bytes.end, |body| body.start).max(item.bytes.start);
    let above = item.bytes.start..end;
    // Comments among parameters do not count.
    let mut code_begins = false;
    let mut attributes_end = 0;
    let modifiers = document.language.map_or("", |language| language.modifiers);
    // After the name of an item without a body follows its value, or the text of a macro.
    let mut ends = false;
    nodes::each_inside((document, &above), |node| {
        let kind = node.kind();
        let text = || nodes::text(document, node);
        if nodes::is_comment(document, node) {
            if !code_begins {
                heading.comments.push(text());
            }
        } else if node.start_byte() < attributes_end {
            if let Some((_, names)) = heading.attributes.last_mut()
                && document.language.is_some_and(|language| nodes::is_one_of(language.names, kind))
            {
                names.push(text());
            }
        } else if nodes::is_attribute(document, node) {
            attributes_end = node.end_byte();
            heading.attributes.push((text(), Vec::new()));
        } else if node.child_count() == 0 {
            code_begins |= node.end_byte() > attributes_end;
            let word = text();
            ends |= item.body.is_none() && word == item.name;
            // A name may be one of these words, too.
            let is_keyword = kind == word || kind.contains("modifier") || kind.contains("specifier");
            if !ends && is_keyword && nodes::is_one_of(modifiers, &word) {
                heading.modifiers.push(word);
            }
        }
    });
    if let Some(body) = &item.body
        && document.language.is_some_and(|language| language.layout)
        && let Some(first) = document
            .tree()
            .and_then(|tree| tree.root_node().descendant_for_byte_range(body.start, body.end)?.named_child(0))
        && document.language.is_some_and(|language| language.is_directive(first))
    {
        heading.comments.push(nodes::text(document, first));
    }
    heading
}
