//! `phi-ls eval`: how good the answers are on the user's own repository.

mod completion;
mod edits;
mod report;
mod resumable;

use std::process::ExitCode;

use crate::user_dirs::UserDirs;

/// What is evaluated.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Take text out of a repository's files, ask for it again, and compare
    ///
    /// The files on disk stay as they are. What was taken out is known neither to the index nor to a model.
    Completion(completion::Arguments),
    /// Ask again for what the commits of a git history did, and compare
    ///
    /// Commits that change one item of one file: their message is the instruction. The repository around it is laid out in
    /// a temporary folder as it was before the commit; what came later is known to nobody.
    Edits(edits::Arguments),
}

pub fn run(command: Command, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    match command {
        Command::Completion(arguments) => completion::run(arguments, dirs),
        Command::Edits(arguments) => edits::run(arguments, dirs),
    }
}
