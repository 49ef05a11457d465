//! `phi-ls demo`: a short editor session in a sample repository.
//!
//! A small client talks LSP to the real server over a pipe, and prints what an editor would draw.

mod client;
mod session;

use std::process::ExitCode;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Color, Style};
use phi_engine::ModelInfo;

use self::client::Client;
use self::session::{Buffer, Ghost, Session};
use super::model;
use crate::assistant::Assistant;
use crate::cli::output::println;
use crate::lsp::{self, Setup};
use crate::messages;
use crate::models::ModelState;
use crate::models::{AUTO, NONE};
use crate::settings::{self, Settings};
use crate::user_dirs::UserDirs;

/// The sample repository: a client in Python, an importer in Rust.
const FILES: [(&str, &str); 6] = [
    ("client/customers.py", include_str!("sample/customers.py")),
    ("client/invoices.py", include_str!("sample/invoices.py")),
    ("client/products.py", include_str!("sample/products.py")),
    ("import/customers.rs", include_str!("sample/customers.rs")),
    ("import/invoices.rs", include_str!("sample/invoices.rs")),
    ("import/products.rs", include_str!("sample/products.rs")),
];

/// One file to type into.
struct Scene {
    file: &'static str,
    /// The cursor starts at the end of the line that starts with this.
    line: &'static str,
    /// Text to type; after each piece, the ghost text is accepted.
    types: &'static [&'static str],
}

const SCENES: [Scene; 2] = [
    Scene {
        file: "client/invoices.py",
        line: "url =",
        types: &[
            "\n    try:\n        response = client.get(url, timeout=TIMEOUT)\n        ",
            "\n    ",
            "\n    ",
        ],
    },
    Scene { file: "import/invoices.rs", line: "pub fn", types: &["\n    let text = std::fs::", "\n    "] },
];

/// Maximum number of suggestions accepted in a row.
const ACCEPTS: usize = 3;

const GHOST: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::BrightBlack))).italic();
const STRONG: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Use this model; default: only the n-gram model
    #[arg(long, value_name = model::VALUE, default_value = NONE, hide_default_value = true)]
    model: String,
}

pub fn run(arguments: Arguments, dirs: UserDirs) -> anyhow::Result<ExitCode> {
    let folder = tempfile::Builder::new().prefix("phi-ls-demo-").tempdir()?;
    for (path, text) in FILES {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        std::fs::write(path, text)?;
    }
    let mut settings = Settings::default();
    let dirs = match arguments.model.as_str() {
        AUTO => {
            settings = settings::load(&settings::of_files(dirs.settings_file.as_deref(), &[])).0;
            settings.model.path = AUTO.to_owned();
            dirs
        }
        // The user's files are not touched.
        _ => {
            model::choose(&dirs, &mut settings, Some(arguments.model))?;
            UserDirs { home: dirs.home, ..UserDirs::default() }
        }
    };
    super::runtime()?.block_on(async {
        let assistant = Assistant::start(settings, dirs, &[folder.path().to_owned()]);
        let state = assistant.settled().await;
        if let ModelState::Failed(reason) = state {
            anyhow::bail!("{reason}");
        }
        play(assistant, folder.path()).await?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn play(assistant: Assistant, folder: &std::path::Path) -> anyhow::Result<()> {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let (read, write) = tokio::io::split(theirs);
    let model = assistant.models.engine().map(|engine| engine.model().clone());
    let server = tokio::spawn(lsp::serve(read, write, Setup::default(), move |_, _| assistant));
    let mut session = Session::open(Client::new(ours), folder).await?;

    println!("phi-ls {} in a sample repository, {}.", env!("CARGO_PKG_VERSION"), described(model.as_ref()));
    println!("The text after the bar is ghost text; Tab accepts it each time.");
    let mut latencies = Vec::new();
    for scene in &SCENES {
        println!("\n{STRONG}{}{STRONG:#}", scene.file);
        let mut buffer = session.open_file(scene.file, scene.line).await?;
        for text in scene.types {
            let from = buffer.line_number();
            let mut ghost = session.type_text(&mut buffer, text).await?;
            for number in from + 1..buffer.line_number() {
                println!("{number:>4}  {}", buffer.line(number));
            }
            draw(&buffer, ghost.as_ref());
            for _ in 0..ACCEPTS {
                let Some(drawn) = ghost.take() else { break };
                latencies.push(drawn.latency);
                ghost = session.accept(&mut buffer, &drawn).await?;
                if ghost.is_some() {
                    draw(&buffer, ghost.as_ref());
                }
            }
        }
    }
    session.close().await?;
    server.await?;
    latencies.sort();
    if let Some(median) = latencies.get(latencies.len() / 2) {
        let count = messages::counted(latencies.len(), "suggestion");
        println!("\n{count}; {} from key to answer (median).", shown(*median));
    }
    println!("{}", what_next(model.is_some()));
    Ok(())
}

fn described(model: Option<&ModelInfo>) -> String {
    match model {
        None => "with the n-gram model: it suggests text that the repository already contains".to_owned(),
        Some(model) => format!("with {} {}", model.name, model.quantization),
    }
}

/// Prints the line with the cursor, the ghost text after it, and the latency.
fn draw(buffer: &Buffer, ghost: Option<&Ghost>) {
    let (number, typed) = (buffer.line_number(), buffer.typed());
    let Some(Ghost { text, latency }) = ghost else {
        return println!("{number:>4}  {typed}");
    };
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    let latency = shown(*latency);
    println!("{number:>4}  {typed}{STRONG}|{STRONG:#}{GHOST}{first}{GHOST:#}  {QUIET}{latency}{QUIET:#}");
    for (number, line) in (number + 1..).zip(lines) {
        println!("{number:>4}  {GHOST}{line}{GHOST:#}");
    }
}

fn shown(latency: Duration) -> String {
    format!("{:.1} ms", latency.as_secs_f64() * 1e3)
}

const MODEL_NEXT: &str = "  phi-ls model pull && phi-ls demo --model auto
      the same with Phi-3.5-mini (2.4 GB), which writes new code
";
const NEXT: &str = "  phi-ls doctor
      check the setup
  phi-ls serve
      the language server; setup: editors/vscode, editors/nvim and editors/helix";

fn what_next(has_model: bool) -> String {
    let model = if has_model { "" } else { MODEL_NEXT };
    format!("\n{STRONG}Next steps{STRONG:#}\n{model}{NEXT}")
}
