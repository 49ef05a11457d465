//! What the client tells of files and folders: `workspace/didChangeWatchedFiles`, `workspace/didChangeWorkspaceFolders`.

use std::path::PathBuf;
use std::time::Duration;

use tower_lsp::Client;
use tower_lsp::ls_types::*;

use super::capabilities::path;
use crate::assistant::Assistant;
use crate::repository::indexer::Event;

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

/// The files that something has happened to.
pub fn changed(params: &DidChangeWatchedFilesParams) -> Vec<PathBuf> {
    params.changes.iter().filter_map(|change| path(&change.uri)).collect()
}

/// The workspace folders after a change of them.
pub fn changed_roots(roots: &[PathBuf], event: &WorkspaceFoldersChangeEvent) -> Vec<PathBuf> {
    let paths = |folders: &[WorkspaceFolder]| -> Vec<PathBuf> {
        folders.iter().filter_map(|folder| path(&folder.uri)).collect()
    };
    let (added, removed) = (paths(&event.added), paths(&event.removed));
    let mut roots: Vec<_> = roots.iter().filter(|root| !removed.contains(root)).cloned().collect();
    roots.extend(added.into_iter().filter(|added| !roots.contains(added)).collect::<Vec<_>>());
    roots
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn folders_come_and_go() {
        let event: WorkspaceFoldersChangeEvent = serde_json::from_value(json!({
            "added": [{"uri": "file:///b", "name": "b"}, {"uri": "untitled:c", "name": "c"}, {"uri": "file:///d", "name": "d"}],
            "removed": [{"uri": "file:///a", "name": "a"}, {"uri": "file:///never", "name": "never"}],
        }))
        .expect("an event");
        let roots = ["/a", "/b"].map(PathBuf::from);
        assert_eq!(changed_roots(&roots, &event), ["/b", "/d"].map(PathBuf::from));
    }
}
