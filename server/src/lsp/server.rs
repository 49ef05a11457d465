//! The handlers: a few lines each, between the protocol's types and a flow.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::*;
use tower_lsp::{Client, LanguageServer};

use super::capabilities::{self, ClientSupport};
use super::configuration::{self, Configuration};
use super::status::Status;
use super::{
    Setup, code_action, commands, completion, files, inline_completion, jobs, log, offer, parent, progress,
    refactor, rewrite, status, sync,
};
use crate::assistant::Assistant;
use crate::complete::Superseded;
use crate::follow;
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
    sent: Mutex<Option<Value>>,
    /// The client does not tell what happens on disk.
    watch_files: bool,
    /// The client is Helix, which says less of itself than others.
    is_helix: bool,
    /// Told when a job begins and after each answer of a model: what it does, and its speed, are part of the status.
    pub answered: std::sync::Arc<Notify>,
    /// What the client shows as running and may cancel.
    pub jobs: std::sync::Arc<jobs::Jobs>,
    /// The refactoring that waits for its user's choice of hunks.
    refactored: Mutex<Option<refactor::Waiting>>,
}

impl Session {
    /// Keeps a result until its user has chosen; an older one is given up.
    pub fn keep_refactored(&self, waiting: refactor::Waiting) {
        lock(&self.refactored).replace(waiting);
    }

    /// The result of this id, if it still waits.
    pub fn take_refactored(&self, id: &str) -> Option<refactor::Waiting> {
        lock(&self.refactored).take_if(|waiting| waiting.is_called(id))
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
            parent: watch::Sender::default(),
            tasks: Mutex::default(),
        }
    }

    /// The editor's process.
    pub fn parent(&self) -> watch::Receiver<Option<u32>> {
        self.parent.subscribe()
    }

    /// Applies a notification about a document. Not async, so that nothing can come between two of them.
    pub fn apply(&self, method: &str, params: Value) -> std::result::Result<(), String> {
        let session = self.session.get().ok_or("came before `initialize`; ignored")?;
        if sync::saves(method, &params, crate::settings::FILE_NAME) {
            self.refresh_settings(session);
        }
        sync::apply(&session.assistant, session.support.encoding, method, params)
    }

    /// `textDocument/inlineCompletion`.
    pub async fn inline_completion(&self, params: InlineCompletionParams) -> Result<InlineCompletionList> {
        let session = self.session()?;
        let answer = inline_completion::answer(&session.assistant, &session.support, params).await;
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
        let mut tasks = lock(&self.tasks);
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
        let sent = lock(&session.sent).clone();
        let configuration = session.configuration.clone();
        let (client, assistant) = (self.client.clone(), session.assistant.clone());
        let pull = session.support.configuration;
        self.spawn(async move {
            let layer = match pull {
                true => configuration::pull(&client).await,
                false => sent.map(configuration::sent),
            };
            let roots = assistant.repository.rules().roots().to_owned();
            let (settings, problems) = configuration.settings(&roots, layer);
            assistant.replace_settings(settings);
            configuration.show(&client, problems).await;
        });
    }
}

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let Some(start) = lock(&self.start).take() else {
            let message = "`initialize` may be sent only once".into();
            return Err(Error { code: ErrorCode::InvalidRequest, message, data: None });
        };
        let client_name = params.client_info.as_ref().map_or("", |client| &client.name).to_owned();
        let support = ClientSupport::of(&params.capabilities, &client_name);
        let roots = capabilities::roots(&params);
        let settings_file = lock(&self.setup).settings_file.take();
        let configuration = Configuration::new(settings_file, params.initialization_options);
        let (settings, problems) = configuration.settings(&roots, None);
        let capabilities = support.server_capabilities(settings.completion.menu);
        let asked_later = support.configuration;
        let assistant = start(settings, &roots);
        if !roots.is_empty() && assistant.repository.rules().roots() != roots {
            assistant.set_folders(&roots);
        }
        // Helix asks to be registered with and then tells of its own saves only.
        let is_helix = client_name == "helix";
        let watch_files = is_helix || !support.watched_files;
        if support.inline_completion {
            assistant.prepared.draws(support.drawing);
        }
        let session = Session {
            assistant,
            support,
            configuration,
            sent: Mutex::default(),
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
        let Setup { log, offer_made, .. } = std::mem::take(&mut *lock(&self.setup));
        if let Some(messages) = log {
            self.spawn(log::send(self.client.clone(), messages));
        }
        let (assistant, jobs) = (session.assistant.clone(), session.jobs.clone());
        self.spawn(status::follow(self.client.clone(), assistant, jobs, session.answered.clone()));
        if session.support.progress {
            self.spawn(progress::follow(self.client.clone(), session.assistant.clone()));
        }
        if session.support.inline_completion {
            self.spawn(follow::prepare(session.assistant.clone()));
        }
        if session.support.completion_ready {
            let (client, assistant) = (self.client.clone(), session.assistant.clone());
            self.spawn(inline_completion::follow_ready(client, assistant, session.support.encoding));
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
        session.assistant.notice(Event::Watch { files: session.watch_files });
    }

    async fn shutdown(&self) -> Result<()> {
        if let Ok(session) = self.session() {
            session.assistant.save(SAVING).await;
        }
        Ok(())
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        let Ok(session) = self.session() else { return };
        let paths = files::changed(&params);
        if paths.iter().any(|path| path.ends_with(crate::settings::FILE_NAME)) {
            self.refresh_settings(session);
        }
        session.assistant.notice(Event::Disk(paths));
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let Ok(session) = self.session() else { return };
        let before = session.assistant.repository.rules();
        session.assistant.set_folders(&files::changed_roots(before.roots(), &params.event));
        self.refresh_settings(session);
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        if let Ok(session) = self.session() {
            *lock(&session.sent) = configuration::section(params.settings);
            self.refresh_settings(session);
        }
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let session = self.session()?;
        let answer = completion::answer(&session.assistant, &session.support, params).await;
        session.answered.notify_one();
        cancelled_if_superseded(answer)
    }

    async fn completion_resolve(&self, item: CompletionItem) -> Result<CompletionItem> {
        Ok(completion::resolve(&self.session()?.support, item))
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let session = self.session()?;
        Ok(code_action::offered(&session.assistant, &session.support, params).await)
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
            let order = rewrite::Order::of(&session.assistant, &session.support, params.arguments)?;
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
        commands::execute(&session.assistant, session.support.encoding, params)
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

/// No holder of these locks leaves a value half written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
