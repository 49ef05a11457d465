//! The command line: the same flows, without an editor.
//!
//! A file for each subcommand. Standard output is what was asked for, standard error is everything else. Exit codes: 0
//! done, 1 not possible here, 2 wrong arguments.

// Of all modules only these write to stdout; `serve`, whose stdout is the protocol, forbids it again.
#![allow(clippy::print_stdout)]

mod complete;
mod context;
mod demo;
mod doctor;
mod eval;
mod index;
mod logging;
mod machine;
mod model;
mod place;
mod progress;
mod refactor;
mod serve;
mod settings;
mod table;
mod watchdog;
mod words;

use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Style, Styles};
use clap::{Parser, Subcommand};

use crate::places::Places;
use crate::refactor::check;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(Style::new());

/// A language server that codes with you. The model runs in its own process, on your machine; nothing leaves it.
///
/// Editors start `phi-ls serve` themselves. Without a model phi-ls completes from what your workspace already says; with
/// Phi-3.5 installed (`ollama pull phi3.5` is one way) it uses that.
#[derive(Debug, Parser)]
#[command(name = "phi-ls", bin_name = "phi-ls", version, styles = STYLES, max_term_width = 80, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  phi-ls demo                       see it work, in a few seconds
  phi-ls doctor                     what is here, what is missing, what to do
  phi-ls complete src/main.rs:12:8  the completion an editor would show there
  phi-ls model use phi3.5           use what Ollama has pulled

Exit codes: 0 done, 1 not possible here (stderr says why), 2 wrong arguments.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve an editor over stdin and stdout; editors start this themselves
    Serve(serve::Arguments),
    /// Print the completion at a place in a file
    Complete(complete::Arguments),
    /// Refactor the whole repository as an instruction says, place by place
    Refactor(refactor::Arguments),
    /// Read a folder as the server does, and say what came of it
    Index(index::Arguments),
    /// Print what a model would be shown at a place in a file, and why
    Context(context::Arguments),
    /// Show the models on this machine, or choose one
    #[command(subcommand)]
    Model(model::Command),
    /// Say what was found, what is missing and what to do
    Doctor(doctor::Arguments),
    /// Measure how good the answers are on a repository of yours
    #[command(subcommand)]
    Eval(eval::Command),
    /// Print all settings, their defaults and meanings, as Markdown
    Settings(settings::Arguments),
    /// Play a short session with a sample repository, through the protocol
    Demo(demo::Arguments),
    /// Run a check until it or phi-ls ends; phi-ls starts this itself
    #[command(name = check::watchdog::NAME, hide = true)]
    Watchdog(watchdog::Arguments),
}

/// Runs what the arguments of this process say, for the user who runs it.
pub fn main() -> ExitCode {
    run(Places::of_user())
}

/// The same where things lie in these places.
pub fn run(places: Places) -> ExitCode {
    check::watchdog::is_here();
    let Arguments { command } = Arguments::parse();
    let done = match command {
        Command::Serve(arguments) => serve::run(arguments, places),
        Command::Complete(arguments) => complete::run(arguments, places),
        Command::Refactor(arguments) => refactor::run(arguments, places),
        Command::Index(arguments) => index::run(arguments, places),
        Command::Context(arguments) => context::run(arguments, places),
        Command::Model(command) => model::run(command, places),
        Command::Doctor(arguments) => doctor::run(arguments, places),
        Command::Eval(command) => eval::run(command, places),
        Command::Settings(arguments) => settings::run(arguments),
        Command::Demo(arguments) => demo::run(arguments, places),
        Command::Watchdog(arguments) => watchdog::run(arguments),
    };
    done.unwrap_or_else(|error| {
        anstream::eprintln!("phi-ls: {error:#}");
        ExitCode::FAILURE
    })
}

/// The runtime that flows and the protocol need.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
