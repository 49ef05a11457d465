//! One function for each kind of untrusted input. Each takes any bytes, passes them to phi-ls, and panics on a bug: a panic, a
//! wrong text, a server that does not exit.
//!
//! `tests/tests/inputs.rs` runs them on damaged samples with each `cargo test`; the fuzz targets in `tests/fuzz` run them
//! for as long as you like.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use phi_engine::tokens::Tokenizer;
use phi_engine::{Adapter, Engine, weights};
use phi_ls::assistant::Assistant;
use phi_ls::documents::{Change, Document, DocumentId};
use phi_ls::facts;
use phi_ls::languages;
use phi_ls::refactor::Plan;
use phi_ls::refactor::journal::{Entry, Header, Journal};
use phi_ls::repository::index::{Index, Stamp, disk};
use phi_ls::settings::{self, Layer, Settings};
use serde_json::{Value, json};

use crate::client::Client;

/// A kind of input: its name, the function that passes bytes to phi-ls, and samples of well-formed input.
pub struct Kind {
    /// The name of its fuzz target.
    pub name: &'static str,
    /// Passes bytes to phi-ls.
    pub feed: fn(&[u8]),
    /// Well-formed samples, to be damaged.
    pub samples: fn() -> Vec<Vec<u8>>,
}

/// All kinds.
pub const KINDS: [Kind; 9] = [
    Kind { name: "frames", feed: frames, samples: frame_samples },
    Kind { name: "changes", feed: changes, samples: change_samples },
    Kind { name: "syntax", feed: syntax, samples: syntax_samples },
    Kind { name: "gguf", feed: gguf, samples: gguf_samples },
    Kind { name: "adapter", feed: adapter, samples: adapter_samples },
    Kind { name: "tokenizer_json", feed: tokenizer_json, samples: tokenizer_json_samples },
    Kind { name: "saved_index", feed: saved_index, samples: saved_index_samples },
    Kind { name: "journal", feed: journal, samples: journal_samples },
    Kind { name: "settings", feed: settings, samples: settings_samples },
];

const URI: &str = "file:///w/a.rs";

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

fn assistant() -> Assistant {
    Assistant::new(Engine::scripted(|_| "compute(a, b);".to_owned()), Settings::default())
}

/// Bytes on the server's input, after `initialize`: the server answers, or not, and ends when its input does.
pub fn frames(bytes: &[u8]) {
    block_on(async {
        let mut client = Client::in_process(assistant());
        client.initialize(json!({})).await;
        client.open(URI, "rust", "fn f() {\n    let a = \n}\n").await;
        client.raw(bytes).await;
        client.close().await;
        client.rest().await;
        client.end().await;
    });
}

fn frame_samples() -> Vec<Vec<u8>> {
    let at = json!({"textDocument": {"uri": URI}, "position": {"line": 1, "character": 12}, "context": {"triggerKind": 1}});
    let change = json!({
        "textDocument": {"uri": URI, "version": 2},
        "contentChanges": [{"range": crate::client::range([0, 3, 0, 4]), "text": "g"}, {"text": "fn g() {}"}],
    });
    let selected = json!({
        "textDocument": {"uri": URI},
        "range": crate::client::range([0, 0, 2, 1]),
        "context": {"diagnostics": []},
    });
    let messages = [
        json!({"jsonrpc": "2.0", "id": 7, "method": "textDocument/inlineCompletion", "params": at}),
        json!({"jsonrpc": "2.0", "id": 8, "method": "textDocument/completion", "params": at}),
        json!({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": change}),
        json!({"jsonrpc": "2.0", "id": 9, "method": "textDocument/codeAction", "params": selected}),
        json!({"jsonrpc": "2.0", "id": 10, "method": "phi-ls/status"}),
        json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 8}}),
        json!({"jsonrpc": "2.0", "id": 3, "result": null}),
        json!({"jsonrpc": "2.0", "id": "s", "method": "workspace/executeCommand", "params": {"command": "phi-ls.refactor", "arguments": [{}]}}),
        json!({"jsonrpc": "2.0", "method": "workspace/didChangeConfiguration", "params": {"settings": {"phi-ls": {"completion": {"maxLines": 3}}}}}),
    ];
    messages.iter().map(|message| crate::client::framed(&message.to_string()).into_bytes()).collect()
}

/// Bytes as a sequence of choices.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn next(&mut self) -> usize {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first.into()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A boundary of `text` that a position can name: not inside a character, nor between `\r` and `\n`.
    fn boundary(&mut self, text: &str) -> usize {
        let wanted = (self.next() * 256 + self.next()) % (text.len() + 1);
        let at = text.floor_char_boundary(wanted);
        if text[..at].ends_with('\r') && text[at..].starts_with('\n') { at - 1 } else { at }
    }
}

/// The position of a byte offset, counted one character after the other.
fn position(text: &str, offset: usize, encoding: &str) -> Value {
    let (mut line, mut character) = (0, 0);
    let mut chars = text[..offset].chars().peekable();
    while let Some(char) = chars.next() {
        let ends_line = char == '\n' || char == '\r' && chars.peek() != Some(&'\n');
        if ends_line {
            (line, character) = (line + 1, 0);
        } else {
            character += match encoding {
                "utf-8" => char.len_utf8(),
                "utf-16" => char.len_utf16(),
                _ => 1,
            };
        }
    }
    json!({"line": line, "character": character})
}

/// Bytes as a script of changes, most of them valid: the server's text is the client's, or the server has none.
pub fn changes(bytes: &[u8]) {
    const INSERTED: [&str; 12] =
        ["", "a", "é", "😀", "\n", "\r\n", "\r", "fn f() {\n", "\u{feff}", "(\"", "e\u{301}", "\u{2028}x"];
    let mut script = Script(bytes);
    let encoding = ["utf-8", "utf-16", "utf-32"][script.next() % 3];
    block_on(async {
        let assistant = assistant();
        let mut client = Client::in_process(assistant.clone());
        client.initialize(json!({"general": {"positionEncodings": [encoding]}})).await;
        let mut text = "fn é() {\r\n    😀\n}".to_owned();
        client.open(URI, "rust", &text).await;
        // The result of an invalid change is not defined: the texts are compared again after the next full text.
        let mut is_defined = true;
        let mut version = 1;
        while !script.is_empty() && version < 200 {
            version += 1;
            let mut events = Vec::new();
            for _ in 0..=script.next() % 3 {
                let (start, end) = (script.boundary(&text), script.boundary(&text));
                let (start, end) = (start.min(end), start.max(end));
                let inserted = INSERTED[script.next() % INSERTED.len()];
                let range = json!({
                    "start": position(&text, start, encoding),
                    "end": position(&text, end, encoding),
                });
                match script.next() {
                    0..16 => {
                        text = inserted.repeat(7);
                        is_defined = true;
                        events.push(json!({"text": text}));
                    }
                    16 => {
                        is_defined = false;
                        events.push(
                            json!({"range": {"start": range["end"], "end": range["start"]}, "text": "x"}),
                        );
                    }
                    17 => {
                        is_defined = false;
                        let beyond = json!({"line": -1, "character": 4294967296u64});
                        events.push(json!({"range": {"start": beyond, "end": range["end"]}, "text": "x"}));
                    }
                    18 => {
                        is_defined = false;
                        events.push(json!({"range": 1, "text": null}));
                    }
                    _ => {
                        events.push(json!({"range": range, "text": inserted}));
                        text.replace_range(start..end, inserted);
                    }
                }
            }
            let document = json!({"uri": URI, "version": version});
            client
                .notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": events}))
                .await;
            if is_defined {
                client.status().await;
                // A change that came with an undefined one may have left the document without a text.
                if let Some(document) = assistant.workspace.documents.get(&DocumentId(URI.into())) {
                    assert_eq!(document.text.to_string(), text, "version {version}, {encoding}");
                    assert_eq!(document.version, version);
                }
            }
        }
        client.shutdown().await;
    });
}

fn change_samples() -> Vec<Vec<u8>> {
    (0..6u8)
        .map(|seed| (0..180u8).map(|n| n.wrapping_mul(89).wrapping_add(seed.wrapping_mul(37)) | 1).collect())
        .collect()
}

/// A text in one of the languages (the first byte chooses), parsed, changed in its middle, and parsed again.
pub fn syntax(bytes: &[u8]) {
    let Some((&choice, text)) = bytes.split_first() else { return };
    let language = languages::ALL[usize::from(choice) % languages::ALL.len()];
    let text = String::from_utf8_lossy(text);
    let document = Document::open(DocumentId(URI.into()), None, language.id, 1, &text);
    let _ = document.tree();
    let middle = text.floor_char_boundary(text.len() / 2);
    let changed =
        document.apply(2, &[Change::Splice { range: middle..middle, text: text[..middle].to_owned() }]);
    let _ = changed.tree();
}

fn syntax_samples() -> Vec<Vec<u8>> {
    let texts =
        ["a: [1, {b: |\n  c\n}]\n- - - x\n", "if x:\n  def f():\n    '''a'''\n", "<<~A + <<B\n a\nA\nb\nB\n"];
    let all = (0..languages::ALL.len() as u8)
        .flat_map(|choice| texts.map(|text| [&[choice], text.as_bytes()].concat()));
    all.collect()
}

/// A file of these bytes in a folder of its own.
fn with_file(name: &str, bytes: &[u8], look: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a file");
    look(&path);
}

/// Bytes as a GGUF file.
pub fn gguf(bytes: &[u8]) {
    with_file("model.gguf", bytes, |path| {
        let _ = weights::describe(path);
        let _ = weights::open(path, &[], 1, &mut |_| {});
    });
}

fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(path)
}

fn gguf_samples() -> Vec<Vec<u8>> {
    vec![std::fs::read(golden("gqa/model.gguf")).expect("a golden file")]
}

/// Bytes as each of the three files of LoRA adapters, for a sound model.
pub fn adapter(bytes: &[u8]) {
    let open = |path: &Path| {
        let adapters = [Adapter { path: path.into(), scale: 1.0 }];
        let _ = weights::open(&golden("gqa/model.gguf"), &adapters, 1, &mut |_| {});
    };
    with_file("lora.gguf", bytes, open);
    for (name, other) in PEFT {
        with_file(name, bytes, |path| {
            let folder = path.parent().expect("a folder");
            std::fs::copy(golden("gqa/lora").join(other), folder.join(other)).expect("copied");
            open(folder);
        });
    }
}

/// Each file of a PEFT folder, and the other one.
const PEFT: [(&str, &str); 2] = [
    ("adapter_config.json", "adapter_model.safetensors"),
    ("adapter_model.safetensors", "adapter_config.json"),
];

fn adapter_samples() -> Vec<Vec<u8>> {
    ["gqa/lora.gguf", "gqa/lora/adapter_config.json", "gqa/lora/adapter_model.safetensors"]
        .map(|name| std::fs::read(golden(name)).expect("a golden file"))
        .into()
}

/// Bytes as `tokenizer.json`.
pub fn tokenizer_json(bytes: &[u8]) {
    with_file("tokenizer.json", bytes, |path| {
        if let Ok(tokenizer) = Tokenizer::from_tokenizer_json(path) {
            let tokens = tokenizer.encode_text("fn é() { 😀 }\n", false);
            assert!(tokens.iter().all(|&token| (token as usize) < tokenizer.vocabulary_len()));
        }
    });
}

fn tokenizer_json_samples() -> Vec<Vec<u8>> {
    vec![std::fs::read(golden("gqa/hf/tokenizer.json")).expect("a golden file")]
}

const ROOT: &str = "/w";

/// The header of a saved index of this program.
static INDEX_HEAD: LazyLock<Vec<u8>> = LazyLock::new(|| saved(&Index::default())[..12].to_vec());

fn saved(index: &Index) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    disk::save(&index.snapshot(), &[ROOT.into()], &path).expect("saved");
    std::fs::read(path).expect("just saved")
}

/// Bytes as the body of a saved index, with the header that fits.
pub fn saved_index(bytes: &[u8]) {
    let head = [&INDEX_HEAD[..], &(bytes.len() as u64).to_le_bytes(), &crc32fast::hash(bytes).to_le_bytes()]
        .concat();
    with_file("index", &[&head, bytes].concat(), |path| {
        if let Some(index) = disk::load(path, &[ROOT.into()]) {
            assert!(index.files().all(|file| index.path(file).starts_with(ROOT)), "a file out of its folder");
        }
    });
}

fn saved_index_samples() -> Vec<Vec<u8>> {
    let mut index = Index::default();
    for (name, language, text) in [
        (
            "a.rs",
            "rust",
            "use crate::b::area;\n/// Doc.\npub fn total(shape: &Shape) -> f32 {\n    area(shape)\n}\n",
        ),
        (
            "b.py",
            "python",
            "from a import total\n\n\nclass Shape:\n    def area(self):\n        return total(self)\n",
        ),
    ] {
        let path = Path::new(ROOT).join(name);
        let document = Document::open(DocumentId(URI.into()), None, language, 1, text);
        let facts = facts::read(&path, text, document.language, document.tree());
        index.replace(&path, Stamp { modified: 1, bytes: text.len() as u64 }, facts);
    }
    // The body alone: `saved_index` adds the header.
    vec![saved(&index)[24..].to_vec(), saved(&Index::default())[24..].to_vec()]
}

/// Bytes as the journal of a refactoring.
pub fn journal(bytes: &[u8]) {
    with_file("run.journal", bytes, |path| drop(Journal::open(path)));
}

fn journal_samples() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let header = Header { id: "run-1".to_owned(), roots: vec![ROOT.into()], plan: Plan::default() };
    let mut journal = Journal::create(folder.path(), &header).expect("a journal");
    let entries = [
        Entry::Refused { site: 0, reason: "it does not parse".to_owned() },
        Entry::Checked { round: 1, passed: false, problems: 3 },
        Entry::Written { path: "/w/a.rs".into() },
    ];
    entries.iter().for_each(|entry| journal.append(entry).expect("written"));
    vec![std::fs::read(journal.path()).expect("just written")]
}

/// Bytes as a settings file, and as what an editor sends.
pub fn settings(bytes: &[u8]) {
    with_file(phi_ls::user_dirs::SETTINGS_FILE, bytes, |path| {
        let _ = settings::load(&[Layer::UserFile(path.to_owned()), Layer::ProjectFile(path.to_owned())]);
    });
    if let Ok(values) = serde_json::from_slice(bytes) {
        let _ = settings::load(&[Layer::Editor { how: "initializationOptions", values }]);
    }
}

fn settings_samples() -> Vec<Vec<u8>> {
    let toml = "[completion]\nmaxLines = 3\nbudgetMs = 700\n\n[[actions.own]]\ntitle = \"Log\"\ninstruction = \"Add a log line\"\n";
    let json =
        json!({"completion": {"maxLines": 3}, "model.path": "auto", "actions": {"own": [{"title": "Log"}]}});
    vec![toml.into(), json.to_string().into()]
}
