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
Editors speak to it over stdin and stdout; started by hand it waits for a client.
Log messages go to stderr: PHI_LS_LOG=debug shows more, among it why nothing was
offered at a place.")]
pub struct Arguments {
    /// Use stdin and stdout, which it does anyway; some editors say so
    #[arg(long)]
    stdio: bool,
    /// The editor's process, which `initialize` names as well; some editors insist on saying so
    #[arg(long = "clientProcessId", hide = true)]
    client_process_id: Option<u32>,
}

pub fn run(_: Arguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let (settings, _) = settings::load(&settings::of_files(dirs.settings_file.as_deref(), &[]));
    let (volume, messages) = logging::start(settings.log.level);
    let setup = Setup {
        settings_file: dirs.settings_file.clone(),
        log: Some(messages),
        // Whoever wants no model is offered none.
        hint_shown: dirs
            .models
            .first()
            .filter(|_| models::declined(&dirs, &settings).is_none())
            .and_then(|models| Some(models.parent()?.join("install-hint-shown"))),
    };
    let start = move |settings: settings::Settings, roots: &[_]| {
        volume.set(settings.log.level);
        Assistant::start(settings, dirs, roots)
    };
    let runtime = super::runtime()?;
    let end = runtime.block_on(lsp::serve(tokio::io::stdin(), tokio::io::stdout(), setup, start));
    // At once, with the runtime still there: dropping it waits for the thread that reads stdin, which may be blocked for
    // ever. And a model need not be taken apart.
    std::process::exit(end.exit_code())
}
