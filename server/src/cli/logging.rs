//! Where log messages go: stderr, and for a server the client's log as well.

use std::io::IsTerminal;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{fmt, reload};

use crate::lsp::log::{self, Messages};
use crate::settings::Level;

/// Goes before `log.level`, in the form of `RUST_LOG`.
const VARIABLE: &str = "PHI_LS_LOG";

/// Changes the level of a log that runs. Does nothing where the environment has decided it.
pub struct Volume(Option<reload::Handle<EnvFilter, tracing_subscriber::Registry>>);

impl Volume {
    pub fn set(&self, level: Level) {
        if let Some(filter) = &self.0 {
            let _ = filter.reload(of_level(level));
        }
    }
}

/// Logs to stderr from now on; what the client should see comes through the messages.
pub fn start(level: Level) -> (Volume, Messages) {
    let directives = std::env::var(VARIABLE).ok().filter(|directives| !directives.trim().is_empty());
    let (by_user, wrong) = match directives.map(EnvFilter::try_new) {
        Some(Ok(filter)) => (Some(filter), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let is_by_user = by_user.is_some();
    let (filter, handle) = reload::Layer::new(by_user.unwrap_or_else(|| of_level(level)));
    let (forward, messages) = log::forward();
    let to_stderr = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // A process logs once; a second log (in a test) would have been the first's.
    let _ = tracing_subscriber::registry().with(filter).with(to_stderr).with(forward).try_init();
    if let Some(error) = wrong {
        tracing::warn!("{VARIABLE} is ignored: {error}");
    }
    (Volume((!is_by_user).then_some(handle)), messages)
}

/// Ours at this level, libraries at `warn` at the most.
fn of_level(level: Level) -> EnvFilter {
    let others = if level == Level::Error { Level::Error } else { Level::Warn };
    let name = level.name();
    EnvFilter::new(format!("{},phi_ls={name},phi_engine={name}", others.name()))
}
