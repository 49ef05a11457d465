//! Evaluation on the user's own repository: text is removed from files, and the model is asked to restore it.
//!
//! The steps of a run: [`corpus`] reads the repository, [`sample`] chooses [`holes`] by seed. For each hole, the index, the
//! documents and the n-gram model have only the file with the hole, so that the answer cannot leak. [`completion`] asks for
//! the text; [`retrieval`] checks whether the context has the declarations that the text needs, without a model. Results
//! are measured by [`metrics`] and summarized with the intervals of [`statistics`]. The user's files are only read.
//!
//! [`edits`] evaluates rewrites: whether instructions from a git history are followed.

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
