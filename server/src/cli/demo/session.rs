//! A user's actions in an editor: opening files, typing, accepting.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::Client;

/// A limit above the size of any sample file.
const FILE_BYTES: u64 = 1 << 20;

/// A session in the folder of the sample repository.
pub struct Session {
    client: Client,
    folder: PathBuf,
}

/// An open file with a cursor. Positions count bytes (UTF-8), as negotiated.
pub struct Buffer {
    uri: String,
    lines: Vec<String>,
    version: i32,
    line: usize,
    column: usize,
}

/// Ghost text, as the editor would draw it.
pub struct Ghost {
    /// The text after the cursor.
    pub text: String,
    /// The time from the key to the answer.
    pub latency: Duration,
}

impl Session {
    /// Starts a session in the folder.
    pub async fn open(mut client: Client, folder: &Path) -> anyhow::Result<Session> {
        let params = json!({
            "processId": std::process::id(),
            "capabilities": {
                "general": { "positionEncodings": ["utf-8"] },
                "textDocument": { "inlineCompletion": {} },
            },
            "workspaceFolders": [{ "uri": uri(folder), "name": "demo" }],
        });
        client.request("initialize", params).await?;
        client.notify("initialized", json!({})).await?;
        Ok(Session { client, folder: folder.to_owned() })
    }

    /// Opens a file with the cursor at the end of the line that starts with `line` after its indentation.
    pub async fn open_file(&mut self, path: &str, line: &str) -> anyhow::Result<Buffer> {
        let path = self.folder.join(path);
        let text = crate::files::text(&path, FILE_BYTES)?.text;
        let lines: Vec<_> = text.split('\n').map(str::to_owned).collect();
        let at = lines.iter().position(|own| own.trim_start().starts_with(line)).unwrap_or(0);
        let buffer = Buffer { uri: uri(&path), column: lines[at].len(), line: at, lines, version: 1 };
        let item = json!({ "uri": buffer.uri, "languageId": "", "version": 1, "text": text });
        self.client.notify("textDocument/didOpen", json!({ "textDocument": item })).await?;
        Ok(buffer)
    }

    /// Types text at the cursor and requests ghost text after each key, as editors do; returns the last one.
    pub async fn type_text(&mut self, buffer: &mut Buffer, text: &str) -> anyhow::Result<Option<Ghost>> {
        let mut ghost = None;
        for key in text.chars() {
            let pressed = Instant::now();
            let change = buffer.insert(&key.to_string());
            self.client.notify("textDocument/didChange", change).await?;
            ghost = self.ask(buffer, pressed).await?;
        }
        Ok(ghost)
    }

    /// Accepts the ghost text; returns the next one.
    pub async fn accept(&mut self, buffer: &mut Buffer, ghost: &Ghost) -> anyhow::Result<Option<Ghost>> {
        let pressed = Instant::now();
        let change = buffer.insert(&ghost.text);
        self.client.notify("textDocument/didChange", change).await?;
        let accepted = json!({ "command": "phi-ls.accepted", "arguments": [buffer.uri] });
        self.client.request("workspace/executeCommand", accepted).await?;
        self.ask(buffer, pressed).await
    }

    async fn ask(&mut self, buffer: &Buffer, pressed: Instant) -> anyhow::Result<Option<Ghost>> {
        let params = json!({
            "textDocument": { "uri": buffer.uri },
            "position": buffer.position(),
            "context": { "triggerKind": 2 },
        });
        let answer = self.client.request("textDocument/inlineCompletion", params).await?;
        let latency = pressed.elapsed();
        let text =
            answer["items"][0]["insertText"].as_str().and_then(|text| buffer.after_cursor(&answer, text));
        Ok(text.map(|text| Ghost { text, latency }))
    }

    /// Shuts the server down.
    pub async fn close(mut self) -> anyhow::Result<()> {
        self.client.request("shutdown", Value::Null).await?;
        self.client.notify("exit", Value::Null).await
    }
}

impl Buffer {
    /// The cursor's line up to the cursor.
    pub fn typed(&self) -> &str {
        &self.lines[self.line][..self.column]
    }

    /// A line by its number.
    pub fn line(&self, number: usize) -> &str {
        &self.lines[number - 1]
    }

    /// The number of the cursor's line, from 1.
    pub fn line_number(&self) -> usize {
        self.line + 1
    }

    /// Inserts text at the cursor and moves the cursor after it; returns the parameters of `didChange`.
    fn insert(&mut self, text: &str) -> Value {
        let at = self.position();
        let (before, after) = self.lines[self.line].split_at(self.column);
        let mut inserted: Vec<_> = format!("{before}{text}").split('\n').map(str::to_owned).collect();
        let last = inserted.len() - 1;
        let (line, column) = (self.line + last, inserted[last].len());
        inserted[last].push_str(after);
        self.lines.splice(self.line..=self.line, inserted);
        (self.line, self.column) = (line, column);
        self.version += 1;
        json!({
            "textDocument": { "uri": self.uri, "version": self.version },
            "contentChanges": [{ "range": { "start": at, "end": at }, "text": text }],
        })
    }

    fn position(&self) -> Value {
        json!({ "line": self.line, "character": self.column })
    }

    /// The part of an item's text after the cursor; `None` if the item changes text before the cursor.
    fn after_cursor(&self, answer: &Value, text: &str) -> Option<String> {
        let range = &answer["items"][0]["range"];
        let start = usize::try_from(range["start"]["character"].as_u64()?).ok()?;
        let replaced = self.lines[self.line].get(start..self.column)?;
        Some(text.strip_prefix(replaced)?.to_owned())
    }
}

fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}
