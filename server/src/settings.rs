//! Every option, once: name, type, default, meaning.

/// The settings in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {}
