//! `phi-ls context`: the context in the prompt at a position, and the reason for each part.

use std::path::Path;
use std::process::ExitCode;

use super::file_position::{FilePosition, OpenedFile, from_here};
use super::model;
use super::progress::shown;
use super::table::aligned;
use crate::assistant::Assistant;
use crate::cli::output::{print, println};
use crate::complete::{self, NothingOffered};
use crate::context::Report;
use crate::models::ModelState;
use crate::user_dirs::UserDirs;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  phi-ls context src/main.rs:12:8
      each part with its source, score, tokens and reason
  phi-ls context src/main.rs:12:8 --json
      the same with the text of each part

`phi-ls complete --show-prompt` prints the prompt built from it.")]
pub struct Arguments {
    /// The file and the cursor position; lines and columns count from 1, columns in characters
    #[arg(value_name = "FILE:LINE:COL")]
    position: FilePosition,
    /// Print all parts with their text as JSON
    #[arg(long)]
    json: bool,
    /// Count tokens with this model's tokenizer instead of the setting `model.path`
    #[arg(long, value_name = model::VALUE)]
    model: Option<String>,
}

pub fn run(arguments: Arguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let Arguments { position, json, model } = arguments;
    let OpenedFile { document, cursor, root, mut settings } = position.open(&dirs)?;
    model::choose(&dirs, &mut settings, model)?;
    let assistant = Assistant::start(settings, dirs, &[root]);
    super::runtime()?.block_on(async {
        assistant.workspace.documents.open((*document).clone());
        if let ModelState::Failed(reason) = shown(&assistant, assistant.settled()).await {
            anyhow::bail!("{reason}\n{}", model::OTHERWISE);
        }
        let report = complete::explain(&assistant.completions, &document, cursor).ok_or_else(|| {
            let why = assistant.workspace.may_be_shown(&document).err().unwrap_or_default();
            anyhow::Error::new(NothingOffered::Withheld(why)).context(position.file.display().to_string())
        })?;
        if json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{}", as_text(&report));
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn as_text(report: &Report) -> String {
    let head = ["SOURCE", "SCORE", "TOKENS", "WHERE", "WHY"].map(str::to_owned);
    let rows = report.parts.iter().map(|part| {
        let lines =
            if part.to > part.from { format!("{}-{}", part.from, part.to) } else { part.from.to_string() };
        [
            part.source.clone(),
            part.score.map_or_else(String::new, |score| format!("{score:.2}")),
            part.tokens.to_string(),
            format!(
                "{}:{lines}",
                part.file.as_ref().map_or(part.path.clone(), |file| from_here(Path::new(file)))
            ),
            part.reason.clone(),
        ]
    });
    let table = aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    let (tokens, budget) = (&report.tokens, &report.budget);
    format!(
        "{table}\n{} of {} tokens: window {} of {}, guidance {} of {}, snippets {} of {}\n",
        tokens.total,
        budget.total,
        tokens.window,
        budget.window,
        tokens.guidance,
        budget.guidance,
        tokens.snippets,
        budget.snippets
    )
}
