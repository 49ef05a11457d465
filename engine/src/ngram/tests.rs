//! What the n-gram model answers, when it does not answer, and that no text makes it slow.

use super::*;
use proptest::prelude::*;

/// The continuation of `tail` by a model with these sources.
fn answer(sources: &[&str], tail: &str) -> Option<String> {
    with_sources(sources).continue_text(tail, None, 64).map(|found| found.text)
}

fn with_sources(sources: &[&str]) -> NgramModel {
    let mut model = NgramModel::new();
    for (id, source) in sources.iter().enumerate() {
        model.add_source(SourceId(id as u64), Arc::from(*source));
    }
    model
}

const LOOP: &str = "\
fn total(items: &[Item]) -> u64 {
    let mut sum = 0;
    for item in items.iter() {
        sum += item.price * item.quantity;
    }
    sum
}
";

#[test]
fn ends_inside_between_and_after_words() {
    let after = |end: &str| {
        answer(
            &[LOOP],
            &format!("fn total(items: &[Item]) -> u64 {{\n    let mut sum = 0;\n    for item{end}"),
        )
    };
    assert_eq!(after(" in it").as_deref(), Some("ems.iter() {"));
    assert_eq!(after(" in ").as_deref(), Some("items.iter() {"));
    assert_eq!(after(" in").as_deref(), Some(" items.iter() {"));
    assert_eq!(after(" in items.").as_deref(), Some("iter() {"));
}

#[test]
fn a_new_line_at_another_depth() {
    let tail = "            let mut sum = 0;\n            for item in items.iter() {\n                ";
    assert_eq!(answer(&[LOOP], tail).as_deref(), Some("sum += item.price * item.quantity;"));
    // The editor has not indented yet, and this file indents with tabs.
    let tail = "\t\tlet mut sum = 0;\n\t\tfor item in items.iter() {\n";
    assert_eq!(answer(&[LOOP], tail).as_deref(), Some("\t\t\tsum += item.price * item.quantity;"));
    // Deeper than in the source: not an occurrence.
    let tail = "    let mut sum = 0;\n    for item in items.iter() {\n                ";
    assert_eq!(answer(&[LOOP], tail), None);
}

#[test]
fn several_lines_only_if_two_occurrences_agree_at_length() {
    let cursor = LOOP.find("sum += ").unwrap();
    let line = "sum += item.price * item.quantity;";
    assert_eq!(answer(&[LOOP], &LOOP[..cursor]).as_deref(), Some(line));
    // Up to where the block that the cursor is in ends.
    let lines = "sum += item.price * item.quantity;\n    }\n    sum";
    assert_eq!(answer(&[LOOP, LOOP], &LOOP[..cursor]).as_deref(), Some(lines));
    // Two occurrences, but a short context.
    assert_eq!(answer(&[LOOP, LOOP], "for item in items.iter() {\n    ").as_deref(), Some(line));
}

#[test]
fn no_answer_when_unsure() {
    assert_eq!(answer(&[], "let x"), None);
    assert_eq!(answer(&[LOOP], ""), None);
    assert_eq!(answer(&[LOOP], "something never seen"), None);
    // Three continuations, one occurrence each.
    let either = "open(left);\nopen(right);\nopen(middle);\n";
    assert_eq!(answer(&[either], "open("), None);
    // A bracket alone is not worth showing.
    assert_eq!(answer(&["call(a, b, c)\n", "call(a, b, c)\n"], "call(a, b, c"), None);
}

#[test]
fn never_from_the_cursors_own_position() {
    let model = with_sources(&[LOOP]);
    let offset = LOOP.find("items.iter").unwrap();
    let origin = Some(Origin { source: SourceId(0), offset });
    assert_eq!(model.continue_text(&LOOP[..offset], origin, 64), None);
    // Another copy of the text is evidence.
    let model = with_sources(&[LOOP, LOOP]);
    assert_eq!(model.continue_text(&LOOP[..offset], origin, 64).unwrap().text, "items.iter() {");
    // As is the same line elsewhere in the text.
    let twice = format!("{LOOP}\n{LOOP}");
    let model = with_sources(&[&twice]);
    assert_eq!(model.continue_text(&twice[..offset], origin, 64).unwrap().text, "items.iter() {");
}

#[test]
fn counts_and_bounds_tokens() {
    assert_eq!(count("let x = a.b;\n"), 8);
    let found =
        with_sources(&[LOOP]).continue_text("    let mut sum = 0;\n    for item in ", None, 3).unwrap();
    assert_eq!((found.text.as_str(), found.tokens), ("items.iter", 3));
    assert!((0.0..=1.0).contains(&found.confidence));
}

#[test]
fn follows_changes() {
    let mut model = with_sources(&[LOOP]);
    let tail = "    let mut sum = 0;\n    for item in ";
    model.add_source(SourceId(0), LOOP.replace("items", "goods").into());
    assert_eq!(model.continue_text(tail, None, 64).unwrap().text, "goods.iter() {");
    model.remove_source(SourceId(0));
    assert_eq!(model.continue_text(tail, None, 64), None);
    assert_eq!(model.bytes(), 0);
    model.remove_source(SourceId(7));
}

#[test]
fn the_least_recently_added_source_is_evicted_first() {
    let text = |id: u64| -> Arc<str> { format!("open{id}(path{id}, name{id})?;\n").repeat(40).into() };
    let mut model = NgramModel::with_budget(60_000);
    for id in 0..40 {
        model.add_source(SourceId(id), text(id));
        assert!(model.bytes() <= 60_000);
    }
    let answers = |id: u64| model.continue_text(&format!("open{id}(path{id}, "), None, 9).is_some();
    assert!(answers(39) && !answers(0));
}

/// Enough text for segments, with sources added and removed in different orders.
#[test]
fn finds_the_same_in_the_memtable_and_in_a_segment() {
    let text = |id: u64| -> Arc<str> {
        (0..800)
            .map(|line| format!("    let field_{id}_{line} = reader.field({id}, {line})?;\n"))
            .collect::<String>()
            .into()
    };
    let mut model = NgramModel::new();
    for id in 0..60 {
        model.add_source(SourceId(id), text(id));
    }
    for id in (0..60).step_by(3) {
        model.remove_source(SourceId(id));
    }
    for id in (0..60).step_by(5) {
        model.add_source(SourceId(id), text(id));
    }
    for id in 0..60 {
        let text = text(id);
        let cursor = text.find("_77 ").unwrap() + 4;
        let found = model.continue_text(&text[..cursor], None, 64);
        let there = id % 3 != 0 || id % 5 == 0;
        assert_eq!(
            found.map(|found| found.text),
            there.then(|| format!("= reader.field({id}, 77)?;")),
            "{id}"
        );
    }
}

/// Each of these made an early version of this module slow or wrong.
#[test]
fn strange_texts() {
    let strange: [Arc<str>; 8] = [
        "".into(),
        "a".repeat(3_000_000).into(),
        "a ".repeat(300_000).into(),
        " ".repeat(3_000_000).into(),
        "\n".repeat(3_000_000).into(),
        "return None\n".repeat(100_000).into(),
        "\u{0}\u{1}\u{fffd}é😀".repeat(100_000).into(),
        "if x {\r\n    y();\r\n}\r\n".repeat(10_000).into(),
    ];
    let mut model = NgramModel::new();
    for (id, text) in strange.iter().enumerate() {
        model.add_source(SourceId(id as u64), text.clone());
    }
    for text in &strange {
        let cursor = text.floor_char_boundary(text.len() / 2);
        let found = model.continue_text(&text[..cursor], None, 64);
        assert!(found.is_none_or(|found| found.text.len() <= 64 * 256));
    }
    let found = model.continue_text("if x {\r\n    y", None, 64).unwrap();
    assert_eq!(found.text, "();");
}

proptest! {
    /// Every line of a continuation occurs in a source, and no text causes a panic.
    #[test]
    fn continuations_are_copies(
        pieces in proptest::collection::vec("[ab]{1,2}|[ .(){}\n\t]|\r\n|é|😀", 0..60),
        cut in 0.0..1.0f64,
        tokens in 0usize..20,
    ) {
        let text: String = pieces.concat();
        let cursor = text.floor_char_boundary((text.len() as f64 * cut) as usize);
        let mut model = with_sources(&[&text, &text.repeat(3)]);
        let origin = Some(Origin { source: SourceId(0), offset: cursor });
        if let Some(found) = model.continue_text(&text[..cursor], origin, tokens) {
            prop_assert!(found.tokens <= tokens && found.confidence <= 1.0);
            for line in found.text.split('\n') {
                prop_assert!(text.repeat(3).contains(line.trim()), "{line:?}");
            }
        }
        model.remove_source(SourceId(1));
        model.remove_source(SourceId(0));
        prop_assert_eq!(model.bytes(), 0);
    }
}
