//! Instructions with a file before and after, and the one item that differs.

use std::io::BufRead;
use std::ops::Range;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::answer;
use crate::documents::{Document, DocumentId};
use crate::rewrite::target::{self, Target, TargetKind};

/// Larger items are not rewritten as a whole.
const LARGEST_ITEM: usize = 12 * 1024;
/// The longest line of a file of triples.
const LONGEST_LINE: u64 = 4 << 20;

/// An instruction, and the change that was made by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triple {
    /// Its name: a commit's id, or a line number.
    #[serde(default)]
    pub name: String,
    /// The instruction.
    pub instruction: String,
    /// The file, relative to its repository.
    pub path: String,
    /// All of its text before.
    pub before: String,
    /// All of its text after.
    pub after: String,
    /// The commit whose tree contains `before`.
    #[serde(default)]
    pub parent: Option<String>,
}

/// The item of a triple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// In the text before.
    pub target: Target,
    /// Its text afterwards.
    pub expected: String,
}

impl Triple {
    /// The file before, below a folder.
    pub fn document(&self, root: &Path) -> Document {
        let path = root.join(&self.path);
        let id = format!("{}#{}", path.display(), self.name);
        Document::open(DocumentId(id.into()), Some(path), "", 1, &self.before)
    }

    /// The innermost function, or else the innermost other item, that contains all changes; `None` if there is none, if it
    /// is too large, or if its new text has syntax errors.
    pub fn site(&self) -> Option<Site> {
        let (before, after) = (self.before.as_str(), self.after.as_str());
        let document = self.document(Path::new("/"));
        let head = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
        let tail = before.bytes().rev().zip(after.bytes().rev()).take_while(|(a, b)| a == b).count();
        if before == after {
            return None;
        }
        let fits = |range: &Range<usize>| {
            // Common ends may overlap: a line more among equal lines.
            let rest = before.len() - range.end;
            range.start <= head && rest <= tail && range.start + rest <= after.len()
        };
        let all: Vec<Target> =
            target::all(&document).into_iter().filter(|target| fits(&target.range)).collect();
        let innermost = |function: bool| {
            let wanted = |target: &&Target| !function || target.kind == TargetKind::Function;
            all.iter().filter(wanted).min_by_key(|target| target.range.len())
        };
        let target = innermost(true).or_else(|| innermost(false))?.clone();
        let rest = before.len() - target.range.end;
        let expected = after.get(target.range.start..after.len() - rest)?.to_owned();
        let done = Document::open(DocumentId("after".into()), document.path.clone(), "", 1, after);
        let errors = |document: &Document| document.tree().map_or(0, answer::errors);
        let is_code = document.language.is_some_and(|language| !language.functions.is_empty());
        let serves = is_code
            && !expected.trim().is_empty()
            && target.range.len().max(expected.len()) <= LARGEST_ITEM
            && errors(&done) <= errors(&document);
        serves.then_some(Site { target, expected })
    }
}

/// Reads triples, one JSON object per line; blank lines are skipped.
///
/// # Errors
/// The file cannot be read, or a line is not a triple.
pub fn read(path: &Path) -> anyhow::Result<Vec<Triple>> {
    let (file, _) = crate::files::open(path).with_context(|| path.display().to_string())?;
    let mut reader = std::io::BufReader::new(file);
    let mut triples = Vec::new();
    for number in 1.. {
        let mut line = Vec::new();
        let read = std::io::Read::take(&mut reader, LONGEST_LINE).read_until(b'\n', &mut line)?;
        let place = || format!("{} line {number}", path.display());
        anyhow::ensure!((read as u64) < LONGEST_LINE, "{}: longer than {LONGEST_LINE} bytes", place());
        if read == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let triple: Triple = serde_json::from_slice(&line).with_context(|| {
            format!("{}: give an object with `instruction`, `path`, `before` and `after`", place())
        })?;
        // There are no other files.
        triples.push(Triple { name: number.to_string(), parent: None, ..triple });
    }
    Ok(triples)
}
