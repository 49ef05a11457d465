//! Documents and data: headings, keys and manifests.

use expect_test::expect;

use super::*;

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
fn data_has_no_symbols_but_is_cut_between_its_items() {
    let values = |from: usize| (from..from + 15).map(|n| format!("value_{n} = {n}\n")).collect::<String>();
    let text = format!("title = 1\n[one]\n{}[two]\n{}[three]\n{}", values(0), values(20), values(40));
    let facts = read(Path::new("a.toml"), &text, Language::named("toml"), None);
    tiled(&facts);
    let lines: Vec<_> = facts.chunks.iter().map(|chunk| chunk.lines.clone()).collect();
    assert_eq!((facts.symbols.len(), lines), (0, vec![0..17, 17..33, 33..49]));
    for (path, text) in [("a.json", "{ \"name\": { \"b\": 1 } }\n"), ("a.yaml", "name:\n  b: 1\n\"c\": 2\n")]
    {
        check(path, text, expect![""]);
    }
}
