//! phi-ls, a language server that completes and refactors code with a language model on your machine.
//!
//! Request path of a keystroke: [`lsp`] applies the change to [`documents`] and passes an immutable snapshot to a feature
//! such as [`complete`]. The feature gathers [`context`] from the document, the other open ones and the [`repository`],
//! builds a [`prompt`], runs the engine, turns the model's text into a draft with [`answer`], and returns it if [`edits`]
//! verified it.
//!
//! Each feature has one function with its whole path. Only [`lsp`] knows the protocol.
#![deny(missing_docs)]

pub mod actions;
pub mod answer;
pub mod assistant;
mod blocking;
pub mod cli;
pub mod complete;
pub mod context;
pub mod diff;
pub mod documents;
pub mod edits;
pub mod eval;
pub mod facts;
pub mod files;
pub mod journal;
pub mod languages;
pub mod lsp;
mod messages;
pub mod models;
pub mod next_edit;
pub mod ngram;
pub mod prompt;
pub mod pull;
pub mod refactor;
pub mod repository;
pub mod rewrite;
mod secrets;
pub mod settings;
mod suggest;
mod syntax;
#[cfg(test)]
mod testing;
pub mod user_dirs;
pub mod workspace;
