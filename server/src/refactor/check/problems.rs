//! Parses problems and their positions as compilers, type checkers, linters and test runners print them.
//!
//! | form | written by |
//! | --- | --- |
//! | `path:line: message`, `path:line:column: message` | gcc, clang, go, mypy, ruff, eslint (unix), javac, pytest |
//! | `path(line,column): message` | tsc, csc |
//! | `path:line:column - message` | tsc with `--pretty` |
//! | a message, then `--> path:line:column` | rustc, cargo |
//! | `panicked at path:line:column:`, then the message | Rust tests |
//! | `File "path", line 3`, repeated, then the message | Python |
//! | a path, then indented `line:column  error  message` | eslint (stylish) |
//!
//! Warnings and notes are no problems: a check that passes has them too. Problems in files outside of the copy are
//! dropped, since the refactoring did not cause them.

use std::path::{Component, Path, PathBuf};

use crate::refactor::sandbox::SandboxCopy;

#[cfg(test)]
mod tests;

/// Maximum problems: more are of no use.
const PROBLEMS: usize = 200;
/// Maximum bytes of a line to parse.
const LINE: usize = 4096;
/// Maximum characters of a message to keep.
const MESSAGE: usize = 400;

/// A problem in a file of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The absolute path in the workspace.
    pub path: PathBuf,
    /// Counted from 0.
    pub line: u32,
    /// One line, as a message or for a prompt. It is the command's output: do not trust it.
    pub message: String,
}

/// The problems in files of the copy that `output` reports, without duplicates, in text order.
pub(super) fn find(output: &str, copy: &SandboxCopy) -> Vec<Problem> {
    let root = copy.root();
    let below = root.strip_prefix(copy.tree()).unwrap_or(Path::new(""));
    let root = copy.base().join(below);
    let known = |path: &str| {
        // `join` keeps an absolute `path`.
        let path = plain(&root.join(path))?;
        copy.copy_of(&path).is_some_and(|copy| copy.is_file()).then_some(path)
    };
    read(output, &known)
}

/// The parser's state before the current line.
#[derive(Default)]
struct Before<'a> {
    /// The latest line with a message but no position.
    headline: &'a str,
    /// pytest's explanation of the next message.
    explanation: &'a str,
    /// The innermost known position of a pytest traceback; its explanation comes next.
    step: Option<(PathBuf, u32)>,
    /// The innermost known position of a Python traceback.
    frame: Option<(PathBuf, u32)>,
    /// eslint's current file.
    heading: Option<PathBuf>,
    /// The position of a panic; its message comes next.
    panicked: Option<(PathBuf, u32)>,
}

fn read(output: &str, known: &dyn Fn(&str) -> Option<PathBuf>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut before = Before::default();
    for line in output.lines() {
        let line = &line[..line.floor_char_boundary(LINE)];
        let Some((path, number, message)) = before.line(line, known) else { continue };
        let message: String = message.trim().chars().take(MESSAGE).collect();
        let problem = Problem { path, line: number - 1, message };
        if !problem.message.is_empty() && !problems.contains(&problem) {
            problems.push(problem);
        }
        if problems.len() >= PROBLEMS {
            break;
        }
    }
    problems
}

/// File, line counted from 1, message.
type Found = (PathBuf, u32, String);

impl<'a> Before<'a> {
    fn line(&mut self, line: &'a str, known: &dyn Fn(&str) -> Option<PathBuf>) -> Option<Found> {
        let text = line.trim();
        if let Some((path, number)) = self.panicked.take() {
            return Some((path, number, format!("panicked: {text}")));
        }
        if let Some((path, rest)) = text.strip_prefix("File \"").and_then(|rest| rest.split_once('"')) {
            let number = rest.strip_prefix(", line ").and_then(number);
            if let (Some((number, _)), Some(path)) = (number, known(path)) {
                self.frame = Some((path, number));
            }
            return None;
        }
        if let Some(place) = text.strip_prefix("--> ") {
            let (path, number, _) = place_and_message(place, known)?;
            return is_wrong(self.headline).then(|| (path, number, self.headline.to_owned()));
        }
        if let Some((_, place)) = text.split_once(" panicked at ") {
            self.panicked = place_and_message(place, known).map(|(path, number, _)| (path, number));
            return None;
        }
        if !line.starts_with([' ', '\t']) {
            self.heading = None;
            if let Some((path, number)) = self.frame.take_if(|_| !text.is_empty()) {
                return Some((path, number, text.to_owned()));
            }
        } else if let Some(path) = &self.heading {
            // eslint: `3:10  error  'x' is not defined  no-undef`.
            let (number, rest) = number(text)?;
            let message = rest.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()).trim_start();
            return message.starts_with("error").then(|| (path.clone(), number, message.to_owned()));
        }
        if let Some(explanation) = line.strip_prefix("E  ") {
            let explanation = explanation.trim();
            if let Some((path, number)) = self.step.take() {
                return Some((path, number, explanation.to_owned()));
            }
            if self.explanation.is_empty() {
                self.explanation = explanation;
            }
            return None;
        }
        let (path, number, message) = match place_and_message(text, known) {
            Some(found) => found,
            None => {
                if is_headline(line) {
                    self.headline = text;
                }
                self.heading = known(text).filter(|_| !text.is_empty());
                return None;
            }
        };
        if message.starts_with("in ") {
            self.step = Some((path, number));
            return None;
        }
        let explanation = std::mem::take(&mut self.explanation);
        if !is_wrong(&message) {
            return None;
        }
        // The last line of a pytest traceback names only the exception.
        let explained = if explanation.is_empty() { message } else { format!("{message}: {explanation}") };
        Some((path, number, explained))
    }
}

/// A known position at the beginning of a line, and its message.
fn place_and_message(text: &str, known: &dyn Fn(&str) -> Option<PathBuf>) -> Option<Found> {
    // go: `vet: ./a.go:3:2: undefined: x`; gradle: `e: file:///w/A.kt:3:5 message`.
    let text = ["vet: ", "e: "].iter().find_map(|tool| text.strip_prefix(tool)).unwrap_or(text);
    for (at, sign) in text.match_indices([':', '(']) {
        let Some((line, rest)) = number(&text[at + 1..]) else { continue };
        let path = &text[..at];
        let message = match sign {
            "(" => {
                rest.split_once(')').filter(|(column, _)| column.bytes().all(|c| b",0123456789".contains(&c)))
            }
            _ => Some(("", rest)),
        };
        let Some((_, message)) = message else { continue };
        let Some(path) = known(path.strip_prefix("file://").unwrap_or(path)) else { continue };
        let message = message.strip_prefix(':').and_then(number).map_or(message, |(_column, rest)| rest);
        let message = message.trim_start_matches([':', ' ', '-']);
        return Some((path, line, message.to_owned()));
    }
    None
}

/// The number at the beginning of a text, at least 1, and the rest.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..end].parse().ok().filter(|number| *number > 0)?;
    Some((number, &text[end..]))
}

/// Whether a rustc diagnostic begins here.
fn is_headline(line: &str) -> bool {
    is_of_kind(line, &["error", "warning", "note", "help"])
}

/// Whether a message has one of these kinds: `error: ...`, `error[E0308]: ...`.
fn is_of_kind(message: &str, kinds: &[&str]) -> bool {
    let says = |kind: &&str| message.strip_prefix(kind).is_some_and(|rest| rest.starts_with([':', '[']));
    kinds.iter().any(says)
}

fn is_wrong(message: &str) -> bool {
    // The last one matches the end of eslint's lines.
    let is_harmless =
        is_of_kind(message, &["warning", "note", "help", "info"]) || message.contains("[Warning/");
    !message.is_empty() && !is_harmless
}

/// A path without `.`; `None` if it contains `..`.
fn plain(path: &Path) -> Option<PathBuf> {
    let is_up = path.components().any(|part| part == Component::ParentDir);
    (!is_up).then(|| path.components().collect())
}
