//! The protocol's methods, each delegated to its handler.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::*;
use tower_lsp::{Client, LanguageServer};

use super::handlers::{
    code_action, completion, configuration, execute_command, initialize, initialized, inline_completion,
    watched_files, workspace_folders,
};
use super::message::{Notification, Stale};
use super::session::{Session, Tasks};
use super::snapshot::Snapshot;
use super::status::{self, Status};
use super::sync::{self, Applied};
use super::uris::Spellings;
use super::{Setup, errors, parent_process, rewrite};
use crate::assistant::Assistant;
use crate::settings::Settings;
use crate::user_dirs::SETTINGS_FILE;

/// Starts the assistant with the settings and folders.
pub type Start = Box<dyn FnOnce(Settings, &[PathBuf]) -> Assistant + Send>;

/// Maximum time that `shutdown` waits for saving the index.
const SAVING: Duration = Duration::from_millis(500);

/// The server of one client.
pub struct Server {
    client: Client,
    start: Mutex<Option<Start>>,
    setup: Mutex<Setup>,
    session: OnceLock<Session>,
    spellings: Arc<Spellings>,
    /// The parent process from `initialize`.
    parent: watch::Sender<Option<u32>>,
    tasks: Tasks,
}

impl Server {
    /// A server that waits for `initialize`.
    pub fn new(client: Client, setup: Setup, start: Start) -> Server {
        Server {
            client,
            start: Mutex::new(Some(start)),
            setup: Mutex::new(setup),
            session: OnceLock::new(),
            spellings: Arc::default(),
            parent: watch::Sender::default(),
            tasks: Tasks::default(),
        }
    }

    /// The parent process.
    pub fn parent(&self) -> watch::Receiver<Option<u32>> {
        self.parent.subscribe()
    }

    /// The client's spellings of document URIs.
    pub fn spellings(&self) -> Arc<Spellings> {
        self.spellings.clone()
    }

    /// Applies a document notification. Not async, so that no other work runs between two of them.
    pub fn apply(&self, notification: &Notification) {
        let Some(session) = self.session.get() else { return };
        let (assistant, encoding) = (&session.assistant, session.support.encoding);
        let Applied { saved, stale } = sync::apply(assistant, &self.spellings, encoding, notification);
        if saved.is_some_and(|path| path.ends_with(SETTINGS_FILE)) {
            session.refresh_settings();
        }
        if let Some((reason, stale)) = stale {
            session.report_stale(&reason, &stale);
        }
    }

    /// Marks the documents stale that an unreadable message may have changed.
    pub fn mark_stale(&self, reason: &str, stale: &Stale) {
        if let Some(session) = self.session.get() {
            session.report_stale(reason, &sync::mark_stale(&session.assistant, stale));
        }
    }

    /// Takes the snapshot for a request.
    pub fn snapshot(&self, method: &str, params: &Value) -> Snapshot {
        let session = self.session.get();
        session.map_or_else(Snapshot::default, |session| {
            Snapshot::take(&session.assistant, session.support.encoding, method, params)
        })
    }

    /// Warns the user about invalid URIs of the client.
    pub fn report_dropped(&self, dropped: &[String]) {
        let message = format!("phi-ls ignores these invalid URIs: {}", dropped.join(", "));
        tracing::warn!("{message}");
        let client = self.client.clone();
        self.tasks.spawn(async move { client.show_message(MessageType::WARNING, message).await });
    }

    /// `textDocument/inlineCompletion`.
    pub async fn inline_completion(&self, params: InlineCompletionParams) -> Result<InlineCompletionList> {
        let session = self.session()?;
        let snapshot = Snapshot::of_request();
        let answer = inline_completion::answer(&session.assistant, &session.support, params, snapshot).await;
        session.status_changed.notify_one();
        errors::cancelled_if_superseded(answer)
    }

    /// `phi-ls/status`.
    pub async fn status(&self) -> Result<Status> {
        status::now(&self.session()?.assistant).await.ok_or_else(Error::internal_error)
    }

    /// `window/workDoneProgress/cancel`.
    pub async fn cancel_job(&self, params: WorkDoneProgressCancelParams) {
        if let Ok(session) = self.session() {
            session.jobs.cancel(&params.token);
        }
    }

    fn session(&self) -> Result<&Session> {
        self.session.get().ok_or_else(Error::internal_error)
    }
}

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let Some(start) = self.start.lock().take() else {
            let message = "`initialize` may be sent only once".into();
            return Err(Error { code: ErrorCode::InvalidRequest, message, data: None });
        };
        let settings_file = self.setup.lock().settings_file.take();
        let process = params.process_id.filter(|pid| parent_process::is_alive(*pid));
        let (client, tasks) = (self.client.clone(), self.tasks.clone());
        let (session, result) = initialize::answer(client, tasks, settings_file, start, params).await?;
        let _ = self.session.set(session);
        self.parent.send_replace(process);
        Ok(result)
    }

    async fn initialized(&self, _: InitializedParams) {
        let Ok(session) = self.session() else { return };
        initialized::handle(session, std::mem::take(&mut *self.setup.lock()));
    }

    async fn shutdown(&self) -> Result<()> {
        if let Ok(session) = self.session() {
            session.assistant.workspace.save(SAVING).await;
        }
        Ok(())
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        if let Ok(session) = self.session() {
            watched_files::changed(session, &params);
        }
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        if let Ok(session) = self.session() {
            workspace_folders::changed(session, params.event).await;
        }
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        if let Ok(session) = self.session() {
            configuration::changed(session, params.settings);
        }
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let session = self.session()?;
        let snapshot = Snapshot::of_request();
        let answer = completion::answer(&session.assistant, &session.support, params, snapshot).await;
        session.status_changed.notify_one();
        errors::cancelled_if_superseded(answer)
    }

    async fn completion_resolve(&self, item: CompletionItem) -> Result<CompletionItem> {
        Ok(completion::resolve(&self.session()?.support, item))
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let session = self.session()?;
        Ok(code_action::offered(&session.assistant, &session.support, params, Snapshot::of_request()).await)
    }

    async fn code_action_resolve(&self, action: CodeAction) -> Result<CodeAction> {
        let session = self.session()?;
        let begin = |title: &str| session.begin(title);
        let answer = rewrite::resolve(&session.assistant, &session.support, begin, action).await;
        session.status_changed.notify_one();
        session.show_error(&answer).await;
        let (action, message) = answer?;
        if let Some(message) = message {
            self.client.show_message(MessageType::WARNING, message).await;
        }
        Ok(action)
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<LSPAny>> {
        execute_command::answer(self.session()?, params, Snapshot::of_request()).await
    }
}
