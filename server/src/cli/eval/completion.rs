//! `phi-ls eval completion`: fills holes in a repository's files and compares.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use tokio::signal::ctrl_c;

use super::report::{self, Heading};
use super::resumable::ResumableRun;
use crate::assistant::Assistant;
use crate::cli::output::print;
use crate::cli::{model, settings};
use crate::context::ContextScope;
use crate::eval::completion::{ArmPlan, Run};
use crate::eval::corpus::{Corpus, Hole};
use crate::eval::holes::Kind;
use crate::eval::journal::Plan;
use crate::eval::retrieval::Retrieval;
use crate::eval::sample;
use crate::files::canonicalize;
use crate::messages::counted;
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
lines, and each language. A figure is `value`, `low`, `high`; shares are 0 to 1.", report::legend(true)))]
pub struct Arguments {
    #[command(flatten)]
    choice: HoleChoice,
    /// Scope of the context
    #[arg(long, value_enum, default_value = "repository")]
    context: ContextScope,
    /// Compare with this scope on the same holes
    #[arg(long, value_enum)]
    against: Option<ContextScope>,
    /// Use this model instead of the setting `model.path`
    #[arg(long, value_name = model::VALUE)]
    model: Option<String>,
    /// Use no model: measure whether the context contains the declarations and lines that the answers need
    #[arg(long, conflicts_with_all = ["against", "model"])]
    retrieval: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Example:
  phi-ls eval compare --model phi-3.5-mini.gguf --model qwen2.5-coder.gguf
      which one completes this repository better

Both models are in memory at once. Ctrl-C prints the results so far; --resume
continues.

{}", report::legend(true)))]
pub struct CompareArguments {
    #[command(flatten)]
    choice: HoleChoice,
    /// Scope of the context
    #[arg(long, value_enum, default_value = "repository")]
    context: ContextScope,
    /// A model; give two
    #[arg(long = "model", value_name = model::VALUE, required = true)]
    models: Vec<String>,
}

/// Which text to remove, and where the results go.
#[derive(Debug, clap::Args)]
struct HoleChoice {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Number of holes
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    samples: u32,
    /// Seed of the choice of holes
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Kinds of text to remove
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Kind::ALL)]
    kinds: Vec<Kind>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Journal of finished holes; default: a temporary file that only an interrupted run leaves
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Continue an interrupted run with the same arguments
    #[arg(long)]
    resume: bool,
}

/// A repository with its holes.
struct Subject {
    settings: Settings,
    corpus: Corpus,
    kinds: Vec<Kind>,
    holes: Vec<Hole>,
}

impl HoleChoice {
    fn subject(&self, dirs: &UserDirs, model: Option<String>) -> anyhow::Result<Subject> {
        let given = self.repo.display();
        let root = canonicalize(&self.repo)
            .with_context(|| format!("{given}: name the repository's folder with --repo"))?;
        anyhow::ensure!(root.is_dir(), "{given} is a file; name the repository's folder with --repo");
        let mut settings = settings::in_force(dirs, std::slice::from_ref(&root), Level::Error);
        model::choose(dirs, &mut settings, model)?;
        let mut kinds = self.kinds.clone();
        kinds.sort();
        kinds.dedup();
        let limits = &settings.repository;
        let bounds = Bounds { files: limits.max_files, bytes: (limits.max_megabytes as u64) << 20 };
        let rules = Rules::new(std::slice::from_ref(&root), &limits.secret_files);
        let corpus = Corpus::read(&root, &rules, bounds);
        let holes = sample::choose(&corpus, self.samples as usize, &kinds, self.seed);
        anyhow::ensure!(
            !holes.is_empty(),
            "{given} has no code with holes of these kinds ({} read)",
            counted(corpus.files.len(), "file")
        );
        Ok(Subject { settings, corpus, kinds, holes })
    }
}

pub fn run(arguments: Arguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let subject = arguments.choice.subject(&dirs, arguments.model.clone())?;
    let breadths: Vec<ContextScope> = [arguments.context].into_iter().chain(arguments.against).collect();
    let names: Vec<String> = breadths.iter().map(|&breadth| report::name(breadth).to_owned()).collect();
    super::super::runtime()?.block_on(async {
        if arguments.retrieval {
            return look_up(&arguments.choice, arguments.context, names, &subject).await;
        }
        let models = models(&subject.settings, dirs).await?;
        let arm =
            |&scope: &ContextScope| ArmPlan { scope, engine: models.engine(), ngram: !models.is_neural() };
        let arms = breadths.iter().map(arm).collect();
        let labels = Labels { task: "completion", model: models.name(), arms: names };
        evaluate(&arguments.choice, labels, arms, &subject).await
    })
}

/// Two models on the same holes.
pub fn compare(arguments: CompareArguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let CompareArguments { choice, context, models: names } = arguments;
    anyhow::ensure!(names.len() == 2, "give --model twice; {} were given", names.len());
    let subject = choice.subject(&dirs, None)?;
    super::super::runtime()?.block_on(async {
        let (mut arms, mut labels) = (Vec::new(), Vec::new());
        for name in names {
            let mut settings = subject.settings.clone();
            model::choose(&dirs, &mut settings, Some(name.clone()))?;
            let models = models(&settings, dirs.clone()).await?;
            labels.push(format!("{} {}", models.name(), report::name(context)));
            arms.push(ArmPlan { scope: context, engine: models.engine(), ngram: !models.is_neural() });
        }
        let model = labels.join(", ");
        evaluate(&choice, Labels { task: "compare", model, arms: labels }, arms, &subject).await
    })
}

/// The names of a run's parts.
struct Labels {
    task: &'static str,
    model: String,
    arms: Vec<String>,
}

impl HoleChoice {
    /// The plan of a run, and the heading of its results.
    fn plan(&self, subject: &Subject, labels: Labels) -> (Plan, Heading) {
        let Labels { task, model, arms } = labels;
        let plan = Plan {
            repository: subject.corpus.root.clone(),
            samples: self.samples as usize,
            seed: self.seed,
            kinds: subject.kinds.iter().map(|kind| kind.name().to_owned()).collect(),
            task: format!("{task} {}", arms.join(" ")),
            model: model.clone(),
        };
        let heading = Heading {
            repository: subject.corpus.root.clone(),
            files: subject.corpus.files.len(),
            seed: self.seed,
            holes: subject.holes.len(),
            model: Some(model).filter(|model| !model.is_empty()),
            contexts: arms,
        };
        (plan, heading)
    }
}

async fn evaluate(
    choice: &HoleChoice,
    labels: Labels,
    arms: Vec<ArmPlan>,
    subject: &Subject,
) -> anyhow::Result<ExitCode> {
    let (plan, heading) = choice.plan(subject, labels);
    let Subject { corpus, settings, holes, .. } = subject;
    let mut resumable =
        ResumableRun::begin(choice.journal.as_deref(), &plan, holes.len(), "hole", choice.resume);
    let run = Run::new(corpus, background(&corpus.root), settings, arms);
    let samples =
        resumable.run(holes, |hole| run.pass(hole), async |hole| Ok(run.fill(hole).await), ctrl_c()).await?;
    print!("{}", report::completion(&heading, &samples, choice.json));
    Ok(resumable.end())
}

/// Whether the context contains what the answers need, without a model.
async fn look_up(
    choice: &HoleChoice,
    context: ContextScope,
    arms: Vec<String>,
    subject: &Subject,
) -> anyhow::Result<ExitCode> {
    let (plan, heading) = choice.plan(subject, Labels { task: "retrieval", model: String::new(), arms });
    let Subject { corpus, settings, holes, .. } = subject;
    let mut resumable =
        ResumableRun::begin(choice.journal.as_deref(), &plan, holes.len(), "hole", choice.resume);
    let limits = &settings.completion;
    let budget = prompt::completion_budget(WINDOW, limits.context_tokens, limits.max_tokens);
    let mut retrieval = Retrieval::new(corpus, background(&corpus.root), budget, context);
    let found = resumable.run(holes, |_| {}, async |hole| Ok(retrieval.look(hole)), ctrl_c()).await?;
    print!("{}", report::retrieval(&heading, &found, choice.json));
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
