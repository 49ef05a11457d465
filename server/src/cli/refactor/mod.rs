//! `phi-ls refactor`: refactors the whole repository, as editors do.

mod choice;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::builder::styling::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::signal::ctrl_c;

use super::command_line::CommandLine;
use super::{model, settings, table};
use crate::assistant::Assistant;
use crate::cli::output::{self, eprintln, print, println};
use crate::files;
use crate::models::ModelState;
use crate::refactor::journal::{Change, Entry, Header, Journal};
use crate::refactor::running::{NotNow, Running};
use crate::refactor::sandbox::COPIES;
use crate::refactor::{
    self, FileChange, Plan, Progress, RefactorRequest, Refactored, Report, ResumeState, Site, Stopped, apply,
};
use crate::repository;
use crate::rewrite::model_of;
use crate::settings::Level;
use crate::user_dirs::UserDirs;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  phi-ls refactor \"Rename area to surface\" --symbol area
      its definition and its uses
  phi-ls refactor \"Log every error\" --paths 'src/net/**'
      the items of these files
  phi-ls refactor \"Take a timeout\" --symbol get --check 'cargo check'
      and check that the result compiles
  phi-ls refactor --resume --apply
      continue the latest run, then write the files

On a terminal, you choose the places before the rewrites and the hunks after
them. Otherwise, phi-ls prints the diff, and writes files only with --apply.
Ctrl-C stops a run; --resume continues it. The check runs in a copy of the
repository, without a shell. If it fails, --apply writes nothing, unless you add
--no-check.

The exit code is 1 if a place was refused, nothing can be rewritten, the check
fails, or a file could not be written; and 130 after Ctrl-C.")]
pub struct Arguments {
    /// The instruction for each place
    #[arg(value_name = "INSTRUCTION", required_unless_present = "resume")]
    instruction: Option<String>,
    /// Only files that match this pattern, as in .gitignore; may be given several times
    #[arg(long, value_name = "GLOB", conflicts_with = "resume")]
    paths: Vec<String>,
    /// The definitions of this name and their uses
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    symbol: Option<String>,
    /// A command that succeeds if the result is correct; the model repairs the errors it reports. Default: the setting
    /// refactor.check
    #[arg(long, value_name = "CMD", conflicts_with = "resume")]
    check: Option<CommandLine>,
    /// Run no check. With --resume --apply: write the result even if the check failed
    #[arg(long, conflicts_with = "check")]
    no_check: bool,
    /// Print the diff, write nothing
    #[arg(long, conflicts_with = "apply")]
    dry_run: bool,
    /// Write the files without asking
    #[arg(long)]
    apply: bool,
    /// Continue the latest unfinished refactoring of this repository
    #[arg(long, conflicts_with = "instruction")]
    resume: bool,
    /// Print report and diff as JSON
    #[arg(long)]
    json: bool,
    /// Write the report to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Use this model instead of the setting `model.path`
    #[arg(long, value_name = model::VALUE)]
    model: Option<String>,
}

/// The exit code after Ctrl-C, as shells report it: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;
const BOLD: Style = Style::new().bold();

/// What to do with the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Ask,
    Print,
    Write,
}

/// One run of the subcommand.
struct RefactorRun {
    assistant: Assistant,
    root: PathBuf,
    journals: PathBuf,
    mode: Mode,
    no_check: bool,
    json: bool,
    report: Option<PathBuf>,
}

pub fn run(arguments: Arguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let here = std::env::current_dir().context("the current folder is gone")?;
    let root = repository::root_of(&here.join("file"));
    let roots = std::slice::from_ref(&root);
    let mut settings = settings::in_force(&dirs, roots, Level::Error);
    model::choose(&dirs, &mut settings, arguments.model)?;
    let is_asked = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let mode = match (arguments.apply, arguments.dry_run || arguments.json || !is_asked) {
        (true, _) => Mode::Write,
        (false, true) => Mode::Print,
        (false, false) => Mode::Ask,
    };
    let order = arguments.instruction.map(|instruction| RefactorRequest {
        instruction,
        paths: arguments.paths,
        symbol: arguments.symbol,
        check: match arguments.no_check {
            true => Some(Vec::new()),
            false => arguments.check.map(|CommandLine(words)| words),
        },
    });
    if let Some(RefactorRequest { check: Some(words), .. }) = &order
        && let [program, ..] = &words[..]
    {
        let is_path = program.contains(['/', '\\']);
        let is_there = if is_path { root.join(program).exists() } else { is_on_path(program) };
        anyhow::ensure!(is_there, "there is no program `{program}` for the check (--check)");
    }
    let journals = dirs.journals.clone();
    let journals = journals.unwrap_or_else(|| std::env::temp_dir().join("phi-ls-refactorings"));
    let assistant = Assistant::start(settings, dirs, roots);
    let (no_check, json, report) = (arguments.no_check, arguments.json, arguments.report);
    let run = RefactorRun { assistant, root, journals, mode, no_check, json, report };
    let runtime = super::runtime()?;
    let done = runtime.block_on(async {
        tokio::select! {
            biased;
            _ = ctrl_c() => {
                eprintln!("phi-ls: stopped; `phi-ls refactor --resume` continues");
                Ok(ExitCode::from(INTERRUPTED))
            }
            done = run.execute(order) => done,
        }
    });
    // A stopped check still has to remove its copy; a question may wait for its answer forever.
    runtime.shutdown_timeout(Duration::from_secs(2));
    done
}

/// The change of a file as it is on disk: with its byte order mark, which belongs to its first line.
fn with_bom(change: &FileChange) -> FileChange {
    let bom = files::BOM.as_bytes();
    match files::bytes_up_to(&change.path, bom.len() as u64) {
        Ok(start) if start == bom => {
            let marked = |text: &str| [files::BOM, text].concat().into();
            FileChange { before: marked(&change.before), after: marked(&change.after), ..change.clone() }
        }
        _ => change.clone(),
    }
}

/// A text on one line, without control characters, which a terminal would obey.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect()
}

/// Whether a program can be started by its name. The check searches no relative folders. On Windows a name has several
/// endings, so that only a try shows it.
fn is_on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    cfg!(windows)
        || std::env::split_paths(&folders)
            .any(|folder| folder.is_absolute() && folder.join(program).is_file())
}

impl RefactorRun {
    /// Plan, choice of places, rewrites, choice of hunks, files.
    async fn execute(&self, order: Option<RefactorRequest>) -> anyhow::Result<ExitCode> {
        // A run that writes nothing needs no lock.
        let _running = match self.mode {
            Mode::Print => None,
            Mode::Ask | Mode::Write => match Running::begin(&self.journals, std::slice::from_ref(&self.root))
            {
                Err(NotNow::Io(error)) => {
                    let failed = || format!("no journal in {}", self.journals.display());
                    return Err(anyhow::Error::new(error).context(failed()));
                }
                running => Some(running?),
            },
        };
        let state = self.assistant.settled().await;
        let is_new = order.is_some();
        if let (ModelState::Failed(reason), true) = (&state, is_new) {
            anyhow::bail!("{reason}");
        }
        if is_new {
            model_of(&self.assistant.models)?;
        }
        let (mut plan, mut journal, finished) = match order {
            Some(order) => match self.begin(&order).await? {
                Some((plan, journal)) => (plan, journal, Vec::new()),
                None => return Ok(ExitCode::SUCCESS),
            },
            None => {
                let latest = Journal::latest(&self.journals, std::slice::from_ref(&self.root));
                let latest = latest.context("there is no unfinished refactoring of this repository")?;
                let (journal, header, entries) = Journal::open(&latest)?;
                let done = |entry: &&Entry| {
                    matches!(entry, Entry::Rewritten { .. } | Entry::Refused { .. } | Entry::Unchanged { .. })
                };
                eprintln!(
                    "phi-ls: resuming: {} ({} of {} places are done)",
                    one_line(&header.plan.order.instruction),
                    entries.iter().filter(done).count(),
                    header.plan.sites.len()
                );
                (header.plan, journal, entries)
            }
        };
        if self.no_check {
            plan.order.check = None;
        }
        let note = journal.note();
        note.iter().for_each(|note| eprintln!("phi-ls: {note}"));
        let rules = self.assistant.workspace.repository.rules();
        let mut report = Report { instruction: plan.order.instruction.clone(), ..Report::default() };
        report.notes.extend(note);
        if let Some(applied) = apply::resume(&rules, &finished, &mut journal).with_context(kept)? {
            report.applied(&applied);
            return self.end(&report, journal);
        }
        if let Some(changes) = made(&finished, self.no_check) {
            return self.finish(Refactored { changes, report }, journal).await;
        }
        if let ModelState::Failed(reason) = &state {
            anyhow::bail!("{reason}");
        }
        let bar = bar(plan.sites.len());
        let copies = self.journals.join(COPIES);
        let resume = ResumeState { journal: Some(&mut journal), finished: &finished, copies: Some(&copies) };
        let outcome =
            refactor::run(&self.assistant.workspace, &self.assistant.models, &plan, resume, &|progress| {
                show(&bar, progress)
            })
            .await;
        bar.finish_and_clear();
        let outcome = match outcome {
            Err(stopped @ Stopped::Journal(_)) => return Err(anyhow::Error::new(stopped).context(kept())),
            outcome => outcome?,
        };
        self.finish(outcome, journal).await
    }

    /// Creates the plan and the journal; `None` if the user chooses no place.
    async fn begin(&self, order: &RefactorRequest) -> anyhow::Result<Option<(Plan, Journal)>> {
        let mut plan = refactor::plan(&self.assistant.workspace, order)?;
        if self.mode == Mode::Ask {
            self.print(&plan);
            let count = plan.sites.len();
            let chosen = asked("Which places to rewrite? (1-5 7, all, none)", count, "all").await?;
            plan.sites = chosen.into_iter().map(|at| plan.sites[at].clone()).collect();
            if plan.sites.is_empty() {
                return Ok(None);
            }
        }
        let id = refactor::new_id();
        let header = Header { id, roots: vec![self.root.clone()], plan: plan.clone() };
        let journal = Journal::create(&self.journals, &header);
        let journal = journal.with_context(|| format!("no journal in {}", self.journals.display()))?;
        Ok(Some((plan, journal)))
    }

    /// Shows the result, and writes the chosen changes.
    async fn finish(&self, outcome: Refactored, mut journal: Journal) -> anyhow::Result<ExitCode> {
        let Refactored { changes, mut report } = outcome;
        let wanted = match self.mode {
            Mode::Print => {
                self.show_diff(&changes, &report)?;
                Vec::new()
            }
            // If nothing is written, the report says why.
            Mode::Write if report.fails() || changes.is_empty() => {
                match self.json {
                    true => println!("{:#}", serde_json::to_value(&report)?),
                    false => output::write_error(format_args!("{}", report.text(&self.root))),
                }
                Vec::new()
            }
            Mode::Write => changes.clone(),
            Mode::Ask => {
                output::write_error(format_args!("{}", report.text(&self.root)));
                self.chosen(&changes).await?
            }
        };
        if wanted.is_empty() {
            if changes.is_empty() {
                journal.remove().context("the journal could not be removed")?;
            } else {
                // The result of an earlier run is in the journal already.
                if !report.sites.is_empty() {
                    let files = changes.iter().map(Change::from).collect();
                    let passed = report.check.as_ref().map(|check| check.passed);
                    journal.append(&Entry::Made { files, passed }).with_context(kept)?;
                }
                let hint = match report.fails() {
                    true => {
                        "nothing was written, because the check fails; `phi-ls refactor --resume --apply --no-check` writes \
                         it anyway, without --no-check the check runs again"
                    }
                    false => {
                        "nothing was written; `phi-ls refactor --resume --apply` writes it without running the model again"
                    }
                };
                eprintln!("phi-ls: {hint}");
            }
            self.write_report(&report)?;
            return Ok(exit_code(&report, !changes.is_empty()));
        }
        let applied = apply::apply(&self.assistant.workspace.repository.rules(), &wanted, &mut journal)
            .with_context(kept)?;
        report.applied(&applied);
        self.end(&report, journal)
    }

    /// Prints the report, and removes the journal unless a file was not written.
    fn end(&self, report: &Report, journal: Journal) -> anyhow::Result<ExitCode> {
        if report.skipped.is_empty() {
            journal.remove().context("the journal could not be removed")?;
        }
        match self.json {
            true => println!("{:#}", serde_json::to_value(report)?),
            false => print!("{}", report.text(&self.root)),
        }
        if !report.skipped.is_empty() {
            let hint =
                "the files that were not written are kept: `phi-ls refactor --resume --apply` tries again";
            eprintln!("phi-ls: {hint}");
        }
        self.write_report(report)?;
        Ok(exit_code(report, report.skipped.is_empty()))
    }

    fn write_report(&self, report: &Report) -> anyhow::Result<()> {
        let Some(file) = &self.report else { return Ok(()) };
        std::fs::write(file, report.markdown(&self.root)).with_context(|| file.display().to_string())
    }

    /// Prints the diff to standard output and the report to standard error.
    fn show_diff(&self, changes: &[FileChange], report: &Report) -> anyhow::Result<()> {
        let diff: String = changes.iter().map(|change| with_bom(change).unified(&self.root)).collect();
        if self.json {
            let mut all = serde_json::to_value(report)?;
            all["diff"] = json!(diff);
            println!("{all:#}");
        } else {
            output::write_text(&diff);
            output::write_error(format_args!("{}", report.text(&self.root)));
        }
        Ok(())
    }

    /// Asks which hunks to write; returns them as file changes.
    async fn chosen(&self, changes: &[FileChange]) -> anyhow::Result<Vec<FileChange>> {
        let hunks: Vec<(usize, usize, String)> = changes
            .iter()
            .enumerate()
            .flat_map(|(file, change)| {
                change.hunks().into_iter().enumerate().map(move |(at, hunk)| (file, at, hunk.text))
            })
            .collect();
        if hunks.is_empty() {
            return Ok(Vec::new());
        }
        for (number, (file, at, text)) in hunks.iter().enumerate() {
            if *at == 0 {
                let path = &changes[*file].path;
                println!("{BOLD}{}{BOLD:#}", path.strip_prefix(&self.root).unwrap_or(path).display());
            }
            println!("[{}]", number + 1);
            print!("{}", coloured(text));
        }
        let wanted = asked("Which hunks to write? (1-5 7, all, none)", hunks.len(), "none").await?;
        let of = |(file, change): (usize, &FileChange)| {
            let mine = wanted.iter().map(|at| &hunks[*at]).filter(|hunk| hunk.0 == file).map(|hunk| hunk.1);
            change.with_hunks(&mine.collect::<Vec<_>>())
        };
        let chosen = changes.iter().enumerate().map(of);
        Ok(chosen.filter(|change| change.before != change.after).collect())
    }

    fn print(&self, plan: &Plan) {
        let place = |path: &Path| path.strip_prefix(&self.root).unwrap_or(path).display().to_string();
        let row = |(at, site): (usize, &Site)| {
            let where_ = format!("{}:{}", place(&site.path), site.line + 1);
            [format!("{:>4}", at + 1), where_, site.label(), site.reason.clone()]
        };
        let rows: Vec<_> = plan.sites.iter().enumerate().map(row).collect();
        output::write_error(format_args!("{}", table::aligned(&rows)));
        for left in &plan.left_out {
            eprintln!("not in the plan: {}: {}", place(&left.path), left.reason);
        }
        if let Some(check) = &plan.order.check {
            eprintln!("check, in a copy: {}", check.join(" "));
        }
    }
}

/// The exit code of a run whose changes are made or written, if `is_done`. A refused place is reported with what to do.
fn exit_code(report: &Report, is_done: bool) -> ExitCode {
    let (_, _, refused) = report.counts();
    if refused > 0 {
        eprintln!(
            "phi-ls: a refused place keeps its text: edit it yourself, or ask for it again in other words, with --paths"
        );
    }
    if is_done && refused == 0 && !report.fails() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The unwritten result of an earlier run, if it can be written without running the model again: its check passed, or
/// no check is wanted.
fn made(finished: &[Entry], no_check: bool) -> Option<Vec<FileChange>> {
    match finished.last()? {
        Entry::Made { files, passed } if *passed != Some(false) || no_check => {
            Some(files.iter().map(FileChange::from).collect())
        }
        _ => None,
    }
}

/// The hint for an interrupted run.
fn kept() -> &'static str {
    "the finished rewrites are kept; `phi-ls refactor --resume` continues"
}

/// Asks on the blocking pool, so that Ctrl-C still works.
async fn asked(question: &'static str, count: usize, default: &'static str) -> anyhow::Result<Vec<usize>> {
    Ok(tokio::task::spawn_blocking(move || choice::ask(question, count, default)).await??)
}

/// A progress bar, drawn if standard error is a terminal.
fn bar(sites: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}");
    ProgressBar::new(sites as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_position(progress.done as u64);
    bar.set_message(progress.to_string());
}

/// Colours the added and removed lines.
fn coloured(hunk: &str) -> String {
    let line = |line: &str| {
        let style = match line.as_bytes().first() {
            Some(b'+') => AnsiColor::Green.on_default(),
            Some(b'-') => AnsiColor::Red.on_default(),
            _ => Style::new(),
        };
        format!("{style}{line}{style:#}\n")
    };
    hunk.lines().map(line).collect()
}
