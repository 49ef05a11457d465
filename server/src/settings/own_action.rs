//! The user's own actions: a title, an instruction, and where it is offered.
//!
//! They count in the user's own settings only. The instruction is what the model is asked to do, and the title is all
//! that a user reads before it is done: a repository that could set both would have an instruction carried out under
//! another name.

use serde::{Deserialize, Serialize};

use crate::languages::Language;

/// What an action does, in the words that editors sort actions by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionKind {
    /// Mends what is wrong or missing.
    #[serde(rename = "quickfix")]
    QuickFix,
    /// Takes code out into an item of its own.
    #[serde(rename = "refactor.extract")]
    Extract,
    /// Puts what has a name in the place of the name.
    #[serde(rename = "refactor.inline")]
    Inline,
    /// Says the same, or more, in another way.
    #[default]
    #[serde(rename = "refactor.rewrite")]
    Rewrite,
    /// Is about the file as a whole.
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

    /// As editors spell it.
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

/// Titles have no more characters, instructions no more than twenty times as many.
const LONGEST_TITLE: usize = 100;

/// An action that a user has defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnAction {
    /// For a menu.
    pub title: String,
    /// What the model is asked to do with the function, type or statements at the cursor.
    pub instruction: String,
    /// Where it stands in the menu.
    #[serde(default)]
    pub kind: ActionKind,
    /// For which languages it is, by the names that editors use; all where there is none.
    #[serde(default)]
    pub languages: Vec<String>,
}

impl OwnAction {
    /// Reads an action.
    ///
    /// # Errors
    /// What is wrong with it.
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
    fn what_is_wrong_is_said() {
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
