//! Checks the table of languages with the grammars.

pub(super) mod invented;

use super::*;
use std::collections::HashSet;
use tree_sitter::Parser;

/// One small, correct text per language, with an import, a function and a container if the language has them.
const SAMPLES: &[(&str, &str)] = &[
    (
        "rust",
        "use std::fmt;\n\nstruct A { x: u8 }\n\nimpl A {\n    fn f(&self) -> u8 {\n        self.x\n    }\n}\n",
    ),
    ("python", "import os\nfrom a import b\n\nclass A:\n    def f(self):\n        return os.name\n"),
    ("javascript", "import a from 'a';\n\nclass A {\n  f() {\n    return <b>{a}</b>;\n  }\n}\n"),
    (
        "typescript",
        "import { a } from './a';\n\ninterface B { x: number }\nclass A {\n  f(b: B): number {\n    return b.x;\n  }\n}\n",
    ),
    (
        "typescriptreact",
        "import { a } from './a';\n\nclass C {\n  f(p: { x: number }) { return <b>{p.x}</b>; }\n}\n",
    ),
    (
        "go",
        "package a\n\nimport \"fmt\"\n\ntype A struct{ x int }\n\nfunc (a A) f() int {\n\treturn a.x\n}\n",
    ),
    (
        "java",
        "import java.util.List;\n\nclass A {\n    int f(List<String> xs) {\n        return xs.size();\n    }\n}\n",
    ),
    ("c", "#include <stdio.h>\n\nstruct a { int x; };\n\nint f(struct a *a) {\n    return a->x;\n}\n"),
    ("cpp", "#include <vector>\n\nnamespace a {\nclass A {\n    int f() { return 1; }\n};\n}\n"),
    ("csharp", "using System;\n\nclass A {\n    int F() { return 1; }\n}\n"),
    ("ruby", "require 'set'\n\nclass A\n  def f\n    1\n  end\nend\n"),
    ("php", "<?php\nuse A\\B;\n\nclass A {\n    function f(): int { return 1; }\n}\n"),
    ("shellscript", "f() {\n    for x in \"$@\"; do echo \"$x\"; done\n}\n"),
    ("lua", "local m = {}\n\nfunction m.f(x)\n    return x + 1\nend\n\nreturn m\n"),
    ("invented", "function f(x)\n    return x + 1\nend\n"),
    ("html", "<!doctype html>\n<ul><li>a</li></ul>\n"),
    ("css", "@import url(\"a.css\");\n\n.a {\n  color: red;\n}\n"),
    ("json", "{ \"a\": [1, 2, { \"b\": null }] }\n"),
    ("yaml", "a:\n  - b: 1\n    c: 2\n"),
    ("toml", "[a]\nb = [1, 2]\n\n[[c]]\nd = 1\n"),
    ("markdown", "# A\n\nText.\n\n## B\n\n- one\n- two\n"),
];

#[test]
fn every_name_of_syntax_is_a_kind_of_the_grammar() {
    for row in ALL {
        let (imports, names) = (&row.imports, &row.resolution);
        let lists = [
            imports.nodes,
            imports.clauses,
            imports.preamble,
            imports.directives,
            imports.modules,
            imports.guards,
            row.functions,
            row.containers,
            row.blocks,
            row.statement_lists,
            row.members,
            row.attributes,
            row.calls,
            row.placeholders.statements.0,
            names.type_leaf,
            names.macros.0,
            names.macros.1,
            names.strings.annotation,
        ];
        for kinds in lists {
            for kind in kinds.split_ascii_whitespace() {
                let id = row.grammar().id_for_node_kind(kind, true);
                assert_ne!(id, 0, "{row:?}: the grammar has no node kind {kind}");
            }
        }
    }
}

#[test]
fn every_sample_parses_and_matches_its_row() {
    let sampled: HashSet<_> = SAMPLES.iter().map(|(id, _)| *id).collect();
    assert_eq!(sampled, ALL.iter().map(|row| row.id).collect(), "one sample for each row");
    for (id, text) in SAMPLES {
        let row = Language::named(id).unwrap();
        let mut parser = Parser::new();
        parser.set_language(row.grammar()).unwrap();
        let tree = parser.parse(text, None).unwrap();
        let root = tree.root_node();
        assert!(!root.has_error(), "{id}: {}", root.to_sexp());
        let found = roles_below(row, root);
        assert_eq!(found.import, !row.imports.nodes.is_empty(), "{id}: import in {}", root.to_sexp());
        assert_eq!(found.function, !row.functions.is_empty(), "{id}: function in {}", root.to_sexp());
        assert_eq!(found.container, !row.containers.is_empty(), "{id}: container in {}", root.to_sexp());
        assert_eq!(found.block, !row.blocks.is_empty(), "{id}: block in {}", root.to_sexp());
    }
}

fn roles_below(row: &Language, node: Node) -> Role {
    let mut all = row.role(node);
    for child in node.children(&mut node.walk()) {
        let below = roles_below(row, child);
        all.import |= below.import;
        all.function |= below.function;
        all.container |= below.container;
        all.block |= below.block;
    }
    all
}

#[test]
fn every_locals_query_fits_its_grammar_and_uses_known_captures() {
    for row in ALL {
        let unknown = row.locals().map(|locals| locals.unknown()).unwrap_or_default();
        assert!(unknown.is_empty(), "{row:?}: {unknown:?}");
    }
}

#[test]
fn no_name_belongs_to_two_languages() {
    for names in [
        |row: &'static Language| [row.id, row.aliases].join(" "),
        |row: &'static Language| row.extensions.to_owned(),
        |row: &'static Language| row.file_names.to_owned(),
        |row: &'static Language| row.interpreters.to_owned(),
    ] {
        let mut seen = HashSet::new();
        for row in ALL {
            for name in names(row).split_ascii_whitespace() {
                assert!(seen.insert(name.to_owned()), "{row:?}: {name} is taken");
            }
        }
    }
}

#[test]
fn languages_are_found_by_name_path_and_shebang() {
    let id = |found: Option<&'static Language>| found.map_or("-", |row| row.id);
    assert_eq!(id(Language::named("TypeScriptReact")), "typescriptreact");
    assert_eq!(id(Language::named("bash")), "shellscript");
    assert_eq!(id(Language::named("plaintext")), "-");
    assert_eq!(id(Language::named("")), "-");
    assert_eq!(id(Language::of_path(Path::new("/a/b.PY"))), "python");
    assert_eq!(id(Language::of_path(Path::new("Gemfile"))), "ruby");
    assert_eq!(id(Language::of_path(Path::new("/home/x/.bashrc"))), "shellscript");
    assert_eq!(id(Language::of_path(Path::new("LICENSE"))), "-");
    assert_eq!(id(Language::of_path(Path::new("/"))), "-");
    assert_eq!(id(Language::of_shebang("#!/usr/bin/env -S FOO=1 python3.12 -u")), "python");
    assert_eq!(id(Language::of_shebang("#! /bin/sh\r")), "shellscript");
    assert_eq!(id(Language::of_shebang("#!")), "-");
    assert_eq!(id(Language::of_shebang("python")), "-");
}

#[test]
fn keywords_come_from_the_grammar() {
    let rust = Language::named("rust").unwrap();
    assert!(rust.is_keyword("match") && rust.is_keyword("fn"));
    assert!(!rust.is_keyword("self_test") && !rust.is_keyword("main"));
}
