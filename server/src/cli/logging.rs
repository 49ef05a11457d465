//! Logging to stderr and, in the server, to the client's log.

use std::io::IsTerminal;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{fmt, reload};

use crate::lsp::log::{self, Messages};
use crate::settings::Level;

/// Overrides `log.level`; in the syntax of `RUST_LOG`.
const VARIABLE: &str = "PHI_LS_LOG";

/// Changes the log level at run time. Does nothing if the environment sets it.
pub struct LogLevelHandle(Option<reload::Handle<EnvFilter, tracing_subscriber::Registry>>);

impl LogLevelHandle {
    pub fn set(&self, level: Level) {
        if let Some(filter) = &self.0 {
            let _ = filter.reload(of_level(level));
        }
    }
}

/// Starts logging to stderr. The returned messages are for the client's log.
pub fn start(level: Level) -> (LogLevelHandle, Messages) {
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
    // A process can set its logger only once; a second call, in tests, keeps the first.
    let _ = tracing_subscriber::registry().with(filter).with(to_stderr).with(forward).try_init();
    if let Some(error) = wrong {
        tracing::warn!("{VARIABLE} is ignored: {error}");
    }
    (LogLevelHandle((!is_by_user).then_some(handle)), messages)
}

/// This level for phi-ls, and at most `warn` for libraries.
fn of_level(level: Level) -> EnvFilter {
    let others = if level == Level::Error { Level::Error } else { Level::Warn };
    let name = level.name();
    EnvFilter::new(format!("{},phi_ls={name},phi_engine={name}", others.name()))
}
