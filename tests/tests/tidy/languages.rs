//! What depends on a language is a fact of its row in `server/src/languages`: no other module compares ids of languages.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

use crate::imports::is_test;
use crate::{read, rust_files};

/// Modules in which such a word means something else, or in which the rules of one language are code.
const EXCEPTIONS: [(&str, &str); 3] = [
    ("server/src/repository/imports/c.rs", "endings of source files"),
    ("server/src/repository/imports/java.rs", "the ending of source files"),
    ("server/src/repository/imports/python.rs", "folders, and modules of Python's library"),
];

#[test]
fn no_module_compares_ids_of_languages() {
    let ids = ids();
    assert!(ids.len() > 15, "only {ids:?}");
    let mut found = Vec::new();
    for (path, text) in rust_files() {
        let is_test = path.iter().any(|part| part == "tests" || part == "tests.rs");
        let is_judged =
            path.starts_with("server/src") && !path.starts_with("server/src/languages") && !is_test;
        if is_judged && !EXCEPTIONS.iter().any(|(exception, _)| path == Path::new(exception)) {
            let file = syn::parse_file(&text).expect("the workspace compiles");
            found.extend(named(&file, &ids).into_iter().map(|name| format!("{}: {name:?}", path.display())));
        }
    }
    assert!(found.is_empty(), "ask the language for a fact in the place of\n{}", found.join("\n"));
}

#[test]
fn exceptions_are_needed() {
    let ids = ids();
    for (exception, _) in EXCEPTIONS {
        let file = syn::parse_file(&read(Path::new(exception))).expect("the workspace compiles");
        assert!(!named(&file, &ids).is_empty(), "{exception} names no language");
    }
}

#[test]
fn a_comparison_is_found() {
    let code = r#"
        fn f(id: &str) -> bool { matches!(id, "rust" | "other") || "c cpp".contains(id) }
        #[cfg(test)]
        mod tests { const A: &str = "rust"; }
        /// Not "rust".
        #[arg("rust")]
        const B: &str = "rust and others";
    "#;
    let ids = ["rust", "c", "cpp"].map(str::to_owned);
    assert_eq!(named(&syn::parse_file(code).expect("the code parses"), &ids), ["rust", "c cpp"]);
}

/// The ids of all languages.
fn ids() -> Vec<String> {
    let rows = rust_files().filter(|(path, _)| path.parent() == Some(Path::new("server/src/languages")));
    let id = |text: &str| {
        let (_, rest) = text.split_once("\n    id: \"")?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    rows.filter_map(|(_, text)| id(&text)).collect()
}

/// The strings outside of tests and attributes that are made of ids.
fn named(file: &syn::File, ids: &[String]) -> Vec<String> {
    let mut strings = Strings::default();
    strings.visit_file(file);
    let is_id = |word: &str| ids.iter().any(|id| id == word);
    strings.0.retain(|string| !string.trim().is_empty() && string.split_whitespace().all(is_id));
    strings.0
}

#[derive(Default)]
struct Strings(Vec<String>);

impl Visit<'_> for Strings {
    fn visit_attribute(&mut self, _: &syn::Attribute) {}

    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &syn::ItemFn) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            syn::visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_lit_str(&mut self, literal: &syn::LitStr) {
        self.0.push(literal.value());
    }

    fn visit_macro(&mut self, invocation: &syn::Macro) {
        self.add_tokens(invocation.tokens.clone());
    }
}

impl Strings {
    fn add_tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Ok(syn::Lit::Str(string)) = syn::parse_str(&literal.to_string()) {
                        self.0.push(string.value());
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}
