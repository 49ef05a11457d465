//! What the cursor gets: a next edit where one is due in its line, else a completion. Neither flow knows the other.

use phi_engine::Priority;

use crate::complete::{self, Ask, Completion, Completions, Superseded, Trigger, Turn};
use crate::next_edit::{self, NextEdits};

/// Answers a request that has [begun](complete::begin).
pub async fn suggest(
    completions: &Completions,
    next_edits: &NextEdits,
    turn: Turn,
    ask: Ask,
) -> Result<Option<Completion>, Superseded> {
    let (next_edits, document, cursor) = (next_edits.clone(), ask.document.clone(), ask.cursor);
    let priority = match ask.trigger {
        Trigger::Automatic => Some(Priority::Background),
        Trigger::Invoked => Some(Priority::Interactive),
        // A menu holds completions only.
        Trigger::Menu => None,
    };
    let first =
        async move |deadline| next_edit::suggest(&next_edits, &document, cursor, priority?, deadline).await;
    complete::complete_in(completions, turn, ask, first).await
}
