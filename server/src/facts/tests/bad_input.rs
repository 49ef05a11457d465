//! No content of a file makes the extraction of facts fail.

use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::languages::ALL;

fn path_in(language: &Language) -> PathBuf {
    PathBuf::from("file").with_extension(language.extensions.split(' ').next().unwrap())
}

/// Texts of tokens that many languages share, so that parsers get somewhere.
fn code() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        8 => prop::sample::select(vec![
            "fn", "def", "class", "struct", "impl", "import", "from", "use", "{", "}", "(", ")", "<", ">", ";", ":",
            "=", ".", ",", "::", "\n", "\n\n", "    ", "\t", "name", "Type", "é😀", "\"", "'", "/*", "*/", "//", "#",
            "--", "\r\n", "function", "end", "type", "const", "self", "require", "@", "0x1f", "#include", "<?php",
        ]).prop_map(str::to_owned),
        1 => "\\PC{1,5}",
    ];
    prop::collection::vec(token, 0..120).prop_map(|tokens| tokens.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_is_read_and_tiled(text in prop_oneof![code(), "[^\\x00]{0,300}"]) {
        for &language in ALL {
            let facts = read(&path_in(language), &text, Some(language), None);
            tiled(&facts);
            prop_assert_eq!(&facts, &read(&path_in(language), &text, Some(language), None));
        }
        tiled(&read(Path::new("notes"), &text, None, None));
    }

    #[test]
    fn damaged_code_is_read_and_tiled(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..200usize), 1..8),
        language in prop::sample::select(vec!["rust", "python", "typescript", "cpp", "go", "markdown"]),
    ) {
        let mut text = include_str!("rust.rs").to_owned() + include_str!("python.rs") + include_str!("typescript.rs");
        for (at, length) in cuts {
            let start = text.floor_char_boundary(at.index(text.len()));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, "");
        }
        let language = Language::named(language);
        tiled(&read(Path::new("damaged"), &text, language, None));
    }
}

#[test]
fn nesting_has_no_limit() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    for (id, text) in [
        ("rust", "fn f() { ".to_owned() + &deep("(", ")") + " }"),
        ("rust", deep("mod a {", "}")),
        ("rust", "use ".to_owned() + &deep("a::{", "}") + ";"),
        ("python", "x = ".to_owned() + &deep("[", "]")),
        ("javascript", deep("class A { f() {", "}}")),
        ("json", deep("[", "]")),
        ("go", "package a\nvar x = ".to_owned() + &deep("[]int{", "}")),
        ("c", deep("struct a {", "};")),
    ] {
        tiled(&read(Path::new("deep"), &text, Language::named(id), None));
    }
}

#[test]
fn large_and_binary_texts_have_no_facts_but_a_size() {
    let large = "fn f() {}\n".repeat(250_000);
    for text in [large.as_str(), "fn f() {}\0\n"] {
        let facts = read(Path::new("a.rs"), text, Language::named("rust"), None);
        assert_eq!(facts.bytes as usize, text.len());
        assert_eq!(facts.lines as usize, text.lines().count());
        assert_eq!((facts.symbols.len(), facts.chunks.len(), facts.words.len()), (0, 0, 0));
    }
}

#[test]
fn a_table_does_not_parse_as_endless_code() {
    let text = "const A: u8 = 1;\n".repeat(30_000);
    let rust = Language::named("rust").unwrap();
    // However long it takes here.
    let tree = parse_str(rust, &text, Duration::MAX).unwrap();
    let facts = read(Path::new("a.rs"), &text, Some(rust), Some(&tree));
    assert_eq!(facts.symbols.len(), 20_000);
    tiled(&facts);
}

#[test]
fn a_given_tree_is_used() {
    let (path, rust) = (Path::new("a.rs"), Language::named("rust").unwrap());
    let text = "fn f() {}\n";
    let tree = parse_str(rust, text, max_parse_time(text.len())).unwrap();
    assert_eq!(read(path, text, Some(rust), Some(&tree)), read(path, text, Some(rust), None));
}
