//! Diffs as other programs read them, and hunks one by one.

use std::path::Path;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn change(before: &str, after: &str) -> FileChange {
    FileChange { path: "/w/src/a.rs".into(), before: before.into(), after: after.into() }
}

fn check(before: &str, after: &str, expected: Expect) {
    let diff = unified(Path::new("/w"), &change(before, after));
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
fn a_diff_says_what_goes_and_what_comes() {
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
        let diff = unified(Path::new("/w"), &FileChange { path: path.into(), ..change("", "x\n") });
        diff.lines().next().expect("a line").to_owned()
    };
    assert_eq!(header("/w/a/b.rs"), "--- a/a/b.rs");
    assert_eq!(header("/w/a b.rs"), "--- a/a b.rs\t");
    assert_eq!(header("/w/a\"\n.rs"), r#"--- "a/a\"\012.rs""#);
    assert_eq!(header("/w/é.rs"), "--- a/é.rs");
}

proptest! {
    #[test]
    fn any_hunks_give_the_text_that_their_diff_gives(
        before in text(),
        after in text(),
        chosen in prop::collection::vec(any::<bool>(), 40),
    ) {
        let change = change(&before, &after);
        let hunks = hunks(&change);
        let all: Vec<usize> = (0..hunks.len()).collect();
        prop_assert_eq!(&*with_hunks(&change, &all).after, &after);
        prop_assert_eq!(&*with_hunks(&change, &[]).after, &before);
        prop_assert_eq!(patched(&before, &unified(Path::new("/w"), &change)), after);

        let chosen: Vec<usize> = all.into_iter().filter(|&hunk| chosen[hunk % chosen.len()]).collect();
        let some = with_hunks(&change, &chosen);
        let wanted: String = chosen.iter().map(|&hunk| hunks[hunk].text.as_str()).collect();
        let diff = format!("---\n+++\n{wanted}");
        prop_assert_eq!(&patched(&before, &diff), &*some.after);
        prop_assert_eq!(&patched(&before, &unified(Path::new("/w"), &some)), &*some.after);
    }
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
