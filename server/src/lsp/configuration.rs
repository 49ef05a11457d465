//! The client's settings: `initializationOptions`, `workspace/configuration`, `workspace/didChangeConfiguration`.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tower_lsp::Client;
use tower_lsp::ls_types::{ConfigurationItem, MessageType, Registration};

use crate::settings::{self, Layer, Problem, Settings};

/// The section of our settings.
const SECTION: &str = "phi-ls";

/// The sources of settings, except those that the client sends later.
#[derive(Debug, Clone)]
pub struct Configuration {
    user_file: Option<PathBuf>,
    initialization_options: Option<Layer>,
    /// Problems already shown.
    shown: Arc<Mutex<Vec<Problem>>>,
}

impl Configuration {
    /// The configuration of a client with these `initializationOptions`.
    pub fn new(user_file: Option<PathBuf>, options: Option<Value>) -> Configuration {
        let layer = |values| Layer::Editor { how: "initializationOptions", values };
        Configuration {
            user_file,
            initialization_options: options.and_then(section).map(layer),
            shown: Arc::default(),
        }
    }

    /// Loads the settings from the current files (the user's and the workspace folders'), the client's options, and
    /// `latest`; returns the settings and their problems.
    pub fn settings(&self, roots: &[PathBuf], latest: Option<Layer>) -> (Settings, Vec<Problem>) {
        let mut layers = settings::of_files(self.user_file.as_deref(), roots);
        layers.extend(self.initialization_options.clone());
        layers.extend(latest);
        settings::load(&layers)
    }

    /// Reports new problems: all in the log, the first to the user. Clients send the same value many times and in several
    /// ways, so each problem is reported once until it changes.
    pub async fn show(&self, client: &Client, problems: Vec<Problem>) {
        let news = self.news(problems);
        for problem in &news {
            tracing::warn!("settings: {problem}");
        }
        let message = match &news[..] {
            [] => return,
            [only] => format!("phi-ls settings: {only}"),
            [first, more @ ..] => format!("phi-ls settings: {first} (and {} more in the log)", more.len()),
        };
        client.show_message(MessageType::WARNING, message).await;
    }

    /// The problems that were not shown yet. Replaces the set of shown problems.
    fn news(&self, problems: Vec<Problem>) -> Vec<Problem> {
        let mut news: Vec<Problem> = Vec::new();
        let mut shown = self.shown.lock();
        for problem in &problems {
            let is_same = |other: &Problem| other.message == problem.message;
            if !shown.iter().chain(&news).any(is_same) {
                news.push(problem.clone());
            }
        }
        *shown = problems;
        news
    }
}

/// Extracts our section from a client's settings: the settings themselves, the value of the section's name, or all names
/// that start with it (`phi-ls.completion.enabled`). `None` for `null`.
pub fn section(mut sent: Value) -> Option<Value> {
    // The name may be nested, if a plugin adds one to the user's own.
    while let Some(inner) = sent.get_mut(SECTION).map(Value::take) {
        sent = inner;
    }
    if let Value::Object(fields) = &mut sent {
        let is_ours = |name: &str| name.strip_prefix(SECTION).is_some_and(|rest| rest.starts_with('.'));
        if fields.keys().any(|name| is_ours(name)) {
            fields.retain(|name, _| is_ours(name));
            let all = std::mem::take(fields).into_iter();
            *fields = all.map(|(name, value)| (name[SECTION.len() + 1..].to_owned(), value)).collect();
        }
    }
    (!sent.is_null()).then_some(sent)
}

/// The layer of `workspace/didChangeConfiguration`.
pub fn sent(values: Value) -> Layer {
    Layer::Editor { how: "workspace/didChangeConfiguration", values }
}

/// Requests our section from the client.
pub async fn pull(client: &Client) -> Option<Layer> {
    let item = ConfigurationItem { scope_uri: None, section: Some(SECTION.to_owned()) };
    match client.configuration(vec![item]).await {
        Ok(answers) => answers
            .into_iter()
            .next()
            .and_then(section)
            .map(|values| Layer::Editor { how: "workspace/configuration", values }),
        Err(error) => {
            tracing::warn!("the client did not send its settings: {error}");
            None
        }
    }
}

/// Registers for changes of our section.
pub async fn subscribe(client: Client) {
    let registration = Registration {
        id: "phi-ls/configuration".to_owned(),
        method: "workspace/didChangeConfiguration".to_owned(),
        register_options: Some(serde_json::json!({ "section": SECTION })),
    };
    if let Err(error) = client.register_capability(vec![registration]).await {
        tracing::warn!("the client does not report changes of its settings: {error}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_section_may_be_nested_in_its_name() {
        assert_eq!(section(json!({"phi-ls": {"a": 1}, "other": 2})), Some(json!({"a": 1})));
        assert_eq!(section(json!({"a": 1})), Some(json!({"a": 1})));
        assert_eq!(section(json!({"phi-ls": null})), None);
        assert_eq!(section(Value::Null), None);
        assert_eq!(section(json!({"phi-ls": {"phi-ls": {"a": 1}}})), Some(json!({"a": 1})), "twice");
        assert_eq!(
            section(
                json!({"phi-ls.completion.enabled": true, "phi-ls.model": {"threads": 2}, "editor.tabSize": 2})
            ),
            Some(json!({"completion.enabled": true, "model": {"threads": 2}})),
            "flat, as VS Code keeps them"
        );
        assert_eq!(
            section(json!({"phi-ls": {"phi-ls.log.level": "debug"}})),
            Some(json!({"log.level": "debug"}))
        );
        assert_eq!(
            section(json!("phi-ls")),
            Some(json!("phi-ls")),
            "a value that is not an object is reported later"
        );
    }

    #[test]
    fn a_problem_is_reported_once_until_it_is_fixed() {
        let problem =
            |message: &str| Problem { location: "initializationOptions".into(), message: message.into() };
        let elsewhere = Problem { location: "workspace/configuration".into(), ..problem("a") };
        let configuration = Configuration::new(None, None);
        assert_eq!(configuration.news(vec![problem("a"), elsewhere.clone()]), [problem("a")]);
        assert_eq!(configuration.news(vec![elsewhere.clone()]), []);
        assert_eq!(configuration.news(vec![elsewhere.clone(), problem("b")]), [problem("b")]);
        assert_eq!(configuration.news(vec![]), []);
        assert_eq!(configuration.news(vec![elsewhere.clone()]), [elsewhere]);
    }
}
