//! Modules of JavaScript as values, and what is listed where nothing can be renamed.

use super::renames::{PYTHON, SCRIPT, check, strings, taken};
use super::*;

#[test]
fn modules_as_values_export_under_the_new_name() {
    let users = "//- /b.js\nconst a = require('./a');\nfunction g(load) { return a.load() + load(); }\nrequire('./a.js').load();\n\
                 //- /c.js\nconst { load } = require('./a');\nload();\nconst { load: l, other } = require('./a');\nl();\n\
                 //- /d.js\nasync function g() {\n  const { load } = await import('./a.js');\n  load();\n  const m = await import('./a.js');\n  m.load();\n  (await import('./a.js')).load();\n  import('./a.js').then(m => m.load());\n  import('./a.js').then(({ load }) => load());\n}\n\
                 //- /e.js\nconst z = require('./z');\nz.load();\nconst { load } = require('./z');\nfunction g(a) { a.load(); }\n\
                 //- /z.js\nfunction load() {}\nmodule.exports = { load };\n";
    let renamed = [
        "b.js:2 function g(load) { return a.fetch() + load(); }",
        "b.js:3 require('./a.js').fetch();",
        "c.js:1 const { fetch: load } = require('./a');",
        "c.js:3 const { fetch: l, other } = require('./a');",
        "d.js:2 const { fetch: load } = await import('./a.js');",
        "d.js:5 m.fetch();",
        "d.js:6 (await import('./a.js')).fetch();",
        "d.js:7 import('./a.js').then(m => m.fetch());",
        "d.js:8 import('./a.js').then(({ fetch: load }) => load());",
    ];
    for (home, own) in [
        ("function load() {}\nmodule.exports = { load };\n", Some("a.js:2 module.exports = { fetch };")),
        (
            "function load() {}\nmodule.exports = { load: load };\n",
            Some("a.js:2 module.exports = { fetch: fetch };"),
        ),
        ("function load() {}\nexports.load = load;\n", Some("a.js:2 exports.fetch = fetch;")),
        ("export function load() {}\n", None),
        ("function load() {}\nexport { load };\n", Some("a.js:2 export { fetch };")),
    ] {
        let expected: Vec<&str> = own.into_iter().chain(renamed).collect();
        check(&format!("//- /a.js\n{home}{users}"), SCRIPT, &expected, &[]);
        for index_lags in [false, true] {
            let (found, said) = taken(&format!("//- /a.js\n{home}{users}"), SCRIPT, index_lags);
            assert_eq!((found, said), (strings(&renamed), None), "the index lags: {index_lags}; {home}");
        }
    }
    // Exported under another name, or something else under this one, or passed on.
    let user = "//- /b.js\nconst a = require('./a');\na.load();\n//- /c.js\nconst i = require('./i');\ni.load();\n//- /i.js\nmodule.exports = require('./a');\n";
    let left = [
        "b.js:2 the module may export something else under this name",
        "c.js:2 where it comes from is not known",
    ];
    for (home, own) in [
        (
            "function load() {}\nmodule.exports = { read: load };\n",
            "a.js:2 module.exports = { read: fetch };",
        ),
        ("function load() {}\nmodule.exports = { load: load2 };\nload();\n", "a.js:3 fetch();"),
        ("function load() {}\nexports.load = other;\nload();\n", "a.js:3 fetch();"),
    ] {
        check(&format!("//- /a.js\n{home}{user}"), SCRIPT, &[own], &left);
    }
}

/// The title of the action that names what is left, where no edit is offered.
fn left_of(fixture: &str, (old, new): (&str, &str)) -> String {
    let mut stage = Stage::new(&format!("{fixture}//- /cursor\n$0\n"), Models::default());
    stage.edit(old, new);
    assert!(next(&stage.next_edits, &|_| None).is_none(), "{fixture}");
    left(&stage.next_edits, &|_| None).map(|left| left.title).unwrap_or_default()
}

#[test]
fn what_is_left_is_said_where_nothing_is_renamed() {
    assert_eq!(
        left_of("//- /a.py\ndef load():\n    return 1\n\n\ndef g(fetch):\n    return load()\n", PYTHON),
        "Show where `load` remains; 1 left: a.py:6 the new name means something else there"
    );
    assert_eq!(
        left_of(
            "//- /a.c\nint load(void) { return 1; }\nint g(int fetch) { return load(); }\n//- /b.c\nint h(void) { return load(); }\n",
            ("int load", "int fetch")
        ),
        "Show where `load` remains; 2 left: a.c:2 the new name means something else there, b.c:1 where it comes from is not known"
    );
    assert_eq!(
        left_of(
            "//- /a.go\npackage a\n\nfunc load() int { return 1 }\n\nfunc g() int { return load() }\n//- /b.go\npackage b\n\nfunc load() int { return 1 }\n",
            ("func load", "func fetch")
        ),
        "Show where `load` remains; 1 left: b.go:3 defines the name, too"
    );
    assert_eq!(left_of("//- /a.py\ndef load():\n    return 1\n", PYTHON), "");
}

#[test]
fn several_uses_in_one_file_are_offered_one_after_the_other() {
    for user in [
        "from a import load\nload()\nload()\n",
        "from a import load\nx = load\ny = load\n",
        "import a\nx = a.load\na.load()\n",
        "import a as b\nb.load()\nb.load()\n",
        "from a import (\n    load,\n)\nload()\n",
        "from a import load; load()\nload(load(1))\n",
        "from a import load\n@load\ndef g(x=load):\n    return load\n",
        "from a import load\n__all__ = ['load']\nclass A:\n    b = load\n    def c(self):\n        return load()\nload()\n",
        "from a import *\nload()\nload()\n",
        "def g():\n    from a import load\n    return load()\n",
        "import a\nfrom a import load\na.load()\nload()\n",
    ] {
        for index_lags in [false, true] {
            let fixture = format!("//- /a.py\ndef load():\n    return 1\n//- /e.py\n{user}");
            let (found, _) = taken(&fixture, PYTHON, index_lags);
            let lines = user.lines().enumerate().filter(|(_, line)| line.contains("load"));
            let lines =
                lines.map(|(at, line)| format!("e.py:{} {}", at + 1, line.trim().replace("load", "fetch")));
            assert_eq!(found, lines.collect::<Vec<_>>(), "the index lags: {index_lags}; {user}");
        }
    }
    // The edit would repeat an import, which is refused. It is listed.
    let twice =
        "//- /a.py\ndef load():\n    return 1\n//- /e.py\nfrom a import load\nfrom a import load\nload()\n";
    let (found, said) = taken(twice, PYTHON, false);
    assert_eq!(found, strings(&["e.py:1 from a import fetch", "e.py:3 fetch()"]));
    assert_eq!(
        said.as_deref(),
        Some("these still say `load` and are left to you: e.py:2 cannot be rewritten as a whole")
    );
}

#[test]
fn what_each_language_leaves_is_listed() {
    check(
        "//- /a.ts\nexport function load(): number { return 1; }\n//- /i.ts\nexport * as all from './a';\n//- /b.ts\nimport b = require('./a');\nimport { all } from './i';\nimport { other } from './z';\nb.load(); all.load();\nother.load();\nlet t: typeof import('./a').load;\n//- /z.ts\nexport const other = 1;\n",
        SCRIPT,
        &["b.ts:4 b.fetch(); all.load();", "b.ts:6 let t: typeof import('./a').fetch;"],
        &["b.ts:4 where it comes from is not known"],
    );
    let interface = ("interface Load", "interface Fetch");
    let both = "the module defines something else of this name, too";
    check(
        "//- /a.ts\nexport interface Load { a: number }\nexport const Load = 1;\nfunction g(l: Load): Load[] { return [Load]; }\n//- /b.ts\nimport { Load } from './a';\nlet x: Load;\n",
        interface,
        &["a.ts:3 function g(l: Fetch): Fetch[] { return [Load]; }"],
        &[&format!("b.ts:1 {both}"), &format!("b.ts:2 {both}")],
    );
    check(
        "//- /a.ts\nexport interface Load { a: number }\n//- /b.ts\nimport type { Load } from './a';\nlet x: Load; let y: import('./a').Load;\n",
        interface,
        &["b.ts:1 import type { Fetch } from './a';", "b.ts:2 let x: Fetch; let y: import('./a').Fetch;"],
        &[],
    );
    check(
        "//- /T.cs\nnamespace Shop { public class Load { } }\n//- /B.cs\nusing T = Shop.Load;\n",
        ("class Load", "class Fetch"),
        &[],
        &["B.cs:1 where it comes from is not known"],
    );
    let scopes = "the scopes of this language are not known";
    check(
        "//- /a.rb\ndef load(a)\n  a\nend\nsend(:load, 1)\nputs 'load it'\n# `load` reads\nx.load(1)\n",
        ("def load", "def fetch"),
        &[],
        &["a.rb:4 in a string", "a.rb:6 in a comment", &format!("a.rb:7 {scopes}")],
    );
    check(
        "//- /a.php\n<?php\nnamespace Shop;\nfunction load($a) { return $a; }\n$f = 'Shop\\load';\n// load() here\n$load = 1;\n",
        ("function load", "function fetch"),
        &[],
        &["a.php:4 in a string", "a.php:5 in a comment", &format!("a.php:6 {scopes}")],
    );
}
