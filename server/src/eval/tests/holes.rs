//! The holes of a text, in several languages.

use expect_test::{Expect, expect};

use crate::documents::{Document, DocumentId};
use crate::eval::holes::{Holes, Kind};

/// The holes of a text, one a line; line breaks in them are written as `⏎`.
#[track_caller]
fn check(language: &str, text: &str, kind: Kind, expected: Expect) {
    let document = Document::open(DocumentId("a".into()), None, language, 1, text);
    let holes = Holes::of(&document, text);
    let shown: Vec<_> =
        holes.by_kind(kind).iter().map(|range| text[range.clone()].replace('\n', "⏎")).collect();
    expected.assert_eq(&shown.join("\n"));
}

const RUST: &str = "\
use std::fmt; // formats

/// A sum.
fn sum(values: &[u32]) -> u32 {
    // one by one
    let mut total = 0;
    for value in values {
        total += value;
        check(total, \"a, b\");
    }
    let text = \"two
        lines\";
    total
}
";

#[test]
fn a_line_is_code_and_nothing_but_code() {
    check(
        "rust",
        RUST,
        Kind::Line,
        expect![[r#"
        fn sum(values: &[u32]) -> u32 {
        let mut total = 0;
        for value in values {
        total += value;
        check(total, "a, b");
        total"#]],
    );
}

#[test]
fn the_rest_of_a_line_begins_with_a_token() {
    check(
        "rust",
        "fn f() {\n    g(a, \"b c\");\n}\n",
        Kind::Rest,
        expect![[r#"
        f() {
        (a, "b c");
        a, "b c");
        , "b c");
        "b c");"#]],
    );
}

#[test]
fn a_block_is_the_body_of_a_function_or_branch() {
    check("rust", RUST, Kind::Block, expect!["total += value;⏎        check(total, \"a, b\");"]);
    let python = "class A:\n    def f(self):\n        a = 1\n        return a\n\ndef g(): pass\n";
    check("python", python, Kind::Block, expect!["a = 1⏎        return a"]);
    let go = "package a\n\nfunc f() int {\n\ta := 1\n\treturn a\n}\n";
    check("go", go, Kind::Block, expect!["a := 1⏎\treturn a"]);
    let typescript = "function f(): number {\n  const a = 1;\n  return a;\n}\n";
    check("typescript", typescript, Kind::Block, expect!["const a = 1;⏎  return a;"]);
    let java = "class A {\n  int f() {\n    int a = 1;\n    return a;\n  }\n}\n";
    check("java", java, Kind::Block, expect!["int a = 1;⏎    return a;"]);
    let c = "int f(void) {\n    int a = 1;\n    return a;\n}\n";
    check("c", c, Kind::Block, expect!["int a = 1;⏎    return a;"]);
    check("cpp", c, Kind::Block, expect!["int a = 1;⏎    return a;"]);
    let ruby = "def f\n  a = 1\n  a + 1\nend\n";
    check("ruby", ruby, Kind::Block, expect!["a = 1⏎  a + 1"]);
    let php = "<?php\nfunction f() {\n    $a = 1;\n    return $a;\n}\n";
    check("php", php, Kind::Block, expect!["$a = 1;⏎    return $a;"]);
    let lua = "function f()\n  local a = 1\n  return a\nend\n";
    check("lua", lua, Kind::Block, expect!["local a = 1⏎  return a"]);
}

#[test]
fn arguments_are_those_of_calls() {
    check("rust", "fn f() { g(a, b(c)); h(); }\n", Kind::Arguments, expect!["a, b(c)\nc"]);
    check("python", "class A(B): pass\nf(x, y=1)\n", Kind::Arguments, expect!["x, y=1"]);
    check("typescript", "f(a, () => b);\nnew A(c);\n", Kind::Arguments, expect!["a, () => b\nc"]);
    check("go", "package a\n\nfunc f() { g(a, \"b\") }\n", Kind::Arguments, expect!["a, \"b\""]);
    check("java", "class A { void f() { g(a); } }\n", Kind::Arguments, expect!["a"]);
    check("c", "int f(int a) { return g( a, 1 ); }\n", Kind::Arguments, expect!["a, 1"]);
    check("ruby", "f(a, b)\ng c\n", Kind::Arguments, expect!["a, b"]);
    check("php", "<?php f($a, 1);\n", Kind::Arguments, expect!["$a, 1"]);
    check("lua", "f(a, 'b')\n", Kind::Arguments, expect!["a, 'b'"]);
    check("python", "f(\n    a,\n    b,\n)\n", Kind::Arguments, expect![""]);
}

#[test]
fn plain_text_and_prose_have_no_holes() {
    for kind in Kind::ALL {
        check("plaintext", "f(a, b)\n", kind, expect![""]);
        check("rust", "/*\n f(a);\n*/\n// f(b);\n", kind, expect![""]);
        check("python", "'''\nf(a)\n'''\n", kind, expect![""]);
        check("rust", "", kind, expect![""]);
    }
}
