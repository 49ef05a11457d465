//! What a model writes in the place of code that it has not written: `// ... rest of the code`, `todo!()`, `pass`.

use super::Rejection;
use super::nodes::{self, Part};

/// What a comment says in the place of code, whatever else the item holds. Lower-case.
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

/// The same, where code is gone; else the comment speaks of something.
const COMMENTS_FOR_LOSS: [&str; 8] =
    ["rest of", "remaining", "unchanged", "omitted", "as before", "other methods", "other fields", "etc"];

/// A longer comment says more than that something is left out.
const LONGEST: usize = 80;

/// Strings in code that takes the place of code, where code is gone, besides what the language has
/// ([`Placeholders`](crate::languages::actions::Placeholders)).
const CODE: [&str; 5] =
    ["\"Not implemented\"", "'Not implemented'", "\"not implemented\"", "'not implemented'", "\"TODO\""];

/// Whether a new item holds something in the place of code that the old one does not. `is_less`: code is gone.
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
