//! Soak test: types for a long time, and measures the memory: `cargo run --release -p phi-tests --example soak -- [KEYS [PER_SECOND]]`.
//!
//! Prints one line of JSON for each tenth of the keys.

use std::time::Duration;

use phi_ls::assistant::Assistant;
use phi_ls::models::Models;
use phi_ls::settings::Settings;
use phi_tests::client::Client;
use phi_tests::typist;
use serde_json::json;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().expect("a number"));
    let keys = arguments.next().unwrap_or(100_000) as usize;
    let pause = arguments.next().map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.max(1) as u32);
    let assistant = Assistant::new(Models::default(), Settings::default());
    let mut client = Client::in_process(assistant.clone());
    client.initialize(json!({"general": {"positionEncodings": ["utf-8"]}})).await;
    let source = include_str!("../src/typist.rs").repeat(4);
    for tenth in 1..=10 {
        let typed = typist::run(&mut client, &assistant, &source, keys.div_ceil(10), pause).await;
        println(
            &json!({"tenth": tenth, "typed": format!("{typed:?}"), "resident_mb": resident_mb()}).to_string(),
        );
    }
    client.shutdown().await;
}

fn println(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn resident_mb() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<u64>().ok()? * 4 / 1024)
}
