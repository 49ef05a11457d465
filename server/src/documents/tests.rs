//! Documents compared with plain strings, and incremental trees with fresh ones.

use std::time::Duration;

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::syntax::parse_str;

fn open(language: &str, text: &str) -> Document {
    Document::open(DocumentId("file:///a".into()), None, language, 1, text)
}

fn splice(range: std::ops::Range<usize>, text: &str) -> Change {
    Change::Splice { range, text: text.to_owned() }
}

fn fresh_sexp(document: &Document) -> String {
    let text = document.text.to_string();
    parse_str(document.language.unwrap(), &text, Duration::MAX).unwrap().root_node().to_sexp()
}

fn sexp(document: &Document) -> String {
    document.tree().unwrap().root_node().to_sexp()
}

#[test]
fn a_snapshot_does_not_change() {
    let documents = Documents::default();
    documents.open(open("rust", "fn f() {}\n"));
    let id = DocumentId("file:///a".into());
    let before = documents.get(&id).unwrap();
    let after = documents.change(&id, 2, &[splice(3..4, "g")]).unwrap();
    assert_eq!((before.version, before.text.to_string()), (1, "fn f() {}\n".to_owned()));
    assert_eq!((after.version, after.text.to_string()), (2, "fn g() {}\n".to_owned()));
    documents.close(&id);
    assert!(documents.get(&id).is_none());
    assert!(documents.change(&id, 3, &[]).is_none());
}

#[tokio::test]
async fn a_document_keeps_its_text_when_its_path_becomes_canonical() {
    let documents = Documents::default();
    let id = DocumentId("file:///link".into());
    let (link, file) = (Path::new("/link"), Path::new("/w/a.rs"));
    documents.open_unresolved(Document::open(id.clone(), Some(link.into()), "", 1, "fn f() {}\n"));
    documents.change(&id, 2, &[splice(3..4, "g")]).unwrap();
    assert!(!documents.is_resolved(&id) && !documents.are_resolved());
    let (before, after) = documents.resolve(&id, file).expect("it is open");
    documents.resolved().await;
    assert_eq!((before.path.as_deref(), before.language.is_some()), (Some(link), false));
    assert_eq!((after.path.as_deref(), after.named.as_deref()), (Some(file), Some(link)));
    assert_eq!((after.version, after.text.to_string()), (2, "fn g() {}\n".to_owned()));
    assert_eq!(documents.first(&id).unwrap().path.as_deref(), Some(file));
    assert_eq!(sexp(&after), fresh_sexp(&after), "the path decides the language");
    assert!(documents.is_open(file) && !documents.is_open(link));
    assert!(documents.resolve(&id, link).is_none(), "once");
    assert_eq!(documents.close(&id).1.as_deref(), Some(file));
}

#[test]
fn the_most_recently_used_document_comes_first() {
    let documents = Documents::default();
    for name in ["a", "b", "c"] {
        documents.open(Document::open(DocumentId(name.into()), None, "", 1, ""));
    }
    documents.change(&DocumentId("b".into()), 2, &[]).unwrap();
    let order: Vec<_> = documents.recent().iter().map(|document| document.id.0.to_string()).collect();
    assert_eq!(order, ["b", "c", "a"]);
    documents.open(Document::open(DocumentId("a".into()), None, "", 1, ""));
    assert_eq!(documents.recent().len(), 3);
}

#[test]
fn changes_of_one_batch_see_each_other() {
    let document = open("", "one\r\ntwo");
    let next = document.apply(2, &[splice(5..8, "zwei"), splice(0..3, "eins"), splice(10..10, "\r\n")]);
    assert_eq!(next.text.to_string(), "eins\r\nzwei\r\n");
    let replaced = next.apply(3, &[Change::Replace("é😀".into()), splice(2..2, "x")]);
    assert_eq!(replaced.text.to_string(), "éx😀");
}

#[test]
fn an_invalid_range_is_clamped() {
    let document = open("", "é😀");
    assert_eq!(document.apply(2, &[splice(1..1, "x")]).text.to_string(), "xé😀");
    assert_eq!(document.apply(2, &[splice(4..99, "x")]).text.to_string(), "éx");
    #[expect(clippy::reversed_empty_ranges)]
    let backwards = splice(usize::MAX..0, "x");
    assert_eq!(document.apply(2, &[backwards]).text.to_string(), "é😀x");
}

#[test]
fn line_breaks_are_those_of_lsp() {
    let document = open("", "\u{feff}a\r\nb\rc\nd\u{2028}e\u{b}f");
    assert_eq!(document.text.len_lines(), 4);
    assert_eq!(document.text.to_string(), "\u{feff}a\r\nb\rc\nd\u{2028}e\u{b}f");
}

#[test]
fn a_text_is_plain_while_it_is_too_large_or_binary() {
    let line = format!("// {}\n", "a".repeat(96));
    let document = open("rust", &line.repeat(20_000));
    assert!(document.language.is_some() && document.tree().is_some());
    let larger = document.apply(2, &[splice(0..0, &line)]);
    assert!(larger.language.is_none() && larger.tree().is_none() && !larger.is_binary());
    let smaller = larger.apply(3, &[splice(0..1_900_000, "")]);
    assert_eq!(smaller.language.unwrap().id, "rust");
    assert!(!smaller.tree().unwrap().root_node().has_error());

    let binary = smaller.apply(4, &[splice(3..3, "\0")]);
    assert!(binary.is_binary() && binary.language.is_none() && binary.tree().is_none());
    let text_again = binary.apply(5, &[splice(0..5, "")]);
    assert!(!text_again.is_binary() && text_again.tree().is_some());
    assert!(open("rust", "\0").is_binary());
}

#[test]
fn the_language_comes_from_the_client_then_the_path_then_the_first_line() {
    let id = |language_id: &str, path: Option<&str>, text: &str| {
        let path = path.map(std::path::PathBuf::from);
        let document = Document::open(DocumentId("x".into()), path, language_id, 1, text);
        document.language.map(|language| language.id)
    };
    assert_eq!(id("python", Some("/a/b.rs"), ""), Some("python"));
    assert_eq!(id("unheard-of", Some("/a/b.rs"), ""), Some("rust"));
    assert_eq!(id("plaintext", Some("/a/run"), "#!/bin/sh\n"), Some("shellscript"));
    assert_eq!(id("plaintext", None, "text"), None);
}

#[test]
fn ten_thousand_changes_before_the_first_use_leave_one_tree() {
    let document = open("rust", "fn f() {\n}\n");
    document.tree();
    let mut latest = document;
    for version in 0..10_000 {
        latest = latest.apply(version, &[splice(9..9, "    g();\n")]);
    }
    assert_eq!(sexp(&latest), fresh_sexp(&latest));
}

#[test]
fn a_full_text_is_reduced_to_its_change() {
    let document = open("rust", "fn f() {}\r\n\r\nfn g() {}\r\n");
    let next = document.apply(2, &[Change::Replace("fn f() {}\r\n\r\nfn h() {}\r\n".into())]);
    assert_eq!(format!("{:?}", next.edited_lines()), "[2..3]");
    assert_eq!(sexp(&next), fresh_sexp(&next));
    assert!(document.apply(3, &[Change::Replace(document.text.to_string())]).edited_lines().is_empty());
}

#[test]
fn edited_lines_follow_later_edits() {
    let mut document = open("", &"line\n".repeat(100));
    let mut edits = String::new();
    for (line, lines, text) in [(50, 0, "x"), (10, 0, "y\nz\n"), (70, 1, ""), (53, 0, "w"), (5, 50, "")] {
        let start = document.text.line_to_byte(line);
        let end = document.text.line_to_byte(line + lines);
        document = document.apply(2, &[splice(start..end, text)]);
        edits += &format!("{:?}\n", document.edited_lines());
    }
    expect![[r#"
        [50..51]
        [10..13, 52..53]
        [70..71, 10..13, 52..53]
        [52..54, 70..71, 10..13]
        [5..6, 20..21]
    "#]]
    .assert_eq(&edits);
}

#[test]
fn a_label_is_the_end_of_the_path() {
    let label =
        |path: Option<&str>| Document::open(DocumentId("x".into()), path.map(Into::into), "", 1, "").label();
    assert_eq!(label(Some("/home/me/project/src/net/http.rs")), "src/net/http.rs");
    assert_eq!(label(Some("/http.rs")), "http.rs");
    assert_eq!(label(None), "");
}

/// Pieces that distinguish bytes, characters, line breaks and syntax.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,3}",
        prop::sample::select(vec![
            "\r\n",
            "\n",
            "\r",
            "é",
            "😀",
            "\u{feff}",
            "{",
            "}",
            "(",
            ")",
            "\"",
            "'",
            "//",
            "/*",
            "*/",
            "    ",
            "\t",
            "x = 1\n",
            "fn f() {}\n",
            "def g():\n    pass\n",
            "- a: b\n",
            "# t\n",
            "<<E\n",
            "`",
            "",
            "\0",
        ])
        .prop_map(str::to_owned),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let text = || prop::collection::vec(piece(), 0..4).prop_map(|pieces| pieces.concat());
    prop_oneof![
        9 => (any::<prop::sample::Index>(), 0usize..12, text()).prop_map(|(at, length, text)| {
            // Resolved against the text's length when applied; sometimes far beyond the end.
            let start = at.index(300);
            Change::Splice { range: start..start + length, text }
        }),
        1 => prop::collection::vec(piece(), 0..30).prop_map(|pieces| Change::Replace(pieces.concat())),
    ]
}

fn naive(text: &mut String, change: &Change) {
    match change {
        Change::Replace(new) => *text = new.clone(),
        Change::Splice { range, text: new } => {
            let boundary =
                |byte: usize| (0..=byte.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
            let (start, end) = (boundary(range.start).unwrap(), boundary(range.end).unwrap());
            text.replace_range(start..end, new);
        }
    }
}

proptest! {
    #[test]
    fn any_changes_make_the_text_that_a_string_would_have(
        first in prop::collection::vec(piece(), 0..60),
        batches in prop::collection::vec(prop::collection::vec(change(), 0..4), 0..20),
    ) {
        let mut text = first.concat();
        let mut document = open("rust", &text);
        for (version, batch) in (2..).zip(&batches) {
            document = document.apply(version, batch);
            batch.iter().for_each(|change| naive(&mut text, change));
            prop_assert_eq!(document.text.to_string(), text.as_str());
            prop_assert_eq!(document.is_binary(), text.contains('\0'));
            for pair in document.edited_lines() {
                prop_assert!(pair.start < pair.end && pair.end <= document.text.len_lines());
            }
        }
    }

    #[test]
    fn any_changes_leave_a_tree_of_the_text(
        language in prop::sample::select(LANGUAGES.to_vec()),
        first in prop::collection::vec(piece(), 0..60),
        changes in prop::collection::vec((change(), any::<bool>()), 0..20),
    ) {
        let mut document = open(language.0, &first.concat());
        for (change, ask) in changes {
            document = document.apply(0, &[change]);
            if ask && document.language.is_some() {
                let root = document.tree().unwrap().root_node();
                prop_assert!(root.end_byte() <= document.text.len_bytes());
                // How an error is recovered from may depend on what was there before, and tree-sitter-bash 0.25
                // now and then keeps an argument that a backtick has since become part of.
                if !root.has_error() && language.0 != "shellscript" {
                    prop_assert_eq!(root.to_sexp(), fresh_sexp(&document));
                }
            }
        }
    }

    #[test]
    fn an_incremental_tree_equals_a_fresh_one(
        (_, fragments) in prop::sample::select(LANGUAGES.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..5, 0usize..3, piece()), 1..30),
    ) {
        let language = LANGUAGES.iter().find(|(_, all)| *all == fragments).unwrap().0;
        let mut lines: Vec<&str> = fragments.to_vec();
        let mut document = open(language, &lines.concat());
        for (at, fragment, removed, garbage) in changes {
            let at = at.index(lines.len() + 1);
            let start = lines[..at].concat().len();
            // Incomplete code, which must not affect the next tree.
            let broken = document.apply(0, &[splice(start..start, &garbage)]);
            broken.tree();
            document = broken.apply(0, &[splice(start..start + garbage.len(), "")]);

            let gone: String = lines.splice(at..lines.len().min(at + removed), [fragments[fragment]]).collect();
            document = document.apply(0, &[splice(start..start + gone.len(), fragments[fragment])]);
            prop_assert!(!document.tree().unwrap().root_node().has_error(), "{}", sexp(&document));
            prop_assert_eq!(sexp(&document), fresh_sexp(&document));
        }
    }
}

/// Languages with pieces of text that are valid in any order.
const LANGUAGES: [(&str, [&str; 5]); 8] = [
    (
        "rust",
        [
            "fn f() {\n    g(1);\n}\n",
            "// é😀\n",
            "struct A {\r\n    x: u8,\r\n}\r\n",
            "\n",
            "const S: &str = \"{\";\n",
        ],
    ),
    (
        "python",
        [
            "def f():\n    if x:\n        return 1\n",
            "# é😀\n",
            "x = (\n  1,\n)\n",
            "\r\n",
            "class A:\n    y = ''\n",
        ],
    ),
    (
        "typescript",
        [
            "function f() {\n  return `${g}`;\n}\n",
            "// é😀\n",
            "type A = { x: B<C> };\r\n",
            "\n",
            "let s = '{';\n",
        ],
    ),
    (
        "go",
        [
            "func f() {\n\tg()\n}\n",
            "// é😀\n",
            "type A struct {\r\n\tx int\r\n}\r\n",
            "\n",
            "var s = `\n{`\n",
        ],
    ),
    ("yaml", ["a:\n  - b\n  - c: d\n", "# é😀\n", "e: |\n  text\n  {\n", "\n", "\"f\": [1, 2]\n"]),
    ("markdown", ["# a\n\n", "é😀\n\n", "- b\n- c\n\n", "\n", "```\n{\n```\n"]),
    ("html", ["<p>a <b>c</b></p>\n", "<!-- é😀 -->\n", "<script>\nx < 1\n</script>\r\n", "\n", "<br>\n"]),
    ("shellscript", ["f() {\n  echo \"$1\"\n}\n", "# é😀\n", "cat <<E\ntext {\nE\n", "\n", "x='{'\n"]),
];
