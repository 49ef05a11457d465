//! A progress line on the terminal while a subcommand waits for a model.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use phi_engine::Phase;
use tokio::time::{Instant, interval_at};

use crate::assistant::Assistant;
use crate::messages;
use crate::models::ModelState;

/// The time between updates; shorter waits show nothing.
const INTERVAL: Duration = Duration::from_millis(100);

/// Waits for `work` and shows the assistant's activity on stderr, if that is a terminal.
pub async fn shown<T>(assistant: &Assistant, work: impl Future<Output = T>) -> T {
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let bar = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is one"));
    let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => {
                bar.finish_and_clear();
                return done;
            }
            _ = ticks.tick() => {
                bar.set_message(doing(assistant));
                bar.tick();
            }
        }
    }
}

/// The current activity.
fn doing(assistant: &Assistant) -> String {
    let (state, indexing) = (assistant.models.state(), *assistant.workspace.indexing().borrow());
    match (&*state.borrow(), indexing) {
        (ModelState::Loading { name, fraction }, _) => format!("loading {name}, {:.0} %", fraction * 100.0),
        (_, Some((read, all))) => {
            format!("indexing the workspace, {read} of {}", messages::counted(all, "file"))
        }
        (ModelState::Searching, None) => "searching for a model".to_owned(),
        _ => {
            let work = assistant.models.engine().and_then(|engine| engine.status().work);
            match work.map(|work| work.phase) {
                Some(Phase::Reading { read, of }) => {
                    format!("reading {read} of {}", messages::counted(of, "token"))
                }
                Some(Phase::Writing { tokens }) => format!("writing, {}", messages::counted(tokens, "token")),
                None => "waiting".to_owned(),
            }
        }
    }
}
