//! Why a request got no completion, for the status and the log.

use super::Superseded;

/// Why nothing was offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NothingOffered {
    /// The setting `completion.enabled`.
    #[error("completions are turned off (`completion.enabled`)")]
    Disabled,
    /// The document is stale: see [`Documents`](crate::documents::Documents).
    #[error("the text of this file is not known any more; close and reopen it")]
    Stale,
    /// No model may see the document.
    #[error("this file is not shown to a model: {0}")]
    Withheld(String),
    /// The request was automatic, and users rarely want a completion at such a place.
    #[error(
        "inside a word, in front of other text and after a deletion nothing is offered unless you ask for it by a key"
    )]
    NotWantedHere,
    /// A newer request or a newer text of the document.
    #[error("you typed on, or a newer request took its place")]
    Superseded,
    /// The answer continues; the next request finds it.
    #[error("the answer was not ready in time; it is being prepared")]
    TimedOut,
    /// The n-gram model is unsure, and there is no other.
    #[error("no model is loaded, and the n-gram model is not sure how this goes on")]
    NoModel,
    /// The model's answer is empty.
    #[error("the model has nothing to add here")]
    SaidNothing,
    /// No part of the model's answer fits the text around the cursor.
    #[error("nothing of the model's answer fits between what is there already")]
    NothingJoins,
    /// The edit was refused.
    #[error("the model's answer was refused: {0}")]
    Refused(String),
    /// The engine could not answer.
    #[error("the model failed; the log says why")]
    Failed,
}

impl NothingOffered {
    /// The reason as a program names it.
    pub fn name(&self) -> &'static str {
        match self {
            NothingOffered::Disabled => "disabled",
            NothingOffered::Stale => "stale",
            NothingOffered::Withheld(_) => "withheld",
            NothingOffered::NotWantedHere => "notWantedHere",
            NothingOffered::Superseded => "superseded",
            NothingOffered::TimedOut => "timedOut",
            NothingOffered::NoModel => "noModel",
            NothingOffered::SaidNothing => "saidNothing",
            NothingOffered::NothingJoins => "nothingJoins",
            NothingOffered::Refused(_) => "refused",
            NothingOffered::Failed => "failed",
        }
    }
}

impl From<Superseded> for NothingOffered {
    fn from(_: Superseded) -> NothingOffered {
        NothingOffered::Superseded
    }
}
