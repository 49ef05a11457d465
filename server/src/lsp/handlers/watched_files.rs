//! `workspace/didChangeWatchedFiles`: what happens to files on disk.

use std::path::PathBuf;
use std::time::Duration;

use tower_lsp::Client;
use tower_lsp::ls_types::*;

use crate::assistant::Assistant;
use crate::lsp::session::Session;
use crate::lsp::uris::to_path;
use crate::repository::indexer::Event;
use crate::user_dirs::SETTINGS_FILE;

/// After each of these waits, the first from when a client has been asked to watch the disk, it is looked at once more: a client begins in its own time and
/// does not say when (VS Code takes some seconds), and what happens before that, nobody tells.
const LOOKS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(3), Duration::from_secs(12)];

/// Asks the client to tell of all that happens to files of the workspace.
pub async fn subscribe(client: Client, assistant: Assistant) {
    let registration = Registration {
        id: "phi-ls/files".to_owned(),
        method: "workspace/didChangeWatchedFiles".to_owned(),
        register_options: Some(serde_json::json!({ "watchers": [{ "globPattern": "**/*" }] })),
    };
    if let Err(error) = client.register_capability(vec![registration]).await {
        tracing::warn!("the client will not tell what happens on disk: {error}");
        return;
    }
    for wait in LOOKS {
        tokio::time::sleep(wait).await;
        assistant.workspace.notify(Event::Rescan);
    }
}

/// Passes the changed files on to the indexer; reads the settings again if they are among them.
pub fn changed(session: &Session, params: &DidChangeWatchedFilesParams) {
    let paths: Vec<PathBuf> = params.changes.iter().filter_map(|change| to_path(&change.uri)).collect();
    if paths.iter().any(|path| path.ends_with(SETTINGS_FILE)) {
        session.refresh_settings();
    }
    session.assistant.workspace.notify(Event::Disk(paths));
}
