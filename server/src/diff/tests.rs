//! Diffs as other programs read them, and hunks one by one.

use std::path::Path;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const PATH: &str = "src/a.rs";

fn check(before: &str, after: &str, expected: Expect) {
    let diff = unified(Path::new(PATH), before, after);
    expected.assert_eq(&diff.replace('\r', "<CR>"));
}

/// What a program makes of a diff that knows the format only: the text after it.
fn patched(before: &str, diff: &str) -> String {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let (mut at, mut text) = (0, String::new());
    let mut lines = diff.split_inclusive('\n').skip(2).peekable();
    while let Some(line) = lines.next() {
        if let Some(header) = line.strip_prefix("@@ -") {
            let old_span = header.split(' ').next().expect("a span");
            let (start, length) = old_span.split_once(',').unwrap_or((old_span, "1"));
            let start = start.parse::<usize>().expect("a number");
            let start = if length == "0" { start } else { start - 1 };
            old[at..start].iter().for_each(|line| text.push_str(line));
            at = start;
            continue;
        }
        let (sign, mut line) = line.split_at(1);
        if lines.next_if(|next| next.starts_with('\\')).is_some() {
            line = line.strip_suffix('\n').expect("the mark has a line of its own");
        }
        if sign != "+" {
            assert_eq!(old[at], line, "a line of the text before");
            at += 1;
        }
        if sign != "-" {
            text.push_str(line);
        }
    }
    old[at..].iter().for_each(|line| text.push_str(line));
    text
}

#[test]
fn a_diff_lists_removed_and_added_lines() {
    check(
        "one\ntwo\nthree\nfour\nfive\nsix\n",
        "one\ntwo\nthree\nfour\n5\nsix\n",
        expect![[r#"
            --- a/src/a.rs
            +++ b/src/a.rs
            @@ -2,5 +2,5 @@
             two
             three
             four
            -five
            +5
             six
        "#]],
    );
}

#[test]
fn missing_line_breaks_at_the_end_and_carriage_returns_are_kept() {
    check(
        "one\r\ntwo",
        "one\r\nTwo\r\n",
        expect![[r#"
            --- a/src/a.rs
            +++ b/src/a.rs
            @@ -1,2 +1,2 @@
             one<CR>
            -two
            \ No newline at end of file
            +Two<CR>
        "#]],
    );
}

#[test]
fn empty_texts_have_spans_of_no_lines() {
    check(
        "",
        "one\n",
        expect![[r#"
            --- a/src/a.rs
            +++ b/src/a.rs
            @@ -0,0 +1 @@
            +one
        "#]],
    );
    check("same\n", "same\n", expect![""]);
}

#[test]
fn names_are_written_as_git_writes_them() {
    let header = |path: &str| {
        let diff = unified(Path::new(path), "", "x\n");
        diff.lines().next().expect("a line").to_owned()
    };
    assert_eq!(header("a/b.rs"), "--- a/a/b.rs");
    assert_eq!(header("a b.rs"), "--- a/a b.rs\t");
    assert_eq!(header("a\"\n.rs"), r#"--- "a/a\"\012.rs""#);
    assert_eq!(header("é.rs"), "--- a/é.rs");
}

proptest! {
    #[test]
    fn any_hunks_give_the_text_that_their_diff_gives(
        before in text(),
        after in text(),
        chosen in prop::collection::vec(any::<bool>(), 40),
    ) {
        let hunks = hunks(&before, &after);
        let all: Vec<usize> = (0..hunks.len()).collect();
        prop_assert_eq!(&with_hunks(&before, &after, &all), &after);
        prop_assert_eq!(&with_hunks(&before, &after, &[]), &before);
        let diff = unified(Path::new(PATH), &before, &after);
        prop_assert_eq!(patched(&before, &diff), after.as_str());

        let chosen: Vec<usize> = all.into_iter().filter(|&hunk| chosen[hunk % chosen.len()]).collect();
        let some = with_hunks(&before, &after, &chosen);
        let wanted: String = chosen.iter().map(|&hunk| hunks[hunk].text.as_str()).collect();
        let diff = format!("---\n+++\n{wanted}");
        prop_assert_eq!(patched(&before, &diff), some.as_str());
        prop_assert_eq!(patched(&before, &unified(Path::new(PATH), &before, &some)), some.as_str());
    }

    #[test]
    fn spans_and_changes_have_the_effect_of_the_new_text(old in text(), new in text()) {
        let (range, lines) = changed_lines(0, &old, &new);
        let (bytes, text) = changed_bytes(&Rope::from_str(&old), &new);
        for (range, text) in [(range, &*lines), (bytes, text)] {
            let mut applied = old.clone();
            applied.replace_range(range, text);
            prop_assert_eq!(&applied, &new);
        }
        let (before, after) = (super::lines(&old), super::lines(&new));
        let (mut applied, mut at) = (String::new(), 0);
        for change in changes(&old, &new) {
            applied += &before[at..change.before.start].concat();
            applied += &after[change.after].concat();
            at = change.before.end;
        }
        prop_assert_eq!(applied + &before[at..].concat(), new);
    }

    #[test]
    fn a_name_is_read_as_it_was_written(name in "[a-z \"\\\\\n\té]{1,8}") {
        let name = format!("a{name}z");
        let diff = unified(Path::new(&name), "", "x\n");
        prop_assert_eq!(new_lines(diff.as_bytes()), [(name, std::iter::once(0..1).collect::<Vec<_>>())]);
    }
}

#[test]
fn only_lines_that_change_are_replaced() {
    let changed = |old, new| changed_lines(10, old, new);
    assert_eq!(changed("a\nb\nc", "a\nB\nc"), (12..14, "B\n".to_owned()));
    assert_eq!(changed("a\nc", "a\nb\nc"), (12..12, "b\n".to_owned()));
    assert_eq!(changed("a\nb\nc", "a\nc"), (12..14, String::new()));
    assert_eq!(changed("a\r\nb", "a\r\nc"), (13..14, "c".to_owned()));
    assert_eq!(changed("a\na\n", "a\n"), (12..14, String::new()));
}

#[test]
fn only_characters_that_change_are_replaced() {
    let changed = |old: &str, new| changed_bytes(&Rope::from_str(old), new);
    assert_eq!(changed("one two", "one 2 two"), (4..4, "2 "));
    assert_eq!(changed("aa", "a"), (1..2, ""));
    assert_eq!(changed("é", "è"), (0..2, "è"), "they share a byte");
    assert_eq!(changed("ab", "ab"), (2..2, ""));
}

/// Texts of few different lines, so that much is alike, with and without a line break at the end.
fn text() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "a\n",
        "b\r\n",
        "\n",
        "\\ c\n",
        "-d\n",
        "+\n",
        "@@ -1 +1 @@\n",
        "é\n",
        "\r",
    ]);
    (prop::collection::vec(line, 0..60), any::<bool>()).prop_map(|(lines, ends)| {
        let text = lines.concat();
        if ends { text } else { text.trim_end_matches('\n').to_owned() }
    })
}
