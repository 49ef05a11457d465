//! Imports of fixtures, language by language.
