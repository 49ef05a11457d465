//! Walks of all kinds of trees.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const ALL: Bounds = Bounds { files: usize::MAX, bytes: u64::MAX };

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    root
}

fn walked(roots: &[&Path], bounds: Bounds) -> Walked {
    let roots: Vec<_> = roots.iter().map(|root| root.to_path_buf()).collect();
    walk(&Rules::new(&roots, &[]), &roots, bounds, &|| false)
}

fn names(root: &Path, walked: &Walked) -> Vec<String> {
    let relative =
        |file: &FoundFile| file.path.strip_prefix(root).expect("below the root").display().to_string();
    walked.files.iter().map(relative).collect()
}

#[test]
fn excluded_files_are_counted_by_rule() {
    let root = tree(&[
        (".gitignore", "build/\n"),
        (".ignore", "third_party/\n"),
        (".phi-ignore", "private/\n"),
        ("a.rs", "fn a() {}\n"),
        ("src/b.rs", "fn b() {}\n"),
        ("build/c.rs", "fn c() {}\n"),
        ("third_party/d.rs", "fn d() {}\n"),
        ("private/e.rs", "fn e() {}\n"),
        (".hidden/f.rs", "fn f() {}\n"),
        (".git/HEAD", "ref: refs/heads/main\n"),
        ("node_modules/x/index.js", "x\n"),
        ("cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n"),
        ("cache/a.rs", "x\n"),
        ("vendor/modules.txt", "# a\n"),
        ("server.pem", "secret\n"),
        (".env", "KEY=1\n"),
        ("app.min.js", "x\n"),
        ("package-lock.json", "{}\n"),
        ("empty.rs", ""),
    ]);
    let file = fs::File::create(root.path().join("large.rs")).expect("a file");
    file.set_len(100 << 20).expect("a sparse file");
    let walked = walked(&[root.path()], ALL);
    assert_eq!(names(root.path(), &walked), ["a.rs", "src/b.rs"]);
    assert!(!walked.is_cut);
    let counts: Vec<_> = walked.excluded.by_rule().iter().map(|rule| (rule.rule, rule.count)).collect();
    assert_eq!(
        counts,
        [
            ("hidden", 4),
            ("ignored", 3),
            ("vendored", 3),
            ("generated", 2),
            ("secret by name", 2),
            ("empty", 1),
            ("too large", 1),
        ]
    );
    let ignored = walked.excluded.by_rule()[1].examples.clone();
    let ignore = root.path().join(".gitignore");
    assert_eq!(
        ignored[0],
        (root.path().join("build"), format!("`build/` in {} excludes it", ignore.display()))
    );
}

#[test]
fn where_a_bound_ends_the_walk_the_deepest_files_are_missing() {
    let root = tree(&[("a/b/c.rs", "cc"), ("a/b.rs", "bb"), ("z.rs", "zz"), ("y/x.rs", "xx")]);
    let cut = walked(&[root.path()], Bounds { files: 2, ..ALL });
    assert_eq!(names(root.path(), &cut), ["a/b.rs", "z.rs"]);
    assert!(cut.is_cut && cut.excluded.count("over the limits") > 0);
    let cut = walked(&[root.path()], Bounds { bytes: 6, ..ALL });
    assert_eq!(names(root.path(), &cut), ["a/b.rs", "y/x.rs", "z.rs"]);
    assert_eq!(walked(&[root.path()], ALL).files.len(), 4);
}

#[test]
fn a_walk_ends_when_it_is_cancelled() {
    let root = tree(&[("a/b/c.rs", "c"), ("z.rs", "z")]);
    let roots = [root.path().to_owned()];
    let asked = AtomicUsize::new(0);
    let cancelled = || asked.fetch_add(1, Ordering::Relaxed) >= 2;
    let walked = walk(&Rules::new(&roots, &[]), &roots, ALL, &cancelled);
    assert_eq!(names(root.path(), &walked), ["z.rs"]);
}

#[test]
fn folders_in_folders_and_folders_named_twice_are_walked_once() {
    let root =
        tree(&[(".gitignore", "inner\n"), ("a.rs", "a"), ("inner/b.rs", "b"), ("inner/deep/c.rs", "c")]);
    let inner = root.path().join("inner");
    let all = walked(&[root.path(), &inner, root.path(), &inner.join("deep")], ALL);
    assert_eq!(names(root.path(), &all), ["a.rs", "inner/b.rs", "inner/deep/c.rs"], "opened, though ignored");
    assert_eq!(names(root.path(), &walked(&[root.path()], ALL)), ["a.rs"]);
}

#[test]
fn a_missing_folder_is_reported() {
    let root = tree(&[("a.rs", "a")]);
    let gone = root.path().join("gone");
    let walked = walked(&[root.path(), &gone], ALL);
    assert_eq!(names(root.path(), &walked), ["a.rs"]);
    assert_eq!(walked.excluded.by_rule()[0].examples[0].0, gone);
}

#[test]
fn generated_and_binary_files_are_not_read() {
    let root = tree(&[("a.rs", "fn a() {}\n"), ("blank.rs", " \n"), ("nul.rs", "a\0b")]);
    let path = |name: &str| root.path().join(name);
    fs::write(path("min.js"), "x".repeat(5000)).expect("written");
    fs::write(path("bytes.rs"), [0xff, 0xfe]).expect("written");
    fs::write(path("large.rs"), "a\n".repeat(FILE_BYTES as usize)).expect("written");
    fs::write(path("key.rs"), concat!("const T: &str = \"gh", "p_16C7e42F292c6912E7710c838347Ae178B4a\";\n"))
        .expect("written");
    let (stamp, text) = read(&path("a.rs")).expect("a text");
    assert_eq!((text.as_str(), stamp.bytes), ("fn a() {}\n", 10));
    assert_eq!(look(&path("a.rs")), Ok(stamp));
    let reasons = ["blank.rs", "nul.rs", "min.js", "bytes.rs", "large.rs", "key.rs", "missing.rs"]
        .map(|name| read(&path(name)).expect_err(name).rule());
    assert_eq!(
        reasons,
        ["empty", "binary", "minified", "not UTF-8", "too large", "secret by content", "unreadable"]
    );
}

#[cfg(unix)]
#[test]
fn links_pipes_and_unreadable_files_are_skipped() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let root = tree(&[("a.rs", "a"), ("closed/b.rs", "b")]);
    symlink(root.path(), root.path().join("circle")).expect("a link");
    symlink("/etc/hosts", root.path().join("hosts")).expect("a link");
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket.rs")).expect("a socket");
    let closed = root.path().join("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("permitted");
    let is_superuser = fs::read_dir(&closed).is_ok();
    let walked = walked(&[root.path()], ALL);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).expect("permitted");
    assert_eq!(walked.excluded.count("links and devices"), 3);
    assert_eq!(walked.excluded.count("unreadable"), usize::from(!is_superuser));
    assert_eq!(names(root.path(), &walked)[0], "a.rs");
    assert_eq!(read(&root.path().join("socket.rs")), Err(Excluded::Special));
}

#[cfg(target_os = "linux")]
#[test]
fn virtual_file_systems_are_not_walked() {
    let walked = walked(&[Path::new("/proc/self")], Bounds { files: 10, ..ALL });
    assert!(walked.files.is_empty(), "{:?}", walked.files);
    let rules = Rules::new(&["/".into()], &[]);
    let top = list(&rules, &rules.folder(Path::new("/")), &|| false);
    assert!(!top.folders.iter().any(|folder| folder.path() == Path::new("/proc")));
}

#[test]
fn a_text_is_read_as_an_editor_has_it() {
    let root = tree(&[("bom.py", "\u{feff}def area():\r\n    pass\r\n"), ("cr.py", "a = 1\rb = 2\r")]);
    let text = |name: &str| read(&root.path().join(name)).expect("text").1;
    assert_eq!(text("bom.py"), "def area():\r\n    pass\r\n");
    assert_eq!(text("cr.py"), "a = 1\rb = 2\r");
    let utf16: Vec<u8> = "\u{feff}a = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(root.path().join("utf16.py"), utf16).expect("written");
    assert_eq!(read(&root.path().join("utf16.py")), Err(Excluded::Binary));
}

#[test]
fn other_working_trees_are_not_walked() {
    let root = tree(&[
        (".git/HEAD", "ref: refs/heads/main\n"),
        (".gitmodules", "[submodule \"library\"]\n\tpath = vendored/library\n"),
        ("a.rs", "fn a() {}"),
        ("clone/.git/HEAD", "ref: refs/heads/main\n"),
        ("clone/a.rs", "fn a() {}"),
        ("worktrees/old/.git", "gitdir: ../../.git/worktrees/old\n"),
        ("worktrees/old/a.rs", "fn a() {}"),
        ("vendored/library/.git", "gitdir: ../../.git/modules/library\n"),
        ("vendored/library/lib.rs", "fn l() {}"),
        ("fixture/.git/config", ""),
        ("fixture/b.rs", "fn b() {}"),
    ]);
    let walked = walked(&[root.path()], ALL);
    assert_eq!(names(root.path(), &walked), ["a.rs", "fixture/b.rs", "vendored/library/lib.rs"]);
    assert_eq!(walked.excluded.count("other repositories"), 2);
}

#[test]
fn trees_that_are_deep_or_wide_are_walked() {
    let root = tree(&[("a.rs", "a")]);
    let mut folder = root.path().to_owned();
    for _ in 0..400 {
        folder.push("d");
    }
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("deep.rs"), "deep").expect("written");
    for number in 0..3000 {
        fs::write(root.path().join(format!("{number}.txt")), "x").expect("written");
    }
    let all = walked(&[root.path()], ALL);
    assert_eq!((all.files.len(), all.folders.len()), (3002, 401));
    let cut = walked(&[root.path()], Bounds { files: 100, ..ALL });
    assert_eq!((cut.files.len(), cut.excluded.count("over the limits")), (100, 2902));
    assert_eq!(cut.excluded.by_rule()[0].examples.len(), 3);
}

#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_unicode() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let root = tree(&[(".gitignore", "*.tmp\n")]);
    for name in [&b"\xff\xfe.rs"[..], b"\xff.tmp", b"\xff.pem"] {
        fs::write(root.path().join(OsStr::from_bytes(name)), "fn a() {}\n").expect("written");
    }
    let walked = walked(&[root.path()], ALL);
    assert_eq!(walked.files.len(), 1, "{:?}", walked.excluded);
    assert!(read(&walked.files[0].path).is_ok());
}
