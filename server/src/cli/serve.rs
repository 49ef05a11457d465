//! `phi-ls serve`: the language server.

#![deny(clippy::print_stdout)]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::logging;
use crate::assistant::Assistant;
use crate::cli::output::eprintln;
use crate::lsp::{self, End, Setup};
use crate::models;
use crate::settings;
use crate::user_dirs::UserDirs;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The server speaks LSP on stdin and stdout; without a client it waits for one.
Log messages go to stderr. PHI_LS_LOG=debug logs more, for example why nothing
was offered at a position.")]
pub struct Arguments {
    /// Use stdin and stdout, which is the default; some editors pass this option
    #[arg(long)]
    stdio: bool,
    /// The editor's process id; ignored, `initialize` has it too. Some editors pass this option
    #[arg(long = "clientProcessId", hide = true)]
    client_process_id: Option<u32>,
}

pub fn run(_: Arguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let (settings, _) = settings::load(&settings::of_files(dirs.settings_file.as_deref(), &[]));
    let (log_level, messages) = logging::start(settings.log.level);
    let setup = Setup {
        settings_file: dirs.settings_file.clone(),
        log: Some(messages),
        // No hint if the user chose to use no model.
        hint_shown: dirs
            .models
            .first()
            .filter(|_| models::declined(&dirs, &settings).is_none())
            .and_then(|models| Some(models.parent()?.join("install-hint-shown"))),
    };
    let was_initialized = Arc::<AtomicBool>::default();
    let initialized = was_initialized.clone();
    let start = move |settings: settings::Settings, roots: &[_]| {
        initialized.store(true, Ordering::Relaxed);
        log_level.set(settings.log.level);
        Assistant::start(settings, dirs, roots)
    };
    let runtime = super::runtime()?;
    let end = runtime.block_on(lsp::serve(tokio::io::stdin(), tokio::io::stdout(), setup, start));
    if let Some(why) = message(end, was_initialized.load(Ordering::Relaxed)) {
        eprintln!("phi-ls: {why}");
    }
    // Exits with the runtime still alive: dropping it waits for the thread that reads stdin, which may block forever.
    std::process::exit(end.exit_code())
}

/// Why the server ended, and what to do, if it did not end as the protocol requires.
fn message(end: End, was_initialized: bool) -> Option<&'static str> {
    Some(match end {
        End::Exit { after_shutdown: true } => return None,
        _ if !was_initialized => {
            "the connection ended before a client sent the LSP message `initialize`. Editors start `phi-ls serve`; \
             `phi-ls --help` lists the commands for a terminal"
        }
        End::Exit { after_shutdown: false } => "the client sent `exit` without `shutdown`",
        End::InputClosed | End::OutputClosed => "the client closed the connection without `exit`",
        End::ParentExited => "the client's process ended without `exit`",
    })
}
