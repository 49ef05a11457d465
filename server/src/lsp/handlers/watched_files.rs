//! `workspace/didChangeWatchedFiles`: changes of files on disk.

use std::path::PathBuf;
use std::time::Duration;

use tower_lsp::Client;
use tower_lsp::ls_types::*;

use crate::assistant::Assistant;
use crate::lsp::session::Session;
use crate::lsp::uris::to_path;
use crate::repository::indexer::Event;
use crate::user_dirs::SETTINGS_FILE;

/// Delays between scans of the disk after registering. Clients do not report when they start to watch (VS Code takes some
/// seconds), and changes before that are not reported.
const RESCANS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(3), Duration::from_secs(12)];

/// Registers for changes of all workspace files.
pub async fn subscribe(client: Client, assistant: Assistant) {
    let registration = Registration {
        id: "phi-ls/files".to_owned(),
        method: "workspace/didChangeWatchedFiles".to_owned(),
        register_options: Some(serde_json::json!({ "watchers": [{ "globPattern": "**/*" }] })),
    };
    if let Err(error) = client.register_capability(vec![registration]).await {
        tracing::warn!("the client does not report file changes: {error}");
        return;
    }
    for wait in RESCANS {
        tokio::time::sleep(wait).await;
        assistant.workspace.notify(Event::Rescan);
    }
}

/// Passes changed files to the indexer; reloads the settings if a settings file is among them.
pub fn changed(session: &Session, params: &DidChangeWatchedFilesParams) {
    let paths: Vec<PathBuf> = params.changes.iter().filter_map(|change| to_path(&change.uri)).collect();
    if paths.iter().any(|path| path.ends_with(SETTINGS_FILE)) {
        session.refresh_settings();
    }
    session.assistant.workspace.notify(Event::Disk(paths));
}
