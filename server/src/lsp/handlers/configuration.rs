//! `workspace/didChangeConfiguration`.

use serde_json::Value;

use crate::lsp::configuration::{self, section};
use crate::lsp::session::Session;

pub use configuration::subscribe;

/// Stores the client's settings and reloads.
pub fn changed(session: &Session, settings: Value) {
    *session.sent_settings.lock() = section(settings);
    session.refresh_settings();
}
