//! The input of a model: chat markup and text, in order.

use std::sync::Arc;

/// A prompt: parts in order, stable ones first.
///
/// Each part is tokenized separately. Prompts with equal leading parts therefore have equal leading tokens and share
/// KV rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Prompt {
    /// The parts, in the order in which the model reads them.
    pub parts: Vec<Part>,
}

/// One piece of a [`Prompt`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// A special token of the chat format.
    Markup(Markup),
    /// Text. It never becomes a special token, even if it spells one.
    Text(Arc<str>),
}

/// The special tokens of Phi-3's chat format (`<|system|>`, `<|user|>`, `<|assistant|>`, `<|end|>`), by role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Markup {
    /// Opens the system turn.
    System,
    /// Opens the user's turn.
    User,
    /// Opens the assistant's turn.
    Assistant,
    /// Closes a turn.
    End,
}

impl Prompt {
    /// Appends a special token.
    pub fn markup(mut self, markup: Markup) -> Self {
        self.parts.push(Part::Markup(markup));
        self
    }

    /// Appends text; ignores empty text.
    pub fn text(mut self, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.parts.push(Part::Text(text));
        }
        self
    }

    /// The text after the last special token: the beginning of the assistant's turn.
    pub fn tail(&self) -> String {
        let start =
            self.parts.iter().rposition(|part| matches!(part, Part::Markup(_))).map_or(0, |at| at + 1);
        self.parts[start..]
            .iter()
            .map(|part| match part {
                Part::Text(text) => &**text,
                Part::Markup(_) => "",
            })
            .collect()
    }
}

/// The prompt as text, with markup in its usual spelling.
impl std::fmt::Display for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in &self.parts {
            match part {
                Part::Markup(Markup::System) => f.write_str("<|system|>")?,
                Part::Markup(Markup::User) => f.write_str("<|user|>")?,
                Part::Markup(Markup::Assistant) => f.write_str("<|assistant|>")?,
                Part::Markup(Markup::End) => f.write_str("<|end|>")?,
                Part::Text(text) => f.write_str(text)?,
            }
        }
        Ok(())
    }
}
