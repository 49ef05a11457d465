//! The parts of a context that are stable while you type and move.

use super::*;

/// The parts of a context that must not change while you type or move in a function.
fn stable(document: &Document, context: &Context) -> Vec<String> {
    let window = &context.window;
    let ranges = window.imports.iter().chain(&window.scopes).chain([&window.above, &window.after]);
    let snippets = context.snippets.iter().map(|snippet| format!("{}\n{}", snippet.path, snippet.text));
    ranges.map(|range| part(document, range)).chain(snippets).collect()
}

/// Types a text key by key: `before` grows by the keys, and nothing else changes.
fn check_typing(name: &str, text: &str, typed: &str) {
    let (mut document, mut cursor) = marked(name, text);
    let contexts = Contexts::default();
    let others = [Arc::new(open("b.rs", OTHER))];
    let gathered = |document: &Document, cursor| gather(&contexts, document, cursor, &others, BUDGET, &count);
    let first = gathered(&document, cursor);
    let unchanged = (stable(&document, &first), part(&document, &first.window.rest));
    let mut before = part(&document, &first.window.before);
    for key in typed.chars() {
        document = type_in(&document, cursor, &key.to_string());
        cursor += key.len_utf8();
        before.push(key);
        let context = gathered(&document, cursor);
        let window = &context.window;
        assert_eq!(
            (stable(&document, &context), part(&document, &window.rest)),
            unchanged,
            "{name}: {before}"
        );
        assert_eq!(part(&document, &window.before), before, "{name}");
    }
}

#[test]
fn typing_appends_to_before_and_moves_nothing_else() {
    check_typing("a.rs", RUST, "if self.is_empty() {");
    check_typing("a.rs", RUST, "/* é😀 \" unclosed {{{");
    check_typing("a.rs", RUST, "let x = match y {\n            ");
    let between = RUST.replace("$0", "").replace("impl fmt", "$0\nimpl fmt");
    check_typing("a.rs", &between, "fn f(x: u8) {\n    x");
    let python = "def f():\n    x = 1\n    $0\n\ndef g():\n    return 2\n";
    check_typing("a.py", python, "for y in '''x''':\n ");
    check_typing("a.ts", "f(() => {\n  $0\n});\nfunction g() {\n  h();\n}\n", "const a = `${b((c =>");
    check_typing("a.txt", "one\n\ntwo $0\n\nthree\n", "words and\r\nmore words\n\n");
    check_typing("a.json", "{\n  \"a\": $0\n}\n", "[1, {\"b\": \"c");
    check_typing("a.rs", "$0", "fn main() { println!(");
    check_typing("a.md", "# A\n\n$0\n\n# B\n", "Some ```words``` of it");
}

#[test]
fn moving_within_a_function_keeps_all_but_the_function() {
    let (document, cursor) = marked("a.rs", RUST);
    let others = [Arc::new(open("b.rs", OTHER))];
    let contexts = Contexts::default();
    let gathered = |cursor| gather(&contexts, &document, cursor, &others, BUDGET, &count);
    let first = gathered(cursor);
    assert_eq!(first.snippets.len(), 1);
    let function = first.window.before.start..first.window.rest.end;
    for cursor in function.clone() {
        let context = gathered(cursor);
        assert_eq!(context.window.before.start..context.window.rest.end, function);
        assert_eq!(stable(&document, &context), stable(&document, &first));
    }
    assert_ne!(gathered(function.end).window.above, first.window.above);
}

#[test]
fn the_start_of_above_moves_in_jumps() {
    let function = |n: usize| format!("fn f{n}(a: u8) -> u8 {{\n    a + {n}\n}}\n\n");
    let document = open("a.rs", &(0..60).map(function).collect::<String>());
    let contexts = Contexts::default();
    let mut starts: Vec<usize> = (0..60)
        .map(|n| {
            let cursor = document.text.line_to_byte(4 * n + 1);
            let context = gather(&contexts, &document, cursor, &[], BUDGET, &count);
            context.window.above.start
        })
        .collect();
    assert!(starts.is_sorted());
    starts.dedup();
    assert!((10..=25).contains(&starts.len()), "{} jumps over 60 functions", starts.len());
}

#[test]
fn an_edit_elsewhere_leaves_the_edit_region_alone() {
    let (document, cursor) = marked("a.rs", RUST);
    let contexts = Contexts::default();
    let tight = Budget { above: 80, ..BUDGET };
    let first = gather(&contexts, &document, cursor, &[], tight, &count).window;
    let import = "use std::rc::Rc;\n";
    let at = document.text.to_string().find("use std::fmt").unwrap();
    let edited = type_in(&document, at, import);
    let second = gather(&contexts, &edited, cursor + import.len(), &[], tight, &count).window;
    assert_eq!(part(&edited, &second.before), part(&document, &first.before));
    assert_eq!(part(&edited, &second.above), part(&document, &first.above));
    assert_eq!(part(&edited, &second.after), part(&document, &first.after));
    assert!(part(&edited, &second.imports.clone().unwrap()).contains(import));

    let end = type_in(&edited, edited.text.len_bytes(), "fn last() {}\n");
    let third = gather(&contexts, &end, cursor + import.len(), &[], tight, &count).window;
    assert_eq!(third, second);
}
