//! Whether instructions are followed: what somebody asked for and did once, asked for again.
//!
//! A [`Triple`] is an instruction with a file before and after it: from a git [`history`], where the message of a commit is
//! the instruction, or from a file of the user's own. One item differs; the flow of a rewrite is asked for it, and what
//! it offers is held against what was done ([`run`]). [`tree`] lays out the repository as it was before the commit, in a
//! folder of its own: nothing of what came later is known to index, prompt or check.

pub mod history;
pub mod lines;
pub mod run;
pub mod summary;
pub mod tree;
pub mod triples;

#[cfg(test)]
mod tests;

pub use triples::Triple;
