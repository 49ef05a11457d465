//! What is wrong where, as compilers, type checkers, linters and test runners write it.
//!
//! | form | written by |
//! | --- | --- |
//! | `path:line: message`, `path:line:column: message` | gcc, clang, go, mypy, ruff, eslint (unix), javac, pytest |
//! | `path(line,column): message` | tsc, csc |
//! | `path:line:column - message` | tsc with `--pretty` |
//! | a message, then `--> path:line:column` | rustc, cargo |
//! | `panicked at path:line:column:`, then the message | Rust tests |
//! | `File "path", line 3`, and so on, then the message | Python |
//! | a path, then indented `line:column  error  message` | eslint (stylish) |
//!
//! Warnings and notes are none: a check that passes has them too. What is not in the copy is not the refactoring's
//! doing, and is dropped.

use std::path::{Component, Path, PathBuf};

use crate::refactor::sandbox::SandboxCopy;

#[cfg(test)]
mod tests;

/// More are of no use to anybody.
const PROBLEMS: usize = 200;
/// Bytes of a line that are looked at.
const LINE: usize = 4096;
/// Characters of a message that are kept.
const MESSAGE: usize = 400;

/// Something wrong in a file of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its file, as the workspace has it: absolute.
    pub path: PathBuf,
    /// Counted from 0.
    pub line: u32,
    /// One line, for a person or a model. It is the command's word, not to be believed.
    pub message: String,
}

/// The problems that `output` names in files of the copy, each once, in its order.
pub(super) fn find(output: &str, copy: &SandboxCopy) -> Vec<Problem> {
    let root = copy.root();
    let below = root.strip_prefix(copy.tree()).unwrap_or(Path::new(""));
    let root = copy.base().join(below);
    let known = |path: &str| {
        // Where `path` is absolute it stays as it is.
        let path = plain(&root.join(path))?;
        copy.copy_of(&path).is_some_and(|copy| copy.is_file()).then_some(path)
    };
    read(output, &known)
}

/// What has been read before the line in hand.
#[derive(Default)]
struct Before<'a> {
    /// The latest line that says what is wrong without saying where.
    headline: &'a str,
    /// pytest's explanation of what comes next.
    explanation: &'a str,
    /// pytest's innermost known place of a traceback, the explanation of which comes next.
    step: Option<(PathBuf, u32)>,
    /// The innermost known place of a Python traceback.
    frame: Option<(PathBuf, u32)>,
    /// eslint's file.
    heading: Option<PathBuf>,
    /// The place of a panic, the message of which comes next.
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
        // pytest's last line of a traceback names the exception only.
        let explained = if explanation.is_empty() { message } else { format!("{message}: {explanation}") };
        Some((path, number, explained))
    }
}

/// A known place at the beginning of a line, and what is said of it.
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

/// The number that a text begins with, at least 1, and the rest.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..end].parse().ok().filter(|number| *number > 0)?;
    Some((number, &text[end..]))
}

/// Whether rustc begins to say something here.
fn is_headline(line: &str) -> bool {
    is_of_kind(line, &["error", "warning", "note", "help"])
}

/// Whether a message says that it is of one of these kinds: `error: ...`, `error[E0308]: ...`.
fn is_of_kind(message: &str, kinds: &[&str]) -> bool {
    let says = |kind: &&str| message.strip_prefix(kind).is_some_and(|rest| rest.starts_with([':', '[']));
    kinds.iter().any(says)
}

fn is_wrong(message: &str) -> bool {
    // The last is the end of eslint's lines.
    let is_harmless =
        is_of_kind(message, &["warning", "note", "help", "info"]) || message.contains("[Warning/");
    !message.is_empty() && !is_harmless
}

/// A path without `.` and with no `..`.
fn plain(path: &Path) -> Option<PathBuf> {
    let is_up = path.components().any(|part| part == Component::ParentDir);
    (!is_up).then(|| path.components().collect())
}
