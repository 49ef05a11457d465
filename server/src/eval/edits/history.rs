//! Triples from a git history: commits that change one item of one file, or each item that a commit changes. Git is run
//! read-only, as in [`crate::repository::changes`].

use std::path::Path;

use super::Triple;
use crate::documents::{Document, DocumentId};
use crate::languages::Language;
use crate::repository::changes::git::Git;
use crate::rewrite::target::{self, Target, TargetKind};

/// The most output of git for all commits.
const MOST_OUTPUT: u64 = 256 << 20;
/// The most files, and the most bytes, per call of git.
const AT_A_TIME: usize = 64;
const MOST_TEXTS: u64 = 64 << 20;
/// Larger files are data.
const LARGEST_FILE: usize = 256 * 1024;
/// A message of fewer words is not an instruction.
const FEWEST_WORDS: usize = 3;
/// Longer messages are truncated.
const LONGEST_INSTRUCTION: usize = 1000;
/// The beginnings of messages that are not instructions.
const NO_INSTRUCTIONS: [&str; 7] = ["merge", "revert", "bump", "release", "wip", "fixup!", "squash!"];

/// Which changes are triples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Commits that change one item and nothing else, so that the item is all that the instruction asks for.
    Whole,
    /// Each item that a commit changes, separately.
    Items,
}

/// A commit with a message that is an instruction.
struct Commit {
    id: String,
    parent: String,
    message: String,
    /// Those in a language with functions.
    changes: Vec<BlobChange>,
    /// Whether it changes anything else.
    is_more: bool,
}

/// A file that a commit changes.
struct BlobChange {
    path: String,
    before: String,
    after: String,
}

/// The triples of the latest `commits` commits, the latest first; `None` if git fails.
pub(crate) fn triples(git: &Git, commits: usize, which: Which) -> Option<Vec<Triple>> {
    let count = format!("--max-count={commits}");
    let ids = git.run(&["rev-list", "--no-merges", &count, "HEAD"], MOST_OUTPUT)?;
    let form = "--pretty=format:%x01%H %P%x02%B%x02";
    let arguments = ["diff-tree", "--stdin", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", form];
    let output = git.answer(&arguments, ids, MOST_OUTPUT)?;
    let commits: Vec<Commit> = output.split(|byte| *byte == 1).filter_map(commit).collect();
    // A triple has only one file.
    let is_whole = |commit: &&Commit| which == Which::Items || commit.changes.len() == 1 && !commit.is_more;
    let changes: Vec<(&Commit, &BlobChange)> = commits
        .iter()
        .filter(is_whole)
        .flat_map(|commit| commit.changes.iter().map(move |change| (commit, change)))
        .collect();
    let mut triples = Vec::new();
    for some in changes.chunks(AT_A_TIME) {
        let blobs: Vec<&str> =
            some.iter().flat_map(|(_, change)| [&*change.before, &*change.after]).collect();
        let texts = texts(git, &blobs)?;
        for ((commit, change), texts) in some.iter().zip(texts.chunks(2)) {
            let [Some(before), Some(after)] = texts else { continue };
            let triple = Triple {
                name: commit.id.clone(),
                instruction: commit.message.clone(),
                path: change.path.clone(),
                before: before.clone(),
                after: after.clone(),
                parent: Some(commit.parent.clone()),
            };
            match which {
                Which::Whole => triples.push(triple),
                Which::Items => triples.extend(items(&triple)),
            }
        }
    }
    triples.retain(|triple| triple.site().is_some());
    Some(triples)
}

/// A triple for each item that the change of a file changes: outermost functions, and other items without functions in
/// them, that have the same name before and after.
fn items(triple: &Triple) -> Vec<Triple> {
    let open = |text: &str| {
        let path = Path::new("/").join(&triple.path);
        Document::open(DocumentId("items".into()), Some(path), "", 1, text)
    };
    let (old, new) = (smallest(&open(&triple.before)), smallest(&open(&triple.after)));
    let is_same = |one: &Target, other: &Target| {
        (one.kind, &one.name, &one.container) == (other.kind, &other.name, &other.container)
    };
    let only = |wanted: &Target, all: &[Target]| {
        let mut same = all.iter().filter(|target| is_same(target, wanted));
        same.next().cloned().filter(|_| same.next().is_none())
    };
    let changed = |target: &Target| {
        let (before, after) = (only(target, &old)?, only(target, &new)?);
        let (before, after) = (before.range, triple.after.get(after.range)?);
        let whole = [&triple.before[..before.start], after, &triple.before[before.end..]].concat();
        let line = triple.before[..before.start].matches('\n').count() + 1;
        let name = format!("{}:{line}", triple.name);
        (whole != triple.before).then(|| Triple { name, after: whole, ..triple.clone() })
    };
    old.iter().filter_map(changed).collect()
}

/// Outermost functions, and other items without functions in them.
fn smallest(document: &Document) -> Vec<Target> {
    let all = target::all(document);
    let is_function = |target: &Target| target.kind == TargetKind::Function;
    let holds = |outer: &Target, inner: &Target| {
        outer.range != inner.range
            && outer.range.start <= inner.range.start
            && inner.range.end <= outer.range.end
    };
    let functions: Vec<&Target> = all.iter().filter(|target| is_function(target)).collect();
    let is_wanted = |target: &&Target| {
        !functions.iter().any(|function| match is_function(target) {
            true => holds(function, target),
            false => holds(target, function) || holds(function, target),
        })
    };
    all.iter().filter(is_wanted).cloned().collect()
}

/// Parses one commit: `ID PARENT`, the message, and its changes.
fn commit(record: &[u8]) -> Option<Commit> {
    let record = str::from_utf8(record).ok()?;
    let (ids, rest) = record.split_once('\u{2}')?;
    let (message, changes) = rest.rsplit_once('\u{2}')?;
    let (id, parent) = ids.split_once(' ')?;
    let message = instruction(message)?;
    let mut words = changes.split('\0').map(str::trim_start).filter(|word| !word.is_empty());
    let (mut changes, mut is_more) = (Vec::new(), false);
    while let Some(head) = words.next() {
        match change(head, words.next()?) {
            Some(change) => changes.push(change),
            None => is_more = true,
        }
    }
    (!changes.is_empty()).then(|| Commit {
        id: id.to_owned(),
        parent: parent.to_owned(),
        message,
        changes,
        is_more,
    })
}

/// `:MODE MODE BLOB BLOB M` and a path: a change of a file in a language with functions.
fn change(head: &str, path: &str) -> Option<BlobChange> {
    let mut fields = head.strip_prefix(':')?.split(' ');
    let is_file = |mode: &str| matches!(mode, "100644" | "100755");
    let modes = is_file(fields.next()?) && is_file(fields.next()?);
    let (before, after) = (fields.next()?, fields.next()?);
    let is_code = !Language::of_path(path.as_ref())?.functions.is_empty();
    (modes && is_code && fields.next()? == "M").then(|| BlobChange {
        path: path.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    })
}

/// The instruction in a message: without trailers that name people and issues.
fn instruction(message: &str) -> Option<String> {
    let is_trailer = |line: &&str| {
        line.split_once(": ").is_some_and(|(key, _)| !key.contains(' ') && key.contains('-'))
            || line.trim().is_empty()
    };
    let mut lines: Vec<&str> = message.trim().lines().collect();
    while lines.len() > 1 && lines.last().is_some_and(is_trailer) {
        lines.pop();
    }
    let text = lines.join("\n");
    let lower = text.to_lowercase();
    let asks = text.split_whitespace().count() >= FEWEST_WORDS
        && !NO_INSTRUCTIONS.iter().any(|beginning| lower.starts_with(beginning));
    asks.then(|| text[..text.floor_char_boundary(LONGEST_INSTRUCTION)].to_owned())
}

/// The texts of blobs, in their order; `None` for one that is too large, or not text.
pub(super) fn texts(git: &Git, blobs: &[&str]) -> Option<Vec<Option<String>>> {
    let input = blobs.iter().flat_map(|blob| [blob.as_bytes(), b"\n"].concat()).collect();
    let output = git.answer(&["cat-file", "--batch"], input, MOST_TEXTS)?;
    let mut rest = output.as_slice();
    let mut texts = Vec::new();
    for _ in blobs {
        let mut text = || {
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let head = str::from_utf8(&rest[..end]).ok()?;
            rest = &rest[end + 1..];
            let size: usize = head.rsplit_once(" blob ").or_else(|| head.rsplit_once(' '))?.1.parse().ok()?;
            // The output is bounded: the last ones may be missing.
            let text = rest.get(..size)?;
            rest = rest.get(size + 1..)?;
            (size <= LARGEST_FILE).then(|| str::from_utf8(text).ok().map(str::to_owned))?
        };
        texts.push(text());
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_instruction_without_its_trailers() {
        let said = instruction(
            "Add a limit\n\nOf ten.\n\nSigned-off-by: Ada <a@b.c>\nCo-authored-by: Bob <b@b.c>\n",
        );
        assert_eq!(said.as_deref(), Some("Add a limit\n\nOf ten."));
        assert_eq!(instruction("Note: read this first\n").as_deref(), Some("Note: read this first"));
        for none in ["", "typo", "Fix it", "Merge branch 'a' into b", "Bump serde to 2", "WIP: do not look"] {
            assert_eq!(instruction(none), None, "{none}");
        }
        assert!(instruction(&"é ".repeat(2000)).is_some_and(|text| text.len() <= LONGEST_INSTRUCTION));
    }
}
