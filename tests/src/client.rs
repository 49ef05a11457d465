//! A small LSP client: connects to the server's real program, or to a server in the test's own process, and keeps all messages.
//! Bytes that are no message, and answers without a request, fail the test.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use phi_ls::assistant::Assistant;
use phi_ls::lsp::{End, Setup};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A bound that only a failing test reaches.
const TOO_LONG: Duration = Duration::from_secs(60);

/// The client's end of the protocol.
pub struct Client {
    to_server: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    from_server: mpsc::UnboundedReceiver<Result<Value, String>>,
    /// Bytes that are held, to be sent together.
    held: Option<Vec<u8>>,
    /// Messages that were read and not yet taken by the test.
    waiting: VecDeque<Value>,
    next_id: i64,
    /// Results for the server's requests, by method; `null` for others.
    replies: Vec<(&'static str, Value)>,
    /// How the server is ended.
    server: Server,
}

enum Server {
    Process(Child),
    Task(JoinHandle<End>),
}

/// The error of a response.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseError {
    /// The error code of JSON-RPC or LSP.
    pub code: i64,
    /// For users.
    pub message: String,
}

/// The parameters of `initialize`.
#[derive(Debug, Default)]
pub struct Introduction {
    /// Its name.
    pub name: Option<&'static str>,
    /// The parent process; the server exits with it.
    pub process: Option<u32>,
    /// The workspace folders.
    pub folders: Vec<PathBuf>,
    /// Its capabilities.
    pub capabilities: Value,
    /// `initializationOptions`.
    pub options: Value,
}

/// What triggers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The user, with a key.
    Invoked = 1,
    /// A change or a movement of the cursor.
    Automatic = 2,
}

/// The context of a code action request.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// The diagnostics at the place.
    pub diagnostics: &'a [Value],
    /// The kinds; empty for all.
    pub only: &'a [&'a str],
    /// The trigger, if the editor states it.
    pub trigger: Option<Trigger>,
}

impl Client {
    /// Starts a program that serves the protocol on its standard streams.
    pub fn spawn(command: &mut Command) -> Client {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let (stdin, stdout) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Client::new(stdin, stdout, Server::Process(child))
    }

    /// Starts a server in this process that works with this assistant.
    pub fn in_process(assistant: Assistant) -> Client {
        Client::in_process_with(Setup::default(), assistant)
    }

    /// The same, with a setup of the machine.
    pub fn in_process_with(setup: Setup, assistant: Assistant) -> Client {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let (read, write) = tokio::io::split(theirs);
        let server = tokio::spawn(phi_ls::lsp::serve(read, write, setup, move |_, _| assistant));
        let (read, write) = tokio::io::split(ours);
        Client::new(write, read, Server::Task(server))
    }

    fn new(
        to_server: impl AsyncWrite + Send + Unpin + 'static,
        from_server: impl AsyncRead + Send + Unpin + 'static,
        server: Server,
    ) -> Client {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut input = BufReader::new(from_server);
            while let Some(message) = read(&mut input).await.transpose() {
                let failed = message.is_err();
                if sender.send(message).is_err() || failed {
                    return;
                }
            }
        });
        Client {
            to_server: Some(Box::new(to_server)),
            from_server: receiver,
            held: None,
            waiting: VecDeque::new(),
            next_id: 1,
            replies: Vec::new(),
            server,
        }
    }

    /// Sets the result for the server's requests of this method.
    pub fn reply(&mut self, method: &'static str, result: Value) {
        self.replies.push((method, result));
    }

    /// Keeps what is sent from here on, until [`Client::release`] sends it all at once.
    pub fn hold(&mut self) {
        self.held = Some(Vec::new());
    }

    /// Sends what was held.
    pub async fn release(&mut self) {
        let held = self.held.take().expect("something is held");
        self.raw(held).await;
    }

    /// Sends bytes as they are.
    pub async fn raw(&mut self, bytes: impl AsRef<[u8]>) {
        if let Some(held) = &mut self.held {
            return held.extend_from_slice(bytes.as_ref());
        }
        let to_server = self.to_server.as_mut().expect("the input is open");
        // A server that has exited reads nothing; the test sees its exit.
        let _ = to_server.write_all(bytes.as_ref()).await;
        let _ = to_server.flush().await;
    }

    /// Sends one message.
    pub async fn send(&mut self, message: Value) {
        let body = message.to_string();
        self.raw(framed(&body)).await;
    }

    /// Sends a notification.
    pub async fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }

    /// Sends a request; returns its id.
    pub async fn request(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    /// Sends a request and waits for its result.
    pub async fn result(&mut self, method: &str, params: Value) -> Result<Value, ResponseError> {
        let id = self.request(method, params).await;
        self.answer(id).await
    }

    /// The answer to a request.
    pub async fn answer(&mut self, id: impl Into<Value>) -> Result<Value, ResponseError> {
        let id = id.into();
        let message = self.wait(|message| message.get("method").is_none() && message["id"] == id).await;
        outcome(&message)
    }

    /// The parameters of the next notification, or of a request of the server's (it has been answered).
    pub async fn notification(&mut self, method: &str) -> Value {
        self.wait(|message| message["method"] == method).await["params"].take()
    }

    /// All messages that the server sends until it closes its output, and those not yet taken.
    pub async fn rest(&mut self) -> Vec<Value> {
        while let Some(message) = self.receive().await {
            self.waiting.push_back(message);
        }
        self.waiting.drain(..).collect()
    }

    /// Initializes the server and returns its capabilities.
    pub async fn initialize(&mut self, capabilities: Value) -> Value {
        self.initialize_with(capabilities, Value::Null).await
    }

    /// The same with `initializationOptions`.
    pub async fn initialize_with(&mut self, capabilities: Value, options: Value) -> Value {
        self.introduce(Introduction { capabilities, options, ..Introduction::default() }).await["capabilities"]
            .take()
    }

    /// The same in these workspace folders.
    pub async fn initialize_in(&mut self, folders: &[&Path], capabilities: Value) -> Value {
        let folders = folders.iter().map(|folder| folder.to_path_buf()).collect();
        self.introduce(Introduction { capabilities, folders, ..Introduction::default() }).await["capabilities"]
            .take()
    }

    /// Initializes the server and returns the whole result.
    pub async fn introduce(&mut self, client: Introduction) -> Value {
        let Introduction { name, process, folders, capabilities, options } = client;
        let folders: Vec<Value> = folders.iter().map(|folder| workspace_folder(folder)).collect();
        let mut params = json!({
            "processId": process,
            "rootUri": folders.first().map(|folder| &folder["uri"]),
            "capabilities": if capabilities.is_null() { json!({}) } else { capabilities },
            "initializationOptions": options,
        });
        if !folders.is_empty() {
            params["workspaceFolders"] = json!(folders);
        }
        if let Some(name) = name {
            params["clientInfo"] = json!({"name": name});
        }
        let result = self.result("initialize", params).await.expect("the server accepts the client");
        self.notify("initialized", json!({})).await;
        result
    }

    /// Opens a document, in version 1.
    pub async fn open(&mut self, uri: &str, language: &str, text: &str) {
        let document = json!({"uri": uri, "languageId": language, "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document})).await;
    }

    /// Changes a document. Each change is a range (start line and character, end line and character) and its text.
    pub async fn change(&mut self, uri: &str, version: i32, changes: &[([u32; 4], &str)]) {
        let changes: Vec<_> =
            changes.iter().map(|(at, text)| json!({"range": range(*at), "text": text})).collect();
        let params = json!({"textDocument": {"uri": uri, "version": version}, "contentChanges": changes});
        self.notify("textDocument/didChange", params).await;
    }

    /// Changes a document to this text, as a client does that sends the full text.
    pub async fn replace(&mut self, uri: &str, version: i32, text: &str) {
        let document = json!({"uri": uri, "version": version});
        let params = json!({"textDocument": document, "contentChanges": [{"text": text}]});
        self.notify("textDocument/didChange", params).await;
    }

    /// Closes a document.
    pub async fn close_document(&mut self, uri: &str) {
        self.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}})).await;
    }

    /// Sends settings.
    pub async fn configure(&mut self, settings: Value) {
        self.notify("workspace/didChangeConfiguration", json!({"settings": settings})).await;
    }

    /// Adds and removes workspace folders.
    pub async fn change_folders(&mut self, added: &[&Path], removed: &[&Path]) {
        let folders = |paths: &[&Path]| paths.iter().map(|path| workspace_folder(path)).collect::<Vec<_>>();
        let event = json!({"added": folders(added), "removed": folders(removed)});
        self.notify("workspace/didChangeWorkspaceFolders", json!({"event": event})).await;
    }

    /// Sends an invoked request for an inline completion; returns its id.
    pub async fn invoke(&mut self, uri: &str, line: u32, character: u32) -> i64 {
        self.inline(uri, [line, character], Trigger::Invoked).await
    }

    /// Sends a request for an inline completion; returns its id.
    pub async fn inline(&mut self, uri: &str, at: [u32; 2], trigger: Trigger) -> i64 {
        let params = inline_params(uri, at, trigger);
        self.request("textDocument/inlineCompletion", params).await
    }

    /// Sends a request for an inline completion and waits for the answer.
    pub async fn suggestion(&mut self, uri: &str, at: [u32; 2], trigger: Trigger) -> Value {
        let id = self.inline(uri, at, trigger).await;
        self.answer(id).await.expect("answered")
    }

    /// The same while the menu has an item selected: its range and its text.
    pub async fn suggestion_with(
        &mut self,
        uri: &str,
        at: [u32; 2],
        trigger: Trigger,
        (selected, text): ([u32; 4], &str),
    ) -> Value {
        let mut params = inline_params(uri, at, trigger);
        params["context"]["selectedCompletionInfo"] = json!({"range": range(selected), "text": text});
        self.result("textDocument/inlineCompletion", params).await.expect("answered")
    }

    /// The completion menu at a position.
    pub async fn menu(&mut self, uri: &str, line: u32, character: u32) -> Value {
        self.result("textDocument/completion", at(uri, [line, character])).await.expect("answered")
    }

    /// The code actions for a range.
    pub async fn code_actions(&mut self, uri: &str, selected: [u32; 4], wanted: Wanted<'_>) -> Vec<Value> {
        let mut context = json!({"diagnostics": wanted.diagnostics});
        if !wanted.only.is_empty() {
            context["only"] = json!(wanted.only);
        }
        if let Some(trigger) = wanted.trigger {
            context["triggerKind"] = json!(trigger as u32);
        }
        let params = json!({"textDocument": {"uri": uri}, "range": range(selected), "context": context});
        let answer = self.result("textDocument/codeAction", params).await.expect("answered");
        answer.as_array().cloned().unwrap_or_default()
    }

    /// A code action with its edit.
    pub async fn resolve(&mut self, action: Value) -> Result<Value, ResponseError> {
        self.result("codeAction/resolve", action).await
    }

    /// Runs a command and waits for its result.
    pub async fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, ResponseError> {
        let id = self.begin(command, arguments).await;
        self.answer(id).await
    }

    /// Runs a command; returns the request's id.
    pub async fn begin(&mut self, command: &str, arguments: Value) -> i64 {
        let params = json!({"command": command, "arguments": arguments});
        self.request("workspace/executeCommand", params).await
    }

    /// The status; when it arrives the server has handled all that was sent before.
    pub async fn status(&mut self) -> Value {
        self.result("phi-ls/status", Value::Null).await.expect("a status")
    }

    /// Cancels a request.
    pub async fn cancel(&mut self, id: impl Into<Value>) {
        self.notify("$/cancelRequest", json!({"id": id.into()})).await;
    }

    /// Closes the server's input.
    pub async fn close(&mut self) {
        if let Some(mut to_server) = self.to_server.take() {
            let _ = to_server.shutdown().await;
        }
    }

    /// Shuts the server down by the protocol; returns the messages that came meanwhile.
    pub async fn shutdown(mut self) -> Vec<Value> {
        assert_eq!(self.result("shutdown", Value::Null).await, Ok(Value::Null));
        self.notify("exit", Value::Null).await;
        let rest = self.rest().await;
        assert_eq!(self.end().await, 0, "the exit code");
        rest
    }

    /// Waits for the server to end; returns its exit code. Its input may still be open.
    pub async fn end(&mut self) -> i32 {
        let ended = async {
            match &mut self.server {
                Server::Process(child) => {
                    let status: ExitStatus = child.wait().await.expect("the child is ours");
                    status.code().expect("it ended by itself")
                }
                Server::Task(task) => task.await.expect("the server did not panic").exit_code(),
            }
        };
        tokio::time::timeout(TOO_LONG, ended).await.expect("the server ends")
    }

    /// The process that runs the server.
    pub fn pid(&self) -> Option<u32> {
        match &self.server {
            Server::Process(child) => child.id(),
            Server::Task(_) => None,
        }
    }

    async fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&wanted) {
            return self.waiting.remove(at).expect("just found");
        }
        loop {
            let message = self.receive().await.unwrap_or_else(|| {
                panic!("the server closed its output; not asked for yet: {:?}", self.waiting)
            });
            if wanted(&message) {
                return message;
            }
            self.waiting.push_back(message);
        }
    }

    /// The next message; a request of the server is answered first.
    async fn receive(&mut self) -> Option<Value> {
        let message = tokio::time::timeout(TOO_LONG, self.from_server.recv())
            .await
            .unwrap_or_else(|_| panic!("the server is silent; not asked for yet: {:?}", self.waiting))?
            .unwrap_or_else(|problem| panic!("{problem}"));
        if let (Some(method), Some(id)) = (message["method"].as_str(), message.get("id")) {
            let reply = self.replies.iter().rev().find(|(known, _)| *known == method);
            let result = reply.map(|(_, result)| result.clone()).unwrap_or_default();
            self.send(json!({"jsonrpc": "2.0", "id": id, "result": result})).await;
        }
        Some(message)
    }
}

/// The text of the one item of an answer to an inline completion, if it has one.
pub fn ghost_text(answer: &Value) -> Option<&str> {
    answer["items"][0]["insertText"].as_str()
}

/// A response's result or error.
pub fn outcome(message: &Value) -> Result<Value, ResponseError> {
    match message.get("error") {
        None => Ok(message["result"].clone()),
        Some(error) => Err(ResponseError {
            code: error["code"].as_i64().expect("an error has a code"),
            message: error["message"].as_str().expect("an error has a message").to_owned(),
        }),
    }
}

/// A file's URI; the paths of temporary folders need no escaping.
pub fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

fn workspace_folder(path: &Path) -> Value {
    json!({"uri": uri(path), "name": "w"})
}

/// A position of the protocol.
pub fn at(uri: &str, [line, character]: [u32; 2]) -> Value {
    json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}})
}

fn inline_params(uri: &str, place: [u32; 2], trigger: Trigger) -> Value {
    let mut params = at(uri, place);
    params["context"] = json!({"triggerKind": trigger as u32});
    params
}

/// A range of the protocol: start line and character, end line and character.
pub fn range([line, character, end_line, end_character]: [u32; 4]) -> Value {
    json!({
        "start": {"line": line, "character": character},
        "end": {"line": end_line, "character": end_character},
    })
}

/// A message with its header.
pub fn framed(body: &str) -> String {
    format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

/// The program under test: the real one, from its own `main`.
pub fn program(path: &str) -> Command {
    let mut command = Command::new(PathBuf::from(path));
    command.arg("serve");
    command
}

/// One message, `None` at the end, an error for anything else.
async fn read(input: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Option<Value>, String> {
    let mut header = String::new();
    let failed = |error: std::io::Error| format!("the output cannot be read: {error}");
    if input.read_line(&mut header).await.map_err(failed)? == 0 {
        return Ok(None);
    }
    let length: usize = header
        .strip_prefix("Content-Length: ")
        .and_then(|rest| rest.strip_suffix("\r\n")?.parse().ok())
        .ok_or_else(|| format!("this is no header: {header:?}"))?;
    let mut body = vec![0; length + 2];
    input.read_exact(&mut body).await.map_err(failed)?;
    let body = body.strip_prefix(b"\r\n").ok_or_else(|| format!("no empty line behind {header:?}"))?;
    serde_json::from_slice(body).map(Some).map_err(|error| format!("this is no JSON: {error}"))
}
