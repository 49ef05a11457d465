//! As much of a language client as the demonstration needs: framing, numbered requests, answers to what the server asks.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};

/// Nothing takes so long, and a demonstration that hangs convinces nobody.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest message that is read.
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

    /// The result; what the server sends in between is answered or passed over.
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
                bail!("the server has ended");
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().ok()
                }
                Some(_) => {}
                None => break,
            }
        }
        let length = length.filter(|length| *length <= MAX_BODY).context("the server sent no message")?;
        let mut body = vec![0; length];
        self.input.read_exact(&mut body).await?;
        Ok(serde_json::from_slice(&body)?)
    }
}
