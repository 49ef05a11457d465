//! phi-ls, a language server that codes with you and never leaves your machine.
//!
//! The way of a keystroke: [`lsp`] applies the change to [`documents`] and hands an immutable snapshot to a flow
//! such as [`complete`]. The flow asks [`context`] what is worth showing the model (out of the document, the other
//! open ones and the [`repository`]), words it with [`prompt`], runs it in the engine, makes a draft of the
//! model's text with [`answer`], and offers what [`edits`] has verified.
//!
//! One function per task of the user holds its whole path. Only [`lsp`] knows the protocol.
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
pub mod models;
pub mod next_edit;
pub mod ngram;
pub mod prompt;
pub mod refactor;
pub mod repository;
pub mod rewrite;
mod secrets;
pub mod settings;
mod suggest;
mod syntax;
pub mod user_dirs;
pub mod workspace;
