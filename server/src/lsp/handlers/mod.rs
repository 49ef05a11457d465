//! Handlers of requests and notifications, one file per method. A handler converts between the protocol's types and a
//! feature's.

pub mod code_action;
pub mod completion;
pub mod configuration;
pub mod execute_command;
pub mod initialize;
pub mod initialized;
pub mod inline_completion;
pub mod watched_files;
pub mod workspace_folders;
