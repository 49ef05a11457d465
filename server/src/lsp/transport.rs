//! The message loop between the client's bytes and the service.
//!
//! It replaces `tower_lsp::Server` (the router, client and types of the library are kept), because that loop
//! - stops at the first unreadable message (its `FramedRead` yields `None` after each error);
//! - polls all handlers in one task, four at a time: four slow requests block changes and cancellations, and a panic in a
//!   handler ends the server;
//! - drops unreadable changes silently, so that the server's text differs from the editor's;
//! - waits for all handlers at `exit`.
//!
//! The loop only does work that never waits: it applies document changes and takes a request's
//! [`super::snapshot::Snapshot`], both in the order of arrival. Requests run in separate tasks, and other notifications in
//! sequence in one task, so `exit`, `$/cancelRequest` and changes are never delayed by a handler. Memory is bounded: more than
//! [`MAX_IN_FLIGHT`] unanswered requests are refused, and the loop stops reading if the client does not read its answers.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::{FutureExt, SinkExt, StreamExt};
use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};
use tower_lsp::{ClientSocket, LspService};
use tower_service::Service;

use super::framing::{Frame, Frames};
use super::message::{self, Incoming, Stale, Text};
use super::server::Server;
use super::uris::{self, Spellings};
use super::{End, commands, parent_process};

/// Maximum number of concurrent requests; an editor has a handful.
const MAX_IN_FLIGHT: usize = 1024;
/// Maximum number of queued notifications.
const MAX_WAITING: usize = 1024;
/// Maximum number of queued outgoing messages.
const MAX_UNWRITTEN: usize = 1024;
/// Maximum number of bytes read ahead while `initialize` is answered.
const MAX_AHEAD: usize = 1 << 20;
/// Time for pending answers after the end.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lifecycle {
    Uninitialized,
    Running,
    ShutDown,
}

/// Serves one client.
pub async fn run(
    mut input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    service: LspService<Server>,
    socket: ClientSocket,
) -> End {
    let (queue, unwritten) = mpsc::channel(MAX_UNWRITTEN);
    let out = Outgoing { queue, spellings: service.inner().spellings() };
    let mut writer = tokio::spawn(write(output, unwritten));
    let (mut requests, mut answers) = socket.split();
    let requests_out = out.clone();
    let to_client = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            requests_out.send(&request).await;
        }
    });
    let (notifications, mut waiting) = mpsc::channel::<Handled>(MAX_WAITING);
    let notified = tokio::spawn(async move {
        while let Some(notification) = waiting.recv().await {
            notification.await;
        }
    });

    let mut parent = service.inner().parent();
    let lifecycle = Lifecycle::Uninitialized;
    let mut connection = Connection { service, out, lifecycle, in_flight: JoinSet::new(), notifications };
    let end = {
        let reading = async {
            let mut frames = Frames::default();
            let mut ahead = VecDeque::new();
            loop {
                let frame = match ahead.pop_front() {
                    Some(frame) => Ok(Some(frame)),
                    None => frames.next(&mut input).await,
                };
                let frame = match frame {
                    Ok(Some(frame)) => frame,
                    Ok(None) => return End::InputClosed,
                    Err(error) => {
                        tracing::error!("the input cannot be read: {error}");
                        return End::InputClosed;
                    }
                };
                let text = match &frame {
                    Frame::Body(body) => Text::of(body),
                    _ => Text::of(&[]),
                };
                let incoming = match &frame {
                    Frame::Body(_) => message::parse(&text),
                    Frame::Broken(reason) => message::invalid_frame(&reason.to_string()),
                    Frame::TooLong(beginning, length) => message::too_long(beginning, *length),
                };
                match incoming {
                    Incoming::Document(notification) if connection.lifecycle == Lifecycle::Running => {
                        connection.service.inner().apply(&notification);
                    }
                    Incoming::Document(notification) => {
                        tracing::debug!(method = notification.method, "ignored: the server is not running");
                    }
                    Incoming::Request(request) if request.method() == "exit" => {
                        return connection.exit().await;
                    }
                    Incoming::Request(request) if request.method() == "initialize" => {
                        if let Some(end) =
                            connection.initialize(request, &mut frames, &mut input, &mut ahead).await
                        {
                            return end;
                        }
                    }
                    Incoming::Request(request) => connection.dispatch(request).await,
                    // Fails only after `exit`.
                    Incoming::Response(response) => drop(answers.send(response).await),
                    Incoming::Invalid(invalid) => {
                        if let Some(error) = invalid.response.error() {
                            tracing::warn!("message of the client: {}", error.message);
                        }
                        connection.service.inner().mark_stale("a message could not be read", &invalid.stale);
                        connection.out.send(&invalid.response).await;
                    }
                }
            }
        };
        let parent_exited = async {
            match parent.wait_for(Option::is_some).await.map(|pid| *pid) {
                Ok(Some(pid)) => parent_process::exited(pid).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            end = reading => end,
            () = parent_exited => End::ParentExited,
            _ = &mut writer => End::OutputClosed,
        }
    };

    // Give pending answers a moment to be written.
    let Connection { service, out, mut in_flight, notifications, .. } = connection;
    notified.abort();
    drop(notifications);
    let written = writer.abort_handle();
    {
        let finish = async {
            while in_flight.join_next().await.is_some() {}
            drop((service, out));
            to_client.abort();
            let _ = to_client.await;
            writer.await
        };
        if end != End::OutputClosed && tokio::time::timeout(GRACE, finish).await.is_err() {
            tracing::debug!("ended with work unfinished");
        }
    }
    // Dropping the tasks ends the processes that they started, such as a check.
    let _ = tokio::time::timeout(GRACE, in_flight.shutdown()).await;
    written.abort();
    end
}

/// A notification being handled.
type Handled = futures::future::BoxFuture<'static, ()>;

struct Connection {
    service: LspService<Server>,
    out: Outgoing,
    lifecycle: Lifecycle,
    in_flight: JoinSet<()>,
    /// Queue of the task that handles notifications in sequence.
    notifications: mpsc::Sender<Handled>,
}

impl Connection {
    /// Handles one request or notification outside the loop.
    async fn dispatch(&mut self, request: Request) {
        let Some(request) = self.admitted(request).await else { return };
        let method = request.method().to_owned();
        let Some(id) = request.id().cloned() else {
            let cancels = ["$/cancelRequest", "window/workDoneProgress/cancel"].contains(&method.as_str());
            let handled = AssertUnwindSafe(self.service.call(request)).catch_unwind().map(drop).boxed();
            // Cancelling never waits, and must not wait for earlier notifications.
            match cancels {
                true => handled.await,
                false => drop(self.notifications.send(handled).await),
            }
            return;
        };
        // Requests that end others are always admitted.
        let makes_room = method == "shutdown"
            || method == "workspace/executeCommand"
                && request.params().is_some_and(|params| params["command"] == commands::CANCEL);
        if !makes_room && !self.has_room().await {
            let message = "too many pending requests; try again later".into();
            let error = Error { code: ErrorCode::ServerError(-32803), message, data: None };
            return self.out.send(&Response::from_error(id, error)).await;
        }
        if message::is_sync(&method) {
            // It is refused as a request, but the client's document has changed.
            let uri = request.params().and_then(|params| params["textDocument"]["uri"].as_str());
            let stale = uri.map_or(Stale::All, |uri| Stale::Document(uri.to_owned()));
            self.service.inner().mark_stale("it came as a request", &stale);
        }
        let mut call = Box::pin(self.call(request, id));
        // Poll once now, so that the request starts even if the client's next message cancels it: a late result is still
        // announced. Starting does not wait; the rest runs in a separate task.
        let begun = match method.as_str() {
            "textDocument/inlineCompletion" => futures::poll!(&mut call),
            _ => Poll::Pending,
        };
        if method == "shutdown" {
            self.lifecycle = Lifecycle::ShutDown;
        }
        let out = self.out.clone();
        self.in_flight.spawn(async move {
            let response = match begun {
                Poll::Ready(response) => response,
                Poll::Pending => call.await,
            };
            out.send(&response).await;
        });
    }

    /// Answers `initialize`. Meanwhile only `exit` is handled; other messages wait in `ahead`. Returns how the session
    /// ended, if it did.
    async fn initialize(
        &mut self,
        request: Request,
        frames: &mut Frames,
        input: &mut (impl AsyncRead + Unpin),
        ahead: &mut VecDeque<Frame>,
    ) -> Option<End> {
        let request = self.admitted(request).await?;
        let id = request.id().cloned()?;
        let mut answering = tokio::spawn(self.call(request, id.clone()));
        let (mut bytes, mut is_open) = (0, true);
        let response = loop {
            tokio::select! {
                biased;
                response = &mut answering => break response.unwrap_or_else(|_| failure(id)),
                frame = frames.next(input), if is_open && bytes < MAX_AHEAD => match frame {
                    Ok(Some(frame)) => {
                        if is_exit(&frame) {
                            return Some(self.exit().await);
                        }
                        bytes += frame.len();
                        ahead.push_back(frame);
                    }
                    _ => is_open = false,
                },
            }
        };
        if response.is_ok() {
            self.lifecycle = Lifecycle::Running;
        }
        self.out.send(&response).await;
        None
    }

    /// Normalizes the request's URIs. Returns `None` and answers the request if it is not allowed now.
    async fn admitted(&mut self, request: Request) -> Option<Request> {
        if let Some(refusal) = self.refusal(&request) {
            if let Some(id) = request.id().cloned() {
                self.out.send(&Response::from_error(id, refusal)).await;
            } else {
                tracing::debug!(method = request.method(), "ignored: {}", refusal.message);
            }
            return None;
        }
        let (method, id, params) = request.into_parts();
        // Emacs sends an empty object, which the router rejects.
        let mut params = params.filter(|_| method != "shutdown");
        let dropped = params.as_mut().map(uris::normalize).unwrap_or_default();
        if !dropped.is_empty() {
            self.service.inner().report_dropped(&dropped);
        }
        let mut request = Request::build(method);
        if let Some(params) = params {
            request = request.params(params);
        }
        if let Some(id) = id {
            request = request.id(id);
        }
        Some(request.finish())
    }

    /// Runs the handler of a request with a snapshot taken now.
    fn call(&mut self, request: Request, id: Id) -> impl Future<Output = Response> + Send + 'static {
        let none = Value::Null;
        let params = request.params().unwrap_or(&none);
        let snapshot = self.service.inner().snapshot(request.method(), params);
        let handled = AssertUnwindSafe(snapshot.scope(self.service.call(request))).catch_unwind();
        async move {
            match handled.await {
                Ok(Ok(Some(response))) => response,
                // The service does not answer requests whose method starts with `$/`.
                Ok(Ok(None)) => Response::from_error(id, Error::method_not_found()),
                Ok(Err(_)) | Err(_) => failure(id),
            }
        }
    }

    /// Whether another request may start; waits briefly for others to finish.
    async fn has_room(&mut self) -> bool {
        for _ in 0..64 {
            while self.in_flight.try_join_next().is_some() {}
            if self.in_flight.len() < MAX_IN_FLIGHT {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    }

    /// The reason to refuse a request in the current state, if there is one. The service checks this too, but not for
    /// unknown methods and notifications.
    fn refusal(&self, request: &Request) -> Option<Error> {
        match (self.lifecycle, request.method()) {
            (Lifecycle::Uninitialized, "initialize") | (Lifecycle::Running, _) => None,
            (Lifecycle::Uninitialized, _) => Some(Error {
                code: ErrorCode::ServerError(-32002),
                message: "the first request must be `initialize`".into(),
                data: None,
            }),
            (Lifecycle::ShutDown, _) => Some(Error {
                code: ErrorCode::InvalidRequest,
                message: "the server was shut down; only `exit` may follow".into(),
                data: None,
            }),
        }
    }

    /// Handles `exit`: cancels pending requests.
    async fn exit(&mut self) -> End {
        let _ = self.service.call(Request::build("exit").finish()).await;
        End::Exit { after_shutdown: self.lifecycle == Lifecycle::ShutDown }
    }
}

fn is_exit(frame: &Frame) -> bool {
    let Frame::Body(body) = frame else { return false };
    matches!(message::parse(&Text::of(body)), Incoming::Request(request) if request.method() == "exit")
}

fn failure(id: Id) -> Response {
    let message = "phi-ls: internal error; see the log";
    Response::from_error(id, Error { code: ErrorCode::InternalError, message: message.into(), data: None })
}

/// Sends messages to the client.
#[derive(Clone)]
struct Outgoing {
    queue: mpsc::Sender<Vec<u8>>,
    spellings: Arc<Spellings>,
}

impl Outgoing {
    /// Queues a message; ignored after the writer has ended.
    async fn send(&self, message: &impl Serialize) {
        let spelled = serde_json::to_value(message).and_then(|mut message| {
            self.spellings.restore(&mut message);
            serde_json::to_vec(&message)
        });
        match spelled {
            Ok(body) => drop(self.queue.send(body).await),
            Err(error) => tracing::error!("a message could not be written as JSON: {error}"),
        }
    }
}

/// Writes messages until all senders are gone or the output fails.
async fn write(output: impl AsyncWrite + Unpin, mut unwritten: mpsc::Receiver<Vec<u8>>) {
    let mut output = pin!(output);
    while let Some(body) = unwritten.recv().await {
        let mut framed = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        framed.extend_from_slice(&body);
        let written = async {
            output.write_all(&framed).await?;
            if unwritten.is_empty() { output.flush().await } else { Ok(()) }
        };
        if let Err(error) = written.await {
            tracing::debug!("the client closed the output: {error}");
            return;
        }
    }
    let _ = output.shutdown().await;
}
