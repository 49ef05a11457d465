//! The lines that an edit changes, and which of them are unnecessary.

use crate::diff::{self, Change};

/// The changed lines of the old text, and the positions between lines where lines are inserted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Touched {
    /// Old lines that are deleted or changed.
    lines: Vec<usize>,
    /// Old lines, with the number of new lines before them.
    put_in: Vec<(usize, usize)>,
}

fn touched(old: &str, new: &str) -> Touched {
    let mut touched = Touched::default();
    for Change { before, after } in diff::changes(old, new) {
        if let Some(more @ 1..) = after.len().checked_sub(before.len()) {
            touched.put_in.push((before.end, more));
        }
        touched.lines.extend(before);
    }
    touched
}

/// The number of lines that an answer changes or inserts, and the number of unnecessary ones: where the actual change keeps
/// the text.
pub fn changed_and_needless(old: &str, expected: &str, answer: &str) -> (usize, usize) {
    let (done, made) = (touched(old, expected), touched(old, answer));
    let is_done = |line: usize| done.lines.contains(&line);
    let near = |line: usize| {
        is_done(line) || line > 0 && is_done(line - 1) || done.put_in.iter().any(|(other, _)| *other == line)
    };
    let put_in: usize = made.put_in.iter().map(|(_, count)| count).sum();
    let needless_lines = made.lines.iter().filter(|line| !is_done(**line)).count();
    let needless_in: usize =
        made.put_in.iter().filter(|(line, _)| !near(*line)).map(|(_, count)| count).sum();
    (made.lines.len() + put_in, needless_lines + needless_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_actual_change_are_necessary() {
        let old = "a\nb\nc\nd\ne\n";
        assert_eq!(changed_and_needless(old, "a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n"), (1, 0));
        assert_eq!(changed_and_needless(old, "a\nB\nc\nd\ne\n", "a\nx\nc\nd\ne\n"), (1, 0), "another way");
        assert_eq!(changed_and_needless(old, "a\nB\nc\nd\ne\n", "a\nB\nc\nd\nE\n"), (2, 1));
        assert_eq!(
            changed_and_needless(old, "a\nB\nc\nd\ne\n", "a\nB\nx\nc\nd\ne\n"),
            (2, 0),
            "more lines there"
        );
        assert_eq!(
            changed_and_needless(old, "a\nB\nc\nd\ne\n", "a\nB\nc\nd\nx\ny\ne\n"),
            (3, 2),
            "lines elsewhere"
        );
        assert_eq!(changed_and_needless(old, "a\nx\nb\nc\nd\ne\n", "a\nb\nc\n"), (2, 2));
        assert_eq!(changed_and_needless(old, "a\n", old), (0, 0));
    }
}
