//! `phi-ls serve`: the language server.

#![deny(clippy::print_stdout)]

use std::process::ExitCode;

use super::logging;
use crate::assistant::Assistant;
use crate::lsp::{self, Setup};
use crate::models;
use crate::settings;
use crate::user_dirs::UserDirs;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The server speaks LSP on stdin and stdout; without a client it waits for one. Log
messages go to stderr. PHI_LS_LOG=debug logs more, for example why nothing was
offered at a position.")]
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
    let start = move |settings: settings::Settings, roots: &[_]| {
        log_level.set(settings.log.level);
        Assistant::start(settings, dirs, roots)
    };
    let runtime = super::runtime()?;
    let end = runtime.block_on(lsp::serve(tokio::io::stdin(), tokio::io::stdout(), setup, start));
    // Exits with the runtime still alive: dropping it waits for the thread that reads stdin, which may block forever.
    std::process::exit(end.exit_code())
}
