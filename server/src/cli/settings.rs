//! `phi-ls settings`: the table of all settings.

use std::process::ExitCode;

use crate::settings::document;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print the properties that an extension of VS Code declares
    #[arg(long)]
    vscode: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if arguments.vscode {
        println!("{:#}", document::vscode_properties());
    } else {
        print!("{}", document::markdown());
    }
    Ok(ExitCode::SUCCESS)
}
