//! `phi-ls/status`: what an editor may show in its status line.
//!
//! Sent as a notification when it changes, and answered as a request without parameters. A client that does not know
//! it ignores it.

use std::sync::Arc;
use std::time::Duration;

use phi_engine::ModelKind;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tower_lsp::Client;
use tower_lsp::ls_types::notification::Notification;

use crate::assistant::{Assistant, ModelState};

/// The name of the notification and of the request.
pub const METHOD: &str = "phi-ls/status";
/// At most one notification in this time.
const INTERVAL: Duration = Duration::from_millis(500);

/// The parameters of the notification and the result of the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// How far the model is.
    pub state: StatusState,
    /// One line for a person.
    pub message: String,
    /// The model's name; `lookup` where there is none.
    pub model: String,
    /// `Q4_K_M`...; empty where weights have none.
    pub quantization: String,
    /// Decode speed of the latest generation; 0 before the first.
    pub tokens_per_second: f32,
    /// Tokens that need not be run again.
    pub cached_tokens: usize,
}

/// How far the model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusState {
    /// No neural model: completions come from the text of the repository.
    Lookup,
    /// A model is being read; completions come from the text of the repository meanwhile.
    Loading,
    /// The model answers.
    Ready,
    /// The model could not be read; completions come from the text of the repository.
    Failed,
}

impl Status {
    /// The status now.
    pub fn of(assistant: &Assistant) -> Status {
        let engine = assistant.engine();
        let (model, running) = (engine.model(), engine.status());
        let (state, message) = match &assistant.state().borrow().model {
            _ if model.kind != ModelKind::Lookup => {
                let quantization = Some(model.quantization.as_str()).filter(|name| !name.is_empty());
                let name =
                    [Some(model.name.as_str()), quantization].into_iter().flatten().collect::<Vec<_>>();
                (StatusState::Ready, format!("phi-ls: {}", name.join(" ")))
            }
            ModelState::Loading { name, fraction } => {
                (StatusState::Loading, format!("phi-ls: loading {name}, {:.0} %", fraction * 100.0))
            }
            ModelState::Failed(reason) => (StatusState::Failed, format!("phi-ls: lookup only, {reason}")),
            ModelState::LookupOnly | ModelState::Ready => {
                (StatusState::Lookup, "phi-ls: lookup only, no model installed".to_owned())
            }
        };
        Status {
            state,
            message,
            model: model.name.clone(),
            quantization: model.quantization.clone(),
            tokens_per_second: running.tokens_per_second,
            cached_tokens: running.cached_tokens,
        }
    }
}

enum StatusNotification {}

impl Notification for StatusNotification {
    type Params = Status;
    const METHOD: &'static str = METHOD;
}

/// Sends the status now and whenever it has changed.
pub async fn follow(client: Client, assistant: Assistant, answered: Arc<Notify>) {
    let mut state = assistant.state();
    let mut sent = None;
    loop {
        state.mark_unchanged();
        let status = Status::of(&assistant);
        if sent.as_ref() != Some(&status) {
            client.send_notification::<StatusNotification>(status.clone()).await;
            sent = Some(status);
        }
        tokio::time::sleep(INTERVAL).await;
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            () = answered.notified() => {}
        }
    }
}
