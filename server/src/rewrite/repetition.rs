//! A small model that has derailed repeats the same few lines.
//!
//! Not [`phi_engine::StopRule::Repetition`], which cuts near-equal lines and keeps the text before them: the arms of a
//! `match` are near-equal, and an item without its end may look complete.

/// The longest cycle that is searched for, in lines.
const LONGEST: usize = 4;
/// The number of repetitions that is too many.
const ROUNDS: usize = 8;

/// Whether an answer, at the end of a line, repeats a cycle of lines that the original item does not repeat.
pub(super) fn repeats_itself(answer: &str, old: &str) -> bool {
    if !answer.ends_with('\n') {
        return false;
    }
    let last: Vec<&str> =
        answer.lines().rev().filter(|line| !line.trim().is_empty()).take(LONGEST * ROUNDS).collect();
    (1..=LONGEST).any(|length| {
        let Some(cycle) = last.get(..length * ROUNDS) else { return false };
        let is_round = cycle.iter().zip(&cycle[length..]).all(|(line, other)| line == other);
        let is_known = || cycle[..length].iter().all(|line| old.matches(line.trim()).count() > 1);
        is_round && !is_known()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_of_one_line_and_of_four() {
        assert!(repeats_itself(&"    g(1);\n".repeat(8), ""));
        assert!(!repeats_itself(&"    g(1);\n".repeat(7), ""));
        assert!(repeats_itself(&format!("fn f() {{\n{}", "a\nb\n\nc\nd\n".repeat(8)), ""));
        assert!(!repeats_itself(&"a\nb\nc\nd\ne\n".repeat(8), ""));
        assert!(!repeats_itself("    g(1);\n".repeat(8).trim_end(), ""), "half a line");
    }

    #[test]
    fn a_table_is_no_repetition_if_the_item_is_a_table() {
        assert!(!repeats_itself(
            &"    0, 0, 0,\n".repeat(9),
            "static A: [u8; 6] = [\n    0, 0, 0,\n    0, 0, 0,\n];"
        ));
        let arms: String =
            (0..20).map(|n| format!("        Kind::A{n} => handle_a{n}(value, context),\n")).collect();
        assert!(!repeats_itself(&arms, ""));
    }
}
