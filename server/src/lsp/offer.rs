//! Tells the user, once, that a model would make completions better.

use tower_lsp::Client;

use crate::assistant::Assistant;

/// Makes the offer where no model was found and it was not made before.
pub async fn make(_client: Client, _assistant: Assistant) {}
