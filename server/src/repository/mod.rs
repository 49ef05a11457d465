//! The files of the workspace: which may be read at all, and reading them.
//!
//! What stands here serves the lookup model, which continues text from text. Symbols, references and search will
//! stand beside it, fed by the same [`walk`] and bound by the same [`readable`].

pub mod readable;
pub mod walk;
