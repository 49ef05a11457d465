//! Documents generated from the table of settings: Markdown, and properties for VS Code.

use serde_json::{Map, Value, json};

use super::ActionKind;
use super::{Kind, ROWS, Row, Scope, Settings};

const HEAD: &str = "\
# Settings

This file is the output of `phi-ls settings`. Later sources override earlier ones:

1. the defaults
2. your own `phi-ls.toml` (`phi-ls doctor` prints its path)
3. the project's `phi-ls.toml`
4. the editor's `initializationOptions`
5. the editor's `workspace/configuration`, section `phi-ls`

In TOML, the part of a name before the dot is a table; in JSON, an object or part of the name:

```toml
[completion]
maxLines = 4
```

An invalid or unknown setting is reported with its position and has no effect. Settings marked * are ignored in the
project's file, because a repository must not decide what runs on your machine.

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
            Kind::Text => "string".to_owned(),
            Kind::List => "list of strings".to_owned(),
            Kind::Actions | Kind::Adapters => "list of tables".to_owned(),
            Kind::Choice(words) => format!("`{}`", words.join("`, `")),
        };
        let default = default(row);
        format!("| `{}`{own} | {values} | `{default}` | {} |\n", row.name, row.meaning.trim())
    };
    HEAD.to_owned() + &ROWS.iter().map(row).collect::<String>()
}

/// `contributes.configuration.properties` of a VS Code extension.
///
/// The default is `null` (not set): VS Code sends a declared default as if the user had set it, and it would override
/// every file.
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
            Kind::Adapters => {
                let adapter = json!({
                    "type": "object",
                    "required": ["path"],
                    "properties": { "path": { "type": "string" }, "scale": { "type": "number" } },
                    "additionalProperties": false,
                });
                json!({ "type": ["array", "null"], "items": adapter })
            }
            Kind::Choice(words) => {
                let words = words.iter().map(|word| Value::from(*word)).chain([Value::Null]);
                json!({ "type": ["string", "null"], "enum": words.collect::<Vec<_>>() })
            }
        };
        property["default"] = Value::Null;
        // Workspace settings cannot change a setting with the scope `machine`.
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
