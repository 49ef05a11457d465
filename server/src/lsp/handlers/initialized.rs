//! `initialized`: from now on, the server may send requests and notifications.

use super::{configuration, inline_completion, watched_files};
use crate::lsp::session::Session;
use crate::lsp::{Setup, install_hint, log, progress, status};
use crate::next_edit;
use crate::repository::indexer::Event;

/// Starts the background tasks.
pub fn handle(session: &Session, setup: Setup) {
    let Setup { log, hint_shown, .. } = setup;
    let Session { client, tasks, assistant, .. } = session;
    if let Some(messages) = log {
        tasks.spawn(log::send(client.clone(), messages));
    }
    let jobs = session.jobs.clone();
    tasks.spawn(status::follow(client.clone(), assistant.clone(), jobs, session.status_changed.clone()));
    if session.support.progress {
        tasks.spawn(progress::follow(client.clone(), assistant.clone()));
    }
    if session.support.inline_completion {
        tasks.spawn(next_edit::prefetch(assistant.next_edits.clone()));
    }
    if let Some(ready) = session.ready.lock().take() {
        let (client, assistant) = (client.clone(), assistant.clone());
        tasks.spawn(inline_completion::follow_ready(client, assistant, ready, session.support.encoding));
    }
    if let Some(shown) = hint_shown.filter(|_| session.support.message_actions) {
        tasks.spawn(install_hint::show(client.clone(), assistant.clone(), shown));
    }
    if session.support.configuration_registration {
        tasks.spawn(configuration::subscribe(client.clone()));
    }
    if session.support.configuration {
        session.refresh_settings();
    }
    if session.support.watched_files {
        tasks.spawn(watched_files::subscribe(client.clone(), assistant.clone()));
    }
    assistant.workspace.notify(Event::Watch { files: session.watch_files });
}
