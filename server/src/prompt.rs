//! The wording, the order and the budget of every prompt.

use phi_engine::Prompt;

use crate::context::Context;
use crate::documents::Document;

/// The prompt of a completion: stable parts first, the text after the cursor before the text in front of it, and
/// the assistant's turn opened for the model (decision 5 of the design).
pub fn complete(_document: &Document, _context: &Context) -> Prompt {
    unreachable!()
}
