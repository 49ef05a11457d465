//! Detects secrets: by the name of a file or folder, before a byte is read, and by content.

pub(crate) mod names;
mod texts;
mod values;

pub use self::texts::{BEFORE, REACH, SecretText, has_key, in_text, starts};

#[cfg(test)]
mod tests;
