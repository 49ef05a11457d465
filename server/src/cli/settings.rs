//! `phi-ls settings` prints the table of all settings; [`in_force`] loads the settings of a subcommand.

use std::path::PathBuf;
use std::process::ExitCode;

use super::logging;
use crate::cli::output::{eprintln, print, println};
use crate::settings::{self, Level, Settings, document};
use crate::user_dirs::UserDirs;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print the configuration properties of the VS Code extension
    #[arg(long)]
    vscode: bool,
}

/// Loads the settings of the user and of these folders, for a subcommand without an editor, and starts the log. Prints
/// problems in the settings to stderr at every log level.
pub fn in_force(dirs: &UserDirs, roots: &[PathBuf], log: Level) -> Settings {
    let (settings, problems) = settings::load(&settings::of_files(dirs.settings_file.as_deref(), roots));
    logging::start(log);
    for problem in problems {
        eprintln!("phi-ls settings: {problem}");
    }
    settings
}

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if arguments.vscode {
        println!("{:#}", document::vscode_properties());
    } else {
        print!("{}", document::markdown());
    }
    Ok(ExitCode::SUCCESS)
}
