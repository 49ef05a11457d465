//! A client for tests that records progress messages.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower_lsp::jsonrpc::{Request, Response, Result};
use tower_lsp::ls_types::{InitializeParams, InitializeResult};
use tower_lsp::{Client, LanguageServer, LspService};
use tower_service::Service;

/// The recorded progress messages: time, token and kind.
#[derive(Clone, Default)]
pub struct Recorded(Arc<Mutex<Vec<(Instant, Value, Value)>>>);

/// A server without features.
pub struct Server;

impl LanguageServer for Server {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        Ok(InitializeResult::default())
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }
}

/// A client that answers every request with `null`, and its record. The service must be kept alive.
pub async fn client() -> (Client, Recorded, LspService<Server>) {
    let recorded = Recorded::default();
    let (sender, receiver) = std::sync::mpsc::channel();
    let (mut service, socket) = LspService::new(|client| {
        sender.send(client).expect("it is waited for");
        Server
    });
    let introduction = Request::build("initialize").id(1).params(json!({"capabilities": {}})).finish();
    service.call(introduction).await.expect("it runs");
    let (mut requests, mut answers) = socket.split();
    let log = recorded.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(id) = request.id() {
                answers.send(Response::from_ok(id.clone(), Value::Null)).await.expect("it runs");
            }
            if request.method() == "$/progress" {
                let params = request.params().expect("progress has parameters");
                let (token, kind) = (params["token"].clone(), params["value"]["kind"].clone());
                log.0.lock().push((Instant::now(), token, kind));
            }
        }
    });
    (receiver.recv().expect("made with the service"), recorded, service)
}

impl Recorded {
    /// The kinds of the messages whose token starts with this.
    pub fn kinds(&self, token: &str) -> Vec<String> {
        let of = self.of(token);
        of.into_iter().map(|(_, kind)| kind).collect()
    }

    /// The maximum number of messages within a second, without `end`.
    pub fn most_in_a_second(&self, token: &str) -> usize {
        let mut shown = self.of(token);
        shown.retain(|(_, kind)| kind != "end");
        let second = Duration::from_secs(1);
        let within =
            |from: Instant| shown.iter().filter(|(at, _)| (from..from + second).contains(at)).count();
        shown.iter().map(|(at, _)| within(*at)).max().unwrap_or(0)
    }

    fn of(&self, token: &str) -> Vec<(Instant, String)> {
        let all = self.0.lock();
        let of = all.iter().filter(|(_, of, _)| of.as_str().is_some_and(|of| of.starts_with(token)));
        of.map(|(at, _, kind)| (*at, kind.as_str().unwrap_or_default().to_owned())).collect()
    }
}
