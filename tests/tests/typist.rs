//! A long session of typing, checked against a plain string; `tests/src/typist.rs` says what is typed.

use std::time::Duration;

use phi_ls::assistant::Assistant;
use phi_ls::models::Models;
use phi_ls::settings::Settings;
use phi_tests::client::Client;
use phi_tests::typist;
use serde_json::json;

#[tokio::test]
async fn a_long_session_keeps_the_text_and_answers_every_request_once() {
    let assistant = Assistant::new(Models::default(), Settings::default());
    let mut client = Client::in_process(assistant.clone());
    client.initialize(json!({"general": {"positionEncodings": ["utf-8"]}})).await;
    let source = include_str!("../src/typist.rs");
    let typed = typist::run(&mut client, &assistant, source, 1500, Duration::ZERO).await;
    assert!(typed.offered > 20 && typed.accepted > 10, "{typed:?}");
    client.shutdown().await;
}
