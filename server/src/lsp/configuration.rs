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
    roots: Vec<PathBuf>,
    initialization_options: Option<Value>,
}

impl Configuration {
    /// Of a client that has opened these folders.
    pub fn new(
        user_file: Option<PathBuf>,
        roots: Vec<PathBuf>,
        initialization_options: Option<Value>,
    ) -> Configuration {
        let initialization_options = initialization_options.and_then(section);
        Configuration { user_file, roots, initialization_options }
    }

    /// The settings that follow from all layers, the client's own last, and what is wrong in them.
    pub fn with_client_layer(&self, client: Option<Value>) -> (Settings, Vec<Problem>) {
        let mut layers = settings::of_files(self.user_file.as_deref(), &self.roots);
        let sent = [
            ("initializationOptions", self.initialization_options.clone()),
            ("workspace/configuration", client),
        ];
        layers.extend(
            sent.into_iter().filter_map(|(how, values)| Some(Layer::Editor { how, values: values? })),
        );
        settings::load(&layers)
    }
}

/// Our section of what a client sent, with or without the section's name around it; `null` is nothing.
pub fn section(mut sent: Value) -> Option<Value> {
    let settings = sent.get_mut(SECTION).map(Value::take).unwrap_or(sent);
    (!settings.is_null()).then_some(settings)
}

/// Asks the client for our section.
pub async fn pull(client: &Client) -> Option<Value> {
    let item = ConfigurationItem { scope_uri: None, section: Some(SECTION.to_owned()) };
    match client.configuration(vec![item]).await {
        Ok(answers) => answers.into_iter().next().filter(|settings| !settings.is_null()),
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

/// Shows what is wrong in the settings.
pub async fn report(client: &Client, problems: &[Problem]) {
    if !problems.is_empty() {
        let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
        client.show_message(MessageType::WARNING, format!("phi-ls settings:\n{}", lines.join("\n"))).await;
    }
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
