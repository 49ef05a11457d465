//! `phi-ls complete`: one completion, as an editor gets it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::file_position::{FilePosition, OpenedFile};
use super::model;
use super::progress::shown;
use crate::assistant::Assistant;
use crate::cli::output::{self, eprintln, println};
use crate::complete::{self, Completion, CompletionRequest, NothingOffered, Trigger};
use crate::documents::Document;
use crate::models::ModelState;
use crate::user_dirs::UserDirs;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  phi-ls complete src/main.rs:12:8
      the text to insert before column 8 of line 12
  phi-ls complete src/main.rs:12:8 --show-prompt
      the prompt
  phi-ls complete src/main.rs:12:8 --model none
      the completion of the n-gram model

The exit code is 1 if there is no suggestion; stderr says why.")]
pub struct Arguments {
    /// The file and the cursor position; lines and columns count from 1, columns in characters
    #[arg(value_name = "FILE:LINE:COL")]
    position: FilePosition,
    /// Print text, position, model, time and tokens as JSON
    #[arg(long)]
    json: bool,
    /// Print the prompt instead of the completion
    #[arg(long, conflicts_with = "json")]
    show_prompt: bool,
    /// Use this model instead of the setting `model.path`
    #[arg(long, value_name = model::VALUE)]
    model: Option<String>,
}

pub fn run(arguments: Arguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let Arguments { position, json, show_prompt, model } = arguments;
    let opened = position.open(&dirs);
    if let Err(error) = &opened
        && let Some(withheld) = error.downcast_ref::<NothingOffered>()
    {
        return Ok(no_suggestion(&position, Some(withheld)));
    }
    let OpenedFile { document, cursor, root, mut settings } = opened?;
    settings.completion.enabled = true;
    model::choose(&dirs, &mut settings, model)?;

    let assistant = Assistant::start(settings, dirs, &[root]);
    super::runtime()?.block_on(async {
        assistant.workspace.documents.open((*document).clone());
        let settled = shown(&assistant, assistant.settled()).await;
        if let ModelState::Failed(reason) = settled {
            anyhow::bail!("{reason}\n{}", model::OTHERWISE);
        }
        if show_prompt {
            output::write_text(&format!("{}\n", complete::prompt(&assistant.completions, &document, cursor)));
            return Ok(ExitCode::SUCCESS);
        }
        let started = Instant::now();
        let completion = shown(&assistant, answer(&assistant, &document, cursor)).await;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        if json {
            println!("{:#}", as_json(&assistant, &position, &document, completion.as_ref(), milliseconds));
        } else if let Some(completion) = &completion {
            output::write_text(&format!("{}\n", completion.edit.new_text()));
        }
        Ok(match completion {
            Some(_) => ExitCode::SUCCESS,
            None => {
                no_suggestion(&position, assistant.completions.request_status().borrow().nothing.as_ref())
            }
        })
    })
}

/// Says why nothing is offered.
fn no_suggestion(position: &FilePosition, why: Option<&NothingOffered>) -> ExitCode {
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    eprintln!("phi-ls: no suggestion at {position}{why}");
    ExitCode::FAILURE
}

/// The complete answer: asks again until the generation has ended.
async fn answer(assistant: &Assistant, document: &Arc<Document>, cursor: usize) -> Option<Completion> {
    loop {
        let ask = CompletionRequest { document: document.clone(), cursor, trigger: Trigger::Invoked };
        let completion = complete::complete(&assistant.completions, ask).await.ok().flatten();
        let has_ended = assistant.completions.usage(&document.id).is_some();
        if has_ended || !assistant.models.is_working() {
            return completion;
        }
    }
}

fn as_json(
    assistant: &Assistant,
    position: &FilePosition,
    document: &Document,
    completion: Option<&Completion>,
    milliseconds: f64,
) -> serde_json::Value {
    let at = |byte: usize| {
        let text = &document.text;
        let line = text.byte_to_line(byte);
        json!({ "line": line + 1, "column": text.byte_to_char(byte) - text.line_to_char(line) + 1 })
    };
    let usage = assistant.completions.usage(&document.id).unwrap_or_default();
    json!({
        "file": position.file,
        "completion": completion.map(|completion| json!({
            "text": completion.edit.new_text(),
            "replaces": { "from": at(completion.edit.range().start), "to": at(completion.edit.range().end) },
        })),
        "model": assistant.models.name(),
        "milliseconds": (milliseconds * 10.0).round() / 10.0,
        "tokens": {
            "prompt": usage.prompt,
            "cached": usage.cached,
            "prefilled": usage.prefilled,
            "generated": usage.generated,
        },
    })
}
