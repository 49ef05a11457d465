//! Keystroke latency through the whole server: from `didChange` sent to the answer of `textDocument/inlineCompletion`
//! received, typing into the middle of a 2,000-line file, over the real protocol.
//!
//! ```sh
//! cargo bench -p phi-tests --bench latency                    # the n-gram model
//! cargo bench -p phi-tests --bench latency -- MODEL.gguf 12   # a neural one, so many keys
//! cargo bench -p phi-tests --bench latency -- --branch [DIR]  # while 2,000 files of a repository change (`branch.rs`)
//! ```
//!
//! Prints one line of JSON: milliseconds at the median and the 95th percentile, tokens prefilled per keystroke, resident
//! memory. Each key waits for the answer to the one before, as a typist does for ghost text; nothing is superseded.

#[path = "latency/branch.rs"]
mod branch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use phi_engine::{DeviceChoice, Engine, Options};
use phi_ls::assistant::Assistant;
use phi_ls::documents::DocumentId;
use phi_ls::models::Models;
use phi_ls::settings::Settings;
use phi_tests::client::{Client, Trigger, ghost_text};
use serde_json::{Value, json};

const URI: &str = "file:///w/src/shapes.rs";
/// What is typed, line by line, each into a new line inside a function.
const TYPED: [&str; 4] = [
    "let width = shape.width() * unit + 7.0;",
    "let height = shape.height() * unit;",
    "let edge = units.get(shape.unit())?;",
    "return Some(width * height);",
];

#[tokio::main]
async fn main() {
    let (options, arguments): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let mut arguments = arguments.into_iter();
    if options.iter().any(|option| option == "--branch") {
        let folder = arguments.next().map(PathBuf::from);
        return print(&branch::run(folder.as_deref()).await);
    }
    let model = arguments.next().map(PathBuf::from);
    let keys = arguments.next().map_or(usize::MAX, |keys| keys.parse().expect("a number of keys"));
    let models = match &model {
        None => Models::default(),
        Some(path) => {
            let options = Options {
                adapters: Vec::new(),
                device: DeviceChoice::Cpu,
                threads: 0,
                kv_bytes: 1 << 30,
                context: 4096,
            };
            Models::from(Engine::open(path, &options, |_| {}).expect("the model loads"))
        }
    };
    let mut settings = Settings::default();
    if model.is_some() {
        // Each key waits for the end of its generation, so a short answer is enough.
        settings.completion.max_tokens = 16;
    }
    let assistant = Assistant::new(models, settings);
    let mut client = Client::in_process(assistant.clone());
    client.initialize(json!({"general": {"positionEncodings": ["utf-8"]}})).await;
    let text = source();
    let lines = text.lines().count();
    client.open(URI, "rust", &text).await;

    let id = DocumentId(URI.into());
    let mut line = lines as u32 / 2 / 10 * 10 + 3;
    // The first request prefills the whole prompt; for a user this happens once per place, while idle if possible.
    let cold = Instant::now();
    ask(&mut client, URI, line, 0, Trigger::Invoked).await;
    settle(&assistant, &id).await;
    let cold = cold.elapsed();

    let (mut version, mut waits, mut prefilled, mut answered) = (1, Vec::new(), Vec::new(), 0usize);
    for typed in TYPED.iter().cycle().take(8) {
        version += 1;
        client.change(URI, version, &[([line, 0, line, 0], "    \n")]).await;
        for (column, key) in typed.chars().enumerate() {
            if waits.len() == keys {
                break;
            }
            let column = column as u32 + 4;
            version += 1;
            let start = Instant::now();
            client.change(URI, version, &[([line, column, line, column], &key.to_string())]).await;
            let answer = ask(&mut client, URI, line, column + 1, Trigger::Automatic).await;
            waits.push(start.elapsed());
            answered += usize::from(ghost_text(&answer).is_some());
            if let Some(usage) = settle(&assistant, &id).await {
                prefilled.push(usage);
            }
        }
        line += 1;
    }
    let mut of_keys = BTreeMap::new();
    of_keys.insert("model", json!(assistant.models.name()));
    of_keys.insert("lines", json!(lines));
    of_keys.insert("keys", json!(waits.len()));
    of_keys.insert("answered", json!(answered));
    of_keys.insert("first_answer_ms", json!(cold.as_millis() as u64));
    of_keys.insert("p50_ms", json!(percentile(&mut waits, 50).as_secs_f64() * 1e3));
    of_keys.insert("p95_ms", json!(percentile(&mut waits, 95).as_secs_f64() * 1e3));
    of_keys.insert("prefilled_p50", json!(percentile(&mut prefilled, 50)));
    of_keys.insert("prefilled_p95", json!(percentile(&mut prefilled, 95)));
    of_keys.insert("resident_mb", json!(resident_mb()));
    print(&json!(of_keys));
}

async fn ask(client: &mut Client, uri: &str, line: u32, character: u32, trigger: Trigger) -> Value {
    let id = client.inline(uri, [line, character], trigger).await;
    client.answer(id).await.unwrap_or_default()
}

/// Waits until the engine is idle; returns the tokens that the latest generation prefilled.
async fn settle(assistant: &Assistant, id: &DocumentId) -> Option<usize> {
    while assistant.models.is_working() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assistant.completions.usage(id).map(|usage| usage.prefilled)
}

/// Two hundred functions of ten lines.
fn source() -> String {
    (0..200)
        .map(|n| {
            format!(
                "/// Measures shape {n} in whole units, or returns nothing where it is open.\n\
                 pub fn measure_{n}(shape: &Shape, units: &HashMap<String, f64>) -> Option<f64> {{\n    \
                     let unit = units.get(shape.unit())?;\n    \
                     let width = shape.width() * unit + {n}.0;\n    \
                     let height = shape.height() * unit;\n    \
                     if shape.is_open() {{\n        \
                         return None;\n    \
                     }}\n    \
                     Some(width * height)\n\
                 }}\n"
            )
        })
        .collect()
}

fn percentile<T: Ord + Copy + Default>(values: &mut [T], percent: usize) -> T {
    values.sort_unstable();
    values
        .get((values.len() * percent / 100).min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// The resident memory of the process (Linux only).
fn resident_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
}

#[expect(clippy::print_stdout, reason = "the result of a benchmark")]
fn print(result: &Value) {
    println!("{result}");
}
