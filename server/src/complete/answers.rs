//! The stored answers of one document.

use std::collections::VecDeque;
use std::sync::Arc;

use super::answer::Answer;
use crate::documents::Document;

/// Answers stored per document. A neural model's are found again after undoing and moving back.
const KEPT: usize = 32;

/// The answers of one document, the most recently used first.
#[derive(Debug, Default)]
pub(super) struct Answers {
    answers: VecDeque<Arc<Answer>>,
}

impl Answers {
    /// The answers that match the text at a cursor, best first: a draft, then text without a draft, then an answer that adds
    /// nothing here.
    pub(super) fn candidates(&mut self, document: &Document, cursor: usize) -> Vec<Arc<Answer>> {
        let ranked = |answer: &Arc<Answer>| Some((answer.rank(document, cursor)?, answer.clone()));
        let mut candidates: Vec<_> = self.answers.iter().filter_map(ranked).collect();
        candidates.sort_by_key(|&(rank, _)| rank);
        if let Some((_, best)) = candidates.first() {
            self.remove(best);
            self.answers.push_front(best.clone());
        }
        candidates.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Whether the text before the cursor contains a whole draft.
    pub(super) fn is_typed(&self, document: &Document, cursor: usize) -> bool {
        self.answers.iter().any(|answer| answer.is_typed(document, cursor))
    }

    /// Adds an answer; the least recently used one is dropped.
    pub(super) fn add(&mut self, answer: Arc<Answer>) {
        self.answers.retain(|answer| !answer.failed());
        self.answers.push_front(answer);
        self.answers.truncate(KEPT);
    }

    /// Removes an answer.
    pub(super) fn remove(&mut self, answer: &Arc<Answer>) {
        self.answers.retain(|other| !Arc::ptr_eq(other, answer));
    }

    /// Ends the generations that no longer match the text. If generating is free, finished answers are dropped as
    /// well: when the text comes back, the engine may have better sources.
    pub(super) fn drop_mismatches(&mut self, document: &Document, cursor: usize, generating_is_free: bool) {
        let may_return = |answer: &Answer| !generating_is_free && answer.ended();
        self.answers.retain(|answer| may_return(answer) || answer.rank(document, cursor).is_some());
    }

    /// Drops all answers and ends running generations.
    pub(super) fn clear(&mut self) {
        self.answers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::{document, unfinished};
    use super::*;

    #[tokio::test]
    async fn as_many_answers_are_kept_as_the_bound_says() {
        let mut answers = Answers::default();
        let (first, cursor) = document("first $0");
        let (oldest, sender) = unfinished(&first, cursor);
        let mut senders = vec![sender];
        answers.add(oldest);
        for n in 0..KEPT {
            assert!(!answers.candidates(&first, cursor).is_empty(), "found, and so used again");
            let (document, cursor) = document(&format!("{n} $0"));
            let (answer, sender) = unfinished(&document, cursor);
            senders.push(sender);
            answers.add(answer);
        }
        assert_eq!(answers.answers.len(), KEPT);
        assert!(!answers.candidates(&first, cursor).is_empty(), "what is used stays");
        let (document, cursor) = document("0 $0");
        assert!(answers.candidates(&document, cursor).is_empty(), "what was not used longest is gone");
    }
}
