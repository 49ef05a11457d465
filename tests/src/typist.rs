//! A simulated typist: keys, corrections, jumps, accepted suggestions and reopened files in one document, compared with a plain
//! string.
//!
//! `tests/tests/typist.rs` types some thousand keys; `cargo run --release -p phi-tests --example soak` types as many as
//! you like.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use phi_ls::assistant::Assistant;
use phi_ls::documents::DocumentId;
use serde_json::Value;

use crate::client::{Client, Trigger, Wanted};

const URI: &str = "file:///w/src/typed.rs";
/// The number of pending requests above which the typist waits for the oldest.
const AHEAD: usize = 8;

/// What was typed and answered.
#[derive(Debug, Default)]
pub struct Typed {
    /// Changes of the document.
    pub keys: usize,
    /// Requests for ghost text; each was answered once.
    pub asked: usize,
    /// Answers with ghost text for the text as it was then.
    pub offered: usize,
    /// Suggestions that were accepted.
    pub accepted: usize,
}

/// The editor's side: ASCII only, so that columns are bytes in every encoding.
struct Editor<'c> {
    client: &'c mut Client,
    text: String,
    cursor: usize,
    version: i32,
    undo: Vec<(String, usize, usize)>,
    /// The place in the source of the next key.
    from: usize,
}

impl Editor<'_> {
    fn position(&self, at: usize) -> [u32; 2] {
        let line = self.text[..at].matches('\n').count();
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        [line as u32, (at - start) as u32]
    }

    async fn replace(&mut self, bytes: Range<usize>, new: &str) {
        let ([line, character], [end_line, end_character]) =
            (self.position(bytes.start), self.position(bytes.end));
        self.undo.push((self.text.clone(), self.cursor, self.from));
        if self.undo.len() > 20 {
            self.undo.remove(0);
        }
        self.text.replace_range(bytes.clone(), new);
        self.cursor = bytes.start + new.len();
        self.version += 1;
        let at = [line, character, end_line, end_character];
        self.client.change(URI, self.version, &[(at, new)]).await;
    }

    /// The whole text, as after an undo of many changes or when the file is read again.
    async fn replace_all(&mut self, text: String, cursor: usize) {
        (self.text, self.cursor) = (text, cursor);
        self.version += 1;
        self.client.replace(URI, self.version, &self.text).await;
    }

    async fn ask(&mut self, trigger: Trigger) -> i64 {
        self.client.inline(URI, self.position(self.cursor), trigger).await
    }

    /// The bytes and the text of the suggestion, which must lie in the cursor's line and around the cursor.
    fn suggestion(&self, answer: &Value) -> Option<(Range<usize>, String)> {
        let item = answer["items"].get(0)?;
        let [line, character] = self.position(self.cursor);
        let (start, end) = (&item["range"]["start"], &item["range"]["end"]);
        assert_eq!(
            (start["line"].as_u64(), end["line"].as_u64()),
            (Some(line.into()), Some(line.into())),
            "{item}"
        );
        let columns = [start, end].map(|place| place["character"].as_u64().expect("a number") as usize);
        let line_start = self.cursor - character as usize;
        let bytes = line_start + columns[0]..line_start + columns[1];
        assert!(
            bytes.start <= self.cursor && self.cursor <= bytes.end && bytes.end <= self.text.len(),
            "{item}"
        );
        Some((bytes, item["insertText"].as_str().expect("text").to_owned()))
    }
}

/// Where the line that holds `at` ends.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end)
}

/// Types `keys` keys, at most one in each `pause`. `assistant` is the one that the client's server works with.
///
/// # Panics
/// The server's text is not the typist's, a request is answered twice or not at all, or a suggestion lies elsewhere.
pub async fn run(
    client: &mut Client,
    assistant: &Assistant,
    source: &str,
    keys: usize,
    pause: Duration,
) -> Typed {
    assert!(source.is_ascii(), "columns are bytes");
    let mut random = fastrand::Rng::with_seed(20);
    // Another document has the same text, so that there are suggestions.
    client.open("file:///w/src/source.rs", "rust", source).await;
    client.open(URI, "rust", source).await;
    let mut editor = Editor {
        client,
        text: source.to_owned(),
        cursor: line_end(source, source.len() / 2),
        version: 1,
        undo: Vec::new(),
        from: line_end(source, 0),
    };
    let mut waiting: BTreeSet<i64> = BTreeSet::new();
    let mut typed = Typed::default();
    while typed.keys < keys {
        typed.keys += 1;
        match random.u8(..100) {
            0..80 => {
                // The next keys come from another place of the source.
                let from = editor.from % source.len();
                editor.replace(editor.cursor..editor.cursor, &source[from..from + 1]).await;
                editor.from = from + 1;
            }
            80..90 => {
                // A correction: the deleted text is typed again.
                let start = editor.cursor.saturating_sub(1 + random.usize(..3));
                let from = editor.from.saturating_sub(editor.cursor - start);
                editor.replace(start..editor.cursor, "").await;
                editor.from = from;
            }
            90..93 => {
                if let Some((text, cursor, from)) = editor.undo.pop() {
                    editor.from = from;
                    editor.replace_all(text, cursor).await;
                }
            }
            93..96 => {
                // Whole lines, pasted below the cursor's.
                let start = line_end(source, random.usize(..source.len()));
                let end = line_end(source, (start + random.usize(..400)).min(source.len()));
                let below = line_end(&editor.text, editor.cursor);
                let cursor = editor.cursor;
                editor.replace(below..below, &source[start..end]).await;
                editor.cursor = cursor;
            }
            96..98 => {
                // To the end of a line; the typist continues with other lines.
                let at = random.usize(..=editor.text.len());
                editor.cursor = line_end(&editor.text, at);
                editor.from = line_end(source, random.usize(..source.len()));
            }
            98 => {
                // The text must not only grow, or later keys would be slower.
                editor.replace_all(source.to_owned(), line_end(source, source.len() / 2)).await;
                editor.from = line_end(source, random.usize(..source.len()));
            }
            _ => {
                editor.client.close_document(URI).await;
                editor.version = 1;
                editor.client.open(URI, "rust", &editor.text).await;
            }
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let is_awaited = random.u8(..10) == 0;
        // An invoked request has no short deadline, so the number of suggestions does not depend on the machine's speed.
        let id = editor.ask(if is_awaited { Trigger::Invoked } else { Trigger::Automatic }).await;
        typed.asked += 1;
        if !is_awaited {
            // A quick typist does not wait: older requests are superseded.
            waiting.insert(id);
            while waiting.len() > AHEAD {
                let oldest = waiting.pop_first().expect("some wait");
                let _ = editor.client.answer(oldest).await;
            }
            continue;
        }
        let answer = editor.client.answer(id).await.expect("nothing supersedes it");
        let current = assistant.workspace.documents.get(&DocumentId(URI.into())).expect("it is open");
        assert_eq!(current.text.to_string(), editor.text, "after {} keys", typed.keys);
        if let Some((bytes, text)) = editor.suggestion(&answer) {
            typed.offered += 1;
            if random.bool() && text.is_ascii() {
                typed.accepted += 1;
                let replaced = bytes.len();
                editor.replace(bytes, &text).await;
                editor.from += text.len().saturating_sub(replaced);
            }
        }
    }
    for id in waiting {
        let _ = editor.client.answer(id).await;
    }
    let at_end = editor.position(editor.text.len());
    let all = [0, 0, at_end[0], at_end[1]];
    editor.client.code_actions(URI, all, Wanted::default()).await;
    typed
}
