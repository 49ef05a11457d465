//! `phi-ls settings`: the table of all settings. And the settings that hold for a subcommand.

use std::path::PathBuf;
use std::process::ExitCode;

use super::logging;
use crate::settings::{self, Level, Settings, document};
use crate::user_dirs::UserDirs;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print the properties that an extension of VS Code declares
    #[arg(long)]
    vscode: bool,
}

/// The settings of the user and of these folders, for a subcommand without an editor. Starts the log, and says what is
/// wrong with the settings: a user must know of it, whatever the log shows.
pub fn in_force(dirs: &UserDirs, roots: &[PathBuf], log: Level) -> Settings {
    let (settings, problems) = settings::load(&settings::of_files(dirs.settings_file.as_deref(), roots));
    logging::start(log);
    for problem in problems {
        anstream::eprintln!("phi-ls settings: {problem}");
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
