//! The names of the commands of `workspace/executeCommand`.

use serde_json::{Value, json};
use tower_lsp::ls_types::{Command, Position, Uri};

/// Sent by the client when a completion was accepted; its arguments are the document's URI and, for clients that say
/// `experimental.cursorAfterAccept`, the position in the new text where the client has put its cursor.
pub const ACCEPTED: &str = "phi-ls.accepted";
/// Answers with what `phi-ls/status` says; for clients that send no requests of their own, such as Helix.
pub const STATUS: &str = "phi-ls.status";

/// Answers with what `phi-ls index --json` prints, for the index that the server has now.
pub const INDEX: &str = "phi-ls.index";

/// Answers with what a model is shown at a place, and why: see [`crate::context::Report`]. Its arguments are a document's
/// URI and a position; without them it is the latest place that was worked at.
pub const CONTEXT: &str = "phi-ls.context";

/// Rewrites what is selected and applies the result in the editor. Its arguments are a document's URI, a range and an
/// instruction, or what a code action holds for clients that do not resolve one.
pub const REWRITE: &str = "phi-ls.rewrite";

/// Refactors the whole repository; its argument and answers are those of [`super::refactor`].
pub const REFACTOR: &str = "phi-ls.refactor";

/// Cancels all rewrites and refactorings that run; answers with their number. For clients whose progress bars have no
/// button for it.
pub const CANCEL: &str = "phi-ls.cancel";

/// A command of the client's, which asks its user for an instruction and sends `phi-ls.rewrite`. A client that has it
/// says so under `experimental.commands.commands`, as it does for other servers.
pub const INSTRUCT: &str = "phi-ls.instruct";

/// All commands of the server.
pub const NAMES: [&str; 7] = [ACCEPTED, STATUS, INDEX, CONTEXT, REWRITE, REFACTOR, CANCEL];

/// The command of an item that tells us of its acceptance, and the client where its cursor goes, if not behind the item.
pub fn accepted(document: &Uri, cursor: Option<Position>) -> Command {
    let cursor = cursor.map(|at| json!({"line": at.line, "character": at.character}));
    Command {
        title: "phi-ls: accepted".to_owned(),
        command: ACCEPTED.to_owned(),
        arguments: Some([Value::from(document.as_str())].into_iter().chain(cursor).collect()),
    }
}
