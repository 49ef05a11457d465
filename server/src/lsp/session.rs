//! The state of a client's session after `initialize`, for the handlers.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tower_lsp::Client;
use tower_lsp::jsonrpc::Result;
use tower_lsp::ls_types::MessageType;

use super::client::ClientSupport;
use super::configuration::{self, Configuration};
use super::jobs;
use crate::assistant::Assistant;
use crate::complete;
use crate::documents;
use crate::refactor::journal::Journal;
use crate::refactor::{FileChange, Report};

/// Background tasks; aborted when the last clone is dropped.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    /// Spawns a background task.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}

/// The session of a client after `initialize`.
pub struct Session {
    /// The client.
    pub client: Client,
    /// Background tasks.
    pub tasks: Tasks,
    /// The features.
    pub assistant: Assistant,
    /// The client's capabilities.
    pub support: ClientSupport,
    /// The sources of settings.
    pub configuration: Configuration,
    /// The settings of the latest `didChangeConfiguration`.
    pub sent_settings: Arc<Mutex<Option<Value>>>,
    /// Held while settings are read, so that the latest ones win.
    pub refresh_lock: Arc<tokio::sync::Mutex<()>>,
    /// Whether the server watches files itself, because the client does not report file changes.
    pub watch_files: bool,
    /// Whether the client is Helix.
    pub is_helix: bool,
    /// Notified when a job begins and after each answer of the model, to update the status.
    pub status_changed: Arc<Notify>,
    /// Running jobs that the client can cancel.
    pub jobs: Arc<jobs::Jobs>,
    /// Late completions, for clients that request again. Subscribed early, because the first request may come before
    /// `initialized` is handled.
    pub ready: Mutex<Option<watch::Receiver<Option<complete::Ready>>>>,
    /// The refactoring whose hunks the user is choosing.
    pub preview: Mutex<Option<Preview>>,
}

impl Session {
    /// Stores a result until the user has chosen hunks; replaces an older one.
    pub fn keep_preview(&self, preview: Preview) {
        self.preview.lock().replace(preview);
    }

    /// Takes the result with this id, if it is still stored.
    pub fn take_preview(&self, id: &str) -> Option<Preview> {
        self.preview.lock().take_if(|preview| preview.id == id)
    }

    /// Shows the error of a rewrite in Helix, which only logs it.
    pub async fn show_error<T>(&self, answer: &Result<T>) {
        if let (Err(error), true) = (answer, self.is_helix) {
            self.client.show_message(MessageType::ERROR, &error.message).await;
        }
    }

    /// Begins a job, shown by clients that support progress.
    pub fn begin(&self, title: &str) -> jobs::Job {
        let (job, bar) = self.jobs.begin(&self.client, self.support.progress, title);
        self.tasks.spawn(bar);
        self.status_changed.notify_one();
        job
    }

    /// Warns the user, once per document, that it is stale and what to do.
    pub fn report_stale(&self, reason: &str, stale: &[documents::StaleDocument]) {
        self.status_changed.notify_one();
        let name = |stale: &documents::StaleDocument| match stale.last.label() {
            label if label.is_empty() => stale.last.id.0.to_string(),
            label => label,
        };
        for stale in stale {
            tracing::warn!("{} is stale: {reason}", name(stale));
        }
        let new: Vec<String> = stale.iter().filter(|stale| stale.is_first).map(name).collect();
        let names = match new.as_slice() {
            [] => return,
            [names @ .., _, _, _, _] if !names.is_empty() || new.len() > 3 => {
                format!("{} and {} more", new[..3].join(", "), new.len() - 3)
            }
            names => names.join(", "),
        };
        let message = format!(
            "phi-ls could not apply a change to {names} ({reason}), so its text is out of sync. It offers nothing there \
             until you close and reopen the file."
        );
        let client = self.client.clone();
        self.tasks.spawn(async move { client.show_message(MessageType::WARNING, message).await });
    }

    /// Reloads the settings. Requests them from clients that support it, because the settings in a notification may be of
    /// another section, or missing.
    pub fn refresh_settings(&self) {
        let (sent, refresh_lock) = (self.sent_settings.clone(), self.refresh_lock.clone());
        let configuration = self.configuration.clone();
        let (client, assistant) = (self.client.clone(), self.assistant.clone());
        let pull = self.support.configuration;
        self.tasks.spawn(async move {
            let _refreshing = refresh_lock.lock().await;
            let layer = match pull {
                true => configuration::pull(&client).await,
                false => sent.lock().clone().map(configuration::sent),
            };
            // Settings and ignore files are read from disk.
            let shown = configuration.clone();
            let read = tokio::task::spawn_blocking(move || {
                let roots = assistant.workspace.repository.rules().roots().to_owned();
                let (settings, problems) = configuration.settings(&roots, layer);
                assistant.workspace.replace_settings(settings);
                problems
            });
            if let Ok(problems) = read.await {
                shown.show(&client, problems).await;
            }
        });
    }
}

/// The result of a refactoring that is shown but not applied yet.
#[derive(Debug)]
pub struct Preview {
    /// The id for the client.
    pub id: String,
    /// The files before and after.
    pub changes: Vec<FileChange>,
    /// The outcome of each place.
    pub report: Report,
    /// The journal on disk.
    pub journal: Option<Journal>,
}
