//! Whether what the model is shown helps: text is taken out of a user's own files and asked for again.
//!
//! A run goes one way: [`corpus`] reads the repository, [`sample`] chooses [`holes`] by seed, and for each the file with
//! the hole is what index, documents and n-gram model know of that file, so that the answer cannot leak. Then
//! [`retrieval`] looks for what the answer needs among what a context holds, without any model. What comes of it is
//! measured by [`metrics`] and summed up with the intervals of [`statistics`]. Nothing of the user's is written.
//!
//! [`edits`] asks for another thing: whether instructions are followed, by what a git history says.

pub mod completion;
pub mod corpus;
pub mod duplicates;
pub mod edits;
pub mod holes;
pub mod journal;
pub mod metrics;
pub mod needed;
pub mod open;
pub mod retrieval;
pub mod sample;
pub mod statistics;
pub mod summary;

#[cfg(test)]
mod tests;
