//! Changes of git repositories in temporary folders.

use std::process::Command;

use std::fs;

use super::*;
#[cfg(unix)]
use crate::repository::rules::blocked_by;
use crate::testing::has_git;

fn of_working_tree(root: &Path) -> Option<Changes> {
    super::of_working_tree(&Rules::new(&[root.to_owned()], &[]), root)
}

/// A repository with one commit of `files`; `None` without git.
fn repository(files: &[(&str, &str)]) -> Option<tempfile::TempDir> {
    if !has_git() {
        return None;
    }
    let root = tempfile::tempdir().expect("a folder");
    run(root.path(), &["init", "--quiet"]);
    write(root.path(), files);
    if !files.is_empty() {
        run(root.path(), &["add", "."]);
        run(root.path(), &["commit", "--quiet", "--no-gpg-sign", "--message", "first"]);
    }
    Some(root)
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
}

fn run(root: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.autocrlf=false"]);
    let status = command.args(arguments).current_dir(root).status().expect("git runs");
    assert!(status.success(), "git {arguments:?}");
}

/// The changes, by path.
fn changed(root: &Path) -> Vec<(String, Vec<Range<u32>>)> {
    let changes = of_working_tree(root).expect("a repository");
    let relative = |path: PathBuf| path.strip_prefix(root).expect("below the root").display().to_string();
    let mut changed: Vec<_> =
        changes.files.into_iter().map(|(path, lines)| (relative(path), lines)).collect();
    changed.sort_by(|one, other| one.0.cmp(&other.0));
    changed
}

fn expected(files: &[(&str, Range<u32>)]) -> Vec<(String, Vec<Range<u32>>)> {
    files.iter().map(|(path, lines)| ((*path).to_owned(), vec![lines.clone()])).collect()
}

const TEN: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";

#[test]
fn edits_renames_new_files_and_unusual_names_are_found() {
    let committed = [
        ("edited.rs", TEN),
        ("cut.rs", TEN),
        ("old.rs", TEN),
        ("gone.rs", TEN),
        ("staged.rs", "1\n"),
        (".gitignore", "ignored.rs\n"),
        ("a \"b\" ä/c d.rs", TEN),
    ];
    let Some(root) = repository(&committed) else { return };
    let root = root.path();
    assert_eq!(changed(root), []);
    write(
        root,
        &[
            ("edited.rs", &TEN.replace("4\n5\n", "four\n+++ b/x\nfive\n")),
            ("cut.rs", &TEN.replace("4\n5\n", "")),
            ("staged.rs", "1\n2\n"),
            ("ignored.rs", "1\n"),
            ("new/file.rs", "1\n2\n3"),
            (".env", "KEY=1\n"),
            ("a \"b\" ä/c d.rs", &TEN.replace("10\n", "ten\n")),
        ],
    );
    fs::remove_file(root.join("gone.rs")).expect("removed");
    run(root, &["mv", "old.rs", "renamed.rs"]);
    write(root, &[("renamed.rs", &TEN.replace("1\n2\n", "one\n2\n"))]);
    run(root, &["add", "staged.rs"]);
    let all = [
        ("a \"b\" ä/c d.rs", 9..10),
        ("cut.rs", 3..3),
        ("edited.rs", 3..6),
        ("new/file.rs", 0..3),
        ("renamed.rs", 0..1),
        ("staged.rs", 1..2),
    ];
    assert_eq!(changed(root), expected(&all));
    assert_eq!(
        changed(&root.join("new")),
        expected(&[("file.rs", 0..3)]),
        "below a folder of the working tree"
    );
}

#[test]
fn before_the_first_commit_all_is_new() {
    let Some(root) = repository(&[]) else { return };
    let root = root.path();
    assert_eq!(changed(root), []);
    write(root, &[("staged.rs", TEN), ("new.rs", "1\n")]);
    run(root, &["add", "staged.rs"]);
    assert_eq!(changed(root), expected(&[("new.rs", 0..1), ("staged.rs", 0..10)]));
}

#[test]
fn without_a_repository_there_is_nothing() {
    let root = tempfile::tempdir().expect("a folder");
    assert_eq!(of_working_tree(root.path()), None);
    assert_eq!(of_working_tree(&root.path().join("missing")), None);
}

#[cfg(unix)]
#[test]
fn a_hostile_repository_runs_nothing_and_nothing_is_written() {
    let Some(folder) = repository(&[("a.rs", "1\n"), ("b.rs", "1\n")]) else { return };
    let root = folder.path();
    let program = "touch \"$(git rev-parse --git-dir)/ran\"; cat";
    for setting in [
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.other.process",
        "filter.strange name.clean",
        "core.sshCommand",
        "alias.diff",
    ] {
        run(root, &["config", setting, program]);
    }
    run(root, &["config", "filter.evil.required", "true"]);
    run(root, &["config", "filter.other.required", "true"]);
    write(
        root,
        &[(".git/info/attributes", "*.rs diff=evil filter=evil\nb.rs filter=other\n"), ("a.rs", "1\n2\n")],
    );
    write(root, &[("b.rs", "1\n2\n")]);
    for hook in ["post-index-change", "fsmonitor-watchman"] {
        let path = root.join(".git/hooks").join(hook);
        write(root, &[(&format!(".git/hooks/{hook}"), &format!("#!/bin/sh\n{program}\n"))]);
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("set");
    }
    let before = fs::read(root.join(".git/index")).expect("an index");
    assert_eq!(changed(root), expected(&[("a.rs", 1..2), ("b.rs", 1..2)]));
    assert!(!root.join(".git/ran").exists(), "a program of the repository ran");
    assert_eq!(fs::read(root.join(".git/index")).expect("an index"), before);
    assert!(!root.join(".git/index.lock").exists());
}

/// A read of a pipe would block until git's time limit.
#[cfg(unix)]
#[test]
fn git_is_not_run_on_a_repository_with_a_pipe() {
    let pipes =
        [".git/config", ".git/HEAD", ".git/index", ".git/info/exclude", ".git/packed-refs", ".gitignore"];
    for name in pipes {
        let Some(root) = repository(&[("below/a.rs", TEN)]) else { return };
        let path = root.path().join(name);
        let _ = fs::remove_file(&path);
        assert_eq!(blocked_by(&root.path().join("below")), None, "{name}");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
            .expect("a pipe");
        assert_eq!(blocked_by(&root.path().join("below")), Some(path), "{name}");
        assert_eq!(of_working_tree(root.path()), None, "{name}");
    }
}
