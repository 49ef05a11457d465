//! The table of settings as others need it: Markdown for people, properties for VS Code.

use serde_json::{Map, Value, json};

use super::ActionKind;
use super::{Kind, ROWS, Row, Scope, Settings};

const HEAD: &str = "\
# Settings

Written by `phi-ls settings`, which is what the program itself goes by. Later goes before earlier: the defaults, your file
`phi-ls.toml` (`phi-ls doctor` says in which folder), the project's `phi-ls.toml`, what the editor sends at start
(`initializationOptions`), what it sends later (`workspace/configuration`, section `phi-ls`).

In TOML the part before the dot is a table, in JSON an object or part of the name:

```toml
[completion]
maxLines = 4
```

A wrong or unknown setting is reported with its place, and what was in force before stays in force. Rows with * count only
where you set them yourself: a project's file may come from anybody.

| setting | values | default | meaning |
| --- | --- | --- | --- |
";

/// `server/SETTINGS.md`.
pub fn markdown() -> String {
    let row = |row: &Row| {
        let own = if row.scope == Scope::UserOnly { " *" } else { "" };
        let values = match row.kind {
            Kind::Flag => "`true`, `false`".to_owned(),
            Kind::Number { least, most } => format!("{least} to {most}"),
            Kind::Text => "text".to_owned(),
            Kind::List => "list of texts".to_owned(),
            Kind::Actions => "list of tables".to_owned(),
            Kind::Choice(words) => format!("`{}`", words.join("`, `")),
        };
        let default = default(row);
        format!("| `{}`{own} | {values} | `{default}` | {} |\n", row.name, row.meaning.trim())
    };
    HEAD.to_owned() + &ROWS.iter().map(row).collect::<String>()
}

/// `contributes.configuration.properties` of a VS Code extension.
///
/// The default is `null`, not set: VS Code sends a declared default as if the user had chosen it, and it would go
/// before every file.
pub fn vscode_properties() -> Value {
    let property = |row: &Row| {
        let mut property = match row.kind {
            Kind::Flag => json!({ "type": ["boolean", "null"] }),
            Kind::Number { least, most } => {
                json!({ "type": ["integer", "null"], "minimum": least, "maximum": most })
            }
            Kind::Text => json!({ "type": ["string", "null"] }),
            Kind::List => json!({ "type": ["array", "null"], "items": { "type": "string" } }),
            Kind::Actions => {
                let text = json!({ "type": "string" });
                let kinds = ActionKind::ALL.map(ActionKind::name);
                let properties = json!({
                    "title": text,
                    "instruction": text,
                    "kind": { "type": "string", "enum": kinds },
                    "languages": { "type": "array", "items": text },
                });
                let action = json!({
                    "type": "object",
                    "required": ["title", "instruction"],
                    "properties": properties,
                    "additionalProperties": false,
                });
                json!({ "type": ["array", "null"], "items": action })
            }
            Kind::Choice(words) => {
                let words = words.iter().map(|word| Value::from(*word)).chain([Value::Null]);
                json!({ "type": ["string", "null"], "enum": words.collect::<Vec<_>>() })
            }
        };
        property["default"] = Value::Null;
        // A workspace cannot set what has the scope `machine`.
        property["scope"] = if row.scope == Scope::UserOnly { "machine" } else { "window" }.into();
        let meaning = format!("{} Default: `{}`.", row.meaning.trim(), default(row));
        property["markdownDescription"] = meaning.into();
        (format!("phi-ls.{}", row.name), property)
    };
    Value::Object(ROWS.iter().map(property).collect::<Map<_, _>>())
}

fn default(row: &Row) -> Value {
    (row.read)(&Settings::default())
}
