//! `initialize`: reads the settings and folders, starts the assistant, and returns the server's capabilities.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::*;

use crate::actions::ActionKind;
use crate::assistant::Assistant;
use crate::lsp::client::ClientSupport;
use crate::lsp::commands;
use crate::lsp::configuration::Configuration;
use crate::lsp::session::{Session, Tasks};
use crate::lsp::uris::to_path;
use crate::settings::{Menu, Settings};

/// Starts the assistant for a client.
///
/// # Errors
/// The start panicked.
pub async fn answer(
    client: Client,
    tasks: Tasks,
    settings_file: Option<PathBuf>,
    start: impl FnOnce(Settings, &[PathBuf]) -> Assistant + Send + 'static,
    params: InitializeParams,
) -> Result<(Session, InitializeResult)> {
    let client_name = params.client_info.as_ref().map_or("", |client| &client.name).to_owned();
    let support = ClientSupport::of(&params.capabilities, &client_name);
    let roots = roots(&params);
    let configuration = Configuration::new(settings_file, params.initialization_options);
    let starting = {
        let configuration = configuration.clone();
        // Reads files.
        tokio::task::spawn_blocking(move || {
            let (settings, problems) = configuration.settings(&roots, None);
            let menu = settings.completion.menu;
            let assistant = start(settings, &roots);
            if !roots.is_empty() && assistant.workspace.repository.rules().roots() != roots {
                assistant.workspace.set_folders(&roots);
            }
            (assistant, menu, problems)
        })
    };
    let (assistant, menu, problems) = starting.await.map_err(|_| Error::internal_error())?;
    let capabilities = server_capabilities(&support, menu);
    // Clients that support `workspace/configuration` get all problems after that request.
    if !support.configuration {
        let (client, configuration) = (client.clone(), configuration.clone());
        tasks.spawn(async move { configuration.show(&client, problems).await });
    }
    // Helix registers for file events but reports its own saves only.
    let is_helix = client_name == "helix";
    let watch_files = is_helix || !support.watched_files;
    if support.inline_completion {
        assistant.next_edits.draws(support.drawing);
    }
    let session = Session {
        client,
        tasks,
        ready: Mutex::new(support.completion_ready.then(|| assistant.completions.ready())),
        assistant,
        support,
        configuration,
        sent_settings: Arc::default(),
        refresh_lock: Arc::default(),
        watch_files,
        is_helix,
        status_changed: Default::default(),
        jobs: Default::default(),
        preview: Mutex::default(),
    };
    let server_info =
        ServerInfo { name: "phi-ls".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) };
    let result = InitializeResult { capabilities, server_info: Some(server_info), offset_encoding: None };
    Ok((session, result))
}

/// The server's capabilities for a client.
fn server_capabilities(support: &ClientSupport, menu: Menu) -> ServerCapabilities {
    let offers_menu = match menu {
        Menu::Auto => !support.inline_completion,
        Menu::Always => true,
        Menu::Never => false,
    };
    let completion = CompletionOptions {
        resolve_provider: Some(true),
        trigger_characters: Some([".", ":", "(", "="].map(str::to_owned).to_vec()),
        ..Default::default()
    };
    ServerCapabilities {
        position_encoding: Some(support.encoding.kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(SaveOptions { include_text: Some(false) }.into()),
            ..Default::default()
        })),
        inline_completion_provider: Some(OneOf::Left(true)),
        completion_provider: offers_menu.then_some(completion),
        code_action_provider: Some(
            CodeActionOptions {
                code_action_kinds: Some(ActionKind::ALL.map(|kind| kind.name().into()).to_vec()),
                resolve_provider: Some(true),
                ..Default::default()
            }
            .into(),
        ),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: commands::NAMES.map(str::to_owned).to_vec(),
            ..Default::default()
        }),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            file_operations: None,
        }),
        ..Default::default()
    }
}

/// The client's workspace folders, as paths.
fn roots(params: &InitializeParams) -> Vec<PathBuf> {
    if let Some(folders) = params.workspace_folders.as_ref().filter(|folders| !folders.is_empty()) {
        return folders.iter().filter_map(|folder| to_path(&folder.uri)).collect();
    }
    // Deprecated, but clients without workspace folders have nothing else.
    #[allow(deprecated)]
    let (uri, root) = (params.root_uri.as_ref(), params.root_path.as_ref());
    uri.and_then(to_path).or_else(|| root.map(PathBuf::from)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn params(value: serde_json::Value) -> InitializeParams {
        serde_json::from_value(value).expect("parameters of initialize")
    }

    #[test]
    fn a_client_with_inline_completion_gets_no_menu_unless_wanted() {
        let plain = ClientSupport::of(&ClientCapabilities::default(), "");
        let inline = params(json!({"capabilities": {"textDocument": {"inlineCompletion": {}}}})).capabilities;
        let inline = ClientSupport::of(&inline, "");
        let offered = |client: &ClientSupport| {
            [Menu::Auto, Menu::Always, Menu::Never]
                .map(|menu| server_capabilities(client, menu).completion_provider.is_some())
        };
        assert_eq!((offered(&plain), offered(&inline)), ([true, true, false], [false, true, false]));
    }

    #[test]
    fn roots_come_from_folders_then_from_deprecated_members() {
        let all = json!({
            "capabilities": {},
            "workspaceFolders": [{"uri": "file:///a%20b", "name": "a"}, {"uri": "untitled:c", "name": "c"}],
            "rootUri": "file:///d",
            "rootPath": "/e",
        });
        let expect = |value: &serde_json::Value, roots_: &[&str]| {
            assert_eq!(roots(&params(value.clone())), roots_.iter().map(PathBuf::from).collect::<Vec<_>>());
        };
        let mut value = all;
        expect(&value, &["/a b"]);
        value["workspaceFolders"] = json!(null);
        expect(&value, &["/d"]);
        value["rootUri"] = json!(null);
        expect(&value, &["/e"]);
        value["rootPath"] = json!(null);
        expect(&value, &[]);
    }
}
