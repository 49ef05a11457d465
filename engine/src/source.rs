//! Names for the texts that the n-gram model copies from.

/// Identifies one source text (see [`crate::ngram::Ngram::add_source`]). The caller decides what it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u64);

/// A position in a source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The text.
    pub source: SourceId,
    /// Byte offset.
    pub offset: usize,
}
