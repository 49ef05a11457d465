//! Code actions that a user defines: a title, an instruction, and where it is offered.
//!
//! Only the user's own settings may define them. The user sees only the title before the instruction runs; a repository
//! that could set both could run an instruction under a misleading title.

use serde::{Deserialize, Serialize};

use crate::languages::Language;

/// The `CodeActionKind` of an action, by which editors group actions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionKind {
    /// Fixes a problem.
    #[serde(rename = "quickfix")]
    QuickFix,
    /// Extracts code into a new item.
    #[serde(rename = "refactor.extract")]
    Extract,
    /// Replaces a name with its definition.
    #[serde(rename = "refactor.inline")]
    Inline,
    /// Rewrites code.
    #[default]
    #[serde(rename = "refactor.rewrite")]
    Rewrite,
    /// Applies to the whole file.
    #[serde(rename = "source")]
    Source,
}

impl ActionKind {
    /// All of them.
    pub const ALL: [ActionKind; 5] = [
        ActionKind::QuickFix,
        ActionKind::Extract,
        ActionKind::Inline,
        ActionKind::Rewrite,
        ActionKind::Source,
    ];

    /// The name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            ActionKind::QuickFix => "quickfix",
            ActionKind::Extract => "refactor.extract",
            ActionKind::Inline => "refactor.inline",
            ActionKind::Rewrite => "refactor.rewrite",
            ActionKind::Source => "source",
        }
    }
}

/// The maximum length of a title, in characters; an instruction may be twenty times as long.
const LONGEST_TITLE: usize = 100;

/// A code action defined by the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnAction {
    /// The title in the menu.
    pub title: String,
    /// The instruction for the model; it applies to the function, type or statements at the cursor.
    pub instruction: String,
    /// The group in the menu.
    #[serde(default)]
    pub kind: ActionKind,
    /// The language identifiers it applies to; empty: all languages.
    #[serde(default)]
    pub languages: Vec<String>,
}

impl OwnAction {
    /// Reads an action.
    ///
    /// # Errors
    /// The value is not a valid action; the message says why.
    pub fn read(value: &serde_json::Value) -> Result<OwnAction, String> {
        let action: OwnAction = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        let length = |name: &str, text: &str, most: usize| match text.trim().chars().count() {
            0 => Err(format!("its {name} is empty")),
            count if count > most => Err(format!("its {name} is longer than {most} characters")),
            _ => Ok(()),
        };
        length("title", &action.title, LONGEST_TITLE)?;
        length("instruction", &action.instruction, LONGEST_TITLE * 20)?;
        match action.languages.iter().find(|language| Language::named(language).is_none()) {
            Some(unknown) => Err(format!("there is no language `{unknown}`")),
            None => Ok(action),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn invalid_actions_are_explained() {
        let wrong = [
            json!("x"),
            json!({"title": "a"}),
            json!({"title": " ", "instruction": "b"}),
            json!({"title": "a", "instruction": "b", "kind": "refactr"}),
            json!({"title": "a", "instruction": "b", "languages": ["rust", "klingon"]}),
            json!({"title": "a", "instruction": "b", "command": "rm"}),
            json!({"title": "a", "instruction": "b".repeat(2001)}),
        ];
        let said = wrong.map(|value| OwnAction::read(&value).unwrap_err());
        expect![[r#"
            invalid type: string "x", expected struct OwnAction
            missing field `instruction`
            its title is empty
            unknown variant `refactr`, expected one of `quickfix`, `refactor.extract`, `refactor.inline`, `refactor.rewrite`, `source`
            there is no language `klingon`
            unknown field `command`, expected one of `title`, `instruction`, `kind`, `languages`
            its instruction is longer than 2000 characters"#]].assert_eq(&said.join("\n"));
        let plain = OwnAction::read(&json!({"title": "a", "instruction": "b"})).unwrap();
        assert_eq!((plain.kind, plain.languages.len()), (ActionKind::Rewrite, 0));
    }
}
