//! Chooses between a next edit in the cursor's line and a completion. Neither flow imports the other.

use phi_engine::Priority;

use crate::complete::{
    self, Completion, CompletionRequest, Completions, RequestGeneration, Superseded, Trigger,
};
use crate::next_edit::{self, NextEdits};

/// Answers a request that has [begun](complete::begin).
pub async fn suggest(
    completions: &Completions,
    next_edits: &NextEdits,
    request_generation: RequestGeneration,
    request: CompletionRequest,
) -> Result<Option<Completion>, Superseded> {
    let (next_edits, document, cursor) = (next_edits.clone(), request.document.clone(), request.cursor);
    let priority = match request.trigger {
        Trigger::Automatic => Some(Priority::Background),
        Trigger::Invoked => Some(Priority::Interactive),
        // A menu holds completions only.
        Trigger::Menu => None,
    };
    let first =
        async move |deadline| next_edit::suggest(&next_edits, &document, cursor, priority?, deadline).await;
    complete::complete_in(completions, request_generation, request, first).await
}
