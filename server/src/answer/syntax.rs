//! The last word is the parser's: an answer ends where the syntax node ends that it completes, and adds no syntax
//! errors.

use tree_sitter::{Node, Tree};

use super::place::Place;
use crate::documents::{Change, Document};

/// So many shorter answers are tried when the whole adds syntax errors.
const ATTEMPTS: usize = 8;
/// A text that adds more errors than this is not saved by leaving out its end.
const HOPELESS: usize = 8;

/// The longest beginning of `text` that adds no syntax errors to the document, cut at the end of the statement or
/// item that the cursor's line holds. `covered` bytes behind the cursor are replaced. Only an unfinished line is
/// shortened by words: a whole one that does not fit is another language, or none.
pub(super) fn cut(text: &str, place: &Place, covered: usize, finished: bool) -> Option<String> {
    let document = place.document;
    let Some(before) = document.tree().map(errors) else { return Some(text.to_owned()) };
    let with = |text: &str| {
        let range = place.cursor..place.cursor + covered;
        let after = document.apply(document.version, &[Change::Splice { range, text: text.to_owned() }]);
        let errors = after.tree().map_or(0, errors);
        (after, errors)
    };
    let mut end = text.trim_end().len();
    for _ in 0..ATTEMPTS {
        let text = &text[..end];
        if text.trim().is_empty() {
            return None;
        }
        let (after, errors) = with(text);
        if errors <= before {
            let shorter = text[..dedent(text, place).min(statement_end(&after, text, place))].trim_end();
            // What lies behind the statement may be what the document needs: the `end` of its method.
            let enough = shorter.len() < text.len() && with(shorter).1 <= errors;
            return Some(if enough { shorter } else { text }.to_owned());
        }
        if errors > before + HOPELESS {
            return None;
        }
        end = shorten(text, finished)?;
    }
    None
}

/// Nodes of a tree that are errors: text that fits nowhere, or a token that is missing.
pub(crate) fn errors(tree: &Tree) -> usize {
    let mut cursor = tree.walk();
    let mut count = 0;
    loop {
        let node = cursor.node();
        count += usize::from(node.is_error() || node.is_missing());
        if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return count;
            }
        }
    }
}

/// Without the last line, or of a single unfinished line without the last word or its last marks.
fn shorten(text: &str, finished: bool) -> Option<usize> {
    if let Some(line) = text.rfind('\n') {
        return Some(text[..line].trim_end().len());
    }
    if finished {
        return None;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let end = match text.ends_with(is_word) {
        true => text.trim_end_matches(is_word).len(),
        false => text.trim_end_matches(|c| !is_word(c)).len(),
    };
    Some(text[..end].trim_end().len())
}

/// The end of the line before the first one that is less deep than the cursor's, unless it closes a bracket.
fn dedent(text: &str, place: &Place) -> usize {
    let here = place.indent().len();
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let indent = super::place::leading(line).len();
        let word = line.trim();
        let closes = word.starts_with(['}', ')', ']']) || word == "end" || word.starts_with("</");
        if number > 0 && !word.is_empty() && indent < here && !closes {
            return at;
        }
        at += line.len();
    }
    text.len()
}

/// Where in `text` the outermost node ends that starts on the cursor's line, up to the end of its line. More may
/// follow where the block around was empty before.
fn statement_end(after: &Document, text: &str, place: &Place) -> usize {
    let Some(tree) = after.tree() else { return text.len() };
    let inserted = place.cursor..place.cursor + text.len();
    let start = place.cursor + text.len() - text.trim_start().len();
    let line = after.text.line_to_byte(after.text.byte_to_line(start));
    let Some(leaf) = tree.root_node().descendant_for_byte_range(start, start + 1) else { return text.len() };
    let mut node = outermost(leaf, line);
    // A comment or an attribute belongs to what follows it.
    while is_preface(node) && node.end_byte() < inserted.end {
        match node.next_named_sibling() {
            Some(next) => node = next,
            None => return text.len(),
        }
    }
    let Some(parent) = node.parent() else { return text.len() };
    let alone = |child: Node| inserted.start <= child.start_byte() && child.end_byte() <= inserted.end;
    let mut cursor = parent.walk();
    let mut children =
        parent.named_children(&mut cursor).filter(|&child| !is_preface(child) && child != node);
    if node.is_error() || parent.is_error() || alone(node) && children.all(alone) {
        return text.len();
    }
    match node.end_byte().checked_sub(place.cursor) {
        Some(end) if end < text.len() => {
            let rest = text.get(end..).unwrap_or_default();
            end + rest.find('\n').unwrap_or(rest.len())
        }
        _ => text.len(),
    }
}

/// The outermost node around `leaf` that starts at or behind `line`, the tree itself excepted.
fn outermost(leaf: Node, line: usize) -> Node {
    let mut node = leaf;
    while let Some(parent) = node.parent()
        && parent.start_byte() >= line
        && parent.parent().is_some()
    {
        node = parent;
    }
    node
}

fn is_preface(node: Node) -> bool {
    ["comment", "attribute", "decorator", "annotation"].iter().any(|kind| node.kind().contains(kind))
}
