//! Placeholders that a model writes instead of code that it leaves out: `// ... rest of the code`, `todo!()`, `pass`.

use super::Rejection;
use super::nodes::{self, Part};

/// Text of comments that replace code, whatever else the item contains. Lower-case.
const COMMENTS: [&str; 8] = [
    "existing code",
    "your code here",
    "code here",
    "previous code",
    "implementation here",
    "more code",
    "rest of the code",
    "code unchanged",
];

/// The same, but only if code was deleted; otherwise the comment describes something.
const COMMENTS_FOR_LOSS: [&str; 8] =
    ["rest of", "remaining", "unchanged", "omitted", "as before", "other methods", "other fields", "etc"];

/// A longer comment is more than a placeholder.
const LONGEST: usize = 80;

/// Placeholders in code, if code was deleted, in addition to the language's
/// ([`Placeholders`](crate::languages::actions::Placeholders)).
const CODE: [&str; 5] =
    ["\"Not implemented\"", "'Not implemented'", "\"not implemented\"", "'not implemented'", "\"TODO\""];

/// Whether a new item has a placeholder that the old one does not. `is_less`: code was deleted.
pub(super) fn check(before: Part, after: Part, instruction: &str, is_less: bool) -> Result<(), Rejection> {
    let old = comments(before).concat().to_lowercase();
    let refused = |text: &str| Err(Rejection::Abbreviated(text.trim().chars().take(120).collect()));
    for comment in comments(after) {
        let lower = comment.to_lowercase();
        let words = lower.trim_matches(|c: char| !c.is_alphanumeric() && !".…".contains(c));
        let says = |mark: &str| words.contains(mark) && words.len() < LONGEST && !old.contains(mark);
        let dots = ["...", "…"]
            .iter()
            .any(|dots| !old.contains(dots) && (words.starts_with(dots) || is_less && words.ends_with(dots)));
        if dots
            || COMMENTS.iter().any(|mark| says(mark))
            || is_less && COMMENTS_FOR_LOSS.iter().any(|mark| says(mark))
        {
            return refused(&comment);
        }
    }
    if !is_less {
        return Ok(());
    }
    let text = |(document, range): Part| document.text.byte_slice(range.clone()).to_string();
    let (old_text, new_text) = (text(before), text(after));
    let Some(placeholders) = after.0.language.map(|language| &language.placeholders) else { return Ok(()) };
    let is_new = |mark: &&&str| {
        let word = mark.trim_matches(|c: char| !c.is_alphabetic());
        new_text.contains(**mark) && !old_text.contains(**mark) && !nodes::mentions(instruction, word)
    };
    if let Some(mark) = placeholders.code.iter().chain(&CODE).find(is_new) {
        return refused(new_text.lines().find(|line| line.contains(*mark)).unwrap_or(mark));
    }
    let (kinds, keyword) = placeholders.statements;
    let nothing = |part: Part| {
        let mut count = 0;
        nodes::each_inside(part, |node| count += usize::from(nodes::is_one_of(kinds, node.kind())));
        count
    };
    if nothing(after) > nothing(before) && !nodes::mentions(instruction, keyword) {
        return refused(keyword);
    }
    Ok(())
}

fn comments(part: Part) -> Vec<String> {
    let mut comments = Vec::new();
    nodes::each(part, |node| {
        if nodes::is_comment(part.0, node) {
            comments.push(nodes::text(part.0, node));
        }
    });
    comments
}
