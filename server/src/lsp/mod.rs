//! The only code that knows the protocol.
//!
//! Bytes become frames in [`framing`], frames messages in [`message`], with one spelling for each URI ([`uris`]), and
//! [`transport`] decides what runs when: a change of a document is applied at once by [`sync`]; for anything else a
//! [`snapshot`] is taken, and one of the [`handlers`] runs beside the loop. It translates (with [`positions`]), calls a flow, and translates back. What the server says of its
//! own accord is in [`progress`], [`status`], [`install_hint`] and [`log`].

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

/// What a server needs of the machine that it runs on. By default it touches nothing of the user's.
#[derive(Debug, Default)]
pub struct Setup {
    /// The user's settings file; it need not exist.
    pub settings_file: Option<PathBuf>,
    /// Log messages for the client, from [`log::forward`].
    pub log: Option<log::Messages>,
    /// A file that exists from when the user was told how to install a model. `None`: the user is not told.
    pub hint_shown: Option<PathBuf>,
}

/// Serves one client until it leaves.
///
/// `start` is called once, when the client has said which folders are open and which settings it has. It must not
/// wait for a model; if there is one to load, the assistant's state says so when `start` returns.
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
        /// It sent `shutdown` before, as it should.
        after_shutdown: bool,
    },
    /// The input ended.
    InputClosed,
    /// The client reads no more.
    OutputClosed,
    /// The process that started us is gone.
    ParentGone,
}

impl End {
    /// What the process should return: 0 after `shutdown` and `exit`, else 1, as the protocol says.
    ///
    /// The thread that reads stdin may still be blocked, so the process must be ended with this code.
    pub fn exit_code(self) -> i32 {
        match self {
            End::Exit { after_shutdown: true } => 0,
            _ => 1,
        }
    }
}
