//! One row per language: everything that depends on which language a text is in.

/// What phi-ls knows about one language.
#[derive(Debug)]
pub struct Language {
    /// Lower-case, as LSP's `languageId` spells it: `rust`, `typescriptreact`.
    pub id: &'static str,
    /// The word behind a Markdown fence: `rust`, `tsx`.
    pub fence: &'static str,
    /// What starts a comment to the end of the line; `None` where there is no such thing (HTML).
    pub line_comment: Option<&'static str>,
}
