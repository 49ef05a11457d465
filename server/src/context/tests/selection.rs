//! Which candidates are selected, and that the selection is stable.

use super::fixture::{AMPLE, Workspace, places};
use super::*;

/// A workspace of one function per file, `f0` to `f19`, and a document that uses some.
fn functions(used: &str) -> Workspace {
    let files: String = (0..20)
        .map(|n| format!("//- /src/m{n}.rs\n/// Number {n}.\npub fn f{n}(a: u{n}) -> u{n} {{\n    {n}\n}}\n"))
        .collect();
    Workspace::new(&format!("{files}//- /src/a.rs\nfn g() {{\n{used}    $0\n}}\n"))
}

#[test]
fn typing_changes_nothing_until_a_name_is_complete() {
    let mut workspace = functions("    f1(1);\n    f2(2);\n");
    let first = workspace.gather();
    assert_eq!(places(&first), ["w/src/m2.rs:2", "w/src/m1.rs:2"], "the nearest first");
    for key in ["l", "e", "t", " ", "x", " ", "=", " ", "f", "1", "7"] {
        workspace.key(key);
        assert_eq!(workspace.gather().snippets, first.snippets, "{key}");
    }
    workspace.key("(");
    let second = workspace.gather();
    let expected = ["w/src/m2.rs:2", "w/src/m1.rs:2", "w/src/m17.rs:2"];
    assert_eq!(places(&second), expected, "new snippets come last");
    for key in ["\n", "    ", "y", ".", "z", ";"] {
        workspace.key(key);
        assert_eq!(places(&workspace.gather()), places(&second), "{key}");
    }
}

#[test]
fn a_snippet_stays_until_another_is_clearly_better() {
    let mut workspace = functions(&("    f1(1);\n    f2(2);\n    f3(3);\n".to_owned() + &"\n".repeat(9)));
    workspace.budget = Budget { snippets: 120, ..AMPLE };
    let first = places(&workspace.gather());
    assert_eq!(first.len(), 3, "the budget is full: {first:?}");
    workspace.key("f4(f5, f6);");
    let text = workspace.document.text.to_string();
    workspace.write(Path::new("/w/src/a.rs"), &text);
    let now = places(&workspace.gather());
    let kept: Vec<_> = first.iter().filter(|place| now.contains(place)).collect();
    assert!(kept.iter().copied().eq(&now[..kept.len()]), "what stays keeps its place: {now:?}");
    assert!(now.len() > kept.len(), "names in this line push out those of lines before: {now:?}");
}

#[test]
fn a_removed_or_changed_file_is_no_longer_shown() {
    let mut workspace = functions("    f1(1);\n    f2(2);\n");
    assert_eq!(places(&workspace.gather()).len(), 2);
    workspace.index.remove(Path::new("/w/src/m1.rs"));
    assert_eq!(places(&workspace.gather()), ["w/src/m2.rs:2"]);
    workspace.write(Path::new("/w/src/m2.rs"), "pub fn f2(changed: u8) {}\n");
    let context = workspace.gather();
    assert_eq!(places(&context), ["w/src/m2.rs:1"]);
    assert!(context.snippets[0].text.contains("changed"));
}

#[test]
fn equal_declarations_are_shown_once() {
    let fixture = "//- /src/b.rs\npub fn same(a: u8) {}\n//- /src/c.rs\npub fn same(a: u8) {}\n\
        //- /src/a.rs\nfn g() {\n    same(1);\n    $0\n}\n";
    assert_eq!(places(&Workspace::new(fixture).gather()).len(), 1);
}

#[test]
fn a_long_declaration_is_shown_as_far_as_it_fits() {
    let variants: String = (0..60).map(|n| format!("    Variant{n},\n")).collect();
    let fixture = format!(
        "//- /src/b.rs\npub enum Kind {{\n{variants}}}\n//- /src/a.rs\nfn g(kind: Kind) {{\n    $0\n}}\n"
    );
    let mut workspace = Workspace::new(&fixture);
    workspace.budget = Budget { snippets: 150, ..AMPLE };
    let context = workspace.gather();
    let text = &context.snippets[0].text;
    assert!(text.starts_with("pub enum Kind") && text.ends_with("…\n") && count(text) <= 150 / 5, "{text}");
}

proptest! {
    #[test]
    fn budgets_hold_and_nothing_is_shown_twice(
        used in prop::collection::vec(0usize..20, 0..12),
        keys in prop::collection::vec(prop::sample::select(vec!["f3", "(", "f11(", "\n", "x.", " ", "}", "m5::"]), 0..12),
        snippets in 0usize..300,
        guidance in 0usize..30,
    ) {
        let used: String = used.iter().map(|n| format!("    f{n}({n});\n")).collect();
        let mut workspace = functions(&used).guided("Some words of guidance.\nAnd more of them.\n");
        workspace.budget = Budget { snippets, guidance, ..AMPLE };
        let mut before: Vec<String> = Vec::new();
        for key in [""].into_iter().chain(keys) {
            workspace.key(key);
            let context = workspace.gather();
            holds_together(&workspace.document, workspace.cursor, workspace.budget, &context);
            let now = places(&context);
            let mut unique = now.clone();
            unique.sort();
            unique.dedup();
            prop_assert_eq!(unique.len(), now.len());
            let kept: Vec<_> = before.iter().filter(|place| now.contains(place)).cloned().collect();
            prop_assert_eq!(&kept[..], &now[..kept.len()], "kept snippets come first, in their order");
            before = now;
        }
    }
}
