//! `phi-ls model`: lists the models on this machine, and chooses one.

use std::process::ExitCode;

use anyhow::Context;

use super::table;
use crate::models::{self, AUTO, Facts, Model, NONE, Source};
use crate::settings::{self, Settings};
use crate::user_dirs::UserDirs;

#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
phi-ls downloads nothing. It uses the models of Ollama, the Hugging Face cache,
llama.cpp and LM Studio in place. Other GGUF files can be anywhere, or in
phi-ls's own model folder (`phi-ls model list` prints it).")]
pub enum Command {
    /// List all models found, and which one is used
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Choose a model: writes `model.path` to your settings
    #[command(after_help = "\
Examples:
  phi-ls model use phi3.5               a model of Ollama
  phi-ls model use ~/models/phi35.gguf  a file
  phi-ls model use none                 only the n-gram model
  phi-ls model use auto                 the first usable one of `phi-ls model list`")]
    Use {
        /// A GGUF file, a Hugging Face folder, or a name that `phi-ls model list` shows
        #[arg(value_name = VALUE)]
        model: String,
    },
}

/// The values of an option `--model`, the same in all subcommands.
pub const VALUE: &str = "PATH|NAME|auto|none";
/// Advice if a model cannot be used.
pub const OTHERWISE: &str = "`phi-ls model list` lists the models; `--model auto` uses the first usable one, `--model none` only \
                             the n-gram model";

/// Overrides the setting `model.path` with the value of an option `--model`.
///
/// # Errors
/// There is no such model, or it cannot be used; the message says what to do.
pub fn choose(dirs: &UserDirs, settings: &mut Settings, given: Option<String>) -> anyhow::Result<()> {
    settings.model.path = match given {
        None => return Ok(()),
        Some(word) if [AUTO, NONE].contains(&word.as_str()) => word,
        Some(name) => {
            let model = models::named(dirs, &name).map_err(anyhow::Error::msg)?;
            if let Facts::Unusable { reason } = &model.facts {
                anyhow::bail!("{reason}\n{OTHERWISE}");
            }
            model.path.display().to_string()
        }
    };
    Ok(())
}

pub fn run(command: Command, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let (settings, _) = settings::load(&settings::of_files(dirs.settings_file.as_deref(), &[]));
    match command {
        Command::List { json } => {
            let (models, used) = models::list(&dirs, &settings);
            if json {
                println!("{}", as_json(&models, used)?);
            } else {
                print!("{}", as_table(&models, used));
                if used.is_none() {
                    let gap = if models.is_empty() { "" } else { "\n" };
                    println!("{gap}{}", unused(&dirs, &settings, &models));
                }
            }
        }
        Command::Use { model } => use_model(&dirs, &settings, &model)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes `model.path` after checking that the model can be loaded.
fn use_model(dirs: &UserDirs, settings: &Settings, name: &str) -> anyhow::Result<()> {
    let file = dirs.settings_file.as_deref().context("there is no home folder for a settings file")?;
    let write = |value: &str| {
        settings::write(file, "model.path", value)
            .with_context(|| format!("{} was not changed", file.display()))
    };
    match name {
        AUTO | NONE => write(name)?,
        _ => {
            let model = models::named(dirs, name).map_err(anyhow::Error::msg)?;
            if let Facts::Unusable { reason } = &model.facts {
                anyhow::bail!("{reason}");
            }
            write(&model.path.display().to_string())?;
            println!("{}", model.path.display());
        }
    }
    let before = Some(settings.model.path.as_str()).filter(|before| !before.is_empty()).unwrap_or("not set");
    anstream::eprintln!(
        "model.path was {before}; the new value is in {}. Restart the server in your editor.",
        file.display()
    );
    Ok(())
}

fn as_table(models: &[Model], used: Option<usize>) -> String {
    if models.is_empty() {
        return String::new();
    }
    let head = ["", "MODEL", "SOURCE", "SIZE", "WEIGHTS", "CONTEXT", "PATH"].map(str::to_owned);
    let row = |(index, model): (usize, &Model)| {
        let (weights, context) = match &model.facts {
            Facts::Usable { quantization, context } => (quantization.clone(), context.to_string()),
            Facts::Unusable { .. } => ("-".to_owned(), "-".to_owned()),
        };
        [
            if used == Some(index) { "*" } else { "" }.to_owned(),
            model.name.clone(),
            model.source.to_string(),
            table::bytes(model.bytes),
            weights,
            context,
            model.path.display().to_string(),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(models.iter().enumerate().map(row)).collect();
    let mut text = table::aligned(&rows);
    let unusable: Vec<_> = models
        .iter()
        .filter_map(|model| match &model.facts {
            Facts::Unusable { reason } => Some(format!("  {}: {reason}\n", model.name)),
            Facts::Usable { .. } => None,
        })
        .collect();
    if !unusable.is_empty() {
        text += &format!("\nNot usable:\n{}", unusable.concat());
    }
    text
}

fn as_json(models: &[Model], used: Option<usize>) -> anyhow::Result<String> {
    let mut list = serde_json::to_value(models)?;
    for (index, model) in list.as_array_mut().into_iter().flatten().enumerate() {
        model["usable"] = models[index].is_usable().into();
        model["used"] = (used == Some(index)).into();
    }
    Ok(serde_json::to_string_pretty(&list)?)
}

/// Why no model is used, and what to do.
fn unused(dirs: &UserDirs, settings: &Settings, models: &[Model]) -> String {
    if let Some(by) = models::declined(dirs, settings) {
        return format!(
            "No model is used, because {by} is `none`; `phi-ls model use auto` uses the first usable one."
        );
    }
    match models.iter().find(|model| [Source::Setting, Source::Environment].contains(&model.source)) {
        Some(Model { source, name, .. }) => {
            format!(
                "No model is used: {source} is {name}, which is not usable. {}",
                models::otherwise(*source)
            )
        }
        None => hint(dirs),
    }
}

/// Advice if no model is used.
pub fn hint(dirs: &UserDirs) -> String {
    let folder = dirs
        .models
        .first()
        .map(|folder| format!(" (in {}, for example)", folder.display()))
        .unwrap_or_default();
    format!(
        "No model is used: the n-gram model completes from the text of the workspace.\n\
         Install Phi-3.5-mini (2.4 GB), for example with `ollama pull phi3.5`,\n\
         or choose a GGUF file{folder} with `phi-ls model use PATH`."
    )
}
