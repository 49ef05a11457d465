//! The loop between the client's bytes and the service.
//!
//! It stands in for `tower_lsp::Server`, of which we keep the rest (router, client, types), because that loop
//! - ends at the first message that it cannot read (its `FramedRead` yields `None` behind each error);
//! - polls all handlers in one task, four at a time: behind four slow requests neither a change nor a cancellation
//!   gets through, and a handler that panics takes the server with it;
//! - drops a change that it cannot read without a word, so that our text and the editor's part unnoticed;
//! - waits at `exit` for every handler, whatever that is waiting for.
//!
//! Here a change is applied in the loop itself, by a function that cannot await. The future of a request is polled
//! in the loop once, in the order of arrival, so that what it does before its first `await` (take the snapshot, end
//! the older question) happens in that order; only then it goes on beside the loop. Memory is bounded: behind
//! [`MAX_IN_FLIGHT`] unanswered requests, or a client that does not read, the loop stops reading.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures::{FutureExt, SinkExt, StreamExt};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};
use tower_lsp::{ClientSocket, LspService};
use tower_service::Service;

use super::framing::{Frame, Frames};
use super::message::{self, Incoming};
use super::server::Server;
use super::{End, parent, sync};

/// Requests being answered at the same time; an editor has a handful.
const MAX_IN_FLIGHT: usize = 1024;
/// Messages waiting to be written.
const MAX_UNWRITTEN: usize = 1024;
/// What may still be answered and written after the end.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lifecycle {
    Uninitialized,
    Running,
    ShutDown,
}

/// Serves one client to the end.
pub async fn run(
    mut input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    service: LspService<Server>,
    socket: ClientSocket,
) -> End {
    let (out, unwritten) = mpsc::channel(MAX_UNWRITTEN);
    let mut writer = tokio::spawn(write(output, unwritten));
    let (mut requests, mut answers) = socket.split();
    let requests_out = out.clone();
    let to_client = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            send(&requests_out, &request).await;
        }
    });

    let mut parent = service.inner().parent();
    let mut session =
        Session { service, out, lifecycle: Lifecycle::Uninitialized, in_flight: JoinSet::new() };
    let end = {
        let reading = async {
            let mut frames = Frames::default();
            loop {
                let incoming = match frames.next(&mut input).await {
                    Ok(Some(Frame::Body(body))) => message::parse(&body),
                    Ok(Some(Frame::Broken(reason))) => message::invalid_frame(&reason.to_string()),
                    Ok(None) => return End::InputClosed,
                    Err(error) => {
                        tracing::error!("the input cannot be read any more: {error}");
                        return End::InputClosed;
                    }
                };
                match incoming {
                    Incoming::Request(request) if request.method() == "exit" => return session.exit().await,
                    Incoming::Request(request) => session.dispatch(request).await,
                    // Refused only after `exit`.
                    Incoming::Response(response) => drop(answers.send(response).await),
                    Incoming::Invalid(response) => {
                        if let Some(error) = response.error() {
                            tracing::warn!("message of the client: {}", error.message);
                        }
                        session.answer(response).await;
                    }
                }
            }
        };
        let parent_gone = async {
            match parent.wait_for(Option::is_some).await.map(|pid| *pid) {
                Ok(Some(pid)) => parent::gone(pid).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            end = reading => end,
            () = parent_gone => End::ParentGone,
            _ = &mut writer => End::OutputClosed,
        }
    };

    // Whatever is still being answered has a moment to get out.
    let Session { service, out, mut in_flight, .. } = session;
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
    // What is dropped ends what it has started: the processes of a check.
    let _ = tokio::time::timeout(GRACE, in_flight.shutdown()).await;
    written.abort();
    end
}

struct Session {
    service: LspService<Server>,
    out: mpsc::Sender<Vec<u8>>,
    lifecycle: Lifecycle,
    in_flight: JoinSet<()>,
}

impl Session {
    /// Handles one request or notification as far as its first `await`.
    async fn dispatch(&mut self, request: Request) {
        if let Some(refusal) = self.refusal(&request) {
            if let Some(id) = request.id().cloned() {
                self.answer(Response::from_error(id, refusal)).await;
            } else {
                tracing::debug!(method = request.method(), "ignored: {}", refusal.message);
            }
            return;
        }
        if request.id().is_none() && sync::is_sync(request.method()) {
            let (method, _, params) = request.into_parts();
            let server = self.service.inner();
            let applied = std::panic::catch_unwind(AssertUnwindSafe(|| {
                server.apply(&method, params.unwrap_or_default())
            }));
            match applied {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!("{method}: {error}"),
                Err(_) => tracing::error!("{method}: failed in the server; see the message above"),
            }
            return;
        }

        // Emacs sends an empty object, which the router takes for wrong parameters.
        let request = if request.method() == "shutdown" { without_params(request) } else { request };

        let (method, id) = (request.method().to_owned(), request.id().cloned());
        let handled = AssertUnwindSafe(self.service.call(request)).catch_unwind();
        let mut call = Box::pin(async move {
            match (handled.await, id) {
                (_, None) => None,
                (Ok(Ok(Some(response))), _) => Some(response),
                // The service leaves requests unanswered whose method starts with `$/`.
                (Ok(Ok(None)), Some(id)) => Some(no_such_method(id)),
                (Ok(Err(_)) | Err(_), Some(id)) => Some(failure(id)),
            }
        });
        let polled = futures::poll!(&mut call);
        // Its answer may take a moment, while the index is saved.
        if method == "shutdown" {
            self.lifecycle = Lifecycle::ShutDown;
        }
        match polled {
            std::task::Poll::Ready(response) => {
                let succeeded = response.as_ref().is_some_and(Response::is_ok);
                if method == "initialize" && succeeded {
                    self.lifecycle = Lifecycle::Running;
                }
                if let Some(response) = response {
                    self.answer(response).await;
                }
            }
            std::task::Poll::Pending => {
                while self.in_flight.try_join_next().is_some() {}
                if self.in_flight.len() >= MAX_IN_FLIGHT {
                    self.in_flight.join_next().await;
                }
                let out = self.out.clone();
                self.in_flight.spawn(async move {
                    if let Some(response) = call.await {
                        send(&out, &response).await;
                    }
                });
            }
        }
    }

    /// Why the request may not be handled now, if it may not. The service knows this too, but not of methods that
    /// it does not have, nor of notifications.
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

    /// Handles `exit`: what is still being answered is cancelled.
    async fn exit(&mut self) -> End {
        let _ = self.service.call(Request::build("exit").finish()).await;
        End::Exit { after_shutdown: self.lifecycle == Lifecycle::ShutDown }
    }

    async fn answer(&self, response: Response) {
        send(&self.out, &response).await;
    }
}

fn without_params(request: Request) -> Request {
    let (method, id, _) = request.into_parts();
    let request = Request::build(method);
    if let Some(id) = id { request.id(id).finish() } else { request.finish() }
}

fn no_such_method(id: Id) -> Response {
    Response::from_error(id, Error::method_not_found())
}

fn failure(id: Id) -> Response {
    let message = "phi-ls failed on this request; its log says where";
    Response::from_error(id, Error { code: ErrorCode::InternalError, message: message.into(), data: None })
}

/// Queues a message for the writer; one that has ended needs no more messages.
async fn send(out: &mpsc::Sender<Vec<u8>>, message: &impl Serialize) {
    match serde_json::to_vec(message) {
        Ok(body) => drop(out.send(body).await),
        Err(error) => tracing::error!("a message could not be written as JSON: {error}"),
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
            tracing::debug!("the client reads no more: {error}");
            return;
        }
    }
    let _ = output.shutdown().await;
}
