//! `phi-ls/status`: what an editor may show in its status line.
//!
//! Sent as a notification when it changes, and answered as a request without parameters. A client that does not know
//! it ignores it.

use std::sync::Arc;
use std::time::Duration;

use phi_engine::{ModelKind, Phase, Priority};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tower_lsp::Client;
use tower_lsp::ls_types::notification::Notification;

use super::jobs::Jobs;
use crate::assistant::Assistant;
use crate::complete::{Asked, NothingOffered};
use crate::models::ModelState;

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
    /// One line for a person: the model, what it is doing, and what keeps `document` from being completed or indexed.
    pub message: String,
    /// The model's name; `n-gram` where there is none.
    pub model: String,
    /// `Q4_K_M`...; empty where weights have none.
    pub quantization: String,
    /// Decode speed of the latest generation; 0 before the first.
    pub tokens_per_second: f32,
    /// Tokens that need not be run again.
    pub cached_tokens: usize,
    /// What the model is doing.
    pub activity: Activity,
    /// The document that a completion was last asked for; `null` before the first.
    pub document: Option<DocumentStatus>,
}

/// What a neural model is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Activity {
    /// Nothing.
    Idle,
    /// It reads a prompt.
    Reading {
        /// Tokens read.
        read: usize,
        /// Tokens of the prompt.
        of: usize,
        /// Nobody waits: what is likely to be asked next is read ahead.
        ahead: bool,
    },
    /// It writes an answer.
    Writing {
        /// Tokens so far.
        tokens: usize,
    },
}

/// What a user may want to know of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentStatus {
    /// Its URI.
    pub uri: String,
    /// A change of it could not be applied: nothing is offered there until it is reopened.
    pub stale: bool,
    /// Why no model may see it, if none may.
    pub withheld: Option<String>,
    /// Why the repository's index does not hold it, if it does not.
    pub not_indexed: Option<String>,
    /// Why the latest question had no answer; `null` where it had one, or has none yet.
    pub nothing_offered: Option<Nothing>,
}

/// Why nothing was offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {
    /// For a program: [`NothingOffered::name`].
    pub reason: String,
    /// For a person.
    pub message: String,
}

/// How far the model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusState {
    /// No neural model: completions come from the text of the repository.
    Ngram,
    /// A model is being read; completions come from the text of the repository meanwhile.
    Loading,
    /// The model answers.
    Ready,
    /// The model could not be read; completions come from the text of the repository.
    Failed,
}

impl Status {
    /// The status now. May read ignore files.
    pub fn of(assistant: &Assistant) -> Status {
        let engine = assistant.models.engine();
        let (model, running) = (engine.model(), engine.status());
        let (state, mut message) = match &*assistant.models.state().borrow() {
            _ if model.kind != ModelKind::Ngram => {
                let quantization = Some(model.quantization.as_str()).filter(|name| !name.is_empty());
                let name =
                    [Some(model.name.as_str()), quantization].into_iter().flatten().collect::<Vec<_>>();
                (StatusState::Ready, format!("phi-ls: {}", name.join(" ")))
            }
            ModelState::Searching => (StatusState::Loading, "phi-ls: looking for a model".to_owned()),
            ModelState::Loading { name, fraction } => {
                (StatusState::Loading, format!("phi-ls: loading {name}, {:.0} %", fraction * 100.0))
            }
            ModelState::Failed(reason) => {
                (StatusState::Failed, format!("phi-ls: n-gram model only, {reason}"))
            }
            ModelState::NgramOnly | ModelState::Ready => {
                (StatusState::Ngram, "phi-ls: n-gram model only, no model installed".to_owned())
            }
        };
        let activity = running.work.map_or(Activity::Idle, |work| match work.phase {
            Phase::Reading { read, of } => {
                Activity::Reading { read, of, ahead: work.priority == Priority::Idle }
            }
            Phase::Writing { tokens } => Activity::Writing { tokens },
        });
        // The n-gram model answers at once.
        let activity = if model.kind == ModelKind::Ngram { Activity::Idle } else { activity };
        let document = DocumentStatus::of(assistant, &assistant.completions.asked().borrow());
        message += &match activity {
            Activity::Idle => String::new(),
            Activity::Reading { read, of, ahead: true } => format!(", reading ahead, {read} of {of} tokens"),
            Activity::Reading { read, of, ahead: false } => format!(", reading {read} of {of} tokens"),
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
            model: model.name.clone(),
            quantization: model.quantization.clone(),
            tokens_per_second: running.tokens_per_second,
            cached_tokens: running.cached_tokens,
            activity,
            document,
        }
    }
}

impl DocumentStatus {
    /// `None` where nothing was asked yet, or the document is closed.
    fn of(assistant: &Assistant, asked: &Asked) -> Option<DocumentStatus> {
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

/// Sends the status now and whenever it has changed. `changed` wakes it where neither the assistant's state nor a question
/// for a completion does.
pub async fn follow(client: Client, assistant: Assistant, jobs: Arc<Jobs>, changed: Arc<Notify>) {
    let (mut state, mut indexing) = (assistant.models.state(), assistant.workspace.indexing());
    let mut asked = assistant.completions.asked();
    let mut documents = assistant.workspace.documents.changes();
    let mut sent = None;
    loop {
        state.mark_unchanged();
        indexing.mark_unchanged();
        asked.mark_unchanged();
        documents.mark_unchanged();
        let Some(status) = now(&assistant).await else { return };
        // The engine may be asked only after a moment, in which a context is put together.
        let is_asked =
            asked.borrow().waits || jobs.is_running() || assistant.models.engine().status().jobs > 0;
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

/// The status, read beside the handlers of other messages; `None` when everything ends.
pub async fn now(assistant: &Assistant) -> Option<Status> {
    let assistant = assistant.clone();
    tokio::task::spawn_blocking(move || Status::of(&assistant)).await.ok()
}
