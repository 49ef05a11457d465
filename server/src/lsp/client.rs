//! What the client can do: its capabilities, read once.

use tower_lsp::ls_types::*;

use super::commands::INSTRUCT;
use super::positions::Encoding;
use crate::next_edit::Drawing;

/// What the client said in `initialize`, as far as it decides what we do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientSupport {
    /// What positions count.
    pub encoding: Encoding,
    /// It asks for `textDocument/inlineCompletion`; it then gets nothing in the completion menu.
    pub inline_completion: bool,
    /// What it draws of an inline completion that replaces text.
    pub drawing: Drawing,
    /// It puts the lines of a completion into its text itself, split at `\n`: a `\r` would stay as a character.
    pub splits_lines: bool,
    /// It asks again when a completion is ready that was not ready in time.
    pub completion_ready: bool,
    /// It puts its cursor where an accepted completion says; see [`super::commands::accepted`].
    pub cursor_after_accept: bool,
    /// How it inserts an item of the completion menu that is a snippet; `None` where it takes none, or may give its lines
    /// another indentation than they have.
    pub snippets: Option<Snippets>,
    /// It shows progress that the server starts.
    pub progress: bool,
    /// It answers `workspace/configuration`.
    pub configuration: bool,
    /// It wants to be asked to send `workspace/didChangeConfiguration`.
    pub configuration_registration: bool,
    /// The completion menu draws details beside a label.
    pub label_details: bool,
    /// The completion menu draws documentation as Markdown.
    pub markdown: bool,
    /// It tells of changes on disk, if asked to.
    pub watched_files: bool,
    /// It draws actions in `window/showMessageRequest`.
    pub message_actions: bool,
    /// It takes code actions, not only commands.
    pub action_literals: bool,
    /// It asks for the edit of a code action when somebody has picked it.
    pub action_resolve: bool,
    /// It draws code actions that cannot be picked, and why.
    pub disabled_actions: bool,
    /// Its workspace edits name the versions that they are for.
    pub document_changes: bool,
    /// It shows a workspace edit before it applies it, where the edit asks for that.
    pub annotations: bool,
    /// It has a command of its own that asks its user for an instruction; see [`INSTRUCT`].
    pub instruct: bool,
}

/// What a client does with the lines of a snippet behind its first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snippets {
    /// It inserts them as they are, if asked to.
    AsIs,
    /// It puts the blanks in front of each that the line of the cursor begins with.
    Indented,
}

impl Snippets {
    fn of(item: &CompletionItemCapability, name: &str) -> Option<Snippets> {
        let modes = item.insert_text_mode_support.as_ref().map(|modes| modes.value_set.as_slice());
        let as_is = modes.is_some_and(|modes| modes.contains(&InsertTextMode::AS_IS));
        match item.snippet_support {
            Some(true) if as_is => Some(Snippets::AsIs),
            // The protocol leaves open what a client does that knows no modes.
            Some(true) if name == "helix" => Some(Snippets::Indented),
            _ => None,
        }
    }
}

impl ClientSupport {
    /// Reads the client's capabilities, and its name where it says nothing else of itself.
    pub fn of(capabilities: &ClientCapabilities, name: &str) -> ClientSupport {
        let document = capabilities.text_document.as_ref();
        let item = document.and_then(|document| document.completion.as_ref()?.completion_item.as_ref());
        let workspace = capabilities.workspace.as_ref();
        let window = capabilities.window.as_ref();
        let action = document.and_then(|document| document.code_action.as_ref());
        let resolved = action.and_then(|action| action.resolve_support.as_ref());
        let experimental = capabilities.experimental.as_ref();
        let own_commands = experimental.map(|own| &own["commands"]["commands"]);
        let offered = capabilities.general.as_ref().and_then(|general| general.position_encodings.as_deref());
        ClientSupport {
            encoding: Encoding::negotiate(offered),
            inline_completion: document.is_some_and(|document| document.inline_completion.is_some()),
            drawing: if name == "Neovim" { Drawing::Overlay } else { Drawing::Insertions },
            // Its buffers hold lines without their ends, and get the file's own when they are written.
            splits_lines: name == "Neovim",
            completion_ready: experimental.is_some_and(|own| own["completionReady"] == true),
            cursor_after_accept: experimental.is_some_and(|own| own["cursorAfterAccept"] == true),
            snippets: item.and_then(|item| Snippets::of(item, name)),
            progress: window.and_then(|window| window.work_done_progress) == Some(true),
            configuration: workspace.and_then(|workspace| workspace.configuration) == Some(true),
            configuration_registration: workspace
                .and_then(|workspace| workspace.did_change_configuration)
                .and_then(|changes| changes.dynamic_registration)
                == Some(true),
            label_details: item.and_then(|item| item.label_details_support) == Some(true),
            markdown: item
                .and_then(|item| item.documentation_format.as_deref())
                .is_some_and(|formats| formats.contains(&MarkupKind::Markdown)),
            watched_files: workspace
                .and_then(|workspace| workspace.did_change_watched_files)
                .and_then(|watched| watched.dynamic_registration)
                == Some(true),
            message_actions: window.is_some_and(|window| window.show_message.is_some()),
            action_literals: action.is_some_and(|action| action.code_action_literal_support.is_some()),
            // Helix draws nothing and reads no key while it waits for an edit; it does not wait for a command.
            action_resolve: name != "helix"
                && resolved
                    .is_some_and(|support| support.properties.iter().any(|property| property == "edit")),
            disabled_actions: action.and_then(|action| action.disabled_support) == Some(true),
            document_changes: workspace
                .and_then(|workspace| workspace.workspace_edit.as_ref()?.document_changes)
                == Some(true),
            annotations: workspace
                .and_then(|workspace| workspace.workspace_edit.as_ref()?.change_annotation_support.as_ref())
                .is_some(),
            instruct: own_commands
                .and_then(serde_json::Value::as_array)
                .is_some_and(|commands| commands.iter().any(|command| command == INSTRUCT)),
        }
    }

    /// A completion's text with the line ends that this client can insert.
    pub fn line_ends(&self, text: String) -> String {
        if self.splits_lines && text.contains('\r') {
            text.replace("\r\n", "\n").replace('\r', "\n")
        } else {
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_splits_lines_itself_gets_no_carriage_return() {
        let ends = |name| ClientSupport::of(&Default::default(), name).line_ends("a\r\n\tb\nc\rd".to_owned());
        assert_eq!(ends("Neovim"), "a\n\tb\nc\nd");
        assert_eq!(ends("helix"), "a\r\n\tb\nc\rd", "its text is the file's");
    }
}
