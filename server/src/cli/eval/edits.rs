//! `phi-ls eval edits`: repeats the edits of a git history and compares.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::signal::ctrl_c;

use super::completion::models;
use super::report::estimate;
use super::resumable::ResumableRun;
use crate::cli::command_line::CommandLine;
use crate::cli::output::print;
use crate::cli::table::aligned;
use crate::cli::{model, settings};
use crate::eval::edits::history::Which;
use crate::eval::edits::run::{Edited, Run};
use crate::eval::edits::summary::{self, Figures};
use crate::eval::edits::{Triple, history, triples};
use crate::eval::journal::Plan;
use crate::files::canonicalize;
use crate::messages;
use crate::repository::changes::git::Git;
use crate::repository::walk::Bounds;
use crate::rewrite::model_of;
use crate::settings::{Level, Settings};
use crate::user_dirs::UserDirs;

/// The model's name in reports with `--truth`.
const TRUTH: &str = "none, the commit's own text";
/// Time limit for git to print all commits.
const READING: Duration = Duration::from_secs(600);

/// The columns of the table.
const LEGEND: &str = "\
Columns (shares have a 95 % bootstrap interval):
accepted    an edit would be offered
repaired    the first answer was refused, the second accepted
exact       equal to the commit, except for spaces at line ends
parses      the last answer parsed as one complete item
check       the check passes with the edit; of those that pass with the commit
needless    changed lines that the commit does not change, of all changed lines
similarity  1 - Levenshtein distance / length, to the text after the commit
before      the same for the text before the commit
s p50, p95  seconds per edit, median and 95th percentile
";

#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  phi-ls eval edits
      repeat the edits of this repository's commits
  phi-ls eval edits --check 'cargo check'
      also measure whether the result compiles
  phi-ls eval edits --triples mine.jsonl --json
      your own instructions, as JSON
  phi-ls eval edits --truth --samples 100000
      how often the commits' own edits would be refused, and why

A file of triples has one object per line: instruction, path, before, after (the
whole text of the file). Ctrl-C prints the results so far; --resume continues.

{LEGEND}
--truth uses each changed item separately, also of commits that change several
items. A refusal is then a false refusal, or the commit does more than its
message says. `exact` should equal `accepted`."))]
pub struct Arguments {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Take the instructions from this file instead of a git history
    #[arg(long, value_name = "FILE", conflicts_with_all = ["repo", "commits"])]
    triples: Option<PathBuf>,
    /// Number of recent commits to search
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    commits: u32,
    /// Number of instructions
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    samples: u32,
    /// Seed of the choice of instructions
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Use this model instead of the setting `model.path`
    #[arg(long, value_name = model::VALUE)]
    model: Option<String>,
    /// Use no model: answer with the commit's own text, to measure false refusals
    #[arg(long, conflicts_with_all = ["model", "check"])]
    truth: bool,
    /// A command that succeeds if the result is correct; it runs in a copy, without a shell
    #[arg(long, value_name = "CMD", conflicts_with = "triples")]
    check: Option<CommandLine>,
    /// Print figures and edits as JSON
    #[arg(long)]
    json: bool,
    /// Journal of finished edits; default: a temporary file that only an interrupted run leaves
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Continue an interrupted run with the same arguments
    #[arg(long)]
    resume: bool,
}

pub fn run(arguments: Arguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let source = arguments.triples.as_ref().unwrap_or(&arguments.repo);
    let given = source.display();
    let source = canonicalize(source).with_context(|| {
        format!("{given}: name the repository's folder with --repo, or a file with --triples")
    })?;
    let root = arguments.triples.is_none().then_some(source.as_path());
    let roots: Vec<PathBuf> = root.map(|root| root.to_owned()).into_iter().collect();
    let mut settings = settings::in_force(&dirs, &roots, Level::Error);
    model::choose(&dirs, &mut settings, arguments.model.clone())?;
    let check = arguments.check.clone().map(|CommandLine(words)| words);
    let mut triples = match root {
        Some(root) => {
            let git = Git::within(root, READING).with_context(|| {
                format!(
                    "{given} is not in a git repository, or git is not installed; use --triples FILE instead"
                )
            })?;
            let which = if arguments.truth { Which::Items } else { Which::Whole };
            history::triples(&git, arguments.commits as usize, which)
                .context("git could not print the commits")?
        }
        None => triples::read(&source)?,
    };
    triples.retain(|triple| triple.site().is_some());
    anyhow::ensure!(
        !triples.is_empty(),
        "{given} has no commit that changes one item of one file in a supported language"
    );
    fastrand::Rng::with_seed(arguments.seed).shuffle(&mut triples);
    triples.truncate(arguments.samples as usize);
    super::super::runtime()?.block_on(evaluate(&arguments, source, settings, dirs, &triples, check))
}

async fn evaluate(
    arguments: &Arguments,
    source: PathBuf,
    settings: Settings,
    dirs: UserDirs,
    triples: &[Triple],
    check: Option<Vec<String>>,
) -> anyhow::Result<ExitCode> {
    let limits = &settings.repository;
    let bounds = Bounds { files: limits.max_files, bytes: (limits.max_megabytes as u64) << 20 };
    let task = match &check {
        Some(check) => format!("edits of {} commits, checked by {}", arguments.commits, check.join(" ")),
        None => format!("edits of {} commits", arguments.commits),
    };
    let (run, name) = if arguments.truth {
        (Run::of_truth(settings, bounds)?, TRUTH.to_owned())
    } else {
        let models = models(&settings, dirs).await?;
        let name = model_of(&models)?.model().name.clone();
        let repository = arguments.triples.is_none().then(|| source.clone());
        (Run::new(models, settings, bounds, repository, check)?, name)
    };
    let samples = arguments.samples as usize;
    let plan = Plan {
        repository: source.clone(),
        samples,
        seed: arguments.seed,
        kinds: Vec::new(),
        task,
        model: name.clone(),
    };
    let journal = arguments.journal.as_deref();
    let mut resumable = ResumableRun::begin(journal, &plan, triples.len(), "edit", arguments.resume);
    let edits = resumable.run(triples, |_| {}, async |triple| run.edit(triple).await, ctrl_c()).await?;
    let figures = summary::figures(&edits);
    let refusals = summary::refusals(&edits);
    if arguments.json {
        let heading = json!({
            "source": source, "seed": arguments.seed, "triples": triples.len(), "model": name,
            "check": arguments.check,
        });
        let refusals: Vec<_> =
            refusals.iter().map(|(reason, count)| json!({ "reason": reason, "count": count })).collect();
        let all = json!({
            "heading": heading, "done": edits.len(), "groups": figures, "refusals": refusals, "edits": edits,
        });
        print!("{all:#}\n");
    } else {
        print!("{}", text(&source, &name, arguments.seed, &edits, &figures));
        print!("{}", if arguments.truth { listed(&edits, &refusals) } else { counted(&refusals) });
    }
    Ok(resumable.end())
}

fn text(source: &std::path::Path, model: &str, seed: u64, edits: &[Edited], figures: &[Figures]) -> String {
    let mut answers =
        vec![["", "edits", "accepted", "repaired", "exact", "parses", "check"].map(str::to_owned)];
    answers.extend(figures.iter().map(|figures| {
        [
            figures.group.clone(),
            figures.triples.to_string(),
            estimate(figures.accepted),
            estimate(figures.repaired),
            estimate(figures.exact),
            estimate(figures.parses),
            estimate(figures.check_passes),
        ]
    }));
    let mut costs = vec![["", "needless", "similarity", "before", "s p50", "p95"].map(str::to_owned)];
    costs.extend(figures.iter().map(|figures| {
        [
            figures.group.clone(),
            estimate(figures.needless),
            estimate(figures.similarity),
            estimate(figures.similarity_before),
            format!("{:.1}", figures.milliseconds_p50 / 1e3),
            format!("{:.1}", figures.milliseconds_p95 / 1e3),
        ]
    }));
    format!(
        "{}: {} (seed {seed}); model {model}\n\n{}\n{}\n{LEGEND}",
        source.display(),
        messages::counted(edits.len(), "edit"),
        aligned(&answers),
        aligned(&costs)
    )
}

/// The reasons for refusals, in one line.
fn counted(refusals: &[(String, usize)]) -> String {
    let reasons: Vec<String> = refusals.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    if reasons.is_empty() { String::new() } else { format!("\nrefused: {}\n", reasons.join(", ")) }
}

/// A table of reasons, and a list of all refused edits.
fn listed(edits: &[Edited], refusals: &[(String, usize)]) -> String {
    if refusals.is_empty() {
        return "\nnothing was refused\n".to_owned();
    }
    let share = |count: usize| format!("{:.1} %", count as f64 / edits.len() as f64 * 100.0);
    let mut rows = vec![["refused", "edits", "share"].map(str::to_owned)];
    rows.extend(refusals.iter().map(|(reason, count)| [reason.clone(), count.to_string(), share(*count)]));
    let mut text = format!("\n{}\n", aligned(&rows));
    for edit in edits {
        if let Some((_, reason)) = &edit.refused {
            text += &format!("{} {} {}: {reason}\n", edit.name, edit.path, edit.item);
        }
    }
    text
}
