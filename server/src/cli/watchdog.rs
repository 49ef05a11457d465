//! The hidden subcommand that runs a check and kills it if phi-ls is killed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::output;
use crate::refactor::check::watchdog;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The copy of the workspace that the command runs in
    folder: PathBuf,
    /// The command
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    Ok(match watchdog::watch(&arguments.folder, &arguments.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            output::write_error(format_args!("{error}"));
            ExitCode::from(watchdog::NOT_RUN)
        }
    })
}
