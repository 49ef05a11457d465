//! `phi-ls demo`: a short session with a sample repository, as an editor would have it.
//!
//! The server is the real one, spoken to over a pipe in its own protocol by a small client; only the editor's window is
//! made of lines on standard output.

mod client;
mod session;

use std::process::ExitCode;
use std::time::Duration;

use anstream::println;
use clap::builder::styling::{AnsiColor, Color, Style};

use self::client::Client;
use self::session::{Buffer, Ghost, Session};
use crate::assistant::{Assistant, ModelState};
use crate::lsp::{self, Setup};
use crate::models::NONE;
use crate::places::Places;
use crate::settings::{self, Settings};

/// The sample repository.
const FILES: [(&str, &str); 4] = [
    ("shop/orders.py", include_str!("sample/orders.py")),
    ("shop/invoices.py", include_str!("sample/invoices.py")),
    ("web/orders.ts", include_str!("sample/orders.ts")),
    ("web/invoices.ts", include_str!("sample/invoices.ts")),
];

/// One place where somebody types.
struct Scene {
    says: &'static str,
    file: &'static str,
    /// The cursor begins at the end of the line that begins like this.
    line: &'static str,
    types: &'static str,
}

const SCENES: [Scene; 2] = [
    Scene {
        says: "A method like one in another file",
        file: "shop/invoices.py",
        line: "def net(",
        types: "\n    total = s",
    },
    Scene {
        says: "The same in another language",
        file: "web/invoices.ts",
        line: "const path",
        types: "\n  const res",
    },
];

/// So often what is drawn is accepted, at the most.
const ACCEPTS: usize = 4;

const GHOST: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::BrightBlack))).italic();
const HEADING: Style = Style::new().bold();
const KEY: Style = AnsiColor::Cyan.on_default();

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Play it with this model, or with `auto` for the one that your settings choose; by default without any
    #[arg(long, value_name = "PATH|auto", default_value = NONE, hide_default_value = true)]
    model: String,
}

pub fn run(arguments: Arguments, places: Places) -> anyhow::Result<ExitCode> {
    let folder = tempfile::Builder::new().prefix("phi-ls-demo-").tempdir()?;
    for (path, text) in FILES {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        std::fs::write(path, text)?;
    }
    let mut settings = Settings::default();
    let places = match arguments.model.as_str() {
        "auto" => {
            settings = settings::load(&settings::of_files(places.settings_file.as_deref(), &[])).0;
            places
        }
        // Nothing of the user's is touched.
        model => {
            settings.model.path = model.to_owned();
            Places { home: places.home, ..Places::default() }
        }
    };
    super::runtime()?.block_on(async {
        let assistant = Assistant::start(settings, places, &[folder.path().to_owned()]);
        let state = assistant.settled().await;
        if let ModelState::Failed(reason) = state.model {
            anyhow::bail!("{reason}");
        }
        play(assistant, folder.path()).await?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn play(assistant: Assistant, folder: &std::path::Path) -> anyhow::Result<()> {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let (read, write) = tokio::io::split(theirs);
    let model = assistant.engine().model().clone();
    let server = tokio::spawn(lsp::serve(read, write, Setup::default(), move |_, _| assistant));
    let mut session = Session::open(Client::new(ours), folder).await?;

    println!(
        "phi-ls {} is open on a sample repository; the model is {}.\n",
        env!("CARGO_PKG_VERSION"),
        model.name
    );
    let mut latencies = Vec::new();
    for scene in &SCENES {
        println!("{HEADING}{}{HEADING:#}  {}", scene.file, scene.says);
        let mut buffer = session.open_file(scene.file, scene.line).await?;
        let mut ghost = session.type_text(&mut buffer, scene.types).await?;
        for _ in 0..ACCEPTS {
            draw(&buffer, ghost.as_ref());
            let Some(drawn) = ghost else { break };
            latencies.push(drawn.latency);
            ghost = session.accept(&mut buffer, &drawn).await?;
        }
        println!();
    }
    session.close().await?;
    server.await?;
    Ok(())
}

fn draw(buffer: &Buffer, ghost: Option<&Ghost>) {
    let number = buffer.line_number();
    match ghost {
        None => println!("{number:>5} | {}", buffer.typed()),
        Some(Ghost { text, latency }) => {
            let mut lines = text.split('\n');
            let first = lines.next().unwrap_or_default();
            println!(
                "{number:>5} | {}{GHOST}{first}{GHOST:#}  {KEY}[Tab]{KEY:#} {}",
                buffer.typed(),
                shown(*latency)
            );
            for line in lines {
                println!("      | {GHOST}{line}{GHOST:#}");
            }
        }
    }
}

fn shown(latency: Duration) -> String {
    format!("{:.1} ms", latency.as_secs_f64() * 1e3)
}
