//! The old name in strings and comments: renamed where a string refers to the definition, and listed otherwise.

use std::ops::Range;

use tree_sitter::Node;

use super::super::changed::Change;
use super::{Meaning, Reader, Use};
use crate::actions::SelectionContext;
use crate::syntax::ancestors;
use crate::syntax::is_one_of;

impl Reader<'_> {
    /// Adds the occurrences of the old name in strings and comments.
    pub(super) fn in_texts(&self, imported: Option<Meaning>, is_taken: bool, uses: &mut Vec<Use>) {
        let name = &*self.change.was.name;
        let Some(tree) = self.place.document.tree() else { return };
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        for (at, _) in self.text.match_indices(name) {
            let range = at..at + name.len();
            let is_word = !self.text[..at].ends_with(is_name) && !self.text[range.end..].starts_with(is_name);
            if !is_word || uses.iter().any(|one| one.range == range) {
                continue;
            }
            let mut around = ancestors(tree, range.clone());
            around.reverse();
            let is_source =
                |node: &Node| self.place.language.role(*node).import || node.kind() == "export_statement";
            if around.iter().any(is_source) {
                continue;
            }
            let is_comment = |node: &Node| is_one_of(self.place.language.comments, node.kind());
            let is_string = |node: &Node| {
                let kind = node.kind();
                kind.contains("string") || kind.contains("char") || kind == "raw_text"
            };
            // Code in an interpolation is not text of its string.
            let code = around
                .iter()
                .position(|node| matches!(node.kind(), "interpolation" | "template_substitution"));
            let around = &around[..code.unwrap_or(around.len())];
            let meaning = if around.iter().any(is_comment) {
                if !is_code_in(&self.text, &range, None) {
                    continue;
                }
                Meaning::Unsure("in a comment")
            } else if let Some(string) = around.iter().rposition(is_string) {
                match self.in_string(&range, &around[string..], imported) {
                    Some(Meaning::Same) if is_taken || self.is_captured(&range) => {
                        Meaning::Unsure("the new name means something else there")
                    }
                    Some(meaning) => meaning,
                    None => continue,
                }
            } else {
                continue;
            };
            uses.push(Use { range, text: self.change.is.name.to_string(), meaning, is_code: false });
        }
    }

    /// What the name in a string refers to, if anything; `around` begins with the string.
    fn in_string(&self, range: &Range<usize>, around: &[Node], imported: Option<Meaning>) -> Option<Meaning> {
        let left = Meaning::Unsure("in a string");
        let string = around.first()?;
        let text = self.place.text(*string);
        let inside = text.trim_start_matches(|c: char| c.is_alphabetic()).trim_matches(['"', '\'', '`', '#']);
        let is_whole = inside == &*self.change.was.name;
        let bare = || match self.bare_at(range, imported) {
            Meaning::Other => None,
            meaning => Some(meaning),
        };
        let has = |kinds: &str| around.iter().any(|node| is_one_of(kinds, node.kind()));
        let strings = &self.names.strings;
        if is_whole && self.is_exported(around) {
            return bare();
        }
        // A forward reference in an annotation.
        if is_whole && has(strings.annotation) && self.is_type() {
            return bare();
        }
        let before = self.text[..range.start].ends_with('{') && !self.text[..range.start].ends_with("{{");
        let after = self.text[range.end..].starts_with(['}', ':']);
        let call = around.iter().find(|node| is_one_of(self.names.macros.0, node.kind()));
        if let Some(call) = call.filter(|_| before && after) {
            let called = call.child_by_field_name("macro").map(|name| self.place.text(name));
            let is_known = called.is_some_and(|called| is_one_of(strings.formats, &called));
            return match bare()? {
                Meaning::Same if !is_known => Some(Meaning::Unsure("in a macro's string")),
                meaning => Some(meaning),
            };
        }
        is_code_in(&self.text, range, Some(string.byte_range())).then_some(left)
    }

    /// Whether a string is an entry of the list of a module's exports.
    fn is_exported(&self, around: &[Node]) -> bool {
        let Some(exports) = self.names.strings.exports else { return false };
        let statement = around.iter().find(|node| node.kind() == "expression_statement");
        let is_top = |node: &Node| node.parent().is_some_and(|parent| parent.parent().is_none());
        statement.filter(|node| is_top(node)).is_some_and(|node| {
            let text = self.place.text(*node);
            text.strip_prefix(exports).is_some_and(|rest| rest.trim_start().starts_with(['=', '+', '.', ':']))
        })
    }
}

/// Whether a name in prose refers to code: it is not an ordinary word, or part of a path, a call, or marked. A
/// string must look like a path as a whole.
fn is_code_in(all: &str, range: &Range<usize>, string: Option<Range<usize>>) -> bool {
    let (before, after) = (&all[..range.start], &all[range.end..]);
    if let Some(string) = string {
        let text = &all[string];
        let inside = text.trim_start_matches(|c: char| c.is_alphabetic()).trim_matches(['"', '\'', '`', '#']);
        // With a slash it is a file path.
        let is_path = |c: char| c.is_alphanumeric() || "_.:#-$@\\".contains(c);
        return !inside.is_empty() && inside.chars().all(is_path);
    }
    let name = &all[range.clone()];
    let inner = name.trim_matches('_');
    let has_hump =
        name.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    let is_written_so = has_hump || inner.contains('_');
    let is_marked = before.ends_with(['`', '.', ':', '#', '[', '"'])
        || before.ends_with("@link ")
        || before.ends_with("@see ")
        || after.starts_with(['`', '(', ']'])
        || after.starts_with("::");
    is_written_so || is_marked
}

/// The uses in strings, symbols and comments in a language without a locals query, all of them listed.
pub(super) fn without_scopes(place: &SelectionContext, change: &Change, uses: &mut Vec<Use>) {
    let Some(tree) = place.document.tree() else { return };
    let (text, name) = (place.document.text.to_string(), &*change.was.name);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    for (at, _) in text.match_indices(name) {
        let range = at..at + name.len();
        let is_word = !text[..at].ends_with(is_name) && !text[range.end..].starts_with(is_name);
        if !is_word || uses.iter().any(|one| one.range == range) {
            continue;
        }
        let around = ancestors(tree, range.clone());
        let of = |is: &dyn Fn(&Node) -> bool| {
            around.iter().rev().find(|node| is(node)).map(|node| node.byte_range())
        };
        let is_string = |node: &Node| ["string", "symbol"].iter().any(|kind| node.kind().contains(kind));
        let why = if of(&|node| is_one_of(place.language.comments, node.kind())).is_some() {
            is_code_in(&text, &range, None).then_some("in a comment")
        } else {
            of(&is_string)
                .filter(|string| is_code_in(&text, &range, Some(string.clone())))
                .map(|_| "in a string")
        };
        uses.extend(why.map(|why| Use {
            range,
            text: change.is.name.to_string(),
            meaning: Meaning::Unsure(why),
            is_code: false,
        }));
    }
}
