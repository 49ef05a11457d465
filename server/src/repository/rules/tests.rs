//! What is excluded, and what is not: by name, by ignore file, by content.

use std::path::Path;

use super::*;
use crate::testing::has_git;

fn secret(path: &str) -> Option<String> {
    match Rules::default().check(Path::new(path)) {
        Err(Excluded::Secret(rule)) => Some(rule.to_string()),
        _ => None,
    }
}

#[test]
fn secrets_are_excluded_in_any_folder() {
    for path in [
        "/w/.env",
        "/w/.env.production",
        "/w/deploy/prod.env",
        "/w/server.PEM",
        "/w/tls/private.key",
        "/home/u/.ssh/config",
        "/home/u/.aws/anything",
        "/home/u/.aws/below/anything",
        "/w/id_ed25519.pub",
        "/w/credentials.json",
        "/w/secrets.yaml",
        "/w/.npmrc",
        "/w/service-account-prod.json",
        "/w/terraform.tfstate.backup",
    ] {
        assert!(secret(path).is_some(), "{path} would be read");
    }
}

#[test]
fn code_and_templates_are_read() {
    for path in [
        "/w/src/secrets.rs",
        "/w/credentials.py",
        "/w/secret.ts",
        "/w/.env.example",
        "/w/environment.rs",
        "/w/keys.rs",
        "/w/monkey.py",
        "/w/src/key/mod.rs",
        "/w/package.json",
        "/",
    ] {
        assert_eq!(secret(path), None, "{path}");
    }
}

#[test]
fn the_rule_is_named() {
    assert_eq!(secret("/w/a.pem").as_deref(), Some("*.pem"));
    let message = Rules::default().check(Path::new("/w/.env")).expect_err("excluded").to_string();
    assert_eq!(message, "files like `.env` may hold secrets");
}

/// A workspace with these files; a path that ends with `/` is a folder.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    root
}

/// The rule that excludes a file if it is open, and if it is not.
fn rules_of(rules: &Rules, path: &Path) -> [Option<&'static str>; 2] {
    [rules.check(path), rules.check_unopened(path)].map(|verdict| verdict.err().map(|reason| reason.rule()))
}

#[test]
fn ignored_files_are_excluded_even_when_open_and_hidden_ones_only_when_not() {
    let root = tree(&[
        (".gitignore", "build/\n*.log\n!keep.log\n/only-here.rs\n"),
        (".phi-ignore", "private/\n!.shown\n"),
        ("deep/.ignore", "*.gen.rs\n"),
    ]);
    let rules = Rules::new(&[root.path().to_owned()], &[]);
    for (path, open, unopened) in [
        ("src/a.rs", None, None),
        ("build/a.rs", Some("ignored"), Some("ignored")),
        ("deep/build/deeper/a.rs", Some("ignored"), Some("ignored")),
        ("a.log", Some("ignored"), Some("ignored")),
        ("keep.log", None, None),
        ("only-here.rs", Some("ignored"), Some("ignored")),
        ("deep/only-here.rs", None, None),
        ("private/a.rs", Some("ignored"), Some("ignored")),
        ("deep/a.gen.rs", Some("ignored"), Some("ignored")),
        ("a.gen.rs", None, None),
        (".hidden/a.rs", None, Some("hidden")),
        (".hidden/build/a.rs", Some("ignored"), Some("ignored")),
        (".shown/a.rs", None, None),
        ("node_modules/a/index.js", None, Some("vendored")),
        ("node_modules/a/x.log", Some("ignored"), Some("ignored")),
        ("app.min.js", None, Some("generated")),
    ] {
        assert_eq!(rules_of(&rules, &root.path().join(path)), [open, unopened], "{path}");
    }
}

#[test]
fn a_git_working_tree_keeps_its_own_ignore_files() {
    let home = tree(&[
        (".gitignore", "*\n"),
        ("project/.gitignore", "*.tmp\n"),
        ("project/.git/info/exclude", "mine/\n"),
        ("project/.git/HEAD", "ref: refs/heads/main\n"),
        ("project/sub/a.rs", ""),
    ]);
    for root in ["project", "project/sub"] {
        let rules = Rules::new(&[home.path().join(root)], &[]);
        let check = |path: &str| rules.check(&home.path().join(path)).is_ok();
        assert!(check("project/sub/a.rs"), "the home folder's file is of another tree");
        assert!(!check("project/sub/a.tmp"));
        assert!(!check("project/sub/mine/a.rs"));
    }
}

#[test]
fn secrets_in_ignored_folders_are_secrets_and_folders_are_checked() {
    let root = tree(&[(".gitignore", "built/\n"), ("venv/pyvenv.cfg", ""), ("built/a", ""), ("src/a", "")]);
    let rules = Rules::new(&[root.path().to_owned()], &["/private/".to_owned()]);
    for (path, secret) in [
        ("built/a.js", false),
        ("built/.env", true),
        ("built/.aws/deep/config", true),
        ("private/deep/a", true),
        ("deep/private/a", false),
        ("src/secrets.rs", false),
    ] {
        assert_eq!(rules.check_secret(&root.path().join(path)).is_err(), secret, "{path}");
    }
    let folder = |path: &str| rules.check_folder(&root.path().join(path)).err().map(|reason| reason.rule());
    assert_eq!(folder("src"), None);
    assert_eq!(folder("built"), Some("ignored"));
    assert_eq!(folder("venv"), Some("vendored"));
}

#[test]
fn the_users_own_patterns_count_in_every_folder() {
    let root = tree(&[("config/prod.yaml", "")]);
    let own = ["/config/prod.yaml", "*.vault", "customers/", "[z-a]"].map(str::to_owned);
    let rules = Rules::new(&[root.path().to_owned()], &own);
    let secret = |path: &Path| rules.check(path).is_err_and(|reason| reason.rule() == "secret by name");
    for (path, excluded) in [
        ("config/prod.yaml", true),
        ("other/config/prod.yaml", false),
        ("a/b/C.VAULT", true),
        ("a/customers/list.txt", true),
        ("a/customers.rs", false),
    ] {
        assert_eq!(secret(&root.path().join(path)), excluded, "{path}");
    }
    assert!(secret(Path::new("/elsewhere/a.vault")));
}

#[test]
fn changed_ignore_files_apply_after_they_are_read_again() {
    let root = tree(&[("a.rs", "")]);
    let rules = Rules::new(&[root.path().to_owned()], &[]);
    let file = root.path().join("a.rs");
    assert!(rules.check(&file).is_ok());
    std::fs::write(root.path().join(".gitignore"), "a.rs\n").expect("written");
    assert!(rules.check(&file).is_ok(), "kept");
    rules.forget();
    let reason = rules.check(&file).expect_err("excluded").to_string();
    assert_eq!(reason, format!("`a.rs` in {} excludes it", root.path().join(".gitignore").display()));
}

#[test]
fn a_check_that_must_be_current_finds_every_changed_rule_file() {
    let root = tree(&[
        ("above/.git/HEAD", "ref: refs/heads/main\n"),
        ("above/.git/config", ""),
        ("above/w/src/deep/a.rs", ""),
        ("excludes", "a.rs\n"),
    ]);
    let at = |path: &str| root.path().join(path);
    let file = at("above/w/src/deep/a.rs");
    let named =
        format!("[core]\n\texcludesFile = {}\n", at("excludes").display().to_string().replace('\\', "/"));
    for (rule_file, excludes, admits) in [
        ("above/.gitignore", "a.rs\n", ""),
        ("above/.ignore", "deep/\n", "# no\n"),
        ("above/w/.phi-ignore", "*.rs\n", "*.txt\n"),
        ("above/w/src/.gitignore", "deep\n", "deeper\n"),
        ("above/w/src/deep/.ignore", "/a.rs\n", ""),
        ("above/.git/info/exclude", "a.*\n", "b.*\n"),
        ("above/.git/config", &named, "[core]\n"),
    ] {
        let rules = Rules::new(&[at("above/w")], &[]);
        assert!(rules.check(&file).is_ok(), "{rule_file}");
        std::fs::create_dir_all(at(rule_file).parent().expect("a folder")).expect("a folder");
        std::fs::write(at(rule_file), excludes).expect("written");
        assert!(rules.check_again(&file).is_err(), "{rule_file}");
        assert!(rules.check(&file).is_err(), "{rule_file}: it is the cached result now");
        std::fs::write(at(rule_file), admits).expect("written");
        assert!(rules.check_again(&file).is_ok(), "{rule_file}");
    }
    std::fs::write(at("above/.git/config"), &named).expect("written");
    std::fs::write(at("excludes"), "").expect("written");
    let rules = Rules::new(&[at("above/w")], &[]);
    assert!(rules.check(&file).is_ok());
    std::fs::write(at("excludes"), "*.rs\n").expect("written");
    assert!(rules.check_again(&file).is_err(), "the file that the configuration names");
}

#[test]
fn ignore_files_of_every_kind_are_read_within_bounds() {
    let root = tree(&[(".gitignore", ""), ("a.rs", "")]);
    let bytes = [b"\xef\xbb\xbf*.tmp\n\xff\xfe\n[\n".as_slice(), &b"x\n".repeat(1 << 20)].concat();
    std::fs::write(root.path().join(".gitignore"), bytes).expect("written");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/dev/zero", root.path().join(".ignore")).expect("a link");
    let rules = Rules::new(&[root.path().to_owned()], &[]);
    assert!(rules.check(&root.path().join("a.rs")).is_ok());
    assert!(rules.check(&root.path().join("a.tmp")).is_err());
}

#[test]
fn patterns_for_secret_files_apply_outside_of_workspace_folders_and_with_backslashes() {
    let root = tree(&[("w/a.rs", "")]);
    let own = ["customers/", "*.vault"].map(str::to_owned);
    let rules = Rules::new(&[root.path().join("w")], &own);
    for (path, shown) in [
        ("else/customers/list.txt", false),
        ("else/customers/deep/a.rs", false),
        ("else/a.VAULT", false),
        ("else/a.rs", true),
    ] {
        let path = root.path().join(path);
        assert_eq!(rules.check(&path).is_ok(), shown, "{path:?}");
        assert_eq!(rules.check_secret(&path).is_ok(), shown, "{path:?}");
    }
    for (pattern, with) in [
        (r"config\prod.yaml", "config/prod.yaml"),
        (r"a\\b", r"a\\b"),
        (r"\#a\[1\].txt", r"\#a\[1\].txt"),
        (r"keys\*.txt", r"keys\*.txt"),
    ] {
        assert_eq!(with_slashes(pattern, true), with);
        assert_eq!(with_slashes(pattern, false), pattern);
    }
}

#[test]
fn a_file_is_a_secret_in_some_folders_only() {
    assert!(secret("/w/.docker/config.json").is_some());
    assert_eq!(secret("/w/.docker/Dockerfile"), None);
    assert_eq!(secret(".env").as_deref(), Some(".env"), "the name of a document without a file");
    assert_eq!(secret("Untitled-1"), None);
}

#[cfg(unix)]
#[test]
fn a_link_is_checked_by_its_name_and_its_target() {
    use std::os::unix::fs::symlink;

    let root = tree(&[
        (".gitignore", "local/\nhidden-link\n"),
        (".env", "A=1"),
        ("local/a.rs", "fn a() {}"),
        ("src/b.rs", "fn b() {}"),
    ]);
    let at = |path: &str| root.path().join(path);
    symlink(".env", at("settings.txt")).expect("a link");
    symlink("settings.txt", at("twice.txt")).expect("a link");
    symlink("local", at("linked")).expect("a link");
    symlink("src", at("shown")).expect("a link");
    symlink("src/b.rs", at("secrets.yaml")).expect("a link");
    symlink("src", at("hidden-link")).expect("a link");
    symlink("gone", at("dangling.rs")).expect("a link");
    let rules = Rules::new(&[root.path().to_owned()], &[]);
    for (path, rule) in [
        ("settings.txt", Some("secret by name")),
        ("twice.txt", Some("secret by name")),
        ("linked/a.rs", Some("ignored")),
        ("linked/new.rs", Some("ignored")),
        ("secrets.yaml", Some("secret by name")),
        ("hidden-link/b.rs", Some("ignored")),
        ("shown/b.rs", None),
        ("dangling.rs", None),
    ] {
        assert_eq!(rules_of(&rules, &at(path)), [rule; 2], "{path}");
    }
    assert_eq!(rules.identity(&at("shown/b.rs")), at("src/b.rs"));
    assert_eq!(rules.identity(&at("shown/new/c.rs")), at("src/new/c.rs"));
}

#[cfg(unix)]
#[test]
fn a_file_has_one_identity_under_any_name_of_its_workspace_folder() {
    use std::os::unix::fs::symlink;

    let place =
        tree(&[("real/.gitignore", "*.tmp\n"), ("real/a.rs", "fn a() {}"), ("real/config/prod.yaml", "")]);
    let (real, link) = (place.path().join("real"), place.path().join("link"));
    symlink("real", &link).expect("a link");
    for (root, other) in [(&real, &link), (&link, &real)] {
        let rules = Rules::new(std::slice::from_ref(root), &["/config/prod.yaml".to_owned()]);
        for spelled in [root, other] {
            assert_eq!(rules.identity(&spelled.join("a.rs")), root.join("a.rs"));
            assert!(rules.check(&spelled.join("a.rs")).is_ok());
            assert!(rules.check(&spelled.join("a.tmp")).is_err());
            assert!(rules.check(&spelled.join("config/prod.yaml")).is_err(), "{root:?} {spelled:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn another_name_of_a_secret_file_is_a_secret() {
    let root = tree(&[("deploy/.env", "A=1"), ("src/a.rs", "")]);
    let at = |path: &str| root.path().join(path);
    std::fs::hard_link(at("deploy/.env"), at("deploy/settings.txt")).expect("a link");
    std::fs::hard_link(at("deploy/.env"), at("src/notes.md")).expect("a link");
    std::fs::hard_link(at("src/a.rs"), at("src/b.rs")).expect("a link");
    let rules = Rules::new(&[root.path().to_owned()], &[]);
    assert!(rules.check(&at("deploy/settings.txt")).is_err(), "beside it");
    assert!(rules.check(&at("src/b.rs")).is_ok());
    rules.note_secret(&std::fs::metadata(at("deploy/.env")).expect("a file"));
    assert!(rules.check(&at("src/notes.md")).is_err(), "as a walk finds it");
}

fn git(folder: &Path, arguments: &[&str]) -> std::process::Output {
    let mut git = std::process::Command::new("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]);
    git.args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("GIT_DIR")
        .output()
        .expect("git runs")
}

/// A repository with a linked working tree next to it and inside it, a clone inside it, and a submodule.
fn repositories() -> Option<tempfile::TempDir> {
    if !has_git() {
        return None;
    }
    let place = tree(&[
        ("main/a.rs", "fn a() {}"),
        ("main/notes.py", "x = 1"),
        ("main/sub dir/x.tmp", ""),
        ("library/lib.rs", "fn l() {}"),
    ]);
    let at = |path: &str| place.path().join(path);
    let run = |folder: &str, arguments: &[&str]| {
        let output = git(&at(folder), arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for folder in ["library", "main"] {
        run(folder, &["init", "--quiet"]);
        run(folder, &["add", "."]);
        run(folder, &["commit", "--quiet", "-m", "one"]);
    }
    let library = at("library").to_string_lossy().into_owned();
    run("main", &["submodule", "--quiet", "add", &library, "vendored/library"]);
    run("main", &["clone", "--quiet", &library, "clone"]);
    run("main", &["worktree", "add", "--quiet", "../beside"]);
    run("main", &["worktree", "add", "--quiet", "worktrees/old"]);
    std::fs::write(at("main/.git/info/exclude"), "notes.py\n/sub dir/*.tmp\n").expect("written");
    std::fs::write(at("main/.git/modules/vendored/library/info/exclude"), "/lib.log\n").expect("written");
    std::fs::write(at("mine"), "*.mine\n").expect("written");
    run("main", &["config", "core.excludesFile", &at("mine").to_string_lossy()]);
    Some(place)
}

#[test]
fn the_same_files_are_ignored_as_by_git_in_every_kind_of_working_tree() {
    let Some(place) = repositories() else { return };
    for (top, files) in [
        ("main", ["a.rs", "notes.py", "sub dir/x.tmp", "sub dir/y/x.tmp", "b.mine", "lib.log"]),
        ("beside", ["a.rs", "notes.py", "sub dir/x.tmp", "deep/notes.py", "b.mine", "lib.log"]),
        ("main/vendored/library", ["lib.rs", "notes.py", "lib.log", "deep/lib.log", "b.mine", "x.tmp"]),
        ("main/worktrees/old", ["a.rs", "notes.py", "sub dir/x.tmp", "deep/notes.py", "b.mine", "lib.log"]),
    ] {
        let folder = place.path().join(top);
        for root in ["main", top] {
            let rules = Rules::new(&[place.path().join(root)], &[]);
            for file in files {
                let output = git(&folder, &["check-ignore", "--no-index", "--quiet", file]);
                let is_ignored = rules.check(&folder.join(file)).is_err();
                assert_eq!(is_ignored, output.status.success(), "{root}: {file} in {top}");
            }
        }
    }
}

#[test]
fn a_working_tree_in_another_one_is_another_repository_unless_it_is_a_submodule() {
    let Some(place) = repositories() else { return };
    let at = |path: &str| place.path().join(path);
    let rules = Rules::new(&[at("main")], &[]);
    let rule = |rules: &Rules, path: &str| rules_of(rules, &at(path));
    assert_eq!(rule(&rules, "main/vendored/library/lib.rs"), [None; 2]);
    let other = [None, Some("other repositories")];
    assert_eq!(rule(&rules, "main/clone/lib.rs"), other);
    assert_eq!(rule(&rules, "main/worktrees/old/a.rs"), other);
    let both = Rules::new(&[at("main"), at("main/worktrees/old")], &[]);
    assert_eq!(rule(&both, "main/worktrees/old/a.rs"), [None; 2], "it is a workspace folder itself");
    // Projects side by side, and two working trees of one of them.
    let around = Rules::new(&[place.path().to_owned()], &[]);
    assert_eq!(rule(&around, "main/a.rs"), [None; 2]);
    assert_eq!(rule(&around, "library/lib.rs"), [None; 2]);
    assert_eq!(rule(&around, "beside/a.rs"), other);
}
