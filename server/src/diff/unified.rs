//! A change of a text as a unified diff, which `git apply` and `patch` accept, and the text that some of its hunks give.

use std::fmt::Write;
use std::ops::Range;
use std::path::{Component, Path};

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};

use super::lines;

/// Lines around a change.
const CONTEXT: usize = 3;

/// One place of a file that changes, with the lines around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Its lines in the text before, counted from 0.
    pub before: Range<usize>,
    /// Its lines in the text after all hunks, counted from 0.
    pub after: Range<usize>,
    /// Its header and lines, as a unified diff has them; ends with a line break.
    pub text: String,
}

/// The change of the file at `path`, which is relative to the workspace folder, as a unified diff. Empty where nothing
/// changes.
pub fn unified(path: &Path, before: &str, after: &str) -> String {
    let hunks = hunks(before, after);
    if hunks.is_empty() {
        return String::new();
    }
    let path = slashed(path);
    let mut diff = format!("--- {}\n+++ {}\n", name("a/", &path), name("b/", &path));
    diff.extend(hunks.iter().map(|hunk| hunk.text.as_str()));
    diff
}

/// The places that change, from top to bottom.
pub fn hunks(before: &str, after: &str) -> Vec<Hunk> {
    let (before, after) = (lines(before), lines(after));
    let operations = capture_diff_slices(Algorithm::Myers, &before, &after);
    let groups = group_diff_ops(operations, CONTEXT);
    let groups = groups.iter().filter(|group| group.iter().any(|part| part.tag() != DiffTag::Equal));
    groups.filter_map(|group| hunk(group, &before, &after)).collect()
}

/// The text after the chosen hunks of [`hunks`] only, by their places there; others are ignored.
pub fn with_hunks(before: &str, after: &str, chosen: &[usize]) -> String {
    let hunks = hunks(before, after);
    let mut text = String::with_capacity(after.len());
    let (before, after) = (lines(before), lines(after));
    let mut at = 0;
    for (number, hunk) in hunks.iter().enumerate() {
        if chosen.contains(&number) {
            text.extend(before[at..hunk.before.start].iter().copied());
            text.extend(after[hunk.after.clone()].iter().copied());
            at = hunk.before.end;
        }
    }
    text.extend(before[at..].iter().copied());
    text
}

fn hunk(parts: &[DiffOp], before: &[&str], after: &[&str]) -> Option<Hunk> {
    let (first, last) = (parts.first()?, parts.last()?);
    let old = first.old_range().start..last.old_range().end;
    let new = first.new_range().start..last.new_range().end;
    let mut text = format!("@@ -{} +{} @@\n", span(&old), span(&new));
    for part in parts {
        match part.tag() {
            DiffTag::Equal => push(&mut text, ' ', &before[part.old_range()]),
            DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => {
                push(&mut text, '-', &before[part.old_range()]);
                push(&mut text, '+', &after[part.new_range()]);
            }
        }
    }
    Some(Hunk { before: old, after: new, text })
}

fn push(text: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// Lines as a hunk's header counts them: from 1, and of no lines the one before.
fn span(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => format!("{}", lines.start + 1),
        length => format!("{},{length}", lines.start + 1),
    }
}

fn slashed(path: &Path) -> String {
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_)));
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// A path as git writes it: in quotes where it holds what would end it, with a tab behind it where it holds a space.
fn name(side: &str, path: &str) -> String {
    if path.chars().any(|c| c.is_control() || c == '"' || c == '\\') {
        let mut quoted = format!("\"{side}");
        for c in path.chars() {
            match c {
                '"' | '\\' => quoted.extend(['\\', c]),
                c if c.is_ascii_control() => write!(quoted, "\\{:03o}", c as u32).expect("a string grows"),
                c => quoted.push(c),
            }
        }
        quoted + "\""
    } else {
        format!("{side}{path}{}", if path.contains(' ') { "\t" } else { "" })
    }
}
