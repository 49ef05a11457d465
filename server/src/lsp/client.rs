//! The client's capabilities, read once.

use tower_lsp::ls_types::*;

use super::commands::INSTRUCT;
use super::positions::Encoding;
use crate::next_edit::Drawing;

/// The capabilities from `initialize` that the server uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientSupport {
    /// The units of positions.
    pub encoding: Encoding,
    /// It supports `textDocument/inlineCompletion`; by default, it gets no items in the completion menu.
    pub inline_completion: bool,
    /// How it draws an inline completion that replaces text.
    pub drawing: Drawing,
    /// It splits the lines of a completion at `\n` only, so that a `\r` would stay in the text.
    pub splits_lines: bool,
    /// It requests again when a late completion is ready.
    pub completion_ready: bool,
    /// It moves its cursor to the position in an accepted completion; see [`super::commands::accepted`].
    pub cursor_after_accept: bool,
    /// How it inserts snippets from the completion menu; `None` if it supports none, or may change their indentation.
    pub snippets: Option<Snippets>,
    /// It shows progress that the server starts.
    pub progress: bool,
    /// It answers `workspace/configuration`.
    pub configuration: bool,
    /// It supports registration for `workspace/didChangeConfiguration`.
    pub configuration_registration: bool,
    /// The completion menu shows label details.
    pub label_details: bool,
    /// The completion menu shows Markdown documentation.
    pub markdown: bool,
    /// It supports registration for `workspace/didChangeWatchedFiles`.
    pub watched_files: bool,
    /// It shows actions in `window/showMessageRequest`.
    pub message_actions: bool,
    /// It supports code action literals, not only commands.
    pub action_literals: bool,
    /// It resolves the edit of a code action when the user chooses it.
    pub action_resolve: bool,
    /// It shows disabled code actions with their reason.
    pub disabled_actions: bool,
    /// It supports workspace edits with document versions.
    pub document_changes: bool,
    /// It supports change annotations, which ask the user to confirm an edit.
    pub annotations: bool,
    /// It has the command [`INSTRUCT`], which asks the user for an instruction.
    pub instruct: bool,
}

/// How a client indents the lines of a snippet after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snippets {
    /// It inserts them unchanged, if requested.
    AsIs,
    /// It adds the indentation of the cursor's line to each.
    Indented,
}

impl Snippets {
    fn of(item: &CompletionItemCapability, name: &str) -> Option<Snippets> {
        let modes = item.insert_text_mode_support.as_ref().map(|modes| modes.value_set.as_slice());
        let as_is = modes.is_some_and(|modes| modes.contains(&InsertTextMode::AS_IS));
        match item.snippet_support {
            Some(true) if as_is => Some(Snippets::AsIs),
            // Without modes, the protocol does not define the indentation.
            Some(true) if name == "helix" => Some(Snippets::Indented),
            _ => None,
        }
    }
}

impl ClientSupport {
    /// Reads the client's capabilities, and its name for behaviour that has no capability.
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
            // Its buffers contain lines without line ends, which it adds when it writes a file.
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
            // Helix blocks while it waits for an edit, but not for a command.
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

    /// Converts the line ends of a completion for this client.
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
