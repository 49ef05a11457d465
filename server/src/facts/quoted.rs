//! Names in strings and comments that refer to a definition: `__all__ = ["parse"]`, `#[serde(with = "hex")]`, a link in a
//! documentation comment. A rename that misses them breaks them silently.

use std::ops::Range;

use tree_sitter::Node;

use super::Name;

/// Parts of paths that are not names.
const OF_PATHS: [&str; 4] = ["crate", "super", "self", "Self"];
/// The longest text of a link.
const LONGEST_LINK: usize = 200;

/// The names in the text of a node.
pub(super) fn names(node: &Node, text: &str) -> Vec<Name> {
    within(text, node.byte_range(), node.byte_range().start, node.start_position().row as u32)
}

/// The names that the links of a comment refer to. `marks`: the delimiters of a link.
pub(super) fn linked(comment: &Node, text: &str, marks: &[(&str, &str)]) -> Vec<Name> {
    let bytes = comment.byte_range();
    let content = text.get(bytes.clone()).unwrap_or("");
    let mut names = Vec::new();
    for (opening, closing) in marks {
        for (at, _) in content.match_indices(opening) {
            let rest = &content[at + opening.len()..];
            let most = rest.floor_char_boundary(LONGEST_LINK);
            let Some(end) = rest[..most].find(closing) else { continue };
            // A blank separates the target from the shown text.
            let target = rest[..end].split(|c: char| c.is_whitespace() || c == '|').next().unwrap_or("");
            let start = bytes.start + at + opening.len();
            let place = start..start + target.len();
            names.extend(within(text, place, bytes.start, comment.start_position().row as u32));
        }
    }
    names
}

/// The names in a range; `line` is the line of the byte `from`, which is not after the range's start.
fn within(text: &str, place: Range<usize>, from: usize, line: u32) -> Vec<Name> {
    let lines = |range: Range<usize>| text.get(range).unwrap_or("").matches('\n').count() as u32;
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    let content = text.get(place.clone()).unwrap_or("");
    let words = content.split(|c| !in_name(c)).filter(|word| {
        !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()) && !OF_PATHS.contains(word)
    });
    let start = |word: &str| place.start + (word.as_ptr() as usize - content.as_ptr() as usize);
    let name = |word: &str| {
        let start = start(word);
        Name { bytes: start..start + word.len(), line: line + lines(from..start) }
    };
    words.map(name).collect()
}
