//! `phi-ls eval completion`: fills holes in a repository's files and compares.

use crate::cli::output::print;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use tokio::signal::ctrl_c;

use super::report::{self, Heading};
use super::resumable::ResumableRun;
use crate::assistant::Assistant;
use crate::cli::{model, settings};
use crate::context::ContextScope;
use crate::eval::completion::{ArmPlan, Run};
use crate::eval::corpus::{Corpus, Hole};
use crate::eval::holes::Kind;
use crate::eval::journal::Plan;
use crate::eval::retrieval::Retrieval;
use crate::eval::sample;
use crate::files::canonicalize;
use crate::models::{ModelState, Models};
use crate::prompt;
use crate::repository::Background;
use crate::repository::guidance;
use crate::repository::rules::Rules;
use crate::repository::walk::Bounds;
use crate::settings::{Level, Settings};
use crate::user_dirs::UserDirs;

/// The end of Phi-3.5-mini's short window: the context budget if no model is used.
const WINDOW: usize = 4096;

#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  phi-ls eval completion
      200 holes in this repository, with the full context
  phi-ls eval completion --context repository --against file
      compare two context scopes on the same holes
  phi-ls eval completion --retrieval
      recall of the retrieved context, without a model
  phi-ls eval completion --model none --json > figures.json
      the n-gram model, as JSON

Ctrl-C prints the results so far; --resume continues.

{}
--json: `heading` describes the run, `done` is the number of finished holes.
`groups` has the figures of each context and their `difference` (first minus
second), or those of retrieval: for all holes, each kind, repeated and unique
lines, and each language. A figure is `value`, `low`, `high`; shares are 0 to 1.", report::LEGEND))]
pub struct Arguments {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Number of holes
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    samples: u32,
    /// Scope of the context
    #[arg(long, value_enum, default_value = "repository")]
    context: ContextScope,
    /// Compare with this scope on the same holes
    #[arg(long, value_enum)]
    against: Option<ContextScope>,
    /// Use this model instead of the setting `model.path`
    #[arg(long, value_name = model::VALUE)]
    model: Option<String>,
    /// Seed of the choice of holes
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Kinds of text to remove
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Kind::ALL)]
    kinds: Vec<Kind>,
    /// Use no model: measure whether the context contains the declarations and lines that the answers need
    #[arg(long, conflicts_with_all = ["against", "model"])]
    retrieval: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Journal of finished holes; default: a file in the temporary folder
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Continue an interrupted run with the same arguments
    #[arg(long)]
    resume: bool,
}

pub fn run(arguments: Arguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let given = arguments.repo.display();
    let root = canonicalize(&arguments.repo)
        .with_context(|| format!("{given}: name the repository's folder with --repo"))?;
    anyhow::ensure!(root.is_dir(), "{given} is a file; name the repository's folder with --repo");
    let mut settings = settings::in_force(&dirs, std::slice::from_ref(&root), Level::Error);
    model::choose(&dirs, &mut settings, arguments.model.clone())?;
    let mut kinds = arguments.kinds.clone();
    kinds.sort();
    kinds.dedup();

    let limits = &settings.repository;
    let bounds = Bounds { files: limits.max_files, bytes: (limits.max_megabytes as u64) << 20 };
    let rules = Rules::new(std::slice::from_ref(&root), &limits.secret_files);
    let corpus = Corpus::read(&root, &rules, bounds);
    let holes = sample::choose(&corpus, arguments.samples as usize, &kinds, arguments.seed);
    anyhow::ensure!(
        !holes.is_empty(),
        "{given} has no code with holes of these kinds ({} files were read)",
        corpus.files.len()
    );
    super::super::runtime()?.block_on(evaluate(&arguments, kinds, settings, dirs, &corpus, &holes))
}

async fn evaluate(
    arguments: &Arguments,
    kinds: Vec<Kind>,
    settings: Settings,
    dirs: UserDirs,
    corpus: &Corpus,
    holes: &[Hole],
) -> anyhow::Result<ExitCode> {
    let models = match arguments.retrieval {
        true => None,
        false => Some(models(&settings, dirs).await?),
    };
    let breadths: Vec<ContextScope> = [arguments.context].into_iter().chain(arguments.against).collect();
    let model = models.as_ref().map(Models::name);
    let task = if arguments.retrieval { "retrieval" } else { "completion" };
    let names: Vec<String> = breadths.iter().map(|&breadth| report::name(breadth).to_owned()).collect();
    let plan = Plan {
        repository: corpus.root.clone(),
        samples: arguments.samples as usize,
        seed: arguments.seed,
        kinds: kinds.iter().map(|kind| kind.name().to_owned()).collect(),
        task: format!("{task} {}", names.join(" ")),
        model: model.clone().unwrap_or_default(),
    };
    let journal = arguments.journal.clone().unwrap_or_else(|| default_journal(&plan));
    let mut resumable = ResumableRun::begin(&journal, &plan, holes.len(), "holes", arguments.resume);
    let heading = Heading {
        repository: corpus.root.clone(),
        files: corpus.files.len(),
        seed: arguments.seed,
        holes: holes.len(),
        model,
        contexts: names,
    };
    let background = background(&corpus.root);
    let text = if let Some(models) = models {
        let arms = breadths.iter().map(|&scope| ArmPlan {
            scope,
            engine: models.engine(),
            ngram: !models.is_neural(),
        });
        let run = Run::new(corpus, background, &settings, arms);
        let samples = resumable
            .run(holes, |hole| run.pass(hole), async |hole| Ok(run.fill(hole).await), ctrl_c())
            .await?;
        report::completion(&heading, &samples, arguments.json)
    } else {
        let budget = prompt::completion_budget(
            WINDOW,
            settings.completion.context_tokens,
            settings.completion.max_tokens,
        );
        let mut retrieval = Retrieval::new(corpus, background, budget, arguments.context);
        let found = resumable.run(holes, |_| {}, async |hole| Ok(retrieval.look(hole)), ctrl_c()).await?;
        report::retrieval(&heading, &found, arguments.json)
    };
    print!("{text}");
    Ok(resumable.end())
}

/// Loads the model of the settings; the n-gram model alone if there is none.
pub(super) async fn models(settings: &Settings, dirs: UserDirs) -> anyhow::Result<Models> {
    let assistant = Assistant::start(settings.clone(), dirs, &[]);
    match assistant.settled().await {
        ModelState::Failed(reason) => anyhow::bail!("{reason}\n{}", model::OTHERWISE),
        _ => Ok(assistant.models.engine().map_or_else(Models::default, Models::from)),
    }
}

/// The context of a repository besides its files. Leaves out uncommitted changes: they would point at current work, not
/// at the holes.
fn background(root: &Path) -> Background {
    let guidance = guidance::read(&Rules::new(&[root.to_owned()], &[]), root)
        .map(|guidance| (root.to_owned(), guidance));
    Background {
        roots: vec![root.to_owned()],
        guidance: guidance.into_iter().collect(),
        ..Default::default()
    }
}

pub(super) fn default_journal(plan: &Plan) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(plan).unwrap_or_default().hash(&mut hasher);
    std::env::temp_dir().join(format!("phi-ls-eval-{:016x}.jsonl", hasher.finish()))
}
