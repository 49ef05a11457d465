//! The turns of a chat as tokens.

use super::Tokenizer;
use crate::chat::ChatFormat;
use crate::prompt::Role;

/// The tokens around the texts of a chat; see [`ChatFormat`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turns {
    system: Option<Vec<u32>>,
    first_user: Vec<u32>,
    only_user: Vec<u32>,
    assistant: Vec<u32>,
    user: Vec<u32>,
    /// Between the system text and the user's in one turn.
    gap: Vec<u32>,
}

/// Where a prompt is while its parts are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Before the first turn.
    None,
    Of(Role),
}

/// Formats of vocabularies whose files have no template, or one that cannot be used: the special token that shows the
/// format, and the format.
const KNOWN: [(&str, [&str; 5]); 3] = [
    (
        "<|assistant|>",
        ["<|system|>", "<|end|><|user|>", "<|user|>", "<|end|><|assistant|>", "<|end|><|user|>"],
    ),
    (
        "<|im_start|>",
        [
            "<|im_start|>system\n",
            "<|im_end|>\n<|im_start|>user\n",
            "<|im_start|>user\n",
            "<|im_end|>\n<|im_start|>assistant\n",
            "<|im_end|>\n<|im_start|>user\n",
        ],
    ),
    (
        "<|start_header_id|>",
        [
            "<|start_header_id|>system<|end_header_id|>\n\n",
            "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
            "<|start_header_id|>user<|end_header_id|>\n\n",
            "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
            "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
        ],
    ),
];

impl Turns {
    /// The turns of a model: those of its chat template, else of its special tokens; `None` if it does not chat.
    pub(super) fn of(tokenizer: &Tokenizer) -> Option<Turns> {
        let of_template = tokenizer.chat_template().and_then(|template| {
            let (bos, eos) = (tokenizer.bos_token(), tokenizer.eos_token());
            let format = ChatFormat::of_template(template, bos.unwrap_or_default(), eos.unwrap_or_default());
            format.inspect_err(|error| tracing::warn!("{error}")).ok()
        });
        let format = of_template.or_else(|| {
            let (_, texts) = KNOWN.iter().find(|(special, _)| tokenizer.special(special).is_some())?;
            let [system, first_user, only_user, assistant, user] = texts.map(str::to_owned);
            Some(ChatFormat { system: Some(system), first_user, only_user, assistant, user })
        })?;
        let encode = |text: &str| tokenizer.encode_with_special(text);
        let first = |text: &str| {
            let mut tokens = encode(text);
            // It begins every prompt anyhow.
            if tokens.first().copied() == tokenizer.vocabulary.begin && !tokens.is_empty() {
                tokens.remove(0);
            }
            tokens
        };
        let has_system = format.system.is_some();
        Some(Turns {
            system: format.system.as_deref().map(first),
            first_user: if has_system { encode(&format.first_user) } else { first(&format.first_user) },
            only_user: first(&format.only_user),
            assistant: encode(&format.assistant),
            user: encode(&format.user),
            gap: tokenizer.encode_text("\n\n", false),
        })
    }

    /// The tokens that end one turn and begin the next. A model without a system turn gets its text at the beginning of the
    /// user's.
    pub(super) fn between(&self, before: Turn, next: Role) -> Vec<u32> {
        match (before, next, &self.system) {
            (Turn::None, Role::System, Some(system)) => system.clone(),
            (Turn::None, Role::System, None) | (Turn::None, Role::User, _) => self.only_user.clone(),
            (Turn::Of(Role::System), Role::User, Some(_)) => self.first_user.clone(),
            (Turn::Of(Role::System), Role::User, None) => self.gap.clone(),
            (_, Role::Assistant, _) => self.assistant.clone(),
            (_, Role::User | Role::System, _) => self.user.clone(),
        }
    }

    /// The token that ends an answer: the first one after it.
    pub(super) fn end(&self) -> Option<u32> {
        self.user.first().copied()
    }
}
