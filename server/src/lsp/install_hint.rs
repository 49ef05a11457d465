//! A message, shown once per machine, that no model is installed and how to install one.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use tower_lsp::Client;
use tower_lsp::ls_types::{MessageActionItem, MessageType};

use crate::assistant::Assistant;
use crate::models::{self, ModelState};

const HINT: &str = "phi-ls found no model on this machine. Until you install one, completions only repeat text that your \
                    workspace already contains.";
const HOW: &str = "How to install";
const NOT_NOW: &str = "Not now";
const INSTRUCTIONS: &str = "`phi-ls model pull` in a terminal downloads Phi-3.5-mini (2.4 GB); then restart phi-ls. It \
                            also finds the models of Ollama, llama.cpp, LM Studio and the Hugging Face \
                            cache. `phi-ls model list` shows what it found; the setting `model.path` names any other \
                            GGUF file.";

/// Shows the hint if a model is wanted and none was found. The file `shown` records that it was shown.
pub async fn show(client: Client, assistant: Assistant, shown: PathBuf) {
    let wanted = assistant.workspace.settings().model.path != models::NONE;
    let mut state = assistant.models.state();
    drop(assistant);
    let settled = state.wait_for(ModelState::is_settled).await;
    let missing = settled.is_ok_and(|state| *state == ModelState::NgramOnly);
    if !(wanted && missing && is_first(&shown)) {
        return;
    }
    let action = |title: &str| MessageActionItem { title: title.to_owned(), properties: Default::default() };
    let actions = vec![action(HOW), action(NOT_NOW)];
    match client.show_message_request(MessageType::INFO, HINT, Some(actions)).await {
        Ok(Some(answer)) if answer.title == HOW => client.show_message(MessageType::INFO, INSTRUCTIONS).await,
        Ok(_) => {}
        Err(error) => {
            tracing::debug!("the installation hint could not be shown: {error}");
            // Another editor may be able to show it.
            let _ = fs::remove_file(&shown);
        }
    }
}

/// Creates the file; only one of several servers that start together succeeds. If the file cannot be written, the hint
/// is not shown, because it would be shown again at each start.
fn is_first(shown: &Path) -> bool {
    shown.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok())
        && OpenOptions::new().write(true).create_new(true).open(shown).is_ok()
}
