//! The commands of `workspace/executeCommand`.

use serde_json::{Value, json};
use tower_lsp::ls_types::{Command, Position, Uri};

/// Sent by the client after a completion was accepted. Arguments: the document's URI and, for clients with
/// `experimental.cursorAfterAccept`, the cursor position in the new text.
pub const ACCEPTED: &str = "phi-ls.accepted";
/// Returns the result of `phi-ls/status`; for clients that cannot send custom requests, such as Helix.
pub const STATUS: &str = "phi-ls.status";

/// Returns the output of `phi-ls index --json` for the server's current index.
pub const INDEX: &str = "phi-ls.index";

/// Returns the context at a position: see [`crate::context::Report`]. Arguments: a document's URI and a position; without
/// them, the position of the latest request.
pub const CONTEXT: &str = "phi-ls.context";

/// Rewrites the selection and applies the result in the editor. Arguments: a document's URI, a range and an instruction, or
/// the data of a code action for clients that do not resolve actions.
pub const REWRITE: &str = "phi-ls.rewrite";

/// Refactors the whole repository; see [`super::refactor`] for its argument and results.
pub const REFACTOR: &str = "phi-ls.refactor";

/// Cancels all running rewrites and refactorings and returns their number. For clients without a cancel button.
pub const CANCEL: &str = "phi-ls.cancel";

/// A command of the client, which asks the user for an instruction and sends `phi-ls.rewrite`. The client declares it in
/// `experimental.commands.commands`.
pub const INSTRUCT: &str = "phi-ls.instruct";

/// All commands of the server.
pub const NAMES: [&str; 7] = [ACCEPTED, STATUS, INDEX, CONTEXT, REWRITE, REFACTOR, CANCEL];

/// The command of a completion item, sent when it is accepted. `cursor`: where the client moves its cursor, if not to the
/// end of the item.
pub fn accepted(document: &Uri, cursor: Option<Position>) -> Command {
    let cursor = cursor.map(|at| json!({"line": at.line, "character": at.character}));
    Command {
        title: "phi-ls: accepted".to_owned(),
        command: ACCEPTED.to_owned(),
        arguments: Some([Value::from(document.as_str())].into_iter().chain(cursor).collect()),
    }
}
