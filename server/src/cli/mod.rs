//! The command line: the features of the server without an editor.
//!
//! One file per subcommand. Results go to standard output, everything else to standard error. Exit codes: 0 success, 1
//! failure, 2 invalid arguments.

// Only these modules write to stdout, except `serve`, whose stdout is the protocol.
#![allow(clippy::print_stdout)]

mod command_line;
mod complete;
mod context;
mod demo;
mod doctor;
mod eval;
mod file_position;
mod hardware;
mod index;
mod logging;
mod model;
mod output;
mod progress;
mod refactor;
mod serve;
mod settings;
mod table;
mod watchdog;

use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Style, Styles};
use clap::{Parser, Subcommand};

use crate::cli::output::{eprintln, print};
use crate::refactor::check;
use crate::user_dirs::UserDirs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(Style::new());

/// A language server that completes and refactors code with a language model on your machine.
///
/// Editors start `phi-ls serve`. `phi-ls model pull` downloads Phi-3.5-mini; without a model a built-in
/// n-gram model completes from the text of your workspace.
#[derive(Debug, Parser)]
#[command(name = "phi-ls", bin_name = "phi-ls", version, styles = STYLES, max_term_width = 80, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  phi-ls demo                       a short demonstration
  phi-ls doctor                     check the setup
  phi-ls complete src/main.rs:12:8  the completion an editor would show there
  phi-ls model use phi3.5           use the model that Ollama pulled

Exit codes: 0 success, 1 failure (see stderr), 2 invalid arguments.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the language server on stdin and stdout; editors start it
    Serve(serve::Arguments),
    /// Print the completion at a position in a file
    Complete(complete::Arguments),
    /// Refactor the whole repository with an instruction
    Refactor(refactor::Arguments),
    /// Index a folder and print statistics
    Index(index::Arguments),
    /// Print the prompt's context at a position in a file
    Context(context::Arguments),
    /// List the models on this machine, or choose one
    #[command(subcommand)]
    Model(model::Command),
    /// Check the setup and suggest fixes
    Doctor(doctor::Arguments),
    /// Measure the quality of answers on your repository
    #[command(subcommand)]
    Eval(eval::Command),
    /// Print all settings, their defaults and descriptions, as Markdown
    Settings(settings::Arguments),
    /// Run a short session in a sample repository over the protocol
    Demo(demo::Arguments),
    /// Run a check until it or phi-ls exits; phi-ls starts it
    #[command(name = check::watchdog::NAME, hide = true)]
    Watchdog(watchdog::Arguments),
}

/// Runs the command line with the current user's directories.
pub fn main() -> ExitCode {
    run(UserDirs::from_env())
}

/// Runs the command line with these user directories.
pub fn run(dirs: UserDirs) -> ExitCode {
    check::watchdog::is_here();
    let ended = output::run(|| match Arguments::try_parse() {
        Ok(Arguments { command }) => run_command(command, dirs).unwrap_or_else(|error| {
            eprintln!("phi-ls: {error:#}");
            ExitCode::FAILURE
        }),
        Err(error) if error.use_stderr() => {
            output::write_error(format_args!("{}", error.render().ansi()));
            ExitCode::from(2)
        }
        Err(help) => {
            print!("{}", help.render().ansi());
            ExitCode::SUCCESS
        }
    });
    ended.unwrap_or_else(|code| code)
}

fn run_command(command: Command, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(arguments) => serve::run(arguments, dirs),
        Command::Complete(arguments) => complete::run(arguments, dirs),
        Command::Refactor(arguments) => refactor::run(arguments, dirs),
        Command::Index(arguments) => index::run(arguments, dirs),
        Command::Context(arguments) => context::run(arguments, dirs),
        Command::Model(command) => model::run(command, dirs),
        Command::Doctor(arguments) => doctor::run(arguments, dirs),
        Command::Eval(command) => eval::run(command, dirs),
        Command::Settings(arguments) => settings::run(arguments),
        Command::Demo(arguments) => demo::run(arguments, dirs),
        Command::Watchdog(arguments) => watchdog::run(arguments),
    }
}

/// The tokio runtime of a subcommand.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Such a line would be wrapped, and the rest of it would be a line of its own.
    fn broken_lines(command: &clap::Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines: Vec<&str> = help.lines().collect();
        let broken = lines.windows(2).filter(|pair| pair[0].chars().count() > 80 && !pair[1].is_empty());
        let broken = broken.map(|pair| format!("{}: {}", command.get_name(), pair[0]));
        broken.chain(command.get_subcommands().flat_map(broken_lines)).collect()
    }

    #[test]
    fn lines_of_help_that_are_broken_by_hand_fit_a_terminal() {
        assert_eq!(broken_lines(&Arguments::command()), [""; 0]);
    }
}
