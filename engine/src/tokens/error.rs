//! Why a vocabulary cannot be used.

use std::borrow::Cow;

/// Why a vocabulary cannot be used. Each message names the key; the caller adds the file.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// A required key is missing.
    #[error("`{0}` is missing: the vocabulary is incomplete; download or convert the model again")]
    Missing(String),
    /// A key has a value of the wrong type.
    #[error("`{key}` is not {expected}; download or convert the model again")]
    Invalid {
        /// The key.
        key: String,
        /// The expected type.
        expected: String,
    },
    /// An unsupported kind of tokenizer.
    #[error("`{key}` is `{found}`, which phi-ls does not read; it reads {readable}")]
    Kind {
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// What is supported.
        readable: Cow<'static, str>,
    },
    /// The vocabulary contradicts itself.
    #[error("{0}; download or convert the model again")]
    Damaged(String),
    /// The file cannot be read, or the library rejected it.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// The message of the library or the operating system.
        reason: String,
    },
}
