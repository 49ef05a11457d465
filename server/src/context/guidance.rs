//! The project's guidelines, as much as fit the budget.

use ropey::Rope;

use super::Snippet;
use super::candidate::Source;
use super::lines::Lines;
use crate::documents::Document;
use crate::repository::Background;

/// The beginning of the guidelines for a document. `known` is the previous result, which is reused while it is a prefix.
pub fn of(
    document: &Document,
    background: &Background,
    budget: usize,
    count: &dyn Fn(&str) -> usize,
    known: Option<Snippet>,
) -> Option<Snippet> {
    let guidance = background.guidance(document.path.as_deref()?)?;
    let known = known.filter(|known| known.path == guidance.path && guidance.text.starts_with(&*known.text));
    if known.is_some() {
        return known;
    }
    let text = Rope::from_str(&guidance.text);
    let lines = Lines { text: &text, count };
    let end = lines.take_down(0, budget, |_| true);
    let shown = lines.slice(0..end);
    (!shown.trim().is_empty()).then(|| Snippet {
        source: Source::Guidance,
        reason: "the project's guidelines".to_owned(),
        path: guidance.path.to_owned(),
        file: None,
        language: None,
        container: None,
        lines: 0..text.byte_to_line(end),
        tokens: count(&shown),
        text: shown.into(),
        score: 0.0,
    })
}
