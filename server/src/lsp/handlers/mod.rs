//! The handlers of requests and notifications, one file for each method. A handler translates between the types of the
//! protocol and a flow.

pub mod code_action;
pub mod completion;
pub mod configuration;
pub mod execute_command;
pub mod initialize;
pub mod initialized;
pub mod inline_completion;
pub mod watched_files;
pub mod workspace_folders;
