//! The changes of the working tree against the last commit.
//!
//! They come from `git`, because only git handles renames, ignored files and line endings as git does. A repository may be
//! hostile: its configuration can name programs that git would run. [`git`] prevents that.

pub(crate) mod git;

use std::iter;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use self::git::Git;
use super::rules::Rules;
use crate::{diff, files};

/// The most files, changed and new together.
const MOST_FILES: usize = 2000;
/// Larger files are data.
const MOST_BYTES: u64 = 512 * 1024;
/// The most output of git.
const MOST_OUTPUT: u64 = 8 * 1024 * 1024;
/// Git's id of the empty tree, for a repository without a commit.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Changed lines by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Absolute paths; lines of the working tree's text, counted from 0, in order. A range is empty where lines were only
    /// deleted. New files are changed as a whole.
    pub files: FxHashMap<PathBuf, Vec<Range<u32>>>,
}

/// The changes below `root` in its working tree; `None` without git or a repository. Takes some seconds at most. Of very
/// many changes only the first ones are returned.
pub fn of_working_tree(rules: &Rules, root: &Path) -> Option<Changes> {
    let git = Git::new(root)?;
    let diff = diff_against(&git, "HEAD").or_else(|| {
        // Before the first commit.
        git.run(&["rev-parse", "--verify", "--quiet", "HEAD"], 1024)
            .is_none()
            .then(|| diff_against(&git, EMPTY_TREE))?
    })?;
    let mut changes = Changes::default();
    for (path, lines) in diff::new_lines(&diff).into_iter().take(MOST_FILES) {
        let path = root.join(path);
        if rules.check_unopened(&path).is_ok() {
            changes.files.insert(path, lines);
        }
    }
    let new = git.run(&["ls-files", "--others", "--exclude-standard", "-z"], MOST_OUTPUT).unwrap_or_default();
    // The last name may be cut off.
    let names = new
        .split_inclusive(|byte| *byte == 0)
        .filter_map(|name| str::from_utf8(name).ok()?.strip_suffix('\0'));
    for path in names.take(MOST_FILES - changes.files.len()).map(|name| root.join(name)) {
        if rules.check_unopened(&path).is_ok()
            && let Some(lines) = lines_of(&path)
        {
            changes.files.insert(path, iter::once(0..lines).collect());
        }
    }
    Some(changes)
}

fn diff_against(git: &Git, tree: &str) -> Option<Vec<u8>> {
    let how = [
        "diff",
        tree,
        "--unified=0",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--find-renames",
        "-l200",
        "--ignore-submodules=all",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        "--relative",
        "--",
        ".",
    ];
    git.run(&how, MOST_OUTPUT)
}

/// The number of lines of a text file.
fn lines_of(path: &Path) -> Option<u32> {
    let is_link = path.is_symlink();
    let bytes = files::bytes(path, MOST_BYTES).ok().filter(|_| !is_link)?;
    let is_text = !bytes.is_empty() && !bytes.contains(&0);
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
    is_text.then_some(lines as u32)
}

#[cfg(test)]
mod tests;
