//! The flow of a completion, from a cursor to an edit, first step to last.

use std::sync::Arc;

use crate::assistant::Assistant;
use crate::documents::Document;
use crate::edits::Edit;

/// A question for a completion.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The snapshot to complete in.
    pub document: Arc<Document>,
    /// Byte offset on a character boundary.
    pub cursor: usize,
    /// Who asked.
    pub trigger: Trigger,
}

/// Who asked for a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The editor, after a change. Answered only where a completion is likely to be wanted.
    Automatic,
    /// The user, by a key.
    Invoked,
    /// The completion menu, which must not wait: answered from what is ready within 50 ms.
    Menu,
}

/// A completion that the client may draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What accepting it changes; its range lies in the cursor's line.
    pub edit: Edit,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superseded;

/// Answers a question within the time that its trigger allows. A newer question for the same document ends an
/// older one with [`Superseded`], at once.
pub async fn complete(_assistant: &Assistant, _ask: Ask) -> Result<Option<Completion>, Superseded> {
    Ok(None)
}
