//! Which files are copied, and that a copy and its workspace stay independent.

use super::*;

/// A workspace folder `w` with these files; a path that ends with `/` is a folder.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new(files: &[(&str, &str)]) -> World {
        let world = World { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(world.path("w")).expect("a folder");
        for (path, text) in files {
            world.file(path, text);
        }
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn try_copy(&self, bounds: Bounds) -> io::Result<SandboxCopy> {
        SandboxCopy::of(&Rules::new(&[self.path("w")], &[]), &self.path("copies"), &[], bounds, &|| false)
    }

    fn copy(&self) -> SandboxCopy {
        self.try_copy(Bounds::default()).expect("a copy")
    }

    fn change(&self, path: &str, before: &str, after: &str) -> FileChange {
        FileChange { path: self.path(path), before: before.into(), after: after.into() }
    }

    fn copies(&self) -> usize {
        fs::read_dir(self.path("copies")).map_or(0, Iterator::count)
    }
}

/// The files and links of a folder, relative to it.
fn listed(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(current).expect("a folder").flatten() {
            match entry.file_type().expect("known").is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path().strip_prefix(folder).expect("below").display().to_string()),
            }
        }
    }
    found.sort();
    found
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).expect("a text")
}

#[test]
fn what_a_build_needs_is_copied_and_no_more() {
    let secret = concat!("key = \"AK", "IAQ3EGTX7VZL5PWN2K\"\n");
    let world = World::new(&[
        ("w/.gitignore", "target/\nnode_modules/\nvendor/\n*.log\n"),
        ("w/Cargo.lock", "locked"),
        ("w/.cargo/config.toml", "[build]"),
        ("w/src/__init__.py", ""),
        ("w/src/a.rs", "fn a() {}\n"),
        ("w/data.csv", &"1,2\n".repeat(300_000)),
        ("w/package.json", "{}"),
        ("w/node_modules/p/index.js", "exports = 1"),
        ("w/node_modules/p/.env", "TOKEN=1"),
        // Not copied:
        ("w/.git/HEAD", "ref: refs/heads/main\n"),
        ("w/target/debug/a", "built"),
        ("w/a.log", "log"),
        ("w/.env", "TOKEN=1"),
        ("w/.ssh/id_rsa", "key"),
        ("w/src/key.rs", secret),
        ("w/env/pyvenv.cfg", "home = /usr/bin"),
        ("w/env/lib/a.py", "x = 1"),
        ("w/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"),
        ("w/sub/node_modules/q/index.js", "exports = 2"),
        ("w/vendor/a.php", "<?php"),
    ]);
    let copy = world.copy();
    assert_eq!(
        listed(&copy.root()),
        [
            ".cargo/config.toml",
            ".gitignore",
            "Cargo.lock",
            "data.csv",
            "node_modules/p/index.js",
            "package.json",
            "src/__init__.py",
            "src/a.rs",
        ]
    );
    assert_eq!(read(copy.root().join("src/a.rs")), "fn a() {}\n");
    assert_eq!(read(copy.root().join("data.csv")).len(), 1_200_000);
    let modified =
        |path: PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a time");
    for path in ["src/a.rs", "data.csv", "node_modules/p/index.js"] {
        assert_eq!(modified(copy.root().join(path)), modified(world.path("w").join(path)), "{path}");
    }
}

#[cfg(unix)]
#[test]
fn links_stay_in_the_copy_and_permissions_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let world = World::new(&[
        ("w/.gitignore", "built/\n"),
        ("w/src/a.sh", "a"),
        ("w/built/a", "a"),
        ("w/.git/config", "a"),
        ("outside/a", "a"),
    ]);
    let link = |target: &str, path: &str| symlink(target, world.path(path)).expect("a link");
    link("a.sh", "w/src/near");
    link("../src", "w/src/folder");
    link("../outside/a", "w/out");
    link("../../w/src/a.sh", "w/src/out-and-in");
    link("src/../src/a.sh", "w/in-and-up");
    link("built/a", "w/ignored");
    link(".git/config", "w/git");
    link("nowhere", "w/dangling");
    symlink(world.path("w/src/a.sh"), world.path("w/absolute")).expect("a link");
    symlink(world.path("outside"), world.path("w/other")).expect("a link");
    fs::set_permissions(world.path("w/src/a.sh"), fs::Permissions::from_mode(0o755)).expect("set");
    let copy = world.copy();
    assert_eq!(listed(&copy.root()), [".gitignore", "src/a.sh", "src/folder", "src/near"]);
    for path in ["src/near", "src/folder"] {
        let real = copy.root().join(path).canonicalize().expect("it leads somewhere");
        assert!(real.starts_with(copy.root()), "{path} leads to {}", real.display());
    }
    let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(copy.root().join("src/a.sh")), 0o755);
    assert_eq!(mode(copy.tree().parent().expect("its folder").to_owned()), 0o700);
}

#[test]
fn it_is_what_the_workspace_would_be() {
    let world = World::new(&[("w/a.rs", "a\n"), ("w/b.rs", "b\n"), ("outside.rs", "o\n")]);
    let copy = world.copy();
    let texts = || ["a.rs", "b.rs"].map(|path| read(copy.root().join(path)));
    let changes = [world.change("w/a.rs", "a\n", "A\n"), world.change("outside.rs", "o\n", "O\n")];
    copy.write(&changes).expect("written");
    assert_eq!(texts(), ["A\n", "b\n"]);
    copy.write(&[world.change("w/b.rs", "b\n", "B\n")]).expect("written");
    assert_eq!(texts(), ["a\n", "B\n"], "what is no longer changed is as it was");
    let times = || fs::metadata(copy.root().join("b.rs")).and_then(|file| file.modified()).expect("a time");
    let was = times();
    copy.write(&[world.change("w/b.rs", "b\n", "B\n")]).expect("written");
    assert_eq!(times(), was, "what is the same is not written again");
    assert_eq!(["w/a.rs", "w/b.rs", "outside.rs"].map(|path| read(world.path(path))), ["a\n", "b\n", "o\n"]);
}

#[cfg(unix)]
#[test]
fn what_a_command_puts_in_the_way_is_not_written_through() {
    use std::os::unix::fs::symlink;
    let world = World::new(&[("w/a.rs", "a\n"), ("w/src/b.rs", "b\n")]);
    let copy = world.copy();
    fs::remove_file(copy.root().join("a.rs")).expect("removed");
    symlink(world.path("w/a.rs"), copy.root().join("a.rs")).expect("a link");
    copy.write(&[world.change("w/a.rs", "a\n", "A\n")]).expect("written");
    assert_eq!((read(copy.root().join("a.rs")), read(world.path("w/a.rs"))), ("A\n".into(), "a\n".into()));
    fs::remove_dir_all(copy.root().join("src")).expect("removed");
    symlink(world.path("w/src"), copy.root().join("src")).expect("a link");
    let error = copy.write(&[world.change("w/src/b.rs", "b\n", "B\n")]).expect_err("a link").to_string();
    assert!(error.contains("has put a link in the place of"), "{error}");
    assert_eq!(read(world.path("w/src/b.rs")), "b\n");
    drop(copy);
    assert_eq!(listed(&world.path("w")), ["a.rs", "src/b.rs"], "only the link is removed with the copy");
}

#[test]
fn several_workspace_folders_keep_their_places() {
    let world = World::new(&[
        ("w/one/a.rs", "1"),
        ("w/deep/two/a.rs", "2"),
        ("w/other/a.rs", "3"),
        ("w/one/in/b.rs", "4"),
    ]);
    let roots = ["w/one", "w/deep/two", "w/one/in"].map(|root| world.path(root));
    let rules = Rules::new(&roots, &[]);
    let copy =
        SandboxCopy::of(&rules, &world.path("copies"), &[], Bounds::default(), &|| false).expect("a copy");
    assert_eq!(listed(copy.tree()), ["deep/two/a.rs", "one/a.rs", "one/in/b.rs"]);
    assert_eq!(copy.root(), copy.tree().join("one"));
    assert_eq!(copy.copy_of(&world.path("w/deep/two/a.rs")), Some(copy.tree().join("deep/two/a.rs")));
    assert_eq!(copy.copy_of(&world.path("w/other/a.rs")), None);
    assert_eq!(copy.copy_of(&world.path("w/one/../../x")), None);
}

#[test]
fn bounds_hold_and_leave_nothing_behind() {
    let world = World::new(&[("w/a", "12345"), ("w/b", "12345"), ("w/c/d", "12345")]);
    let enough = Bounds { entries: 4, bytes: 15 };
    assert!(world.try_copy(enough).is_ok());
    for (bounds, what) in
        [(Bounds { entries: 3, ..enough }, "3 files"), (Bounds { bytes: 14, ..enough }, "0 MB")]
    {
        let error = world.try_copy(bounds).expect_err("too much").to_string();
        assert!(error.contains(what) && error.contains(".gitignore"), "{error}");
    }
    let rules = Rules::new(&[world.path("w")], &[]);
    let cancelled =
        SandboxCopy::of(&rules, &world.path("copies"), &[], enough, &|| true).expect_err("cancelled");
    assert_eq!(cancelled.kind(), io::ErrorKind::Interrupted);
    assert!(SandboxCopy::of(&Rules::default(), &world.path("copies"), &[], enough, &|| false).is_err());
    assert_eq!(world.copies(), 0);
}

#[test]
fn it_is_removed_with_its_last_clone_and_so_is_what_a_crash_left() {
    let world = World::new(&[("w/a", "1")]);
    let copy = world.copy();
    let clone = copy.clone();
    drop(copy);
    assert!(clone.root().join("a").exists());
    // As a crash leaves it: an unlocked lock file.
    world.file("copies/check-crashed/in-use", "");
    world.file("copies/check-crashed/tree/a", "1");
    world.file("copies/other/a", "1");
    // As a process leaves it for a moment: no lock file yet.
    fs::create_dir(world.path("copies/check-beginning")).expect("a folder");
    let second = world.copy();
    assert!(!world.path("copies/check-crashed").exists() && world.path("copies/check-beginning").exists());
    assert!(clone.root().join("a").exists() && second.root().join("a").exists());
    remove_all_abandoned(&world.path("copies"), SystemTime::now() + 2 * BEGINNING);
    assert!(!world.path("copies/check-beginning").exists() && world.path("copies/other").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let folder = clone.root().join("read-only/deep");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("a"), "").expect("a file");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).expect("set");
    }
    drop((clone, second));
    assert_eq!(world.copies(), 1, "only what is not ours stays");
}
