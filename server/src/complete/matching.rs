//! The state of an answer, and how it matches the text at the current cursor.

use super::anchor::{TypedSince, after};
use crate::answer::Draft;
use crate::documents::Document;
use crate::edits::Edit;

/// The state of an answer.
#[derive(Debug)]
pub(super) enum State {
    /// The model is writing; its text so far.
    Running(String),
    /// The generation has ended.
    Finished {
        /// Its text.
        text: String,
        /// The draft made of the text, for the anchor itself.
        draft: Option<RelativeDraft>,
        /// The draft as a verified edit.
        edit: Option<Box<Edit>>,
        /// Whether the model ended by itself, not at a limit.
        whole: bool,
    },
    /// The engine could not answer.
    Failed,
}

/// How an answer matches the text at a cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The typed text is the beginning of the answer; this draft is left.
    Draft(Draft),
    /// The same, but the draft has yet to be made of the rest of the model's text, which takes a parse.
    Pending(Pending),
    /// The model has nothing to add here.
    Empty,
    /// The text contains all of the answer.
    Exhausted,
    /// The text differs from the answer.
    Mismatch,
}

/// Model text after what was typed, of which no draft has been made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pending {
    /// The text; may be empty while the model writes.
    pub rest: String,
    /// Whether the model ended by itself.
    pub whole: bool,
    /// Whether the model writes on.
    pub running: bool,
}

/// A [`Draft`] relative to the cursor.
#[derive(Debug)]
pub(super) struct RelativeDraft {
    /// Bytes before the cursor that it replaces.
    pub back: usize,
    /// Bytes after the cursor that it replaces.
    pub forward: usize,
    /// The new text.
    pub text: String,
}

impl Match {
    /// The draft, if there is one.
    pub(super) fn draft(self) -> Option<Draft> {
        match self {
            Match::Draft(draft) => Some(draft),
            _ => None,
        }
    }

    /// A rank: the best match is the lowest; `None` if the answer cannot match.
    pub(super) fn rank(&self) -> Option<u8> {
        match self {
            Match::Draft(_) => Some(0),
            Match::Pending(_) => Some(1),
            Match::Empty => Some(2),
            Match::Exhausted | Match::Mismatch => None,
        }
    }
}

impl Pending {
    /// The match if no draft can be made of the rest.
    pub(super) fn without_draft(&self) -> Match {
        if self.running { Match::Empty } else { Match::Exhausted }
    }
}

impl State {
    /// The model's text so far.
    pub(super) fn text(&self) -> &str {
        match self {
            State::Running(text) | State::Finished { text, .. } => text,
            State::Failed => "",
        }
    }

    /// Whether the model writes on.
    pub(super) fn is_running(&self) -> bool {
        matches!(self, State::Running(_))
    }

    /// Whether the typed text may be the beginning of the model's text.
    pub(super) fn may_match(&self, typed: &TypedSince) -> bool {
        after(self.text(), &typed.text).is_some() || after(&typed.text, self.text()).is_some()
    }

    /// How the answer matches a cursor that was reached by typing. Cheap: a draft that takes a parse is left
    /// [pending](Match::Pending).
    pub(super) fn at(&self, document: &Document, cursor: usize, typed: &TypedSince) -> Match {
        let rest = after(self.text(), &typed.text);
        match self {
            State::Running(_) if self.may_match(typed) => Match::Pending(Pending {
                rest: rest.unwrap_or_default().to_owned(),
                whole: false,
                running: true,
            }),
            State::Running(_) => Match::Mismatch,
            State::Failed => Match::Empty,
            State::Finished { draft, whole, .. } => {
                let left = draft.as_ref().and_then(|draft| draft.left(document, cursor, typed));
                match (left, rest) {
                    (Some(left), _) => left,
                    // At the anchor itself the draft was all.
                    (None, _) if typed.is_nothing() => Match::Empty,
                    // The model's text may go further than the draft that was made of it.
                    (None, Some("")) => Match::Exhausted,
                    (None, Some(rest)) => {
                        Match::Pending(Pending { rest: rest.to_owned(), whole: *whole, running: false })
                    }
                    (None, None) => Match::Mismatch,
                }
            }
        }
    }

    /// Whether the text before the cursor contains the whole draft.
    pub(super) fn is_typed(&self, document: &Document, cursor: usize, typed: &TypedSince) -> bool {
        let State::Finished { draft: Some(draft), .. } = self else { return false };
        draft.left(document, cursor, typed) == Some(Match::Exhausted)
    }
}

impl RelativeDraft {
    pub(super) fn of(draft: Draft, cursor: usize) -> Option<RelativeDraft> {
        let back = cursor.checked_sub(draft.range.start)?;
        let forward = draft.range.end.checked_sub(cursor)?;
        Some(RelativeDraft { back, forward, text: draft.text })
    }

    /// The rest of the draft for a cursor that was reached by typing; `None` if the draft does not begin with the typed text.
    fn left(&self, document: &Document, cursor: usize, typed: &TypedSince) -> Option<Match> {
        if typed.is_nothing() {
            let range = cursor.checked_sub(self.back)?..cursor + self.forward;
            return Some(Match::Draft(Draft { range, text: self.text.clone() }));
        }
        // The draft repeats the text between its start and the anchor, or it changes it: then only the whole draft makes
        // sense, and only at the anchor.
        let column = cursor.checked_sub(typed.text.len())?;
        let back = document.text.byte_slice(column.checked_sub(self.back)?..column).to_string();
        let rest = after(self.text.strip_prefix(&back)?, &typed.text)?;
        if rest.is_empty() {
            return Some(Match::Exhausted);
        }
        let closed = document.text.byte_slice(cursor..cursor + typed.closed).to_string();
        let forward = if holds_in_order(rest, &closed) { typed.closed + self.forward } else { 0 };
        Some(Match::Draft(Draft { range: cursor..cursor + forward, text: rest.to_owned() }))
    }
}

/// Whether the characters of `marks` occur in `text` in this order.
fn holds_in_order(text: &str, marks: &str) -> bool {
    let mut chars = text.chars();
    marks.chars().all(|mark| chars.any(|c| c == mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_closed_by_the_editor_give_way_only_to_a_text_that_closes_them() {
        assert!(holds_in_order("a, b)]", ")]"));
        assert!(!holds_in_order("a, b]", ")"));
        assert!(holds_in_order("", ""));
    }
}
