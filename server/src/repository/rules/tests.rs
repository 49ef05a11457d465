//! What is excluded, and what is not: by name, by ignore file, by content.

use std::path::Path;

use super::*;

fn secret(path: &str) -> Option<String> {
    match Rules::default().check(Path::new(path)) {
        Err(Excluded::Secret(rule)) => Some(rule.to_string()),
        _ => None,
    }
}

#[test]
fn secrets_are_excluded_wherever_they_lie() {
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
    assert_eq!(message, "files like `.env` may hold secrets and are never shown to a model");
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

/// The rule that excludes a file that is open, and one that is not.
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
fn a_secret_is_one_in_an_ignored_folder_too_and_folders_are_asked_about() {
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
fn ignore_files_that_change_count_once_they_are_read_anew() {
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

/// Spelled apart, so that this file is no secret itself.
const SECRETS: [(&str, &str, &str); 8] = [
    ("AK", "IAQ3EGTX7VZL5PWN2K", "a key of AWS"),
    ("gh", "p_16C7e42F292c6912E7710c838347Ae178B4a", "a token of GitHub"),
    ("xo", "xb-2314982734-Abd82hfKQ", "a token of Slack"),
    ("sk", "_live_4eC39HqLyjWDarjtT1zdp7dc", "a key of Stripe"),
    ("-----BEGIN RSA ", "PRIVATE KEY-----\nMIIEowIBAAKCAQEAvxyz0", "a private key"),
    ("-----BEGIN ", "PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG", "a private key"),
    ("\"-----BEGIN EC ", "PRIVATE KEY-----\\r\\n\" +\n  \"MHcCAQEEIIGlRbFvd", "a private key"),
    ("-----BEGIN PGP ", "PRIVATE KEY BLOCK-----\nVersion: 1", "a private key"),
];

#[test]
fn texts_with_keys_and_tokens_are_recognised() {
    for (front, back, what) in SECRETS {
        for (before, after) in [("", ""), ("key = \"", "\"\n"), ("é😀 ", " é"), ("a\n", "\nb")] {
            let text = format!("{before}{front}{back}{after}");
            assert_eq!(in_text(&text), Some(what), "{text}");
        }
    }
}

#[test]
fn programs_that_speak_of_secrets_are_no_secrets() {
    for text in [
        "",
        "-",
        concat!("if line == \"-----BEGIN ", "PRIVATE KEY-----\" {"),
        "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEAvxyz0",
        concat!("AK", "IAIOSFODNN7EXAMPLE"),
        concat!("gh", "p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        "ghp_ is a prefix",
        "AKIA1234",
        "sk_live_...",
        "npm_config_registry",
        "task-sk-live-view",
        "let hf_model = load(); xoxo",
    ] {
        assert_eq!(in_text(text), None, "{text}");
    }
}
