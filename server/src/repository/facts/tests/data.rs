//! Documents and data: what others name, and where to look.

use expect_test::expect;

use super::check;

#[test]
fn markdown() {
    check(
        "README.md",
        "# Shop\n\nWhat it is.\n\n## Use it\n\n- one\n- two\n\nLast\n----\n\ntext\n",
        expect![[r#"
            1-13 module Shop
              | # Shop
            5-13 module Shop.Use it
              | ## Use it
        "#]],
    );
}

#[test]
fn html() {
    check(
        "index.html",
        r#"<!doctype html>
<html><head>
<link rel="stylesheet" href="style.css">
<script src="app.js"></script>
</head><body><div id="main" class="wide">text</div></body></html>
"#,
        expect![[r#"
            5-5 field main
              | id="main"
            3 import style.css -> 
            4 import app.js -> 
        "#]],
    );
}

#[test]
fn css() {
    check(
        "style.css",
        r#"@import url("base.css");
@import 'other.css';
:root { --accent: #f00; }
/* A button. */
.btn-primary, .btn:hover {
  color: var(--accent);
}
#main .wide > p { color: red; }
@keyframes spin { from { top: 0; } }
"#,
        expect![[r#"
            3-3 field --accent
              | --accent: #f00;
            5-7 field btn-primary
              | .btn-primary, .btn:hover {
              |   color: var(--accent);
              | }
              " /* A button. */
            9-9 field spin
              | @keyframes spin { from { top: 0; } }
            1 import base.css -> 
            2 import other.css -> 
            3 uses root
            5 uses btn hover
            8 uses main wide
        "#]],
    );
}

#[test]
fn json_yaml_toml() {
    check(
        "package.json",
        "{\n  \"name\": \"shop\",\n  \"scripts\": { \"test\": \"x\" }\n}\n",
        expect![[r#"
        2-2 field name
          | "name": "shop"
        3-3 field scripts
          | "scripts": { "test": "x" }
    "#]],
    );
    check(
        "ci.yaml",
        "name: ci\non:\n  push:\n    branches: [main]\n\"quoted\": 1\n",
        expect![[r#"
        1-1 field name
          | name: ci
        2-4 field on
          | on:
          |   push:
          |     branches: [main]
        5-5 field quoted
          | "quoted": 1
    "#]],
    );
    check(
        "a.toml",
        "title = \"x\"\n\n# The package.\n[package]\nname = \"shop\"\n\n[a.b]\nc = 1\n",
        expect![[r#"
            1-1 field title
              | title = "x"
            4-6 module package
              | [package]
              " # The package.
            7-8 module a.b
              | [a.b]
        "#]],
    );
}
