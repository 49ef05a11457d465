//! `phi-ls eval`: measures the quality of answers on the user's own repository.

mod completion;
mod edits;
mod report;
mod resumable;

use std::process::ExitCode;

use crate::user_dirs::UserDirs;

/// The evaluation to run.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Remove text from a repository's files, complete it, and compare
    ///
    /// The files on disk are not changed. Neither the index nor the model contains the removed text.
    Completion(completion::Arguments),
    /// Complete the same removed texts with two models, and compare the models
    Compare(completion::CompareArguments),
    /// Repeat the edits of a git history with a model, and compare
    ///
    /// Uses commits that change one item of one file, with the message as the instruction. The repository is restored in
    /// a temporary folder as it was before the commit, so that the model sees nothing later.
    Edits(edits::Arguments),
}

pub fn run(command: Command, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    match command {
        Command::Completion(arguments) => completion::run(arguments, dirs),
        Command::Compare(arguments) => completion::compare(arguments, dirs),
        Command::Edits(arguments) => edits::run(arguments, dirs),
    }
}
