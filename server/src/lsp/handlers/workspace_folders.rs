//! `workspace/didChangeWorkspaceFolders`.

use std::path::PathBuf;

use tower_lsp::ls_types::*;

use crate::lsp::session::Session;
use crate::lsp::uris::to_path;

/// Replaces the workspace folders and reloads the settings.
pub async fn changed(session: &Session, event: WorkspaceFoldersChangeEvent) {
    let workspace = session.assistant.workspace.clone();
    // Reads ignore files.
    let set = tokio::task::spawn_blocking(move || {
        let before = workspace.repository.rules();
        workspace.set_folders(&changed_roots(before.roots(), &event));
    });
    if set.await.is_ok() {
        session.refresh_settings();
    }
}

/// The workspace folders after a change of them.
fn changed_roots(roots: &[PathBuf], event: &WorkspaceFoldersChangeEvent) -> Vec<PathBuf> {
    let paths = |folders: &[WorkspaceFolder]| -> Vec<PathBuf> {
        folders.iter().filter_map(|folder| to_path(&folder.uri)).collect()
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
    fn folders_are_added_and_removed() {
        let event: WorkspaceFoldersChangeEvent = serde_json::from_value(json!({
            "added": [{"uri": "file:///b", "name": "b"}, {"uri": "untitled:c", "name": "c"}, {"uri": "file:///d", "name": "d"}],
            "removed": [{"uri": "file:///a", "name": "a"}, {"uri": "file:///never", "name": "never"}],
        }))
        .expect("an event");
        let roots = ["/a", "/b"].map(PathBuf::from);
        assert_eq!(changed_roots(&roots, &event), ["/b", "/d"].map(PathBuf::from));
    }
}
