//! Which lines an edit changes, and which of them nobody has asked for.

use crate::diff::{self, Change};

/// Lines of the old text that change, and places between them where lines are put in.
#[derive(Debug, Default, PartialEq, Eq)]
struct Touched {
    /// Old lines that are gone or another.
    lines: Vec<usize>,
    /// Old lines in front of which so many new ones stand.
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

/// How many lines an answer changes or puts in, and how many of them needlessly: where what was done leaves the text as
/// it was.
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
    fn what_was_done_is_not_needless() {
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
