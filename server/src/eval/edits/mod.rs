//! Evaluates rewrites: repeats edits that were once made by an instruction.
//!
//! A [`Triple`] is an instruction with a file before and after it: from a git [`history`], where the message of a commit is
//! the instruction, or from a file of the user. One item differs; the rewrite flow is asked for it, and its result is
//! compared with the actual change ([`run`]). [`tree`] checks out the repository before the commit in a temporary folder, so
//! that index, prompt and check have no later text.

pub mod history;
pub mod lines;
pub mod run;
pub mod summary;
pub mod tree;
pub mod triples;

#[cfg(test)]
mod tests;

pub use triples::Triple;
