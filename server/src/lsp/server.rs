//! The handlers: a few lines each, between the protocol's types and a flow.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::*;
use tower_lsp::{Client, LanguageServer};

use super::capabilities::{self, ClientSupport};
use super::configuration::{self, Configuration};
use super::message::{Lost, Notification};
use super::snapshot::Snapshot;
use super::status::Status;
use super::sync::Applied;
use super::uris::Spellings;
use super::{
    Setup, code_action, commands, completion, files, inline_completion, jobs, log, offer, parent, progress,
    refactor, rewrite, status, sync,
};
use crate::assistant::Assistant;
use crate::complete::{self, Superseded};
use crate::documents;
use crate::next_edit;
use crate::repository::indexer::Event;
use crate::settings::Settings;

/// Makes the assistant once settings and folders are known.
pub type Start = Box<dyn FnOnce(Settings, &[PathBuf]) -> Assistant + Send>;

/// A client waits no longer for its `shutdown` than for anything else.
const SAVING: Duration = Duration::from_millis(500);

/// One client's server.
pub struct Server {
    client: Client,
    start: Mutex<Option<Start>>,
    setup: Mutex<Setup>,
    session: OnceLock<Session>,
    spellings: Arc<Spellings>,
    /// The editor's process, once `initialize` has named it.
    parent: watch::Sender<Option<u32>>,
    /// What runs beside the requests; ends with the server.
    tasks: Mutex<JoinSet<()>>,
}

/// What is known from `initialize` on.
pub struct Session {
    /// Does the work.
    pub assistant: Assistant,
    /// What the client can do.
    pub support: ClientSupport,
    configuration: Configuration,
    /// The settings that it sent last of its own accord.
    sent: Arc<Mutex<Option<Value>>>,
    /// Held while settings are read, so that the latest are those that stay.
    refreshing: Arc<tokio::sync::Mutex<()>>,
    /// The client does not tell what happens on disk.
    watch_files: bool,
    /// The client is Helix, which says less of itself than others.
    is_helix: bool,
    /// Told when a job begins and after each answer of a model: what it does, and its speed, are part of the status.
    pub answered: std::sync::Arc<Notify>,
    /// What the client shows as running and may cancel.
    pub jobs: std::sync::Arc<jobs::Jobs>,
    /// Tells where a client that wants to know should ask again. Listened to from the beginning, for the first question
    /// may come before `initialized` has been handled.
    ready: Mutex<Option<watch::Receiver<Option<complete::Ready>>>>,
    /// The refactoring that waits for its user's choice of hunks.
    refactored: Mutex<Option<refactor::Waiting>>,
}

impl Session {
    /// Keeps a result until its user has chosen; an older one is given up.
    pub fn keep_refactored(&self, waiting: refactor::Waiting) {
        self.refactored.lock().replace(waiting);
    }

    /// The result of this id, if it still waits.
    pub fn take_refactored(&self, id: &str) -> Option<refactor::Waiting> {
        self.refactored.lock().take_if(|waiting| waiting.is_called(id))
    }
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
            tasks: Mutex::default(),
        }
    }

    /// The editor's process.
    pub fn parent(&self) -> watch::Receiver<Option<u32>> {
        self.parent.subscribe()
    }

    /// How the client spells its documents.
    pub fn spellings(&self) -> Arc<Spellings> {
        self.spellings.clone()
    }

    /// Applies a notification about a document. Not async, so that nothing can come between two of them.
    pub fn apply(&self, notification: &Notification) {
        let Some(session) = self.session.get() else { return };
        let (assistant, encoding) = (&session.assistant, session.support.encoding);
        let Applied { saved, lost } = sync::apply(assistant, &self.spellings, encoding, notification);
        if saved.is_some_and(|path| path.ends_with(crate::places::SETTINGS_FILE)) {
            self.refresh_settings(session);
        }
        if let Some((reason, lost)) = lost {
            session.answered.notify_one();
            self.say_lost(&reason, &lost);
        }
    }

    /// Something could not be read that may have changed these documents.
    pub fn lose(&self, reason: &str, lost: &Lost) {
        if let Some(session) = self.session.get() {
            session.answered.notify_one();
            self.say_lost(reason, &sync::lose(&session.assistant, lost));
        }
    }

    /// Tells the user, once for each document, that nothing is offered there, and how to go on.
    fn say_lost(&self, reason: &str, lost: &[documents::Lost]) {
        let name = |lost: &documents::Lost| match lost.last.label() {
            label if label.is_empty() => lost.last.id.0.to_string(),
            label => label,
        };
        for lost in lost {
            tracing::warn!("{} is stale: {reason}", name(lost));
        }
        let new: Vec<String> = lost.iter().filter(|lost| lost.is_first).map(name).collect();
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
        self.spawn(async move { client.show_message(MessageType::WARNING, message).await });
    }

    /// What a request needs of this moment.
    pub fn snapshot(&self, method: &str, params: &Value) -> Snapshot {
        let session = self.session.get();
        session.map_or_else(Snapshot::default, |session| {
            Snapshot::take(&session.assistant, session.support.encoding, method, params)
        })
    }

    /// Tells the user of folders that the client named in a way that cannot be read.
    pub fn say_dropped(&self, dropped: &[String]) {
        let message = format!("phi-ls cannot read these URIs and leaves them out: {}", dropped.join(", "));
        tracing::warn!("{message}");
        let client = self.client.clone();
        self.spawn(async move { client.show_message(MessageType::WARNING, message).await });
    }

    /// `textDocument/inlineCompletion`.
    pub async fn inline_completion(&self, params: InlineCompletionParams) -> Result<InlineCompletionList> {
        let session = self.session()?;
        let (assistant, support) = (&session.assistant, &session.support);
        let snapshot = Snapshot::of_request();
        let answer = inline_completion::answer(assistant, support, params, snapshot).await;
        session.answered.notify_one();
        cancelled_if_superseded(answer)
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

    /// Shows why there is no rewrite, where the client writes that to its log alone.
    async fn show_error<T>(&self, session: &Session, answer: &Result<T>) {
        if let (Err(error), true) = (answer, session.is_helix) {
            self.client.show_message(MessageType::ERROR, &error.message).await;
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Begins a job that the client shows, where it can.
    fn begin(&self, session: &Session, title: &str) -> jobs::Job {
        let (job, bar) = session.jobs.begin(&self.client, session.support.progress, title);
        self.spawn(bar);
        session.answered.notify_one();
        job
    }

    /// Puts the client's settings in force, asking for them where it can be asked: what a notification says may be
    /// of another section, or nothing.
    fn refresh_settings(&self, session: &Session) {
        let (sent, refreshing) = (session.sent.clone(), session.refreshing.clone());
        let configuration = session.configuration.clone();
        let (client, assistant) = (self.client.clone(), session.assistant.clone());
        let pull = session.support.configuration;
        self.spawn(async move {
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

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let Some(start) = self.start.lock().take() else {
            let message = "`initialize` may be sent only once".into();
            return Err(Error { code: ErrorCode::InvalidRequest, message, data: None });
        };
        let client_name = params.client_info.as_ref().map_or("", |client| &client.name).to_owned();
        let support = ClientSupport::of(&params.capabilities, &client_name);
        let roots = capabilities::roots(&params);
        let settings_file = self.setup.lock().settings_file.take();
        let configuration = Configuration::new(settings_file, params.initialization_options);
        let starting = {
            let configuration = configuration.clone();
            // It reads files.
            tokio::task::spawn_blocking(move || {
                let (settings, problems) = configuration.settings(&roots, None);
                let menu = settings.completion.menu;
                let assistant = start(settings, &roots);
                if !roots.is_empty() && assistant.workspace.repository.rules().roots() != roots {
                    assistant.workspace.set_folders(&roots);
                }
                (assistant, menu, problems)
            })
        };
        let (assistant, menu, problems) = starting.await.map_err(|_| Error::internal_error())?;
        let capabilities = support.server_capabilities(menu);
        let asked_later = support.configuration;
        // Helix asks to be registered with and then tells of its own saves only.
        let is_helix = client_name == "helix";
        let watch_files = is_helix || !support.watched_files;
        if support.inline_completion {
            assistant.next_edits.draws(support.drawing);
        }
        let session = Session {
            ready: Mutex::new(support.completion_ready.then(|| assistant.completions.ready())),
            assistant,
            support,
            configuration,
            sent: Arc::default(),
            refreshing: Arc::default(),
            watch_files,
            is_helix,
            answered: Default::default(),
            jobs: Default::default(),
            refactored: Mutex::default(),
        };
        let _ = self.session.set(session);
        self.parent.send_replace(params.process_id.filter(|pid| parent::alive(*pid)));
        // Who can be asked for settings is asked next, and told then.
        if !asked_later {
            let client = self.client.clone();
            let configuration = self.session()?.configuration.clone();
            self.spawn(async move { configuration.show(&client, problems).await });
        }
        Ok(InitializeResult {
            capabilities,
            server_info: Some(ServerInfo {
                name: "phi-ls".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            offset_encoding: None,
        })
    }

    /// What the server says of its own accord may go out from here on.
    async fn initialized(&self, _: InitializedParams) {
        let Ok(session) = self.session() else { return };
        let Setup { log, offer_made, .. } = std::mem::take(&mut *self.setup.lock());
        if let Some(messages) = log {
            self.spawn(log::send(self.client.clone(), messages));
        }
        let (assistant, jobs) = (session.assistant.clone(), session.jobs.clone());
        self.spawn(status::follow(self.client.clone(), assistant, jobs, session.answered.clone()));
        if session.support.progress {
            self.spawn(progress::follow(self.client.clone(), session.assistant.clone()));
        }
        if session.support.inline_completion {
            self.spawn(next_edit::prefetch(session.assistant.next_edits.clone()));
        }
        if let Some(ready) = session.ready.lock().take() {
            let (client, assistant) = (self.client.clone(), session.assistant.clone());
            self.spawn(inline_completion::follow_ready(client, assistant, ready, session.support.encoding));
        }
        if let Some(made) = offer_made.filter(|_| session.support.message_actions) {
            self.spawn(offer::make(self.client.clone(), session.assistant.clone(), made));
        }
        if session.support.configuration_registration {
            self.spawn(configuration::subscribe(self.client.clone()));
        }
        if session.support.configuration {
            self.refresh_settings(session);
        }
        if session.support.watched_files {
            self.spawn(files::subscribe(self.client.clone(), session.assistant.clone()));
        }
        session.assistant.workspace.notify(Event::Watch { files: session.watch_files });
    }

    async fn shutdown(&self) -> Result<()> {
        if let Ok(session) = self.session() {
            session.assistant.workspace.save(SAVING).await;
        }
        Ok(())
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        let Ok(session) = self.session() else { return };
        let paths = files::changed(&params);
        if paths.iter().any(|path| path.ends_with(crate::places::SETTINGS_FILE)) {
            self.refresh_settings(session);
        }
        session.assistant.workspace.notify(Event::Disk(paths));
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let Ok(session) = self.session() else { return };
        let assistant = session.assistant.clone();
        // Rules are read from files.
        let set = tokio::task::spawn_blocking(move || {
            let before = assistant.workspace.repository.rules();
            assistant.workspace.set_folders(&files::changed_roots(before.roots(), &params.event));
        });
        if set.await.is_ok() {
            self.refresh_settings(session);
        }
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        if let Ok(session) = self.session() {
            *session.sent.lock() = configuration::section(params.settings);
            self.refresh_settings(session);
        }
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let session = self.session()?;
        let answer =
            completion::answer(&session.assistant, &session.support, params, Snapshot::of_request()).await;
        session.answered.notify_one();
        cancelled_if_superseded(answer)
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
        let begin = |title: &str| self.begin(session, title);
        let answer = rewrite::resolve(&session.assistant, &session.support, begin, action).await;
        session.answered.notify_one();
        self.show_error(session, &answer).await;
        let (action, told) = answer?;
        if let Some(told) = told {
            self.client.show_message(MessageType::WARNING, told).await;
        }
        Ok(action)
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<LSPAny>> {
        let session = self.session()?;
        if params.command == commands::CANCEL {
            return Ok(Some(session.jobs.cancel_all().into()));
        }
        if params.command == commands::REWRITE {
            let (assistant, support) = (&session.assistant, &session.support);
            let order = rewrite::Order::of(assistant, support, params.arguments, Snapshot::of_request())?;
            let job = self.begin(session, order.title());
            let answer =
                rewrite::apply(&self.client, &session.assistant, &session.support, &job, order).await;
            self.show_error(session, &answer).await;
            return answer;
        }
        if params.command == commands::REFACTOR {
            let begin = |title: &str| self.begin(session, title);
            return refactor::execute(&self.client, session, begin, params.arguments).await;
        }
        let encoding = session.support.encoding;
        commands::execute(&session.assistant, encoding, params, Snapshot::of_request()).await
    }
}

/// A newer question has taken this one's place: the client is told in the words of the protocol, since an empty
/// answer would say that there is nothing to complete.
fn cancelled_if_superseded<T>(answer: std::result::Result<T, Superseded>) -> Result<T> {
    answer.map_err(|Superseded| Error {
        code: ErrorCode::RequestCancelled,
        message: "a newer request or change of the document ended this one".into(),
        data: None,
    })
}
