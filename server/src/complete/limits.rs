//! The settings that limit a completion, as the flow uses them.

use std::time::Duration;

use phi_engine::Engine;

use super::Trigger;
use super::anchor::Reach;
use crate::context::Budget;
use crate::prompt;
use crate::workspace::Workspace;

/// A menu shows the items of all servers; it must not wait for this one.
const MENU: Duration = Duration::from_millis(50);
/// A user who requests a completion waits, but not for ever.
const INVOKED: Duration = Duration::from_secs(10);
/// The window that a prompt is explained for without a neural model: that of Phi-3.5-mini.
const WINDOW: usize = 4096;
/// Bytes of source per token, a generous estimate.
const BYTES_PER_TOKEN: usize = 4;

/// The current settings under `completion.`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub enabled: bool,
    pub debounce: Duration,
    pub max_tokens: usize,
    pub max_lines: usize,
    pub prefetch: bool,
    automatic: Duration,
    context_tokens: usize,
}

impl Limits {
    pub(super) fn of(workspace: &Workspace) -> Limits {
        let settings = &workspace.settings().completion;
        Limits {
            enabled: settings.enabled,
            debounce: Duration::from_millis(settings.debounce_ms),
            max_tokens: settings.max_tokens,
            max_lines: settings.max_lines,
            prefetch: settings.prefetch,
            automatic: Duration::from_millis(settings.budget_ms),
            context_tokens: settings.context_tokens,
        }
    }

    /// The time limit of a request.
    pub(super) fn budget(&self, trigger: Trigger) -> Duration {
        match trigger {
            Trigger::Automatic => self.automatic,
            Trigger::Invoked => INVOKED,
            Trigger::Menu => MENU,
        }
    }

    /// How much of the context the prompt may hold.
    pub(super) fn context(&self, engine: Option<&Engine>) -> Budget {
        let window = engine.map_or(WINDOW, |engine| engine.model().window());
        prompt::completion_budget(window, self.context_tokens, self.max_tokens)
    }
}

impl Reach {
    /// The part of the document around the cursor that the prompt shows.
    pub(super) fn of(budget: Budget) -> Reach {
        Reach {
            before: (budget.above + budget.edit_region) * BYTES_PER_TOKEN,
            after: (budget.edit_region + budget.after) * BYTES_PER_TOKEN,
        }
    }
}
