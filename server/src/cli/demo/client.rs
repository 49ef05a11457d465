//! A minimal LSP client for the demo: framing, requests, and answers to the server's requests.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};

/// The timeout of a request.
const PATIENCE: Duration = Duration::from_secs(60);
/// The maximum length of a message.
const MAX_BODY: usize = 1 << 20;

/// The editor's end of the pipe.
pub struct Client {
    output: WriteHalf<DuplexStream>,
    input: BufReader<ReadHalf<DuplexStream>>,
    last_id: u64,
}

impl Client {
    pub fn new(pipe: DuplexStream) -> Client {
        let (input, output) = tokio::io::split(pipe);
        Client { output, input: BufReader::new(input), last_id: 0 }
    }

    pub async fn notify(&mut self, method: &str, params: Value) -> anyhow::Result<()> {
        self.send(json!({ "jsonrpc": "2.0", "method": method, "params": params })).await
    }

    /// Sends a request and returns its result. Answers or ignores messages of the server in between.
    pub async fn request(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.last_id += 1;
        let id = self.last_id;
        self.send(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await?;
        loop {
            let mut message = tokio::time::timeout(PATIENCE, self.receive())
                .await
                .with_context(|| format!("the server did not answer {method}"))??;
            if message.get("method").is_some() {
                if let Some(id) = message.get("id") {
                    self.send(json!({ "jsonrpc": "2.0", "id": id, "result": null })).await?;
                }
            } else if message["id"] == id {
                if let Some(error) = message.get("error") {
                    bail!("{method}: {}", error["message"]);
                }
                return Ok(message["result"].take());
            }
        }
    }

    async fn send(&mut self, message: Value) -> anyhow::Result<()> {
        let body = message.to_string();
        self.output.write_all(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
        Ok(())
    }

    async fn receive(&mut self) -> anyhow::Result<Value> {
        let mut length = None;
        loop {
            let mut line = String::new();
            if self.input.read_line(&mut line).await? == 0 {
                bail!("the server has exited");
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().ok()
                }
                Some(_) => {}
                None => break,
            }
        }
        let length =
            length.filter(|length| *length <= MAX_BODY).context("the server sent an invalid message")?;
        let mut body = vec![0; length];
        self.input.read_exact(&mut body).await?;
        Ok(serde_json::from_slice(&body)?)
    }
}
