//! `phi-ls complete`: one completion, by the flow that editors ask.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use serde_json::json;

use super::logging;
use crate::assistant::{Assistant, ModelState};
use crate::complete::{self, Ask, Completion, Trigger};
use crate::documents::{Document, DocumentId};
use crate::places::Places;
use crate::repository;
use crate::repository::rules::Rules;
use crate::settings::{self, Level};

/// As large a document as the server takes from an editor.
const FILE_BYTES: u64 = 64 << 20;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  phi-ls complete src/main.rs:12:8                what would be inserted in front of the eighth character of line 12
  phi-ls complete src/main.rs:12:8 --show-prompt  what the model is asked
  phi-ls complete src/main.rs:12:8 --model none   from the text of the repository alone

The exit code is 1 where there is nothing to suggest.")]
pub struct Arguments {
    /// The file and the cursor's place in it; lines and columns count from 1, columns in characters
    #[arg(value_name = "FILE:LINE:COL")]
    place: Place,
    /// Print text, place, model, time and tokens as JSON
    #[arg(long)]
    json: bool,
    /// Print what the model is asked instead of its answer
    #[arg(long, conflicts_with = "json")]
    show_prompt: bool,
    /// Use this model instead of the one that the settings choose; `none` for none
    #[arg(long, value_name = "PATH|none")]
    model: Option<String>,
}

/// `FILE:LINE:COL`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    file: PathBuf,
    line: usize,
    column: usize,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        let form = "expected FILE:LINE:COL, for example src/main.rs:12:8";
        let mut pieces = text.rsplitn(3, ':');
        let mut number = || pieces.next().and_then(|piece| piece.parse::<usize>().ok()).ok_or(form);
        let (column, line) = (number()?, number()?);
        let file = pieces.next().filter(|file| !file.is_empty()).ok_or(form)?;
        if line == 0 || column == 0 {
            return Err("lines and columns count from 1".to_owned());
        }
        Ok(Place { file: file.into(), line, column })
    }
}

impl Place {
    /// The byte offset in the file's text.
    fn offset(&self, document: &Document) -> anyhow::Result<usize> {
        let text = &document.text;
        let (file, lines) = (self.file.display(), text.len_lines());
        anyhow::ensure!(self.line <= lines, "{file} has {lines} lines, so there is no line {}", self.line);
        let line = text.line(self.line - 1);
        let characters = line.chars().take_while(|char| !matches!(char, '\n' | '\r')).count();
        anyhow::ensure!(
            self.column <= characters + 1,
            "line {} of {file} has {characters} characters, so the last column is {}, not {}",
            self.line,
            characters + 1,
            self.column
        );
        Ok(text.char_to_byte(text.line_to_char(self.line - 1) + self.column - 1))
    }
}

pub fn run(arguments: Arguments, places: Places) -> anyhow::Result<ExitCode> {
    let Arguments { place, json, show_prompt, model } = arguments;
    let path = std::path::absolute(&place.file).context("the current folder is gone")?;
    let root = repository::root_of(&path);
    let (mut settings, problems) =
        settings::load(&settings::of_files(places.settings_file.as_deref(), std::slice::from_ref(&root)));
    Rules::new(std::slice::from_ref(&root), &settings.repository.secret_files).check(&path)?;
    let file = read(&path).with_context(|| place.file.display().to_string())?;
    // What a user must know is said below.
    logging::start(Level::Error);
    for problem in problems {
        anstream::eprintln!("phi-ls settings: {problem}");
    }
    settings.completion.enabled = true;
    settings.model.path = model.unwrap_or(settings.model.path);
    let id = DocumentId(path.to_string_lossy().into());
    let document = Arc::new(Document::open(id, Some(path), "", 1, &file));
    let cursor = place.offset(&document)?;

    let assistant = Assistant::start(settings, places, &[root]);
    super::runtime()?.block_on(async {
        assistant.documents.open((*document).clone());
        let settled = assistant.settled().await;
        if let ModelState::Failed(reason) = settled.model {
            anyhow::bail!("{reason}\n`--model none` completes without a model");
        }
        if show_prompt {
            println!("{}", complete::prompt(&assistant, &document, cursor));
            return Ok(ExitCode::SUCCESS);
        }
        let started = Instant::now();
        let completion = answer(&assistant, &document, cursor).await;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        if json {
            println!("{:#}", as_json(&assistant, &place, &document, completion.as_ref(), milliseconds));
        } else if let Some(completion) = &completion {
            println!("{}", completion.edit.new_text());
        }
        Ok(match completion {
            Some(_) => ExitCode::SUCCESS,
            None => {
                anstream::eprintln!("phi-ls: nothing to suggest there ({})", assistant.engine().model().name);
                ExitCode::FAILURE
            }
        })
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    let metadata = std::fs::metadata(path)?;
    anyhow::ensure!(metadata.is_file(), "is not a file");
    anyhow::ensure!(metadata.len() <= FILE_BYTES, "is too large to be completed in");
    String::from_utf8(std::fs::read(path)?).context("is not UTF-8 text")
}

/// The whole answer, however long it takes: asked for again until the generation has ended.
async fn answer(assistant: &Assistant, document: &Arc<Document>, cursor: usize) -> Option<Completion> {
    loop {
        let ask = Ask { document: document.clone(), cursor, trigger: Trigger::Invoked };
        let completion = complete::complete(assistant, ask).await.ok().flatten();
        let has_ended = assistant.completions.usage(&document.id).is_some();
        if has_ended || assistant.engine().status().jobs == 0 {
            return completion;
        }
    }
}

fn as_json(
    assistant: &Assistant,
    place: &Place,
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
        "file": place.file,
        "completion": completion.map(|completion| json!({
            "text": completion.edit.new_text(),
            "replaces": { "from": at(completion.edit.range().start), "to": at(completion.edit.range().end) },
        })),
        "model": assistant.engine().model().name,
        "milliseconds": (milliseconds * 10.0).round() / 10.0,
        "tokens": {
            "prompt": usage.prompt,
            "cached": usage.cached,
            "prefilled": usage.prefilled,
            "generated": usage.generated,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Result<(String, usize, usize), String> {
        text.parse::<Place>().map(|place| (place.file.display().to_string(), place.line, place.column))
    }

    #[test]
    fn a_place_is_a_file_a_line_and_a_column() {
        assert_eq!(place("src/a.rs:12:8"), Ok(("src/a.rs".into(), 12, 8)));
        assert_eq!(place("C:\\a:b.rs:1:1"), Ok(("C:\\a:b.rs".into(), 1, 1)));
        for wrong in ["a.rs", "a.rs:1", ":1:2", "a.rs:x:2", "a.rs:1:-2", ""] {
            assert!(place(wrong).is_err_and(|message| message.starts_with("expected")), "{wrong}");
        }
        assert_eq!(place("a.rs:0:1"), Err("lines and columns count from 1".into()));
    }

    #[test]
    fn columns_count_characters_and_end_behind_the_last() {
        let document = Document::open(DocumentId("a".into()), None, "", 1, "é😀x\r\n\nlast");
        let offset = |line, column| {
            let place = Place { file: "a".into(), line, column };
            place.offset(&document).map_err(|error| error.to_string())
        };
        assert_eq!(
            [(1, 1), (1, 3), (1, 4), (2, 1), (3, 5)].map(|(line, column)| offset(line, column).ok()),
            [Some(0), Some(6), Some(7), Some(9), Some(14)]
        );
        assert_eq!(offset(4, 1), Err("a has 3 lines, so there is no line 4".into()));
        assert_eq!(offset(1, 5), Err("line 1 of a has 3 characters, so the last column is 4, not 5".into()));
    }
}
