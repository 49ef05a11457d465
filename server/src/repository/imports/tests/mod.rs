//! Fixture workspaces of a few lines, and the files that each import in them resolves to.
//!
//! A fixture's `//- /path` begins a file. A line `import PATH -> NAME NAME` in it is an import and `define NAME` a
//! definition, in any language; a manifest is written as it is. So these tests do not depend on how sources are read;
//! [`sources`] has whole ones.

mod native;
mod scripted;
mod sources;

use std::fmt::Write;
use std::path::Path;

use expect_test::{Expect, expect};

use super::*;
use crate::facts::{Facts, Symbol, SymbolKind, manifest};
use crate::repository::index::Stamp;

/// The files of a fixture, which may be indented: path and text.
fn files(fixture: &str) -> Vec<(String, String)> {
    let (indentation, _) = fixture.split_once("//- ").expect("a file");
    let fixture = fixture.replace(indentation, "\n");
    let (_, files) = fixture.split_once("//- ").expect("a file");
    let split = |file: &str| {
        let (path, text) = file.split_once('\n').unwrap_or((file, ""));
        (format!("/w{}", path.trim()), text.to_owned())
    };
    files.split("//- ").map(split).collect()
}

fn facts(path: &str, text: &str) -> Facts {
    let mut facts = Facts { manifest: manifest(Path::new(path), text), ..Facts::default() };
    for (line, text) in (0..).zip(text.lines().map(str::trim)) {
        if let Some(import) = text.strip_prefix("import ") {
            let (path, names) = import.split_once("->").unwrap_or((import, ""));
            let names = names.split_whitespace().map(Box::from).collect();
            facts.imports.push(Import { path: path.trim().into(), names, line });
        }
        if let Some(name) = text.strip_prefix("define ") {
            let kind = if name.contains('.') { SymbolKind::Module } else { SymbolKind::Class };
            facts.symbols.push(Symbol {
                name: name.into(),
                kind,
                container: None,
                lines: line..line + 1,
                signature: "".into(),
                doc: "".into(),
            });
        }
    }
    facts
}

fn index(files: &[(String, String)], facts: impl Fn(&str, &str) -> Facts) -> Index {
    let mut index = Index::default();
    for (path, text) in files {
        index.replace(Path::new(path), Stamp::default(), facts(path, text));
    }
    index
}

/// Each file with imports, each import, and the files that it resolves to.
fn draw(index: &Index) -> String {
    let mut drawn = String::new();
    let mut files: Vec<_> = index.files().collect();
    files.sort_by_key(|&file| index.path(file));
    let name =
        |file: FileId| index.path(file).strip_prefix("/w").expect("in the fixture").display().to_string();
    for file in files.into_iter().filter(|&file| !index.imports(file).is_empty()) {
        writeln!(drawn, "{}", name(file)).expect("a string takes all");
        for import in index.imports(file) {
            let found: Vec<_> = resolve(index, file, import).into_iter().map(name).collect();
            let found = if found.is_empty() { "-".to_owned() } else { found.join(" ") };
            writeln!(drawn, "  {}: {found}", import.path).expect("a string takes all");
        }
    }
    drawn
}

/// Draws a fixture; the order of its files must not matter.
fn check(fixture: &str, expected: Expect) {
    let mut files = files(fixture);
    let drawn = draw(&index(&files, facts));
    expected.assert_eq(&drawn);
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..4 {
        random.shuffle(&mut files);
        assert_eq!(draw(&index(&files, facts)), drawn, "in the order {files:?}");
    }
}

#[test]
fn imported_files_are_listed_in_order_and_once() {
    let fixture = "
        //- /main.py
        import b
        import a -> One
        import b -> Two
        import main
        //- /a.py
        import main
        //- /b.py
        define Two
    ";
    let index = index(&files(fixture), facts);
    let main = index.file(Path::new("/w/main.py")).expect("in the fixture");
    let found: Vec<_> = related(&index, main).into_iter().map(|file| index.path(file)).collect();
    assert_eq!(found, [Path::new("/w/b.py"), Path::new("/w/a.py")]);
}

#[test]
fn names_are_resolved_to_their_definitions_and_cycles_end() {
    check(
        "
        //- /main.ts
        import ./shop -> Till
        import ./shop -> Nobody
        import ./circle -> Nothing
        //- /shop/index.ts
        import ./money -> Coin
        import ./all
        //- /shop/all.ts
        import ./till -> Till
        //- /shop/till.ts
        define Till
        //- /shop/money.ts
        define Coin
        //- /circle.ts
        import ./circle
        import ./circle2
        //- /circle2.ts
        import ./circle
        ",
        expect![[r#"
            circle.ts
              ./circle: -
              ./circle2: circle2.ts
            circle2.ts
              ./circle: circle.ts
            main.ts
              ./shop: shop/index.ts shop/till.ts
              ./shop: shop/index.ts
              ./circle: circle.ts
            shop/all.ts
              ./till: shop/till.ts
            shop/index.ts
              ./money: shop/money.ts
              ./all: shop/all.ts
        "#]],
    );
}

#[test]
fn damaged_paths_resolve_to_nothing() {
    let names = ["rs", "py", "ts", "go", "java", "c", "cs", "php", "rb", "lua", "css"];
    let long = "a::".repeat(5000);
    let paths = [
        "",
        ".",
        "..",
        "/",
        "//",
        "::",
        "*",
        "a::",
        "...",
        ".*",
        "\\",
        "crate::",
        "super::super::super::super",
        "../../../..",
        "@",
        "@/",
        "#",
        "a/../..",
        "/etc/passwd",
        "\0",
        "ä::ö",
        "https://example.com/a.js",
        &long,
    ];
    for name in names {
        let path = format!("/w/own.{name}");
        let mut index = Index::default();
        let file = index.replace(Path::new(&path), Stamp::default(), Facts::default());
        for path in paths {
            let import = Import { path: path.into(), names: vec![path.into(), "b".into()], line: 0 };
            assert_eq!(resolve(&index, file, &import), [], "{path} in a {name} file");
        }
    }
}
