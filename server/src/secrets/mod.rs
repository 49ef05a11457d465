//! What is a secret: by the name of a file or folder, before a byte is read, and by what a text says.

pub(crate) mod names;
mod texts;
mod values;

pub use self::texts::{BEFORE, REACH, SecretText, has_key, in_text, starts};

#[cfg(test)]
mod tests;
