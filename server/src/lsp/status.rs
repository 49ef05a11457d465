//! `phi-ls/status`: the server's status, for an editor's status line.
//!
//! A notification when it changes, and a request without parameters. Other clients ignore it.

use std::sync::Arc;
use std::time::Duration;

use phi_engine::{Engine, Phase, Priority};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tower_lsp::Client;
use tower_lsp::ls_types::notification::Notification;

use super::jobs::Jobs;
use crate::assistant::Assistant;
use crate::complete::{NothingOffered, RequestStatus};
use crate::messages;
use crate::models::ModelState;

/// The name of the notification and of the request.
pub const METHOD: &str = "phi-ls/status";
/// Minimum time between two notifications.
const INTERVAL: Duration = Duration::from_millis(500);

/// The parameters of the notification and the result of the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The state of the model.
    pub state: StatusState,
    /// One line to show: the model, its activity, and why `document` is not completed or indexed.
    pub message: String,
    /// The model's name; `n-gram` without a neural model.
    pub model: String,
    /// `Q4_K_M`...; may be empty.
    pub quantization: String,
    /// Decode speed of the latest generation; 0 before the first.
    pub tokens_per_second: f32,
    /// Tokens in the KV cache.
    pub cached_tokens: usize,
    /// The model's activity.
    pub activity: Activity,
    /// The document of the latest completion request; `null` before the first.
    pub document: Option<DocumentStatus>,
}

/// The activity of a neural model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Activity {
    /// Idle.
    Idle,
    /// Prefill of a prompt.
    Reading {
        /// Tokens prefilled.
        read: usize,
        /// Tokens of the prompt.
        of: usize,
        /// Whether this is speculative work that no request waits for.
        ahead: bool,
    },
    /// Generation of an answer.
    Writing {
        /// Tokens so far.
        tokens: usize,
    },
}

/// The status of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentStatus {
    /// Its URI.
    pub uri: String,
    /// A change could not be applied: nothing is offered until it is reopened.
    pub stale: bool,
    /// Why it is withheld from the model, if it is.
    pub withheld: Option<String>,
    /// Why it is not indexed, if it is not.
    pub not_indexed: Option<String>,
    /// Why the latest request has no suggestion; `null` if it has one, or is not answered yet.
    pub nothing_offered: Option<Nothing>,
}

/// Why nothing was offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {
    /// The machine-readable reason: [`NothingOffered::name`].
    pub reason: String,
    /// The message to show.
    pub message: String,
}

/// The state of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusState {
    /// No neural model; the n-gram model answers.
    Ngram,
    /// A model is being loaded; the n-gram model answers.
    Loading,
    /// The model answers.
    Ready,
    /// The model could not be loaded; the n-gram model answers.
    Failed,
}

impl Status {
    /// The current status. May read ignore files.
    pub fn of(assistant: &Assistant) -> Status {
        let engine = assistant.models.engine();
        let (state, mut message) = match (&*assistant.models.state().borrow(), &engine) {
            (_, Some(engine)) => (StatusState::Ready, format!("phi-ls: {}", engine.model().title())),
            (ModelState::Searching, _) => (StatusState::Loading, "phi-ls: searching for a model".to_owned()),
            (ModelState::Loading { name, fraction }, _) => {
                (StatusState::Loading, format!("phi-ls: loading {name}, {:.0} %", fraction * 100.0))
            }
            (ModelState::Failed(reason), _) => {
                (StatusState::Failed, format!("phi-ls: n-gram model only, {reason}"))
            }
            (ModelState::NgramOnly | ModelState::Ready, _) => {
                (StatusState::Ngram, "phi-ls: n-gram model only, no model installed".to_owned())
            }
        };
        let running = engine.as_ref().map(Engine::status).unwrap_or_default();
        let activity = running.work.map_or(Activity::Idle, |work| match work.phase {
            Phase::Reading { read, of } => {
                Activity::Reading { read, of, ahead: work.priority == Priority::Idle }
            }
            Phase::Writing { tokens } => Activity::Writing { tokens },
        });
        let document = DocumentStatus::of(assistant, &assistant.completions.request_status().borrow());
        message += &match activity {
            Activity::Idle => String::new(),
            Activity::Reading { read, of, ahead: true } => {
                format!(", reading ahead, {read} of {}", messages::counted(of, "token"))
            }
            Activity::Reading { read, of, ahead: false } => {
                format!(", reading {read} of {}", messages::counted(of, "token"))
            }
            Activity::Writing { .. } => ", writing".to_owned(),
        };
        message += &match &document {
            Some(DocumentStatus { stale: true, .. }) => format!("; {}", NothingOffered::Stale),
            Some(DocumentStatus { withheld: Some(why), .. }) => format!("; this file is withheld: {why}"),
            Some(DocumentStatus { not_indexed: Some(why), .. }) => {
                format!("; this file is not indexed: {why}")
            }
            _ => String::new(),
        };
        Status {
            state,
            message,
            model: assistant.models.name(),
            quantization: engine
                .as_ref()
                .map_or_else(String::new, |engine| engine.model().quantization.clone()),
            tokens_per_second: running.tokens_per_second,
            cached_tokens: running.cached_tokens,
            activity,
            document,
        }
    }
}

impl DocumentStatus {
    /// `None` before the first request, or if the document is closed.
    fn of(assistant: &Assistant, asked: &RequestStatus) -> Option<DocumentStatus> {
        let id = asked.document.as_ref()?;
        let uri = id.0.to_string();
        let nothing =
            |why: &NothingOffered| Nothing { reason: why.name().to_owned(), message: why.to_string() };
        let Some(document) = assistant.workspace.documents.get(id) else {
            let stale = DocumentStatus {
                uri,
                stale: true,
                withheld: None,
                not_indexed: None,
                nothing_offered: Some(nothing(&NothingOffered::Stale)),
            };
            return assistant.workspace.documents.is_stale(id).then_some(stale);
        };
        let withheld = assistant.workspace.may_be_shown(&document).err();
        Some(DocumentStatus {
            uri,
            stale: false,
            not_indexed: if withheld.is_some() { None } else { assistant.workspace.not_indexed(&document) },
            withheld,
            nothing_offered: asked.nothing.as_ref().map(nothing),
        })
    }
}

enum StatusNotification {}

impl Notification for StatusNotification {
    type Params = Status;
    const METHOD: &'static str = METHOD;
}

/// Sends the status now and on each change. `changed` signals changes other than the assistant's state and completion
/// requests.
pub async fn follow(client: Client, assistant: Assistant, jobs: Arc<Jobs>, changed: Arc<Notify>) {
    let (mut state, mut indexing) = (assistant.models.state(), assistant.workspace.indexing());
    let mut asked = assistant.completions.request_status();
    let mut documents = assistant.workspace.documents.changes();
    let mut sent = None;
    loop {
        state.mark_unchanged();
        indexing.mark_unchanged();
        asked.mark_unchanged();
        documents.mark_unchanged();
        let Some(status) = now(&assistant).await else { return };
        // The engine starts only after the context is gathered.
        let is_asked = asked.borrow().waits || jobs.is_running() || assistant.models.is_working();
        let is_working = is_asked || status.activity != Activity::Idle;
        let is_stale = status.document.as_ref().is_some_and(|document| document.stale);
        if sent.as_ref() != Some(&status) {
            client.send_notification::<StatusNotification>(status.clone()).await;
            sent = Some(status);
        }
        tokio::time::sleep(INTERVAL).await;
        if is_working {
            continue;
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            changed = indexing.changed() => if changed.is_err() { return },
            changed = asked.changed() => if changed.is_err() { return },
            changed = documents.changed(), if is_stale => if changed.is_err() { return },
            () = changed.notified() => {}
        }
    }
}

/// The current status, computed on the blocking pool; `None` at shutdown.
pub async fn now(assistant: &Assistant) -> Option<Status> {
    let assistant = assistant.clone();
    tokio::task::spawn_blocking(move || Status::of(&assistant)).await.ok()
}
