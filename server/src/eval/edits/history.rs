//! Triples from a git history: commits that change one item of one file. Git is run to read, as in
//! [`crate::repository::changes`].

use super::Triple;
use crate::languages::Language;
use crate::repository::changes::git::Git;

/// What git says of all commits.
const MOST_SAID: u64 = 256 << 20;
/// Files whose texts are asked for at a time, and bytes of them.
const AT_A_TIME: usize = 64;
const MOST_TEXTS: u64 = 64 << 20;
/// Larger files are data.
const LARGEST_FILE: usize = 256 * 1024;
/// A message of fewer words says too little of what is to be done.
const FEWEST_WORDS: usize = 3;
/// Longer messages are told up to here.
const LONGEST_INSTRUCTION: usize = 1000;
/// How messages begin that ask for nothing.
const NO_INSTRUCTIONS: [&str; 7] = ["merge", "revert", "bump", "release", "wip", "fixup!", "squash!"];

/// A commit of one file.
struct Commit {
    id: String,
    parent: String,
    message: String,
    path: String,
    /// Blobs.
    before: String,
    after: String,
}

/// The triples of the latest `commits` commits, the latest first; `None` where git does not answer.
pub(crate) fn triples(git: &Git, commits: usize) -> Option<Vec<Triple>> {
    let count = format!("--max-count={commits}");
    let ids = git.run(&["rev-list", "--no-merges", &count, "HEAD"], MOST_SAID)?;
    let form = "--pretty=format:%x01%H %P%x02%B%x02";
    let arguments = ["diff-tree", "--stdin", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", form];
    let said = git.answer(&arguments, ids, MOST_SAID)?;
    let commits: Vec<Commit> = said.split(|byte| *byte == 1).filter_map(commit).collect();
    let mut triples = Vec::new();
    for some in commits.chunks(AT_A_TIME) {
        let blobs: Vec<&str> = some.iter().flat_map(|commit| [&*commit.before, &*commit.after]).collect();
        let texts = texts(git, &blobs)?;
        for (commit, texts) in some.iter().zip(texts.chunks(2)) {
            let [Some(before), Some(after)] = texts else { continue };
            let triple = Triple {
                name: commit.id.clone(),
                instruction: commit.message.clone(),
                path: commit.path.clone(),
                before: before.clone(),
                after: after.clone(),
                parent: Some(commit.parent.clone()),
            };
            if triple.site().is_some() {
                triples.push(triple);
            }
        }
    }
    Some(triples)
}

/// Reads one commit: `ID PARENT`, the message, and what it changes.
fn commit(said: &[u8]) -> Option<Commit> {
    let said = str::from_utf8(said).ok()?;
    let (ids, rest) = said.split_once('\u{2}')?;
    let (message, changes) = rest.rsplit_once('\u{2}')?;
    let (id, parent) = ids.split_once(' ')?;
    let message = instruction(message)?;
    let mut words = changes.split('\0').map(str::trim_start).filter(|word| !word.is_empty());
    let change = words.next()?.strip_prefix(':')?;
    let path = words.next()?;
    // Of several files it would be asked for one alone.
    if words.next().is_some() || Language::of_path(path.as_ref())?.functions.is_empty() {
        return None;
    }
    let mut fields = change.split(' ');
    let is_file = |mode: &str| matches!(mode, "100644" | "100755");
    let modes = is_file(fields.next()?) && is_file(fields.next()?);
    let (before, after) = (fields.next()?, fields.next()?);
    (modes && fields.next()? == "M").then(|| Commit {
        id: id.to_owned(),
        parent: parent.to_owned(),
        message,
        path: path.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    })
}

/// What a message asks for: without the lines at its end that name people and issues.
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

/// The texts of blobs, in their order; `None` for one that is large, or no text.
pub(super) fn texts(git: &Git, blobs: &[&str]) -> Option<Vec<Option<String>>> {
    let input = blobs.iter().flat_map(|blob| [blob.as_bytes(), b"\n"].concat()).collect();
    let said = git.answer(&["cat-file", "--batch"], input, MOST_TEXTS)?;
    let mut rest = said.as_slice();
    let mut texts = Vec::new();
    for _ in blobs {
        let mut text = || {
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let head = str::from_utf8(&rest[..end]).ok()?;
            rest = &rest[end + 1..];
            let size: usize = head.rsplit_once(" blob ").or_else(|| head.rsplit_once(' '))?.1.parse().ok()?;
            // Bounded: the last ones may be missing.
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
