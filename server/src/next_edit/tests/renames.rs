//! What is renamed without a model, what is listed, and what means something else, in whole workspaces: the definition
//! in the first file is renamed. Expected are each changed line in its new form, and each use that is not renamed.

use super::*;
use crate::next_edit::changed::changes;
use crate::next_edit::meaning::{Meaning, uses};

/// Renames in the first file and updates all uses: the changed lines, then the uses that are not renamed.
fn follow(fixture: &str, (old, new): (&str, &str)) -> (Vec<String>, Vec<String>) {
    let mut stage = Stage::new(&format!("{fixture}\n//- /cursor\n$0\n"), Models::default());
    stage.edit(old, new);
    let changes = changes(&stage.next_edits);
    let [change, ..] = changes.as_slice() else { panic!("nothing was renamed in {fixture}") };
    assert!(change.is_rename(), "{fixture}");
    assert!(!change.is_ambiguous(&stage.next_edits), "{fixture}");
    let (mut lines, mut left) = (Vec::new(), Vec::new());
    let mut documents = stage.next_edits.workspace.documents.recent().to_vec();
    documents.sort_by_key(|document| document.path.clone());
    for document in documents {
        let file =
            document.path.as_ref().expect("a path").strip_prefix("/w").expect("below").display().to_string();
        let all = uses(&stage.next_edits, &document, change);
        let mut text = document.text.to_string();
        for one in all.iter().rev() {
            let line = document.text.byte_to_line(one.range.start);
            match one.meaning {
                Meaning::Same => text.replace_range(one.range.clone(), &one.text),
                other => left.extend(other.left().map(|why| format!("{file}:{} {why}", line + 1))),
            }
        }
        let before = document.text.to_string();
        let changed = text.lines().zip(before.lines()).enumerate().filter(|(_, (now, was))| now != was);
        lines.extend(changed.map(|(at, (now, _))| format!("{file}:{} {}", at + 1, now.trim())));
    }
    left.sort();
    (lines, left)
}

#[track_caller]
pub fn check(fixture: &str, edit: (&str, &str), renamed: &[&str], left: &[&str]) {
    let (lines, places) = follow(fixture, edit);
    assert_eq!((lines, places), (strings(renamed), strings(left)), "{fixture}");
}

pub fn strings(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| one.to_string()).collect()
}

pub const PYTHON: (&str, &str) = ("def load", "def fetch");
const RUST: (&str, &str) = ("fn load", "fn fetch");
pub const SCRIPT: (&str, &str) = ("function load", "function fetch");
const CARGO: &str = "//- /Cargo.toml\n[package]\nname = \"w\"\n";

/// Renames in the first file, and applies each offered edit in turn: the changed lines in other places, and the final
/// note.
pub fn taken(fixture: &str, (old, new): (&str, &str), index_lags: bool) -> (Vec<String>, Option<String>) {
    let mut stage = Stage::new(&format!("{fixture}\n//- /cursor\n$0\n"), Models::default());
    let before = stage.next_edits.workspace.documents.recent().to_vec();
    stage.index_lags = index_lags;
    stage.edit(old, new);
    let mut said = None;
    for _ in 0..20 {
        let Some(place) = next(&stage.next_edits, &|_| None) else { break };
        let edit = place.known(&stage.next_edits).expect("it needs no model");
        said = place.note();
        stage.splice(&place.document.id, edit.range(), edit.new_text());
    }
    let mut lines = Vec::new();
    for document in before.into_iter().filter(|document| document.id != stage.home) {
        let (was, now) = (document.text.to_string(), stage.now(&document.id).text.to_string());
        let changed = was.lines().zip(now.lines()).enumerate().filter(|(_, (was, now))| was != now);
        let path = document.path.as_ref().expect("a path");
        let file = path.strip_prefix("/w").expect("below").display();
        lines.extend(changed.map(|(at, (_, now))| format!("{file}:{} {}", at + 1, now.trim())));
    }
    lines.sort();
    (lines, said)
}

#[test]
fn uses_of_an_import_come_after_the_import() {
    let rust = |user: &str| {
        format!(
            "//- /src/a.rs\npub fn load() {{}}\n//- /src/lib.rs\nmod a;\nmod b;\n//- /src/b.rs\n{user}\n{CARGO}"
        )
    };
    for (fixture, edit, lines) in [
        (
            rust("use crate::a::load;\nfn f() { load(); }"),
            RUST,
            vec!["src/b.rs:1 use crate::a::fetch;", "src/b.rs:2 fn f() { fetch(); }"],
        ),
        (
            rust("use super::a::{load, other};\nfn f() { load(); }\nfn g() { load(); }"),
            RUST,
            vec![
                "src/b.rs:1 use super::a::{fetch, other};",
                "src/b.rs:2 fn f() { fetch(); }",
                "src/b.rs:3 fn g() { fetch(); }",
            ],
        ),
        (
            format!("//- /src/a.rs\npub fn load() {{}}\n//- /src/lib.rs\nmod a;\nmod c;\npub use a::load;\n//- /src/c.rs\nuse crate::load;\nfn f() {{ load(); }}\n{CARGO}"),
            RUST,
            vec!["src/c.rs:1 use crate::fetch;", "src/c.rs:2 fn f() { fetch(); }", "src/lib.rs:3 pub use a::fetch;"],
        ),
        (
            "//- /a.py\ndef load():\n    return 1\n//- /b.py\nfrom a import *\n//- /c.py\nfrom b import load\nload()\n".to_owned(),
            PYTHON,
            vec!["c.py:1 from b import fetch", "c.py:2 fetch()"],
        ),
        (
            "//- /a.py\ndef load():\n    return 1\n//- /p/__init__.py\nfrom a import load\n//- /z.py\nfrom p import load\nload()\n".to_owned(),
            PYTHON,
            vec!["p/__init__.py:1 from a import fetch", "z.py:1 from p import fetch", "z.py:2 fetch()"],
        ),
        (
            "//- /a.py\ndef load():\n    return 1\n//- /p/__init__.py\nfrom a import load\n//- /c.py\nfrom p import load\nload()\n".to_owned(),
            PYTHON,
            vec!["c.py:1 from p import fetch", "c.py:2 fetch()", "p/__init__.py:1 from a import fetch"],
        ),
        (
            "//- /a.js\nexport function load() {}\n//- /index.js\nexport { load } from './a';\n//- /c.js\nimport { load } from './index';\nload();\nload();\n".to_owned(),
            SCRIPT,
            vec![
                "c.js:1 import { fetch } from './index';",
                "c.js:2 fetch();",
                "c.js:3 fetch();",
                "index.js:1 export { fetch } from './a';",
            ],
        ),
        (
            "//- /a.ts\nexport function load() {}\n//- /index.ts\nexport * from './a';\n//- /c.ts\nimport { load } from './index';\nload();\n".to_owned(),
            SCRIPT,
            vec!["c.ts:1 import { fetch } from './index';", "c.ts:2 fetch();"],
        ),
    ] {
        for index_lags in [false, true] {
            let (found, _) = taken(&fixture, edit, index_lags);
            assert_eq!(found, strings(&lines), "the index lags: {index_lags}; {fixture}");
        }
    }
}

#[test]
fn a_module_of_the_same_name_is_not_renamed() {
    check(
        "//- /a.py\ndef load():\n    return 1\n//- /load.py\nx = 1\n//- /b.py\nimport load\nimport load.x as y\nfrom load import x\nfrom a import load as l\n\nload.x()\nl()\n",
        PYTHON,
        &["b.py:4 from a import fetch as l"],
        &[],
    );
    // A package's module that the package does not re-export.
    check(
        "//- /p/load.py\ndef load():\n    return 1\n//- /p/__init__.py\nX = 1\n//- /b.py\nfrom p import load\nfrom p.load import load as l\nload.load()\n",
        PYTHON,
        &["b.py:2 from p.load import fetch as l", "b.py:3 load.fetch()"],
        &[],
    );
    let passing = "//- /p/load.py\ndef load():\n    return 1\n//- /p/__init__.py\nfrom .load import load\n//- /b.py\nfrom p import load\nload()\n";
    check(
        passing,
        PYTHON,
        &["b.py:1 from p import fetch", "b.py:2 fetch()", "p/__init__.py:1 from .load import fetch"],
        &[],
    );
    let rust = format!(
        "//- /src/a.rs\npub fn load() {{}}\n//- /src/load.rs\npub fn other() {{}}\n//- /src/lib.rs\npub mod a;\npub mod load;\npub use crate::a::load as l;\n//- /src/b.rs\nuse crate::load;\nuse crate::load::other;\nfn g() {{\n    load::other();\n    crate::a::load();\n}}\n{CARGO}"
    );
    check(&rust, RUST, &["src/b.rs:5 crate::a::fetch();", "src/lib.rs:3 pub use crate::a::fetch as l;"], &[]);
    let own = format!(
        "//- /src/load.rs\npub fn load() {{}}\n//- /src/lib.rs\npub mod load;\n//- /src/b.rs\nuse crate::load;\nfn g() {{\n    load::load();\n}}\n{CARGO}"
    );
    check(&own, RUST, &["src/b.rs:3 load::fetch();"], &[]);
    check(
        "//- /load.js\nexport function load() {}\n//- /b.js\nimport * as load from './load';\nload.load();\n//- /c.js\nimport load from './load';\nload();\n",
        SCRIPT,
        &["b.js:2 load.fetch();"],
        &[],
    );
    check(
        "//- /load/load.go\npackage load\n\nfunc load() {}\n\nfunc g() { load() }\n//- /b.go\npackage main\n\nimport load \"w/load\"\n\nfunc h() { load.Other() }\n",
        ("func load", "func fetch"),
        &["load/load.go:5 func g() { fetch() }"],
        &[],
    );
}

#[test]
fn names_that_importers_give_to_a_default_export_are_left_and_listed() {
    let importers = "//- /b.js\nimport load from './a';\nload();\n//- /c.js\nimport other, { x } from './a';\nother();\n\
                     //- /d.js\nexport { default as load } from './a';\n//- /e.js\nimport { default as load } from './a';\nload();\n\
                     //- /f.js\nimport load from './z';\nload();\n//- /z.js\nexport default 1;\n";
    let left = ["b.js:1", "d.js:1", "e.js:1"].map(|place| format!("{place} the import gives it this name"));
    let left: Vec<&str> = left.iter().map(String::as_str).collect();
    for (home, renamed) in [
        ("function load() {}\nexport default load;\n", Some("a.js:2 export default fetch;")),
        ("export default function load() {}\n", None),
        ("function load() {}\nexport { load as default };\n", Some("a.js:2 export { fetch as default };")),
    ] {
        check(&format!("//- /a.js\n{home}{importers}"), SCRIPT, renamed.as_slice(), &left);
    }
    // The default export is something else.
    let home = "export function load() {}\nexport default 1;\n";
    check(&format!("//- /a.js\n{home}{importers}"), SCRIPT, &[], &[]);
    // The note is shown after the other uses are updated.
    let home = "function load() {}\nfunction g() {\n    load();\n}\nexport default load;\n";
    let (_, said) = taken(&format!("//- /a.js\n{home}{importers}"), SCRIPT, false);
    assert!(
        said.as_ref().is_some_and(|said| said.contains("b.js:1 the import gives it this name")),
        "{said:?}"
    );
}

#[test]
fn aliases_and_re_exports() {
    check(
        "//- /a.js\nexport function load() {}\nexport { load as again };\n//- /index.js\nexport { load } from './a';\nexport { other as load2 } from './a';\n//- /b.js\nimport { load as l } from './a';\nimport { x as load } from './x';\nl();\nload();\n//- /c.js\nimport { load } from './index';\nload();\n",
        SCRIPT,
        &[
            "a.js:2 export { fetch as again };",
            "b.js:1 import { fetch as l } from './a';",
            "c.js:1 import { fetch } from './index';",
            "c.js:2 fetch();",
            "index.js:1 export { fetch } from './a';",
        ],
        &[],
    );
    let rust = format!(
        "//- /src/a.rs\npub fn load() {{}}\n//- /src/lib.rs\npub mod a;\nmod b;\nmod c;\npub use a::load;\n//- /src/b.rs\nuse crate::a::load as l;\nfn g() {{\n    l();\n}}\n//- /src/c.rs\nuse crate::a;\nuse crate::load;\nfn g() {{\n    load();\n    a::load();\n}}\n{CARGO}"
    );
    check(
        &rust,
        RUST,
        &[
            "src/b.rs:1 use crate::a::fetch as l;",
            "src/c.rs:2 use crate::fetch;",
            "src/c.rs:4 fetch();",
            "src/c.rs:5 a::fetch();",
            "src/lib.rs:4 pub use a::fetch;",
        ],
        &[],
    );
    check(
        "//- /a.py\ndef load():\n    return 1\n//- /b.py\nfrom a import load as read\nread()\nload = 1\nprint(load)\n//- /c.py\nfrom a import *\nload()\n//- /d.py\nload()\n",
        PYTHON,
        &["b.py:1 from a import fetch as read", "c.py:2 fetch()"],
        &[],
    );
}

#[test]
fn prototypes_are_renamed_with_their_definition() {
    let text = "//- /a.c\n#include \"a.h\"\n\nint load(int a) {\n    return a;\n}\n//- /a.h\n/* `load` reads. */\nint load(int a);\n//- /b.c\n#include \"a.h\"\n\nint g(void) {\n    return load(1);\n}\n//- /c.c\nint load2(void) { return 1; }\n";
    let to = ("int load(int a) {", "int fetch(int a) {");
    check(text, to, &["a.h:2 int fetch(int a);", "b.c:4 return fetch(1);"], &["a.h:1 in a comment"]);
    // In one file; a struct and a label of the same name are different.
    check(
        "//- /a.c\nint load(int a);\nstruct load { int load; };\n\nint g(struct load *l) {\n    load: return load(l->load);\n}\n\nint load(int a) {\n    return a;\n}\n",
        to,
        &["a.c:1 int fetch(int a);", "a.c:5 load: return fetch(l->load);"],
        &[],
    );
    // The prototype is what was renamed.
    let header =
        "//- /a.h\nint load(int a);\n//- /a.c\n#include \"a.h\"\nint load(int a) {\n    return a;\n}\n";
    check(header, ("int load", "int fetch"), &["a.c:2 int fetch(int a) {"], &[]);
    check(
        "//- /a.cpp\n#include \"a.hpp\"\n\nint Shape::load(int a) {\n    return a;\n}\n//- /a.hpp\nstruct Shape {\n    int load(int a);\n};\nstruct Other {\n    int load;\n};\n",
        ("Shape::load", "Shape::fetch"),
        &["a.hpp:2 int fetch(int a);"],
        &[],
    );
}

#[test]
fn names_in_strings_that_the_program_reads() {
    check(
        "//- /a.rs\nconst LIMIT: u8 = 1;\nfn g() {\n    println!(\"{LIMIT} {{LIMIT}} {LIMIT:>4} LIMIT\");\n    log!(\"{LIMIT}\");\n    let s = \"{LIMIT}\";\n}\n",
        ("const LIMIT", "const BOUND"),
        &["a.rs:3 println!(\"{BOUND} {{LIMIT}} {BOUND:>4} LIMIT\");"],
        &["a.rs:4 in a macro's string"],
    );
    check(
        "//- /a.py\n__all__ = [\"load\", \"other\"]\n\n\ndef load():\n    return f\"{load()} load\"\n//- /p/__init__.py\nfrom a import load\n\n__all__ = [\"load\"]\n//- /test_a.py\nmock.patch(\"a.load\")\nprint(\"could not load it\")\n",
        PYTHON,
        &[
            "a.py:1 __all__ = [\"fetch\", \"other\"]",
            "a.py:5 return f\"{fetch()} load\"",
            "p/__init__.py:1 from a import fetch",
            "p/__init__.py:3 __all__ = [\"fetch\"]",
        ],
        &["test_a.py:1 in a string"],
    );
    check(
        "//- /a.ts\nfunction load() { return 1; }\nconst a = `${load()} load`;\nconst o = { load, b: load };\njest.mock('./load'); jest.spyOn(a, 'load');\n",
        SCRIPT,
        &["a.ts:2 const a = `${fetch()} load`;", "a.ts:3 const o = { load: fetch, b: fetch };"],
        &["a.ts:4 in a string"],
    );
    check(
        "//- /a.py\nclass Load:\n    pass\n\n\ndef g(a: \"Load\") -> Load:\n    return Load()\n",
        ("class Load", "class Fetch"),
        &["a.py:5 def g(a: \"Fetch\") -> Fetch:", "a.py:6 return Fetch()"],
        &[],
    );
}

#[test]
fn locals_labels_keys_and_members_of_the_same_name_are_not_renamed() {
    check(
        "//- /a.py\ndef load():\n    return load()\n\n\ndef g(load):\n    return load()\n\n\ndef h():\n    f(load=load())\n    d = {\"x\": load}\n    return [load for load in d], a.load, self.load\n\n\nclass A:\n    def load(self):\n        return load()\n",
        PYTHON,
        &[
            "a.py:2 return fetch()",
            "a.py:10 f(load=fetch())",
            "a.py:11 d = {\"x\": fetch}",
            "a.py:17 return fetch()",
        ],
        &[],
    );
    check(
        "//- /a.rs\nfn load() -> u8 { 1 }\nfn g() -> S {\n    let load = load();\n    S { load: load, x: v.load() }\n}\nfn h() -> S {\n    let s = S { load };\n    vec![load()];\n    'load: loop { break 'load; }\n    let f = |load| load;\n    s.load\n}\nimpl T { fn x(&self) { self.load() } }\n",
        RUST,
        &["a.rs:3 let load = fetch();", "a.rs:7 let s = S { load: fetch };", "a.rs:8 vec![fetch()];"],
        &[],
    );
    check(
        "//- /a.ts\nfunction load(): number { return 1; }\nfunction g(load: () => number) { return load(); }\nclass A { load = load(); m() { return this.load; } }\nconst o = { load: 1 };\nconst { load: b } = o;\nlet t: load;\n{ const load = 2; use(load); }\nload();\n",
        SCRIPT,
        &["a.ts:3 class A { load = fetch(); m() { return this.load; } }", "a.ts:8 fetch();"],
        &[],
    );
    // The new name is taken.
    check(
        "//- /a.py\ndef load():\n    return 1\n\n\ndef g(fetch):\n    return load()\n",
        PYTHON,
        &[],
        &["a.py:6 the new name means something else there"],
    );
    check(
        "//- /a.py\ndef load():\n    return 1\n//- /b.py\nfrom a import load\nfrom x import fetch\nload()\n",
        PYTHON,
        &[],
        &[
            "b.py:1 the new name means something else in this file",
            "b.py:3 the new name means something else in this file",
        ],
    );
    check(
        "//- /a.rs\nconst LIMIT: u8 = 1;\nfn g(x: u8) -> bool {\n    match x {\n        LIMIT => true,\n        _ => x > LIMIT,\n    }\n}\n",
        ("const LIMIT", "const BOUND"),
        &["a.rs:4 BOUND => true,", "a.rs:5 _ => x > BOUND,"],
        &[],
    );
}

#[test]
fn remaining_places_are_named_in_the_title() {
    let fixture = "//- /a.py\ndef load():\n    return 1\n//- /b.py\nfrom a import load\n\ndef g():\n    return load()\n//- /test_a.py\nmock.patch(\"a.load\")\n//- /cursor\n$0\n";
    let mut stage = Stage::new(fixture, Models::default());
    stage.edit("def load", "def fetch");
    let place = next(&stage.next_edits, &|_| None).expect("a use");
    assert_eq!(
        place.action.title,
        "Update the next use of `fetch` (b.py:1); 1 left: test_a.py:1 in a string"
    );
    assert_eq!(place.note(), None, "another use follows");
    let b = DocumentId("file:///w/b.py".into());
    let edit = place.known(&stage.next_edits).expect("it needs no model");
    stage.splice(&b, edit.range(), edit.new_text());
    let place = next(&stage.next_edits, &|_| None).expect("the second use");
    assert_eq!(
        place.note().as_deref(),
        Some("these still say `load` and are left to you: test_a.py:1 in a string")
    );
}

#[test]
fn types_with_their_constructors_and_macros() {
    check(
        "//- /a.rs\npub struct Load(u8);\nimpl Load {\n    fn new() -> Self { Load(1) }\n}\nfn load(l: &Load) -> Option<Load> {\n    if let Load(1) = l { return None }\n    Some(Load::new())\n}\nfn g<Load>(l: Load) {}\n",
        ("struct Load", "struct Fetch"),
        &[
            "a.rs:2 impl Fetch {",
            "a.rs:3 fn new() -> Self { Fetch(1) }",
            "a.rs:5 fn load(l: &Fetch) -> Option<Fetch> {",
            "a.rs:6 if let Fetch(1) = l { return None }",
            "a.rs:7 Some(Fetch::new())",
        ],
        &[],
    );
    check(
        "//- /a.rs\nmacro_rules! load {\n    () => {};\n}\nfn load() {}\nfn g() {\n    load!();\n    load();\n}\n",
        ("macro_rules! load", "macro_rules! fetch"),
        &["a.rs:6 fetch!();"],
        &[],
    );
    check(
        "//- /a/Load.java\npackage a;\n\nclass Load {\n    Load() {}\n    Load copy() { return new Load(); }\n}\n//- /a/B.java\npackage a;\n\nclass B {\n    Load load;\n    int f(int Load) { return Load; }\n}\n",
        ("class Load", "class Fetch"),
        &[
            "a/B.java:4 Fetch load;",
            "a/Load.java:4 Fetch() {}",
            "a/Load.java:5 Fetch copy() { return new Fetch(); }",
        ],
        &[],
    );
    check(
        "//- /a.cpp\nclass Load {\npublic:\n    Load(int a);\n    ~Load();\n};\n\nLoad::Load(int a) {}\n\nLoad::~Load() {}\n\nint g() {\n    Load l(1);\n    return 0;\n}\n",
        ("class Load", "class Fetch"),
        &[
            "a.cpp:3 Fetch(int a);",
            "a.cpp:4 ~Fetch();",
            "a.cpp:7 Fetch::Fetch(int a) {}",
            "a.cpp:9 Fetch::~Fetch() {}",
            "a.cpp:12 Fetch l(1);",
        ],
        &[],
    );
    check(
        "//- /shape/shape.go\npackage shape\n\nfunc Load() int { return 1 }\n//- /go.mod\nmodule w\n//- /main.go\npackage main\n\nimport \"w/shape\"\n\ntype T struct{ Load int }\n\nfunc h(t T) int { return shape.Load() + t.Load }\n",
        ("func Load", "func Fetch"),
        &["main.go:7 func h(t T) int { return shape.Fetch() + t.Load }"],
        &[],
    );
    check(
        "//- /a.cs\nclass Load {\n    public Load() {}\n    const int N = 1;\n    string S() => $\"{new Load()} Load\";\n}\n",
        ("class Load", "class Fetch"),
        &["a.cs:2 public Fetch() {}", "a.cs:4 string S() => $\"{new Fetch()} Load\";"],
        &[],
    );
}
