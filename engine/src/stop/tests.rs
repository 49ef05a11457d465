//! Each stop rule, and that the cut does not depend on how an answer is split into pieces.

use proptest::prelude::*;

use super::StopRules;
use crate::StopRule;

/// The answer that is left of `text`, whether a rule held before the end, and whether one held at the end.
fn apply(rules: &[StopRule], pieces: &[&str]) -> (String, bool, bool) {
    let mut stops = StopRules::new(rules);
    let mut out = String::new();
    let stopped = pieces.iter().any(|piece| stops.push(piece, &mut out));
    let at_end = stops.finish(&mut out);
    (out, stopped, at_end)
}

#[track_caller]
fn check(rule: StopRule, text: &str, want: &str) {
    let (out, stopped, at_end) = apply(&[rule], &[text]);
    assert_eq!(out, want);
    assert_eq!(stopped || at_end, want.len() < text.len(), "stops exactly if it cuts");
}

#[test]
fn text_is_cut_with_what_follows() {
    let fence = || StopRule::Text("```".into());
    check(fence(), "fn f() {}\n```\nmore", "fn f() {}\n");
    check(fence(), "a `b` ``c", "a `b` ``c");
    check(fence(), "````", "");
    check(StopRule::Text("aab".into()), "aaab", "a");
    check(StopRule::Text("é😀".into()), "x é é😀y", "x é ");
    check(StopRule::Text(String::new()), "all", "all");
}

#[test]
fn half_a_stop_text_is_held_back_and_released() {
    let mut stops = StopRules::new(&[StopRule::Text("```".into())]);
    let mut out = String::new();
    assert!(!stops.push("a``", &mut out));
    assert_eq!(out, "a");
    assert!(!stops.push("b`", &mut out));
    assert_eq!(out, "a``b");
    assert!(!stops.finish(&mut out));
    assert_eq!(out, "a``b`");
}

#[test]
fn line_is_compared_trimmed() {
    let rule = || StopRule::Line("  return x;".into());
    check(rule(), "a();\n\treturn x; \nb", "a();\n");
    check(rule(), "return x;", "");
    check(rule(), "return x; // no\n", "return x; // no\n");
    check(rule(), "return  x;\nreturn x\nreturn x;;", "return  x;\nreturn x\nreturn x;;");
    check(rule(), "a\r\n return x;\r\n", "a\r\n");
    check(StopRule::Line(" \t".into()), "a\n\n \t\nb", "a\n\n \t\nb");
}

#[test]
fn an_unfinished_line_that_may_match_is_held_back() {
    let mut stops = StopRules::new(&[StopRule::Line("end".into())]);
    let mut out = String::new();
    assert!(!stops.push("x\n  en", &mut out));
    assert_eq!(out, "x\n");
    assert!(!stops.push("t", &mut out));
    assert_eq!(out, "x\n  ent");
    assert!(!stops.push("\n end", &mut out));
    assert!(stops.finish(&mut out), "the last line needs no newline");
    assert_eq!(out, "x\n  ent\n");
}

#[test]
fn lines_are_counted_without_the_last_newline() {
    check(StopRule::Lines(1), "one\ntwo\n", "one");
    check(StopRule::Lines(2), "one\ntwo\nthree", "one\ntwo");
    check(StopRule::Lines(3), "one\ntwo\nthree", "one\ntwo\nthree");
    check(StopRule::Lines(0), "one", "");
    check(StopRule::Lines(1), "one \\\n  two \\\r\n  three\nfour\n", "one \\\n  two \\\r\n  three");
    check(StopRule::Lines(1), "one\\\ntwo\n", "one\\");
}

#[test]
fn one_blank_line_is_fine_and_two_are_not() {
    check(StopRule::BlankLines, "a\n\nb\n\nc", "a\n\nb\n\nc");
    check(StopRule::BlankLines, "a\n\n  \nb", "a\n\n");
    check(StopRule::BlankLines, "a\n\n  b\n", "a\n\n  b\n");
    // The first line is the rest of the prompt's last one.
    check(StopRule::BlankLines, "\n\na", "\n\na");
    check(StopRule::BlankLines, "\n\n\na", "\n\n");
}

#[test]
fn a_line_that_is_not_deep_enough_ends_the_unit() {
    let rule = |columns| StopRule::Dedent { columns, words: vec!["else".into(), "end".into()] };
    check(rule(4), "a(\n        b,\n    );\n    c();\n", "a(\n        b,\n    );\n");
    check(rule(4), "if a {\nb();\n    } else {\n    }\nc", "if a {\nb();\n    } else {\n    }\n");
    check(rule(4), "a\n    .b()\n    .c();\n\n    d", "a\n    .b()\n    .c();\n\n");
    check(rule(0), ") {\n    a\n}\n\nfn b", ") {\n    a\n}\n\n");
    check(rule(0), "if a\n  b\nelse\n  c\nend\nelsewhere", "if a\n  b\nelse\n  c\nend\n");
    check(rule(3), "a\n\tb\n c", "a\n\tb\n");
    // A bracket that the prompt has opened.
    check(rule(0), "a, b);\nc", "a, b);\n");
    check(rule(4), "{ \"(\" }\n    c", "{ \"(\" }\n");
    // The answer is indented from the margin: the rule cannot apply.
    check(rule(8), "if a:\n    b\nc\n", "if a:\n    b\nc\n");
}

#[test]
fn a_line_that_may_continue_is_held_back() {
    let mut stops = StopRules::new(&[StopRule::Dedent { columns: 0, words: vec!["else".into()] }]);
    let mut out = String::new();
    assert!(!stops.push("a\nel", &mut out));
    assert_eq!(out, "a\n");
    assert!(!stops.push("se ", &mut out));
    assert_eq!(out, "a\nelse ");
    assert!(!stops.push("\nels", &mut out));
    assert!(stops.finish(&mut out), "no continuation");
    assert_eq!(out, "a\nelse \n");
}

#[test]
fn five_near_equal_lines_are_one() {
    check(StopRule::Repetition, "a = b\na = b\na = b\na = b\na = b\nc", "a = b\n");
    check(StopRule::Repetition, "a = b\na = b\na = b\na = b\nc = d\n", "a = b\na = b\na = b\na = b\nc = d\n");
    let long = |n: usize| format!("assert_eq!(parse(\"the quick brown fox\"), {n});\n");
    let lines: String = (1..7).map(long).collect();
    check(StopRule::Repetition, &lines, &long(1));
    check(
        StopRule::Repetition,
        "A1 = 1\nA2 = 2\nA3 = 3\nA4 = 4\nA5 = 5\nA6 = 6\n",
        "A1 = 1\nA2 = 2\nA3 = 3\nA4 = 4\nA5 = 5\nA6 = 6\n",
    );
    let braces = "                }\n            }\n        }\n    }\n}\n";
    check(StopRule::Repetition, braces, braces);
    check(StopRule::Repetition, "\n\n\n\n\n\n\n", "\n\n\n\n\n\n\n");
}

#[test]
fn a_short_text_over_and_over_is_once() {
    check(StopRule::Repetition, &"very ".repeat(40), "very ");
    check(StopRule::Repetition, &format!("x = {}", "ab, ".repeat(30)), "x = ab,");
    let ruler = format!("// {}\n{}x", "-".repeat(90), " ".repeat(90));
    check(StopRule::Repetition, &ruler, &ruler);
    let zeros = "[0, 0, 0, 0, 0, 0, 0, 0]";
    check(StopRule::Repetition, zeros, zeros);
    let emoji = "é😀x".repeat(40);
    check(StopRule::Repetition, &emoji, "é😀x");
}

#[test]
fn the_first_rule_that_holds_wins() {
    let rules = [StopRule::Lines(2), StopRule::Text("b\n".into()), StopRule::Line("b".into())];
    assert_eq!(apply(&rules, &["a\nb\nc\n"]), ("a\n".into(), true, false));
}

/// Text that matches the rules often.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("\n"),
        Just("  "),
        Just("end"),
        Just("en"),
        Just("`"),
        Just("```"),
        Just("("),
        Just(")"),
        Just("{"),
        Just("}"),
        Just("é😀"),
        Just("a = b;\n"),
        Just("a long line that is repeated;\n"),
        Just("a long line that is repeatef;\n"),
        Just("no no no no no no no no no no no no no no no no no no no no no no no no no "),
        Just("\r\n"),
    ];
    proptest::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

fn rules() -> impl Strategy<Value = Vec<StopRule>> {
    let all = vec![
        StopRule::Text("```".into()),
        StopRule::Text("en\n".into()),
        StopRule::Line("end".into()),
        StopRule::Lines(7),
        StopRule::BlankLines,
        StopRule::Dedent { columns: 1, words: vec!["end".into()] },
        StopRule::Repetition,
    ];
    proptest::sample::subsequence(all, 0..=7)
}

proptest! {
    /// Pieces do not matter, and what was streamed is a prefix of the answer: nothing is taken back.
    #[test]
    fn streaming_equals_the_whole(text in text(), rules in rules()) {
        let whole = apply(&rules, &[&text]);
        let chars: Vec<String> = text.chars().map(String::from).collect();
        let pieces: Vec<&str> = chars.iter().map(String::as_str).collect();
        prop_assert_eq!(&apply(&rules, &pieces), &whole);
        prop_assert!(text.starts_with(&whole.0));
    }
}
