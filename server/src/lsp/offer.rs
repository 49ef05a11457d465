//! Tells the user, once on this machine, that a model would make completions better, and how to get one.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use tower_lsp::Client;
use tower_lsp::ls_types::{MessageActionItem, MessageType};

use crate::assistant::Assistant;
use crate::models::{self, ModelState};

const OFFER: &str = "phi-ls has found no model on this machine. Until there is one, completions only repeat what your \
                     workspace already says.";
const HOW: &str = "How to install";
const NOT_NOW: &str = "Not now";
const INSTRUCTIONS: &str = "Install Phi-3.5-mini with the program of your choice, for example `ollama pull phi3.5`, and \
                            restart phi-ls: it finds the models of Ollama, llama.cpp, LM Studio and the Hugging Face \
                            cache by itself. `phi-ls model list` shows what it finds; the setting `model.path` names \
                            any other GGUF file.";

/// Makes the offer where a model is wanted and none was found. The file `made` is what remembers it.
pub async fn make(client: Client, assistant: Assistant, made: PathBuf) {
    let wanted = assistant.workspace.settings().model.path != models::NONE;
    let mut state = assistant.models.state();
    drop(assistant);
    let settled = state.wait_for(ModelState::is_settled).await;
    let missing = settled.is_ok_and(|state| *state == ModelState::NgramOnly);
    if !(wanted && missing && is_first(&made)) {
        return;
    }
    let action = |title: &str| MessageActionItem { title: title.to_owned(), properties: Default::default() };
    let actions = vec![action(HOW), action(NOT_NOW)];
    match client.show_message_request(MessageType::INFO, OFFER, Some(actions)).await {
        Ok(Some(answer)) if answer.title == HOW => client.show_message(MessageType::INFO, INSTRUCTIONS).await,
        Ok(_) => {}
        Err(error) => {
            tracing::debug!("the offer of a model could not be shown: {error}");
            // Another editor may be able to.
            let _ = fs::remove_file(&made);
        }
    }
}

/// Creates the file; of several servers that start together only one succeeds. Where nothing can be written, nothing
/// could be remembered, and the user would be asked at each start.
fn is_first(made: &Path) -> bool {
    made.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok())
        && OpenOptions::new().write(true).create_new(true).open(made).is_ok()
}
