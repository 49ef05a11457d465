//! `workspace/didChangeConfiguration`.

use serde_json::Value;

use crate::lsp::configuration::{self, section};
use crate::lsp::session::Session;

pub use configuration::subscribe;

/// Keeps the settings that the client sent, and puts them in force.
pub fn changed(session: &Session, settings: Value) {
    *session.sent.lock() = section(settings);
    session.refresh_settings();
}
