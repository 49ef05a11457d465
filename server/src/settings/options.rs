//! The row type of the table of settings, and the macro that generates structs, defaults and rows from the table.

use serde_json::Value;

use super::Settings;
use super::{LoraAdapter, OwnAction};

/// One setting.
pub struct Row {
    /// Dotted, as in JSON; in TOML the part before the dot is a table.
    pub name: &'static str,
    /// The description, as Markdown.
    pub meaning: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Which sources may set it.
    pub scope: Scope,
    pub(super) read: fn(&Settings) -> Value,
    /// The value must be one that [`Kind::accepts`].
    pub(super) write: fn(&mut Settings, Value),
}

/// The type of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number {
        /// The minimum.
        least: u64,
        /// The maximum.
        most: u64,
    },
    /// A string.
    Text,
    /// A list of strings.
    List,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of [actions](OwnAction).
    Actions,
    /// A list of [adapters](LoraAdapter).
    Adapters,
}

/// Which sources may set an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The user or the project's file.
    Anywhere,
    /// Only the user: the setting decides what runs or is read on the user's machine, and repositories are untrusted.
    UserOnly,
}

impl Kind {
    /// Whether a value has this type.
    pub fn accepts(&self, value: &Value) -> bool {
        match self {
            Kind::Flag => value.is_boolean(),
            Kind::Number { least, most } => {
                value.as_u64().is_some_and(|number| (*least..=*most).contains(&number))
            }
            Kind::Text => value.is_string(),
            Kind::List => value.as_array().is_some_and(|texts| texts.iter().all(Value::is_string)),
            Kind::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Kind::Adapters => {
                value.as_array().is_some_and(|all| all.iter().all(|one| LoraAdapter::read(one).is_ok()))
            }
            Kind::Actions => {
                value.as_array().is_some_and(|all| all.iter().all(|one| OwnAction::read(one).is_ok()))
            }
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kind::Flag => f.write_str("true or false"),
            Kind::Number { least, most } => write!(f, "a whole number from {least} to {most}"),
            Kind::Text => f.write_str("a string"),
            Kind::List => f.write_str("a list of strings"),
            Kind::Actions => f.write_str("a list of tables, each with `title` and `instruction`"),
            Kind::Adapters => {
                f.write_str("a list of tables, each with `path` and optionally a number `scale`")
            }
            Kind::Choice(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                write!(f, "one of {}", quoted.join(", "))
            }
        }
    }
}

/// Generates from one table: a struct per section, [`Settings`] with all sections, their defaults, and [`ROWS`].
macro_rules! options {
    ($(
        $(#[doc = $about:literal])+
        $section:ident: $Section:ident {$(
            $(#[doc = $meaning:literal])+
            $field:ident: $type:ty = $default:expr, $name:literal, $kind:expr, $scope:expr;
        )+}
    )+) => {
        /// The settings in force.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Settings {$(
            $(#[doc = $about])+
            pub $section: $Section,
        )+}

        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, PartialEq)]
            pub struct $Section {$(
                $(#[doc = $meaning])+
                pub $field: $type,
            )+}

            impl Default for $Section {
                fn default() -> Self {
                    $Section { $($field: $default,)+ }
                }
            }
        )+

        /// All settings, in the order of the documentation.
        pub const ROWS: &[Row] = &[$($(Row {
            name: $name,
            meaning: concat!($($meaning),+),
            kind: $kind,
            scope: $scope,
            read: |settings| serde_json::to_value(&settings.$section.$field).expect("a plain value"),
            write: |settings, value| {
                settings.$section.$field = serde_json::from_value(value).expect("its kind accepts it");
            },
        },)+)+];
    };
}
pub(super) use options;
