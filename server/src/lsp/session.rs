//! What is known of a client from `initialize` on, for the handlers of its requests.

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

/// What runs beside the requests; ends with the last clone.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    /// Runs a task until it ends or the server does.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}

/// What is known from `initialize` on.
pub struct Session {
    /// The client.
    pub client: Client,
    /// What runs beside the requests.
    pub tasks: Tasks,
    /// Does the work.
    pub assistant: Assistant,
    /// What the client can do.
    pub support: ClientSupport,
    /// Where settings come from.
    pub configuration: Configuration,
    /// The settings that it sent last of its own accord.
    pub sent: Arc<Mutex<Option<Value>>>,
    /// Held while settings are read, so that the latest are those that stay.
    pub refreshing: Arc<tokio::sync::Mutex<()>>,
    /// The client does not tell what happens on disk.
    pub watch_files: bool,
    /// The client is Helix, which says less of itself than others.
    pub is_helix: bool,
    /// Told when a job begins and after each answer of a model: what it does, and its speed, are part of the status.
    pub answered: Arc<Notify>,
    /// What the client shows as running and may cancel.
    pub jobs: Arc<jobs::Jobs>,
    /// Tells where a client that wants to know should ask again. Listened to from the beginning, for the first question
    /// may come before `initialized` has been handled.
    pub ready: Mutex<Option<watch::Receiver<Option<complete::Ready>>>>,
    /// The refactoring whose user is choosing hunks.
    pub preview: Mutex<Option<Preview>>,
}

impl Session {
    /// Keeps a result until its user has chosen hunks; drops an older one.
    pub fn keep_preview(&self, preview: Preview) {
        self.preview.lock().replace(preview);
    }

    /// Takes the result of this id, if it is kept.
    pub fn take_preview(&self, id: &str) -> Option<Preview> {
        self.preview.lock().take_if(|preview| preview.id == id)
    }

    /// Shows why there is no rewrite, where the client writes that to its log alone.
    pub async fn show_error<T>(&self, answer: &Result<T>) {
        if let (Err(error), true) = (answer, self.is_helix) {
            self.client.show_message(MessageType::ERROR, &error.message).await;
        }
    }

    /// Begins a job that the client shows, where it can.
    pub fn begin(&self, title: &str) -> jobs::Job {
        let (job, bar) = self.jobs.begin(&self.client, self.support.progress, title);
        self.tasks.spawn(bar);
        self.answered.notify_one();
        job
    }

    /// Tells the user, once for each document, that it is stale and how to go on.
    pub fn report_stale(&self, reason: &str, stale: &[documents::StaleDocument]) {
        self.answered.notify_one();
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
            "phi-ls could not apply a change of {names} ({reason}) and no longer knows the text. It offers nothing there \
             until you close and reopen the file."
        );
        let client = self.client.clone();
        self.tasks.spawn(async move { client.show_message(MessageType::WARNING, message).await });
    }

    /// Puts the client's settings in force, asking for them where it can be asked: what a notification says may be
    /// of another section, or nothing.
    pub fn refresh_settings(&self) {
        let (sent, refreshing) = (self.sent.clone(), self.refreshing.clone());
        let configuration = self.configuration.clone();
        let (client, assistant) = (self.client.clone(), self.assistant.clone());
        let pull = self.support.configuration;
        self.tasks.spawn(async move {
            let _refreshing = refreshing.lock().await;
            let layer = match pull {
                true => configuration::pull(&client).await,
                false => sent.lock().clone().map(configuration::sent),
            };
            // The files of settings and those that the rules need lie on disks that may be slow.
            let told = configuration.clone();
            let read = tokio::task::spawn_blocking(move || {
                let roots = assistant.workspace.repository.rules().roots().to_owned();
                let (settings, problems) = configuration.settings(&roots, layer);
                assistant.workspace.replace_settings(settings);
                problems
            });
            if let Ok(problems) = read.await {
                told.show(&client, problems).await;
            }
        });
    }
}

/// The result of a refactoring that is shown and not applied yet.
#[derive(Debug)]
pub struct Preview {
    /// Names it to the client.
    pub id: String,
    /// The files before and after.
    pub changes: Vec<FileChange>,
    /// What became of each place.
    pub report: Report,
    /// What is finished, on disk.
    pub journal: Option<Journal>,
}
