//! `phi-ls index`: reads a folder as the server does, keeps the index for it, and says what came of it.

use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::file_position::from_here;
use super::{settings, table};
use crate::cli::output::println;
use crate::documents::Documents;
use crate::files::canonicalize;
use crate::messages;
use crate::repository::indexer::{IndexListener, Indexer};
use crate::repository::overview::{LeftOut, Overview, Times};
use crate::repository::rules::Rules;
use crate::repository::{self, Repository};
use crate::settings::Level;
use crate::user_dirs::UserDirs;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  phi-ls index            index the project of the current folder, or update
                          its index
  phi-ls index --stats    contents by language, time, memory, and the files
                          that each rule excluded
  phi-ls index --json     all data, for a script

Editors do not need this command: `phi-ls serve` keeps the index up to date.")]
pub struct Arguments {
    /// The folder; default: the project of the current folder
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Print contents, time, memory and excluded files
    #[arg(long)]
    stats: bool,
    /// Print all data as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let folder = match arguments.folder {
        Some(folder) => existing(&folder)?,
        None => {
            let here = std::env::current_dir().context("the current folder is gone")?;
            repository::root_of(&here.join("file"))
        }
    };
    let roots = [folder];
    let settings = settings::in_force(&dirs, &roots, Level::Warn);

    let repository = Repository::default();
    repository.set_rules(Rules::new(&roots, &settings.repository.secret_files));
    let documents = Arc::<Documents>::default();
    Indexer::new(repository.clone(), &documents, settings.repository.max_files, progress())
        .kept_in(dirs.indexes)
        .start();

    let overview = Overview::of(&repository);
    if arguments.json {
        println!("{:#}", serde_json::to_value(&overview)?);
    } else {
        print(&overview, arguments.stats);
    }
    Ok(ExitCode::SUCCESS)
}

fn existing(folder: &Path) -> anyhow::Result<PathBuf> {
    let found = canonicalize(folder).map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("{}: there is no such folder", folder.display()),
        _ => anyhow::anyhow!("{}: {error}; check its permissions", folder.display()),
    })?;
    std::fs::read_dir(&found).map(drop).or_else(|error| match error.kind() {
        ErrorKind::NotADirectory => Ok(()),
        _ => Err(anyhow::anyhow!("{}: {error}; check its permissions", folder.display())),
    })?;
    anyhow::ensure!(
        found.is_dir(),
        "{} is a file, not a folder. Try `phi-ls index {}`",
        folder.display(),
        folder.parent().filter(|around| *around != Path::new("")).unwrap_or(Path::new(".")).display()
    );
    Ok(found)
}

/// A progress bar on a terminal, otherwise nothing.
fn progress() -> IndexListener {
    if !std::io::stderr().is_terminal() {
        return IndexListener::none();
    }
    let style = ProgressStyle::with_template("{bar:32} {pos} of {len} files, {eta} left");
    let bar = ProgressBar::new(0).with_style(style.expect("the template is one"));
    let show = move |progress| match progress {
        Some((done, all)) => {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        }
        None => bar.finish_and_clear(),
    };
    IndexListener { progress: Box::new(show), ..IndexListener::none() }
}

fn print(overview: &Overview, in_full: bool) {
    let all = &overview.stats.all;
    let Times { load, walk, read, save } = overview.milliseconds;
    let time = (load + walk + read + save).as_secs_f64();
    let counts = [(all.files, "file"), (all.lines, "line"), (all.symbols, "symbol")];
    let counts =
        counts.map(|(count, noun)| format!("{} {}", grouped(count), messages::inflected(count, noun)));
    println!("{} in {time:.1} s", counts.join(", "));
    if overview.is_cut {
        println!("The folder has more files than are indexed: see repository.maxFiles in `phi-ls settings`.");
    }
    if all.files == 0 {
        println!("There are no text files to index here: completions use open documents only.");
    }
    if in_full {
        if all.files > 0 {
            print_contents(overview);
        }
        print_excluded(&overview.excluded);
        return;
    }
    match overview.excluded.iter().map(|rule| rule.count).sum() {
        0 => {}
        1 => println!("1 file or folder was excluded; --stats says why"),
        left_out => println!("{} files and folders were excluded; --stats says why", grouped(left_out)),
    }
}

/// Contents by language, time and memory.
fn print_contents(overview: &Overview) {
    let heads =
        ["language", "files", "lines", "symbols", "references", "imports", "chunks"].map(str::to_owned);
    let rows = overview.stats.languages.iter().map(|(language, holding)| {
        let numbers = [
            holding.files,
            holding.lines,
            holding.symbols,
            holding.references,
            holding.imports,
            holding.chunks,
        ];
        let language = if language.is_empty() { "plain text" } else { language }.to_owned();
        let [a, b, c, d, e, f] = numbers.map(grouped);
        [language, a, b, c, d, e, f]
    });
    println!("\n{}", table::aligned(&[heads].into_iter().chain(rows).collect::<Vec<_>>()).trim_end());

    let Times { load, walk, read, save } = overview.milliseconds;
    let seconds =
        |name: &str, time: std::time::Duration| [name.to_owned(), format!("{:.3} s", time.as_secs_f64())];
    let times = [("load", load), ("walk", walk), ("read", read), ("save", save)];
    println!("\n{}", table::aligned(&times.map(|(name, time)| seconds(name, time))).trim_end());

    let parts = overview.memory.parts;
    let bytes = |name: &str, bytes: usize| [name.to_owned(), table::bytes(bytes as u64)];
    let mut memory = vec![
        bytes("index", overview.memory.index),
        bytes("  words", parts.words),
        bytes("  lists", parts.lists),
        bytes("  symbols", parts.symbols),
        bytes("  chunks", parts.chunks),
        bytes("  files", parts.files),
    ];
    memory.extend(overview.memory.process.map(|process| bytes("process", process as usize)));
    println!("\n{}", table::aligned(&memory).trim_end());
}

/// How many files and folders each rule excluded, with examples.
fn print_excluded(excluded: &[LeftOut]) {
    if excluded.is_empty() {
        return;
    }
    println!("\nexcluded");
    let mut rows = Vec::new();
    for rule in excluded {
        let (mut name, mut count) = (rule.rule.to_owned(), grouped(rule.count));
        for example in &rule.examples {
            let path = from_here(&example.path);
            let row =
                [std::mem::take(&mut name), std::mem::take(&mut count), format!("{path}: {}", example.why)];
            rows.push(row);
        }
        let more = rule.count.saturating_sub(rule.examples.len());
        if more > 0 {
            rows.push([String::new(), String::new(), format!("and {} more", grouped(more))]);
        }
    }
    println!("{}", table::aligned(&rows).trim_end());
}

/// `1,000,000`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
