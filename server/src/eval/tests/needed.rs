//! The declarations and lines that a hole needs.

use expect_test::{Expect, expect};

use super::*;
use crate::documents::{Document, DocumentId};
use crate::eval::needed::{self, Lines};

/// The names that the text between two `|` uses.
#[track_caller]
fn check(language: &str, text: &str, expected: Expect) {
    let plain = text.replace('|', "");
    let start = text.find('|').expect("a mark");
    let end = text.rfind('|').expect("a mark") - 1;
    let document = Document::open(DocumentId("a".into()), None, language, 1, &plain);
    let hole = Hole { file: 0, kind: Kind::Line, range: start..end };
    let names = needed::names(&document, &plain, &hole);
    let free = names.used.into_iter().filter(|name| !names.bound.contains(name));
    expected.assert_eq(&free.collect::<Vec<_>>().join(" "));
}

#[test]
fn names_are_those_used_and_not_those_declared() {
    check("rust", "fn f() {\n    |let area = shape.area(Unit::Metre);|\n}\n", expect!["shape Unit Metre"]);
    check("rust", "fn f() {\n    |let (a, b1) = split(\"text\", x1); // note|\n}\n", expect!["split x1"]);
    check("rust", "fn f() {\n    |let total = sum(values);|\n}\n", expect!["sum values"]);
    check(
        "python",
        "def f():\n    |result = Parser(strict=True).parse(source)|\n",
        expect!["Parser parse source"],
    );
    check("python", "def f(self):\n    |self.total = compute(self.items)|\n", expect!["total compute items"]);
    check("typescript", "|const user: User = await load(id1);|\n", expect!["User load id1"]);
    check("go", "package a\nfunc f() {\n\t|size, err := reader.Size(ctx)|\n}\n", expect!["reader Size ctx"]);
    check(
        "java",
        "class A { void f() {\n |Shape shape = factory.make(kind);|\n} }\n",
        expect!["Shape factory make kind"],
    );
}

#[test]
fn a_line_is_similar_to_another_but_not_to_itself() {
    let line = "    let total = prices.iter().sum::<u64>();\n";
    let near = line.replace("prices", "price");
    let (_folder, corpus) = repository(&[
        ("a.rs", &format!("fn a() {{\n{line}}}\n")),
        ("b.rs", &format!("fn b() {{\n{near}}}\nfn c() {{\n    let total = 0;\n}}\n")),
    ]);
    let lines = Lines::of(&corpus);
    let hole = hole(&corpus, "a.rs", "prices.iter()");
    assert_eq!(lines.like(&hole, &[]), [near.trim()]);
    let (_folder, alone) = repository(&[("a.rs", &format!("fn a() {{\n{line}}}\n"))]);
    assert!(Lines::of(&alone).like(&Hole { file: 0, ..hole }, &[]).is_empty());
}

#[test]
fn a_line_that_the_window_shows_is_not_elsewhere() {
    let line = "    let total = prices.iter().sum::<u64>();\n";
    let text = format!("fn a() {{\n{line}}}\nfn b() {{\n{line}}}\n");
    let (_folder, corpus) = repository(&[("a.rs", &text)]);
    let lines = Lines::of(&corpus);
    let hole = hole(&corpus, "a.rs", line.trim());
    assert_eq!(lines.like(&hole, &[]), [line.trim()]);
    let second = text.rfind(line).expect("it is there twice");
    let second = second..second + line.len();
    assert!(lines.like(&hole, std::slice::from_ref(&second)).is_empty());
}
