//! A repository at a commit, checked out in a temporary folder, so that later text cannot leak.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::Context;

use super::history::texts;
use crate::eval::corpus::Corpus;
use crate::repository::changes::git::Git;
use crate::repository::guidance;
use crate::repository::rules::FILE_BYTES;
use crate::repository::rules::Rules;
use crate::repository::walk::Bounds;
use crate::repository::{Background, Repository};

/// The most output of git for the files of one commit.
const MOST_OUTPUT: u64 = 64 << 20;
/// The most files per call of git.
const AT_A_TIME: usize = 64;

/// The folder; removed when this is dropped.
#[derive(Debug)]
pub struct Tree {
    folder: tempfile::TempDir,
    /// The checked out blobs by path.
    files: BTreeMap<String, String>,
}

impl Tree {
    /// An empty folder.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn new() -> anyhow::Result<Tree> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        // A temporary folder with a hidden name would be excluded as a whole.
        std::fs::create_dir(folder.path().join("repository"))?;
        Ok(Tree { folder, files: BTreeMap::new() })
    }

    /// Its path.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    /// Checks out a commit in place of the previous one; only differing files are written.
    ///
    /// # Errors
    /// Git does not answer, or a file cannot be written.
    pub(crate) fn lay_out(&mut self, git: &Git, commit: &str) -> anyhow::Result<()> {
        let failed = || format!("git cannot list commit {commit}");
        let output = git.run(&["ls-tree", "-r", "-l", "-z", "--full-tree", commit], MOST_OUTPUT);
        let wanted: BTreeMap<String, String> =
            output.with_context(failed)?.split(|byte| *byte == 0).filter_map(entry).collect();
        let root = self.root();
        for path in self.files.keys().filter(|path| !wanted.contains_key(*path)) {
            std::fs::remove_file(root.join(path)).with_context(|| path.clone())?;
        }
        let is_new = |(path, blob): &(&String, &String)| self.files.get(*path) != Some(blob);
        let new: Vec<(&String, &String)> = wanted.iter().filter(is_new).collect();
        for some in new.chunks(AT_A_TIME) {
            let blobs: Vec<&str> = some.iter().map(|(_, blob)| blob.as_str()).collect();
            for ((path, _), text) in some.iter().zip(texts(git, &blobs).with_context(failed)?) {
                let path = root.join(path);
                match text {
                    Some(text) => write(&path, &text).with_context(|| path.display().to_string())?,
                    // An older text of the same path is from another commit.
                    None => drop(std::fs::remove_file(&path)),
                }
            }
        }
        self.files = wanted.into_iter().filter(|(path, _)| root.join(path).is_file()).collect();
        Ok(())
    }

    /// Indexes it like any workspace.
    pub fn repository(&self, secret_files: &[String], bounds: Bounds) -> Repository {
        let root = self.root();
        let rules = Rules::new(std::slice::from_ref(&root), secret_files);
        let repository = Repository::default();
        *repository.index_mut() = Corpus::read(&root, &rules, bounds).index();
        let guidance = guidance::read(&rules, &root).map(|guidance| (root.clone(), guidance));
        repository.set_rules(rules);
        repository.set_background(Background {
            roots: vec![root],
            guidance: guidance.into_iter().collect(),
            ..Background::default()
        });
        repository
    }
}

/// Parses `100644 blob ID SIZE\tPATH`: path and blob of a file to check out. A path out of the folder, or into git's own, is
/// skipped.
fn entry(line: &[u8]) -> Option<(String, String)> {
    let (head, path) = str::from_utf8(line).ok()?.split_once('\t')?;
    let mut fields = head.split_ascii_whitespace();
    let (mode, kind, blob, size) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let is_file = matches!(mode, "100644" | "100755") && kind == "blob";
    let stays = Path::new(path).components().all(|part| match part {
        Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
        _ => false,
    });
    (is_file && stays && size.parse::<u64>().ok()? <= FILE_BYTES).then(|| (path.to_owned(), blob.to_owned()))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_out_of_the_folder_are_skipped() {
        let path = |line: &str| entry(line.as_bytes()).map(|(path, _)| path);
        assert_eq!(path("100644 blob aa    12\tsrc/a.rs").as_deref(), Some("src/a.rs"));
        for line in [
            "120000 blob aa    12\tlink",
            "160000 commit aa       -\tmodule",
            "100644 blob aa    12\t../a.rs",
            "100644 blob aa    12\t/etc/a.rs",
            "100644 blob aa    12\ta/.GIT/config",
            "100644 blob aa 99999999\tlarge.rs",
            "",
        ] {
            assert_eq!(path(line), None, "{line}");
        }
    }
}
