//! `phi-ls model`: lists the models on this machine, chooses one, and downloads one.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::hardware::{self, Memory, memory_needed};
use super::table;
use crate::cli::output::{eprintln, print, println};
use crate::messages;
use crate::models::{self, AUTO, Choice, Facts, Model, NONE, NoModel};
use crate::pull::{Download, Hub, Retries, Target, catalog};
use crate::settings::{self, Settings};
use crate::user_dirs::UserDirs;

#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
phi-ls uses the models of Ollama, the Hugging Face cache,
llama.cpp and LM Studio in place. Other GGUF files can be anywhere, or in
phi-ls's own model folder (`phi-ls model list` prints it).")]
pub enum Command {
    /// List all models found, and which one is used
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Download a model into phi-ls's own model folder
    #[command(after_help = pull_help())]
    Pull {
        /// A name of the list below, hf:OWNER/REPOSITORY/FILE.gguf[@REVISION], or an http(s) address
        #[arg(value_name = "NAME|hf:FILE|URL", default_value = catalog::DEFAULT.name)]
        model: String,
        /// The SHA-256 that the file must have; files of Hugging Face repositories are always checked
        #[arg(long, value_name = "HEX")]
        sha256: Option<String>,
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

fn pull_help() -> String {
    let head = ["NAME", "SIZE", "LICENCE", "GOOD AT"].map(str::to_owned);
    let row = |entry: &catalog::Entry| {
        [entry.name.to_owned(), table::bytes(entry.bytes), entry.license.to_owned(), entry.good_at.to_owned()]
    };
    let rows: Vec<_> = std::iter::once(head).chain(catalog::CATALOG.iter().map(row)).collect();
    format!(
        "{}\nA model needs memory for its size and for the setting model.kvMegabytes. A download \
         that was interrupted continues where it ended. Environment variables: HF_ENDPOINT \
         (another Hugging Face server), HF_TOKEN (for models that need an account), \
         HTTPS_PROXY, HTTP_PROXY, NO_PROXY.",
        table::aligned(&rows)
    )
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
            let model = named(dirs, &name)?;
            if let Facts::Unusable { reason } = &model.facts {
                anyhow::bail!("{reason}\n{OTHERWISE}");
            }
            model.path.display().to_string()
        }
    };
    Ok(())
}

/// The model with this name, or how to get it.
fn named(dirs: &UserDirs, name: &str) -> anyhow::Result<Model> {
    models::named(dirs, name).map_err(|error| {
        let downloads = match &error {
            NoModel::Unknown { similar: None, .. } => catalog::similar(name),
            _ => Vec::new(),
        };
        let commands: Vec<_> = downloads.iter().map(|known| format!("phi-ls model pull {known}")).collect();
        let commands = messages::one_of(&commands.iter().map(String::as_str).collect::<Vec<_>>());
        match &downloads[..] {
            [] => error.into(),
            _ => anyhow::anyhow!("there is no file and no model `{name}`; {commands} downloads it"),
        }
    })
}

pub fn run(command: Command, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let (settings, _) = settings::load(&settings::of_files(dirs.settings_file.as_deref(), &[]));
    match command {
        Command::List { json } => {
            let (models, used) = models::list(&dirs, &settings);
            if json {
                println!("{}", as_json(&models, used, &settings)?);
            } else {
                print!("{}", as_table(&models, used, &settings));
                if used.is_none() {
                    let gap = if models.is_empty() { "" } else { "\n" };
                    println!("{gap}{}", unused(&dirs, &settings));
                }
            }
        }
        Command::Pull { model, sha256 } => pull(&dirs, &settings, &model, sha256.as_deref())?,
        Command::Use { model } => use_model(&dirs, &settings, &model)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Downloads a model, and says what to do with it.
fn pull(dirs: &UserDirs, settings: &Settings, name: &str, sha256: Option<&str>) -> anyhow::Result<()> {
    let folder = dirs.models.first().context("there is no cache folder for models")?;
    let is_hash = |hex: &str| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    anyhow::ensure!(sha256.is_none_or(is_hash), "--sha256 takes 64 hexadecimal digits");
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let hub = Hub::of(variable("HF_ENDPOINT").as_deref(), variable("HF_TOKEN")).context("HF_ENDPOINT")?;
    let target = Target::parse(name, &hub)?;
    eprintln!("{} -> {}", target.url, folder.join(&target.file).display());
    let retries = Retries::default();
    let download = Download { target: &target, hub: &hub, folder, sha256, retries };
    let bar = if std::io::stderr().is_terminal() { ProgressBar::no_length() } else { ProgressBar::hidden() };
    let template =
        "{bar:30} {percent} %  {decimal_bytes} of {decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left";
    let bar = bar.with_style(ProgressStyle::with_template(template).expect("the template is one"));
    let mut progress = |there: u64, of: Option<u64>| {
        if bar.length() != of {
            bar.set_length(of.unwrap_or_default());
            // What was there before says nothing of the speed.
            bar.set_position(there);
            bar.reset_eta();
        }
        bar.set_position(there);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(download.run(&mut progress));
    bar.finish_and_clear();
    let found = found?;
    let checked = if found.was_checked { "checked" } else { "nothing to compare it with" };
    println!("{}", found.path.display());
    eprintln!(
        "{}SHA-256 {} ({checked})",
        if found.was_there { "It was there already. " } else { "" },
        found.sha256
    );
    after_pull(dirs, settings, &found.path);
    Ok(())
}

/// Whether the new model is used, and what to do if not.
fn after_pull(dirs: &UserDirs, settings: &Settings, path: &Path) {
    let (models, used) = models::list(dirs, settings);
    let Some(at) = models.iter().position(|model| model.path == path) else { return };
    let model = &models[at];
    match &model.facts {
        Facts::Unusable { reason } => eprintln!("This version of phi-ls cannot use it: {reason}"),
        Facts::Usable { .. } if used == Some(at) => {
            eprintln!("phi-ls uses it from the next start of the server on.");
        }
        Facts::Usable { .. } => eprintln!("To use it: phi-ls model use {}", model.name),
    }
}

/// Writes `model.path` after checking that the model can be loaded.
fn use_model(dirs: &UserDirs, settings: &Settings, name: &str) -> anyhow::Result<()> {
    let file = dirs.settings_file.as_deref().context("there is no home folder for a settings file")?;
    let write = |value: &str| {
        settings::write(file, "model.path", value)
            .with_context(|| format!("{} was not changed", file.display()))
    };
    match name {
        NONE => write(NONE)?,
        AUTO => {
            write(AUTO)?;
            let mut settings = settings.clone();
            settings.model.path = AUTO.to_owned();
            match models::choose(dirs, &settings) {
                Choice::Use(model) => println!("{}", model.path.display()),
                _ => eprintln!("{}", hint(dirs)),
            }
        }
        _ => {
            let model = named(dirs, name)?;
            if let Facts::Unusable { reason } = &model.facts {
                anyhow::bail!("{reason}");
            }
            write(&model.path.display().to_string())?;
            println!("{}", model.path.display());
        }
    }
    let before = Some(settings.model.path.as_str()).filter(|before| !before.is_empty()).unwrap_or("not set");
    eprintln!(
        "model.path was {before}; the new value is in {}. Restart the server in your editor.",
        file.display()
    );
    Ok(())
}

fn as_table(models: &[Model], used: Option<usize>, settings: &Settings) -> String {
    if models.is_empty() {
        return String::new();
    }
    let head =
        ["", "MODEL", "SOURCE", "SIZE", "WEIGHTS", "FAMILY", "FORMAT", "CONTEXT", "PATH"].map(str::to_owned);
    let row = |(index, model): (usize, &Model)| {
        let [weights, family, format, context] = match &model.facts {
            Facts::Usable { architecture, quantization, chat, fim, context } => [
                quantization.clone(),
                (*architecture).to_owned(),
                format_of(*chat, *fim).to_owned(),
                context.to_string(),
            ],
            Facts::Unusable { .. } => ["-"; 4].map(str::to_owned),
        };
        [
            if used == Some(index) { "*" } else { "" }.to_owned(),
            model.name.clone(),
            model.source.to_string(),
            if model.path.exists() { table::bytes(model.bytes) } else { "-".to_owned() },
            weights,
            family,
            format,
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
    let memory = hardware::memory();
    let large =
        models.iter().filter(|model| model.is_usable() && fits(model, settings, memory) == Some(false));
    let large: String = large
        .map(|model| format!("  {}: {}\n", model.name, table::bytes(memory_needed(model, settings))))
        .collect();
    if !large.is_empty() {
        text += &format!("\nMore memory needed than this machine has:\n{large}");
    }
    text
}

/// The formats of prompts that a model knows.
fn format_of(chat: bool, fim: bool) -> &'static str {
    match (chat, fim) {
        (true, true) => "chat, FIM",
        (true, false) => "chat",
        (false, true) => "FIM",
        (false, false) => "plain",
    }
}

/// Whether the machine has the memory for a model; `None` if it does not say how much it has.
fn fits(model: &Model, settings: &Settings, memory: Option<Memory>) -> Option<bool> {
    Some(memory_needed(model, settings) <= memory?.total)
}

fn as_json(models: &[Model], used: Option<usize>, settings: &Settings) -> anyhow::Result<String> {
    let mut list = serde_json::to_value(models)?;
    let memory = hardware::memory();
    for (index, model) in list.as_array_mut().into_iter().flatten().enumerate() {
        model["fitsInMemory"] = fits(&models[index], settings, memory).into();
        model["usable"] = models[index].is_usable().into();
        model["used"] = (used == Some(index)).into();
    }
    Ok(serde_json::to_string_pretty(&list)?)
}

/// Why no model is used, and what to do.
fn unused(dirs: &UserDirs, settings: &Settings) -> String {
    if let Some(by) = models::declined(dirs, settings) {
        return format!(
            "No model is used, because {by} is `none`; `phi-ls model use auto` uses the first usable one."
        );
    }
    match models::choose(dirs, settings) {
        Choice::Unusable { by, name, .. } => {
            format!("No model is used: {by} is {name}, which is not usable. {}", models::otherwise(by))
        }
        _ => hint(dirs),
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
         `phi-ls model pull` downloads Phi-3.5-mini (2.4 GB); `ollama pull phi3.5` also works,\n\
         and `phi-ls model use PATH` chooses a GGUF file{folder}."
    )
}
