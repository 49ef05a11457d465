//! The list of languages. To add one: a file like `rust.rs`, a line here, its grammar crate in `Cargo.toml`, its tag
//! query and, so that renames are certain, its locals query in `queries/`, a sample in `tests.rs`; and read its
//! scanner, because `guarded!` needs to know its states (`scanner.rs`).

use super::Language;
use super::{
    c, cpp, csharp, css, go, html, java, javascript, json, lua, markdown, php, python, ruby, rust,
    shellscript, toml, typescript, typescriptreact, yaml,
};

/// All languages that phi-ls parses.
pub static ALL: &[&Language] = &[
    &rust::LANGUAGE,
    &python::LANGUAGE,
    &javascript::LANGUAGE,
    &typescript::LANGUAGE,
    &typescriptreact::LANGUAGE,
    &go::LANGUAGE,
    &java::LANGUAGE,
    &c::LANGUAGE,
    &cpp::LANGUAGE,
    &csharp::LANGUAGE,
    &ruby::LANGUAGE,
    &php::LANGUAGE,
    &shellscript::LANGUAGE,
    &lua::LANGUAGE,
    &html::LANGUAGE,
    &css::LANGUAGE,
    &json::LANGUAGE,
    &yaml::LANGUAGE,
    &toml::LANGUAGE,
    &markdown::LANGUAGE,
    #[cfg(test)]
    &super::tests::invented::LANGUAGE,
];
