//! The input of a model: turns of a chat or markers of a fill-in-the-middle format, and text, in order.

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
    /// Ends the turn before it, if there is one, and begins a turn of the chat.
    Turn(Role),
    /// A special token of the fill-in-the-middle format.
    Marker(Marker),
    /// Text. It never becomes a special token, even if it spells one.
    Text(Arc<str>),
}

/// Who writes a turn of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The rules that hold for the whole chat. Comes first.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// A special token of a fill-in-the-middle format, by what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Marker {
    /// The text before the gap.
    Prefix,
    /// The text after the gap.
    Suffix,
    /// The text of the gap.
    Middle,
    /// The path of another file, a line break, and its text.
    File,
    /// The name of the repository.
    Repository,
}

/// The formats of prompts that a model was trained on; with none of them it only continues text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PromptFormats {
    /// It knows the turns of a chat, and so follows instructions.
    pub chat: bool,
    /// It fills gaps in a text.
    pub fim: Option<FimFormat>,
}

/// A fill-in-the-middle format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FimFormat {
    /// The order of the texts.
    pub order: FimOrder,
    /// It has [`Marker::File`].
    pub files: bool,
    /// It has [`Marker::Repository`].
    pub repository: bool,
}

/// The order of the texts around a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FimOrder {
    /// Prefix marker and text, suffix marker and text, middle marker.
    PrefixFirst,
    /// Suffix marker and text, prefix marker and text, middle marker.
    SuffixFirst,
    /// Prefix marker, suffix marker and text, middle marker, the text of the prefix.
    SuffixFirstInPrefix,
}

impl Prompt {
    /// Appends the beginning of a turn.
    pub fn turn(mut self, role: Role) -> Self {
        self.parts.push(Part::Turn(role));
        self
    }

    /// Appends a marker.
    pub fn marker(mut self, marker: Marker) -> Self {
        self.parts.push(Part::Marker(marker));
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

    /// The text after the last turn or marker: the beginning of the answer.
    pub fn tail(&self) -> String {
        let start = self.parts.iter().rposition(|part| !matches!(part, Part::Text(_))).map_or(0, |at| at + 1);
        self.parts[start..]
            .iter()
            .map(|part| match part {
                Part::Text(text) => &**text,
                Part::Turn(_) | Part::Marker(_) => "",
            })
            .collect()
    }
}

/// The prompt as text: turns in the spelling of Phi-3, markers in that of Qwen2.5-Coder.
impl std::fmt::Display for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut is_open = false;
        for part in &self.parts {
            if matches!(part, Part::Turn(_)) && std::mem::replace(&mut is_open, true) {
                f.write_str("<|end|>")?;
            }
            f.write_str(match part {
                Part::Turn(Role::System) => "<|system|>",
                Part::Turn(Role::User) => "<|user|>",
                Part::Turn(Role::Assistant) => "<|assistant|>",
                Part::Marker(Marker::Prefix) => "<|fim_prefix|>",
                Part::Marker(Marker::Suffix) => "<|fim_suffix|>",
                Part::Marker(Marker::Middle) => "<|fim_middle|>",
                Part::Marker(Marker::File) => "<|file_sep|>",
                Part::Marker(Marker::Repository) => "<|repo_name|>",
                Part::Text(text) => text,
            })?;
        }
        Ok(())
    }
}
