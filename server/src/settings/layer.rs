//! Where settings come from, one layer over the other, and what is wrong in them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::OwnAction;
use super::{Kind, ROWS, Row, Scope, Settings};
use crate::files::{self, Unreadable};
use crate::user_dirs::SETTINGS_FILE;

/// No file of settings is larger.
pub(super) const FILE_BYTES: u64 = 1 << 20;
/// What else is wrong in a layer is only counted.
const PROBLEMS: usize = 16;
/// What editors keep beside our settings for themselves: how to start the server, what to trace, where to ask.
const EDITORS_OWN: [&str; 3] = ["server", "trace", "enable"];

/// One source of settings. A later one goes before an earlier one.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// The user's own file; it need not exist.
    UserFile(PathBuf),
    /// A project's file, which may come from anybody; it need not exist.
    ProjectFile(PathBuf),
    /// What the editor sent.
    Editor {
        /// How: `initializationOptions`, `workspace/configuration`.
        how: &'static str,
        /// Our section: nested objects, or dotted names.
        values: Value,
    },
}

/// Something that is wrong in a layer. What it says is not in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `file:line:column` (from 1, columns in characters), or what the editor sent.
    pub place: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// One value of a layer.
struct Entry {
    name: String,
    place: String,
    value: Value,
    /// The value as it is written there.
    written: String,
    /// Where the elements of a list stand, as far as that is known.
    elements: Vec<String>,
}

/// The layers that are files: the user's, then those of the workspace's folders.
pub fn of_files(user_file: Option<&Path>, roots: &[PathBuf]) -> Vec<Layer> {
    let user = user_file.map(|file| Layer::UserFile(file.to_owned()));
    user.into_iter().chain(roots.iter().map(|root| Layer::ProjectFile(root.join(SETTINGS_FILE)))).collect()
}

/// The settings that follow from these layers, and what is wrong in them.
pub fn load(layers: &[Layer]) -> (Settings, Vec<Problem>) {
    let mut settings = Settings::default();
    let mut problems = Vec::new();
    for layer in layers {
        let mut found = Vec::new();
        let (place, entries) = match layer {
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
            found.push(Problem { place, message: format!("and {more} more of the kind") });
        }
        problems.append(&mut found);
    }
    (settings, problems)
}

/// Puts one value in force; what is wrong with it.
fn apply(settings: &mut Settings, entry: Entry, may_set_all: bool) -> Vec<Problem> {
    let Entry { name, place, mut value, written, elements } = entry;
    let problem = |message| vec![Problem { place: place.clone(), message }];
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
            "`{name}` counts in your own settings only, because a repository must not decide what runs on your machine; ignored"
        ));
    }
    let mut problems = Vec::new();
    if let (Kind::Actions, Value::Array(actions)) = (row.kind, &mut value) {
        // One that is wrong does not take the others with it.
        let mut at = 0;
        actions.retain(|action| {
            let wrong = OwnAction::read(action).err();
            let place = elements.get(at).unwrap_or(&place).clone();
            at += 1;
            let message = |wrong: &String| format!("action {at} of `{name}` is left out: {wrong}");
            problems
                .extend(wrong.iter().map(|wrong| Problem { place: place.clone(), message: message(wrong) }));
            wrong.is_none()
        });
    }
    if !row.kind.accepts(&value) {
        let stays = (row.read)(settings);
        return problem(format!("`{name}` is {}, not {}; it stays {stays}", row.kind, short(&written)));
    }
    (row.write)(settings, value);
    problems
}

/// The option or section whose name is spelled most like this one.
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

/// A value for a message.
fn short(written: &str) -> String {
    let start: String = written.lines().next().unwrap_or_default().chars().take(40).collect();
    if start.len() < written.len() { start + "..." } else { start }
}

/// Whether some option's name begins with `name` and a dot.
fn is_section(name: &str) -> bool {
    ROWS.iter().any(|row| row.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

fn of_json(how: &str, values: &Value) -> Result<Vec<Entry>, Problem> {
    let mut entries = Vec::new();
    if values.is_object() {
        flatten_json(how, "", values, &mut entries);
    } else if !values.is_null() {
        let message = format!("should be an object of settings, not {}; ignored", short(&values.to_string()));
        return Err(Problem { place: how.to_owned(), message });
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
        // VS Code sends null for what is not set.
        Value::Null => {}
        _ => entries.push(Entry {
            name: name.to_owned(),
            place: how.to_owned(),
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
        Err(message) => return Err(Problem { place: file, message }),
    };
    let table = DeTable::parse(&text).map_err(|error| Problem {
        place: place(&file, &text, error.span().unwrap_or_default()),
        message: format!("{}; the whole file is ignored", error.message().replace('\n', ", ")),
    })?;
    let mut found = Vec::new();
    flatten_toml("", table.get_ref(), &mut found);
    found.sort_by_key(|found| found.span.start);
    let entry = |Found { name, span, value, elements }: Found| Entry {
        name,
        place: place(&file, &text, span.clone()),
        value,
        written: text[span].to_owned(),
        elements: elements.into_iter().map(|span| place(&file, &text, span)).collect(),
    };
    Ok(found.into_iter().map(entry).collect())
}

/// An option with the span of its value, or a name that is none with its own.
struct Found {
    name: String,
    span: Range<usize>,
    value: Value,
    /// Of the elements, where the value is a list.
    elements: Vec<Range<usize>>,
}

/// The options of a table.
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

/// What no option is becomes what no option accepts.
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

/// The text of a settings file; `None` where there is none.
fn read(path: &Path) -> Result<Option<String>, String> {
    match files::text(path, FILE_BYTES) {
        Ok(text) => Ok(Some(text.text)),
        Err(Unreadable::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(Unreadable::Io(_)) if !path.is_file() && path.exists() => {
            Err("is not a file; ignored".to_owned())
        }
        Err(Unreadable::TooLarge(_)) => Err("is larger than a megabyte; ignored".to_owned()),
        Err(Unreadable::Binary | Unreadable::NotUtf8) => Err("is not UTF-8 text; ignored".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn place(file: &str, text: &str, span: Range<usize>) -> String {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{file}:{line}:{column}")
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}
