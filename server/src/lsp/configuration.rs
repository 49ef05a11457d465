//! The client's settings: `initializationOptions`, `workspace/configuration`, `workspace/didChangeConfiguration`.

use std::path::PathBuf;

use serde_json::Value;
use tower_lsp::Client;
use tower_lsp::ls_types::{ConfigurationItem, MessageType, Registration};

use crate::settings::{self, Layer, Problem, Settings};

/// The section that clients keep our settings under.
const SECTION: &str = "phi-ls";

/// Where settings come from, but for what the client may send later.
#[derive(Debug, Clone)]
pub struct Configuration {
    user_file: Option<PathBuf>,
    initialization_options: Option<Layer>,
}

impl Configuration {
    /// Of a client that has sent these `initializationOptions`.
    pub fn new(user_file: Option<PathBuf>, options: Option<Value>) -> Configuration {
        let layer = |values| Layer::Editor { how: "initializationOptions", values };
        Configuration { user_file, initialization_options: options.and_then(section).map(layer) }
    }

    /// The settings that follow from the files as they are now, those of these workspace folders among them, and from
    /// what the client says, last of all `latest`; and what is wrong in them.
    pub fn settings(&self, roots: &[PathBuf], latest: Option<Layer>) -> (Settings, Vec<Problem>) {
        let mut layers = settings::of_files(self.user_file.as_deref(), roots);
        layers.extend(self.initialization_options.clone());
        layers.extend(latest);
        settings::load(&layers)
    }
}

/// Our section of what a client sent, with or without the section's name around it; `null` is nothing.
pub fn section(mut sent: Value) -> Option<Value> {
    let settings = sent.get_mut(SECTION).map(Value::take).unwrap_or(sent);
    (!settings.is_null()).then_some(settings)
}

/// Settings that came with `workspace/didChangeConfiguration`.
pub fn sent(values: Value) -> Layer {
    Layer::Editor { how: "workspace/didChangeConfiguration", values }
}

/// Asks the client for our section.
pub async fn pull(client: &Client) -> Option<Layer> {
    let item = ConfigurationItem { scope_uri: None, section: Some(SECTION.to_owned()) };
    match client.configuration(vec![item]).await {
        Ok(answers) => answers
            .into_iter()
            .next()
            .filter(|values| !values.is_null())
            .map(|values| Layer::Editor { how: "workspace/configuration", values }),
        Err(error) => {
            tracing::warn!("the client did not tell its settings: {error}");
            None
        }
    }
}

/// Asks the client to tell us when our section changes.
pub async fn subscribe(client: Client) {
    let registration = Registration {
        id: "phi-ls/configuration".to_owned(),
        method: "workspace/didChangeConfiguration".to_owned(),
        register_options: Some(serde_json::json!({ "section": SECTION })),
    };
    if let Err(error) = client.register_capability(vec![registration]).await {
        tracing::warn!("the client will not tell when its settings change: {error}");
    }
}

/// Shows what is wrong in the settings: in full in the log, the first to the user.
pub async fn show(client: &Client, problems: &[Problem]) {
    for problem in problems {
        tracing::warn!("settings: {problem}");
    }
    let message = match problems {
        [] => return,
        [only] => format!("phi-ls settings: {only}"),
        [first, more @ ..] => format!("phi-ls settings: {first} (and {} more in the log)", more.len()),
    };
    client.show_message(MessageType::WARNING, message).await;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_section_may_have_its_name_around_it() {
        assert_eq!(section(json!({"phi-ls": {"a": 1}, "other": 2})), Some(json!({"a": 1})));
        assert_eq!(section(json!({"a": 1})), Some(json!({"a": 1})));
        assert_eq!(section(json!({"phi-ls": null})), None);
        assert_eq!(section(Value::Null), None);
    }
}
