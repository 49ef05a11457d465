//! `phi-ls doctor`: checks the setup and suggests fixes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::styling::AnsiColor;
use serde::Serialize;

use super::hardware::{self, Hardware, Memory};
use super::{model, table};
use crate::cli::output::println;
use crate::messages;
use crate::models::{self, Choice, Facts, Model};
use crate::repository;
use crate::settings::{self, Settings};
use crate::user_dirs::UserDirs;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print JSON, for a bug report
    #[arg(long)]
    json: bool,
}

/// The report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    version: &'static str,
    machine: Hardware,
    models: Vec<Model>,
    findings: Vec<Finding>,
}

/// One line of the report.
#[derive(Serialize)]
struct Finding {
    level: Level,
    topic: &'static str,
    text: String,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Good,
    /// Works, but could be better.
    Note,
    Problem,
}

pub fn run(arguments: Arguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let here = std::env::current_dir().unwrap_or_default();
    let root = repository::root_of(&here.join("file"));
    let layers = settings::of_files(dirs.settings_file.as_deref(), std::slice::from_ref(&root));
    let (settings, problems) = settings::load(&layers);
    let machine = Hardware::detect();
    let (models, used) = models::list(&dirs, &settings);

    let mut findings = vec![of_machine(&machine)];
    findings.push(of_settings(&dirs, &problems));
    findings.push(of_project(&root));
    findings.push(of_model(&dirs, &settings, &models, used));
    if let (Some(at), Some(memory)) = (used, machine.memory) {
        findings.push(of_memory(memory, &settings, &models[at]));
    }
    findings.extend(of_editors(std::env::var_os("PATH").unwrap_or_default()));

    let is_well = findings.iter().all(|finding| finding.level != Level::Problem);
    let report = Report { version: env!("CARGO_PKG_VERSION"), machine, models, findings };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &Report) {
    println!("phi-ls {}", report.version);
    for Finding { level, topic, text, advice } in &report.findings {
        let (mark, colour) = match level {
            Level::Good => ("ok", AnsiColor::Green),
            Level::Note => ("note", AnsiColor::Yellow),
            Level::Problem => ("PROBLEM", AnsiColor::Red),
        };
        let style = colour.on_default();
        println!("{style}{mark:>7}{style:#}  {topic:<9} {}", indented(text));
        if let Some(advice) = advice {
            println!("{:>7}  {:<9} {}", "", "", indented(advice));
        }
    }
}

/// Indents the lines after the first.
fn indented(text: &str) -> String {
    text.replace('\n', &format!("\n{:19}", ""))
}

fn of_machine(machine: &Hardware) -> Finding {
    let Hardware { os, architecture, cores, threads, simd, .. } = machine;
    let memory = machine.memory.map_or("an unknown amount".to_owned(), |memory| table::bytes(memory.total));
    let simd_names = if simd.is_empty() { "no SIMD".to_owned() } else { simd.join(", ") };
    let slow = architecture == &"x86_64" && !simd.contains(&"AVX2");
    Finding {
        level: if slow { Level::Note } else { Level::Good },
        topic: "machine",
        text: format!(
            "{os} {architecture}, {}, {}, {simd_names}, {memory} of memory",
            messages::counted(*cores, "core"),
            messages::counted(*threads, "thread")
        ),
        advice: slow.then(|| "without AVX2 a model is slow; the n-gram model is not affected".to_owned()),
    }
}

fn of_settings(dirs: &UserDirs, problems: &[settings::Problem]) -> Finding {
    let file = match &dirs.settings_file {
        Some(file) if file.exists() => file.display().to_string(),
        Some(file) => format!("defaults; {} does not exist", file.display()),
        None => "defaults; there is no home folder for a settings file".to_owned(),
    };
    let lines: Vec<_> = problems.iter().map(settings::Problem::to_string).collect();
    let level = if problems.is_empty() { Level::Good } else { Level::Problem };
    let text = std::iter::once(file).chain(lines).collect::<Vec<_>>().join("\n");
    let advice = (level == Level::Problem).then(|| "`phi-ls settings` lists all settings".to_owned());
    Finding { level, topic: "settings", text, advice }
}

fn of_project(root: &Path) -> Finding {
    let is_repository = root.join(".git").exists();
    let kind = if is_repository { "git repository" } else { "folder without a git repository" };
    Finding {
        level: Level::Good,
        topic: "project",
        text: format!("{} ({kind})", root.display()),
        advice: None,
    }
}

fn of_model(dirs: &UserDirs, settings: &Settings, models: &[Model], used: Option<usize>) -> Finding {
    let finding = |level, text, advice| Finding { level, topic: "model", text, advice };
    if let Some(at) = used {
        let Model { name, source, path, bytes, facts } = &models[at];
        let weights = match facts {
            Facts::Usable { quantization, .. } => quantization.as_str(),
            Facts::Unusable { .. } => "",
        };
        let text = format!("{name} {weights}, {}, from {source}: {}", table::bytes(*bytes), path.display());
        return finding(Level::Good, text, None);
    }
    if let Some(by) = models::declined(dirs, settings) {
        return finding(Level::Good, format!("none, set by {by}"), None);
    }
    if let Choice::Unusable { by, reason, .. } = models::choose(dirs, settings) {
        let advice = models::otherwise(by).to_owned();
        return finding(Level::Problem, format!("{by}: {reason}"), Some(advice));
    }
    let text = match models.len() {
        0 => "none on this machine".to_owned(),
        found => format!("{found} found, none usable; `phi-ls model list` says why"),
    };
    finding(Level::Note, text, Some(model::hint(dirs)))
}

fn of_memory(memory: Memory, settings: &Settings, model: &Model) -> Finding {
    let needed = hardware::memory_needed(model, settings);
    let text = format!(
        "{} needed with this model, {} available",
        table::bytes(needed),
        table::bytes(memory.available)
    );
    let (level, advice) = if needed > memory.total {
        (Level::Problem, Some("use a smaller model file (Q4_K_M), or lower model.kvMegabytes".to_owned()))
    } else if needed > memory.available {
        (Level::Note, Some("close other programs, or lower model.kvMegabytes".to_owned()))
    } else {
        (Level::Good, None)
    };
    Finding { level, topic: "memory", text, advice }
}

/// Editors on `PATH`, and where their setup is described.
fn of_editors(path: std::ffi::OsString) -> Vec<Finding> {
    let editors = [
        (
            "nvim",
            "Neovim",
            "0.12: see editors/nvim, or vim.lsp.config('phi_ls', { cmd = { 'phi-ls', 'serve' } })",
        ),
        ("hx", "Helix", "see editors/helix: add phi-ls to the language-servers of your languages"),
        ("helix", "Helix", "see editors/helix: add phi-ls to the language-servers of your languages"),
        ("code", "VS Code", "install the extension of editors/vscode"),
    ];
    let is_there = |program: &str| {
        std::env::split_paths(&path).find_map(|folder| {
            let with_end = folder.join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
            with_end.is_file().then_some(with_end)
        })
    };
    let finding = |(name, how, program): (&str, &str, PathBuf)| Finding {
        level: Level::Good,
        topic: "editor",
        text: format!("{name}, {}: {how}", program.display()),
        advice: None,
    };
    let found: Vec<_> = editors
        .into_iter()
        .filter_map(|(program, name, how)| Some(finding((name, how, is_there(program)?))))
        .collect();
    if found.is_empty() {
        return vec![Finding {
            level: Level::Note,
            topic: "editor",
            text: "neither Neovim, Helix nor VS Code is on PATH".to_owned(),
            advice: Some("any LSP client works: it starts `phi-ls serve`".to_owned()),
        }];
    }
    found
}
