//! `phi-ls eval`: how good the answers are on the user's own repository.

mod completion;
mod report;
mod work;

use std::process::ExitCode;

use crate::places::Places;

/// What is evaluated.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Take text out of a repository's files, ask for it again, and compare
    ///
    /// The files on disk stay as they are. What was taken out is known neither to the index nor to a model.
    Completion(completion::Arguments),
}

pub fn run(command: Command, places: Places) -> anyhow::Result<ExitCode> {
    match command {
        Command::Completion(arguments) => completion::run(arguments, places),
    }
}
