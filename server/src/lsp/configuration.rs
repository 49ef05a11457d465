//! The client's settings: `initializationOptions`, `workspace/configuration`, `workspace/didChangeConfiguration`.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
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
    /// What is wrong and was shown already.
    shown: Arc<Mutex<Vec<Problem>>>,
}

impl Configuration {
    /// Of a client that has sent these `initializationOptions`.
    pub fn new(user_file: Option<PathBuf>, options: Option<Value>) -> Configuration {
        let layer = |values| Layer::Editor { how: "initializationOptions", values };
        Configuration {
            user_file,
            initialization_options: options.and_then(section).map(layer),
            shown: Arc::default(),
        }
    }

    /// The settings that follow from the files as they are now, those of these workspace folders among them, and from
    /// what the client says, last of all `latest`; and what is wrong in them.
    pub fn settings(&self, roots: &[PathBuf], latest: Option<Layer>) -> (Settings, Vec<Problem>) {
        let mut layers = settings::of_files(self.user_file.as_deref(), roots);
        layers.extend(self.initialization_options.clone());
        layers.extend(latest);
        settings::load(&layers)
    }

    /// Shows what is wrong in the settings and was not wrong before: in full in the log, the first to the user. The same
    /// value is sent many times, by some clients in several ways; one complaint is enough until it changes.
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

    /// The problems that were not shown yet. All of them count as shown from now on, others no longer.
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

/// Our section of what a client sent: alone, below the section's name, or under names that begin with it
/// (`phi-ls.completion.enabled`), beside settings of others; `null` is nothing.
pub fn section(mut sent: Value) -> Option<Value> {
    // A name around a name comes from a plugin that adds one to what its user has written already.
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
            .and_then(section)
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
            "what is no object is complained of later"
        );
    }

    #[test]
    fn a_problem_is_news_once_until_it_is_gone() {
        let problem =
            |message: &str| Problem { place: "initializationOptions".into(), message: message.into() };
        let elsewhere = Problem { place: "workspace/configuration".into(), ..problem("a") };
        let configuration = Configuration::new(None, None);
        assert_eq!(configuration.news(vec![problem("a"), elsewhere.clone()]), [problem("a")]);
        assert_eq!(configuration.news(vec![elsewhere.clone()]), []);
        assert_eq!(configuration.news(vec![elsewhere.clone(), problem("b")]), [problem("b")]);
        assert_eq!(configuration.news(vec![]), []);
        assert_eq!(configuration.news(vec![elsewhere.clone()]), [elsewhere]);
    }
}
