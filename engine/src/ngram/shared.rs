//! The n-gram model as threads share it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::RwLock;

use super::{Continuation, NgramModel};
use crate::source::{Origin, SourceId};

/// A shared n-gram model; cheap to clone. Needs no thread of its own: an answer takes about a millisecond.
///
/// A panic does not end it: the index is built again from the sources, without the ones that cannot be indexed.
#[derive(Debug, Clone, Default)]
pub struct Ngram {
    model: Arc<RwLock<NgramModel>>,
}

impl Ngram {
    /// Adds a source; see [`NgramModel::add_source`]. An answer that is asked for meanwhile waits.
    pub fn add_source(&self, source: SourceId, text: Arc<str>) {
        self.change(|model| model.add_source(source, text));
    }

    /// Removes a source.
    pub fn remove_source(&self, source: SourceId) {
        self.change(|model| model.remove_source(source));
    }

    /// The most probable continuation; see [`NgramModel::continue_text`].
    pub fn continue_text(
        &self,
        tail: &str,
        origin: Option<Origin>,
        max_tokens: usize,
    ) -> Option<Continuation> {
        let answer = || self.model.read().continue_text(tail, origin, max_tokens);
        catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|_| {
            self.rebuild();
            None
        })
    }

    fn change(&self, change: impl FnOnce(&mut NgramModel)) {
        let changed = catch_unwind(AssertUnwindSafe(|| change(&mut self.model.write())));
        if changed.is_err() {
            self.rebuild();
        }
    }

    fn rebuild(&self) {
        tracing::error!("the n-gram model panicked; its index is built again");
        let mut model = self.model.write();
        *model = model.rebuilt();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_from_its_sources() {
        let ngram = Ngram::default();
        let ask = || ngram.continue_text("    let total = sum_of_", None, 100).map(|answer| answer.text);
        assert_eq!(ask(), None);
        let text = "fn f() {\n    let total = sum_of_parts(parts);\n    total\n}\n".repeat(4);
        ngram.clone().add_source(SourceId(1), text.into());
        assert!(ask().is_some_and(|answer| answer.starts_with("parts")));
        ngram.remove_source(SourceId(1));
        assert_eq!(ask(), None);
    }

    #[test]
    fn a_panic_does_not_end_it() {
        let ngram = Ngram::default();
        let text = "    let total = sum_of_parts(parts);\n".repeat(4);
        ngram.add_source(SourceId(1), text.into());
        ngram.change(|_| panic!("a defect"));
        assert!(ngram.continue_text("    let total = sum_of_", None, 100).is_some());
    }
}
