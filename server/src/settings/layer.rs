//! The sources of settings (layers), their order, and the problems found in them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::OwnAction;
use super::{Kind, ROWS, Row, Scope, Settings};
use crate::files::{self, Unreadable};
use crate::messages;
use crate::user_dirs::SETTINGS_FILE;

/// The maximum size of a settings file.
pub(super) const FILE_BYTES: u64 = 1 << 20;
/// Maximum number of problems reported per layer; further ones are counted.
const PROBLEMS: usize = 16;
/// Settings in our section that belong to the editor's extension: how to start the server, tracing, where to suggest.
const EDITORS_OWN: [&str; 3] = ["server", "trace", "enable"];

/// One source of settings. Later layers override earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// The user's file; it need not exist.
    UserFile(PathBuf),
    /// A project's file, which is untrusted; it need not exist.
    ProjectFile(PathBuf),
    /// Settings sent by the editor.
    Editor {
        /// The message: `initializationOptions` or `workspace/configuration`.
        how: &'static str,
        /// Our section, as nested objects or dotted names.
        values: Value,
    },
}

/// An invalid entry of a layer. It has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `file:line:column` (from 1, columns in characters), or the editor's message.
    pub location: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.location, self.message)
    }
}

/// One value of a layer.
struct Entry {
    name: String,
    location: String,
    value: Value,
    /// The value as written in the source.
    written: String,
    /// The positions of a list's elements, if known.
    elements: Vec<String>,
}

/// The file layers: the user's file, then those of the workspace folders.
pub fn of_files(user_file: Option<&Path>, roots: &[PathBuf]) -> Vec<Layer> {
    let user = user_file.map(|file| Layer::UserFile(file.to_owned()));
    user.into_iter().chain(roots.iter().map(|root| Layer::ProjectFile(root.join(SETTINGS_FILE)))).collect()
}

/// Merges the layers. Returns the settings, and the problems in the layers.
pub fn load(layers: &[Layer]) -> (Settings, Vec<Problem>) {
    let mut settings = Settings::default();
    let mut problems = Vec::new();
    for layer in layers {
        let mut found = Vec::new();
        let (location, entries) = match layer {
            Layer::UserFile(path) | Layer::ProjectFile(path) => (path.display().to_string(), of_file(path)),
            Layer::Editor { how, values } => ((*how).to_owned(), of_json(how, values)),
        };
        match entries {
            Ok(entries) => {
                let may_set_all = !matches!(layer, Layer::ProjectFile(_));
                found.extend(entries.into_iter().flat_map(|entry| apply(&mut settings, entry, may_set_all)));
            }
            Err(problem) => found.push(problem),
        }
        let more = found.len().saturating_sub(PROBLEMS);
        if more > 0 {
            found.truncate(PROBLEMS);
            found.push(Problem {
                location,
                message: format!("and {}", messages::counted(more, "more problem")),
            });
        }
        problems.append(&mut found);
    }
    (settings, problems)
}

/// Applies one value; returns its problems.
fn apply(settings: &mut Settings, entry: Entry, may_set_all: bool) -> Vec<Problem> {
    let Entry { name, location, mut value, written, elements } = entry;
    let problem = |message| vec![Problem { location: location.clone(), message }];
    let Some(row) = ROWS.iter().find(|row| row.name == name) else {
        let in_section = |row: &&Row| row.name.split_once('.').is_some_and(|(section, _)| section == name);
        if let Some(row) = ROWS.iter().find(in_section) {
            return problem(format!(
                "`{name}` is a group of settings, such as `{}`; set one of these",
                row.name
            ));
        }
        let hint = match nearest(&name) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "`phi-ls settings` lists all".to_owned(),
        };
        return problem(format!("there is no setting `{name}`; {hint}"));
    };
    if row.scope == Scope::UserOnly && !may_set_all {
        return problem(format!(
            "`{name}` is ignored here: set it in your own settings, because a repository must not decide what runs on your machine"
        ));
    }
    let mut problems = Vec::new();
    if let (Kind::Actions, Value::Array(actions)) = (row.kind, &mut value) {
        // An invalid action does not invalidate the others.
        let mut at = 0;
        actions.retain(|action| {
            let wrong = OwnAction::read(action).err();
            let location = elements.get(at).unwrap_or(&location).clone();
            at += 1;
            let message = |wrong: &String| format!("action {at} of `{name}` is ignored: {wrong}");
            problems.extend(
                wrong.iter().map(|wrong| Problem { location: location.clone(), message: message(wrong) }),
            );
            wrong.is_none()
        });
    }
    if !row.kind.accepts(&value) {
        let stays = (row.read)(settings);
        return problem(format!(
            "`{name}` must be {}, not {}; it remains {stays}",
            row.kind,
            short(&written)
        ));
    }
    (row.write)(settings, value);
    problems
}

/// The setting or section with the most similar name.
fn nearest(name: &str) -> Option<&'static str> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let name = plain(&name.chars().take(64).collect::<String>());
    let distance = |known: &str| strsim::damerau_levenshtein(&plain(known), &name);
    let spellings = ROWS
        .iter()
        .filter_map(|row| Some((row.name, row.name.split_once('.')?)))
        .flat_map(|(whole, (section, last))| [(whole, whole), (section, section), (last, whole)]);
    let (distance, meant) =
        spellings.map(|(spelled, meant)| (distance(spelled), meant)).min_by_key(|(distance, _)| *distance)?;
    (distance <= (name.len() / 4).max(1)).then_some(meant)
}

/// A value, shortened for a message.
fn short(written: &str) -> String {
    let start: String = written.lines().next().unwrap_or_default().chars().take(40).collect();
    if start.len() < written.len() { start + "..." } else { start }
}

/// Whether a setting's name begins with `name` and a dot.
fn is_section(name: &str) -> bool {
    ROWS.iter().any(|row| row.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

fn of_json(how: &str, values: &Value) -> Result<Vec<Entry>, Problem> {
    let mut entries = Vec::new();
    if values.is_object() {
        flatten_json(how, "", values, &mut entries);
    } else if !values.is_null() {
        let message = format!("should be an object of settings, not {}; ignored", short(&values.to_string()));
        return Err(Problem { location: how.to_owned(), message });
    }
    Ok(entries)
}

fn flatten_json(how: &str, name: &str, value: &Value, entries: &mut Vec<Entry>) {
    match value {
        Value::Object(fields) if name.is_empty() || is_section(name) => {
            for (key, value) in fields {
                let name = join(name, key);
                if !EDITORS_OWN.contains(&name.split('.').next().unwrap_or_default()) {
                    flatten_json(how, &name, value, entries);
                }
            }
        }
        // VS Code sends null for settings that are not set.
        Value::Null => {}
        _ => entries.push(Entry {
            name: name.to_owned(),
            location: how.to_owned(),
            value: value.clone(),
            written: value.to_string(),
            elements: Vec::new(),
        }),
    }
}

fn of_file(path: &Path) -> Result<Vec<Entry>, Problem> {
    let file = path.display().to_string();
    let text = match read(path) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(Vec::new()),
        Err(message) => return Err(Problem { location: file, message }),
    };
    let table = DeTable::parse(&text).map_err(|error| Problem {
        location: location(&file, &text, error.span().unwrap_or_default()),
        message: format!("{}; the whole file is ignored", error.message().replace('\n', ", ")),
    })?;
    let mut found = Vec::new();
    flatten_toml("", table.get_ref(), &mut found);
    found.sort_by_key(|found| found.span.start);
    let entry = |Found { name, span, value, elements }: Found| Entry {
        name,
        location: location(&file, &text, span.clone()),
        value,
        written: text[span].to_owned(),
        elements: elements.into_iter().map(|span| location(&file, &text, span)).collect(),
    };
    Ok(found.into_iter().map(entry).collect())
}

/// A setting with the span of its value, or an unknown name with the span of the name.
struct Found {
    name: String,
    span: Range<usize>,
    value: Value,
    /// The spans of the elements if the value is a list.
    elements: Vec<Range<usize>>,
}

/// Collects the settings of a table.
fn flatten_toml(name: &str, table: &DeTable, found: &mut Vec<Found>) {
    for (key, value) in table {
        let name = join(name, key.get_ref());
        match value.get_ref() {
            DeValue::Table(table) if is_section(&name) => flatten_toml(&name, table, found),
            _ if ROWS.iter().any(|row| row.name == name) => {
                let elements = match value.get_ref() {
                    DeValue::Array(values) => values.iter().map(Spanned::span).collect(),
                    _ => Vec::new(),
                };
                found.push(Found { name, span: value.span(), value: json(value), elements });
            }
            _ => found.push(Found { name, span: key.span(), value: Value::Null, elements: Vec::new() }),
        }
    }
}

/// Converts a TOML value. A value of a type that no setting has becomes `null`, which no setting accepts.
fn json(value: &Spanned<DeValue>) -> Value {
    match value.get_ref() {
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Array(values) => values.iter().map(json).collect(),
        DeValue::Table(table) => {
            Value::Object(table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value))).collect())
        }
        DeValue::Datetime(_) => Value::Null,
    }
}

/// The text of a settings file; `None` if the file does not exist.
fn read(path: &Path) -> Result<Option<String>, String> {
    match files::text(path, FILE_BYTES) {
        Ok(text) => Ok(Some(text.text)),
        Err(Unreadable::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(Unreadable::Io(_)) if !path.is_file() && path.exists() => {
            Err("it is not a file; ignored".to_owned())
        }
        Err(Unreadable::TooLarge(_)) => Err("it is larger than a megabyte; ignored".to_owned()),
        Err(Unreadable::Binary | Unreadable::NotUtf8) => Err("it is not UTF-8 text; ignored".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn location(file: &str, text: &str, span: Range<usize>) -> String {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{file}:{line}:{column}")
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}
