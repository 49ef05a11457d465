//! A `tracing` layer that sends log messages to the client, in addition to the one that writes to stderr.

use std::fmt::Write;

use tokio::sync::mpsc;
use tower_lsp::Client;
use tower_lsp::ls_types::MessageType;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Maximum number of queued messages; further ones are dropped.
const MAX_WAITING: usize = 256;

/// The layer; forwards messages of phi-ls at level `info` and above.
#[derive(Debug)]
pub struct Forward {
    messages: mpsc::Sender<(MessageType, String)>,
}

/// The forwarded messages, for [`super::serve`].
#[derive(Debug)]
pub struct Messages {
    messages: mpsc::Receiver<(MessageType, String)>,
}

/// Creates the layer and the receiver of its messages.
pub fn forward() -> (Forward, Messages) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    (Forward { messages: sender }, Messages { messages: receiver })
}

impl<S: Subscriber> Layer<S> for Forward {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let ours = ["phi_ls", "phi_engine"].iter().any(|name| metadata.target().starts_with(name));
        let kind = match *metadata.level() {
            Level::ERROR => MessageType::ERROR,
            Level::WARN => MessageType::WARNING,
            Level::INFO => MessageType::INFO,
            _ => return,
        };
        if ours {
            let mut line = Line::default();
            event.record(&mut line);
            // Drop the message if the queue is full: logging must never block.
            let _ = self.messages.try_send((kind, line.message + &line.fields));
        }
    }
}

/// `message key=value key=value`.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

/// Sends the messages to the client.
pub async fn send(client: Client, mut messages: Messages) {
    while let Some((kind, message)) = messages.messages.recv().await {
        client.log_message(kind, message).await;
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::*;

    #[test]
    fn warnings_of_phi_ls_are_logged_with_their_fields() {
        let (layer, mut caught) = forward();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(file = "a.gguf", tensor = 3, "a tensor is missing");
            tracing::debug!("too quiet");
            tracing::warn!(target: "other", "not ours");
        });
        let warning = (MessageType::WARNING, "a tensor is missing file=a.gguf tensor=3".to_owned());
        assert_eq!(caught.messages.try_recv(), Ok(warning));
        assert!(caught.messages.try_recv().is_err());
    }
}
