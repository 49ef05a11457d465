//! The LSP server. No other module knows the protocol.
//!
//! [`framing`] splits bytes into frames, [`message`] parses frames, and [`uris`] normalizes URIs. [`transport`] dispatches:
//! [`sync`] applies document changes immediately; for any other message, [`transport`] takes a [`snapshot`] and runs one of
//! the [`handlers`] in a separate task. A handler converts positions ([`positions`]), calls a feature, and converts the result.
//! [`progress`], [`status`], [`install_hint`] and [`log`] send messages of the server's own.

mod apply_edit;
mod client;
mod commands;
mod configuration;
mod errors;
mod framing;
mod handlers;
mod install_hint;
mod jobs;
pub mod log;
mod message;
mod parent_process;
mod positions;
mod progress;
#[cfg(test)]
mod recording_client;
mod refactor;
mod rewrite;
mod server;
mod session;
mod snapshot;
mod snippet;
mod status;
mod sync;
mod transport;
mod underlying_path;
mod uris;
mod workspace_edit;

use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tower_lsp::LspService;

use crate::assistant::Assistant;
use crate::settings::Settings;

/// The server's environment. The default uses none of the user's files.
#[derive(Debug, Default)]
pub struct Setup {
    /// The user's settings file; it need not exist.
    pub settings_file: Option<PathBuf>,
    /// Log messages for the client, from [`log::forward`].
    pub log: Option<log::Messages>,
    /// A file that records that the install hint was shown. `None`: show no hint.
    pub hint_shown: Option<PathBuf>,
}

/// Serves one client until it disconnects.
///
/// Calls `start` once, with the client's settings and folders. It must not wait for a model; if one is to be loaded, the
/// assistant's state says so when `start` returns.
pub async fn serve(
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    setup: Setup,
    start: impl FnOnce(Settings, &[PathBuf]) -> Assistant + Send + 'static,
) -> End {
    let (service, socket) = LspService::build(|client| server::Server::new(client, setup, Box::new(start)))
        .custom_method("textDocument/inlineCompletion", server::Server::inline_completion)
        .custom_method(status::METHOD, server::Server::status)
        .custom_method("window/workDoneProgress/cancel", server::Server::cancel_job)
        .finish();
    transport::run(input, output, service, socket).await
}

/// Why serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client sent `exit`.
    Exit {
        /// Whether it sent `shutdown` before.
        after_shutdown: bool,
    },
    /// The input ended.
    InputClosed,
    /// The client closed its end of the output.
    OutputClosed,
    /// The parent process has exited.
    ParentExited,
}

impl End {
    /// The exit code of the process: 0 after `shutdown` and `exit`, otherwise 1, as the protocol requires.
    ///
    /// The thread that reads stdin may still block, so the process must call `exit` with it.
    pub fn exit_code(self) -> i32 {
        match self {
            End::Exit { after_shutdown: true } => 0,
            _ => 1,
        }
    }
}
