//! Detects secrets by the name of a file or folder, before a byte is read.

use std::path::Path;

use crate::languages::Language;

/// Names of key files. `*` matches any text; case does not matter.
const KEYS: &[&str] = &[
    "*.pem",
    "*.key",
    "*.p8",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "*.gpg",
    "*.asc",
    "*.agekey",
    "*.ovpn",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
];

/// Names of configuration files with secrets. Templates of such files, and source code with such a name, are not secret.
const SETTINGS: &[&str] = &[
    ".env",
    ".env.*",
    ".env_*",
    ".env-*",
    "env.local",
    "env.prod*",
    "*.env",
    ".envrc",
    ".dev.vars",
    ".dev.vars.*",
    ".netrc",
    "_netrc",
    ".authinfo",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    "pgpass.conf",
    ".my.cnf",
    ".mylogin.cnf",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    ".dockerconfigjson",
    ".s3cfg",
    ".boto",
    ".msmtprc",
    "rclone.conf",
    "sftp-config.json",
    ".ftpconfig",
    ".vault-token",
    ".vault_pass*",
    ".vault-pass*",
    "vault_pass*",
    "credentials",
    "credentials.*",
    "*.credentials",
    "secret",
    "secret.*",
    "secrets",
    "secrets.*",
    ".secret",
    ".secrets",
    ".secrets.*",
    "*.secret",
    "*.secrets",
    "password.*",
    "passwords.*",
    "service-account*.json",
    "service_account*.json",
    "client_secret*.json",
    "*firebase-adminsdk*.json",
    "*.tfstate",
    "*.tfstate.*",
    "*.tfvars",
    "*.tfvars.*",
    "terraform.rc",
    ".terraformrc",
    "kubeconfig",
    "kubeconfig.*",
    "*.kubeconfig",
    "appsettings.*.json",
    "local.settings.json",
    "wp-config.php",
    "wp-config-*.php",
];

/// Folders in which everything is secret.
const FOLDERS: &[&str] = &[".ssh", ".gnupg", ".aws", ".azure", ".kube"];

/// Files that are secret in a folder of this name.
const FILES_IN: &[(&str, &str)] =
    &[(".docker", "config.json"), (".cargo", "credentials"), (".gem", "credentials")];

/// Words in the names of template files.
const TEMPLATES: &[&str] =
    &["example", "examples", "sample", "samples", "template", "templates", "tmpl", "tpl", "dist", "schema"];

/// Extensions of source code and prose in addition to those of the parsed languages: a module named `secrets` is code.
const CODE: &[&str] = &[
    "adoc", "astro", "bzl", "clj", "dart", "elm", "ex", "exs", "fs", "graphql", "hcl", "hs", "jl", "kt",
    "kts", "less", "m", "ml", "mli", "nim", "pl", "proto", "ps1", "r", "rst", "scala", "scss", "sol", "sql",
    "svelte", "swift", "tf", "vb", "vue", "zig",
];

/// The suffixes of backup copies.
const COPIES: &[&str] = &["~", ".bak", ".backup", ".orig", ".old", ".save", ".swp", ".tmp"];

/// Rules that apply even to files with the extension of code.
const CODE_WITH_SECRETS: &[&str] = &["wp-config.php", "wp-config-*.php"];

/// The rule by which a file of this name is secret.
pub(crate) fn of_file(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    // Windows opens the same file under these names.
    let name = name.split("::$").next().unwrap_or_default().trim_end_matches([' ', '.']);
    let by_name = |rules: &'static [&'static str]| rules.iter().find(|rule| matches(rule, name)).copied();
    let is_template = || name.split(['.', '-', '_']).any(|word| TEMPLATES.contains(&word));
    let end = Path::new(name).extension().unwrap_or_default();
    let is_source = || {
        let language = Language::of_path(Path::new(name));
        language.is_some_and(|language| !language.text.holds_secrets)
    };
    let is_code = |rule: &str| {
        !CODE_WITH_SECRETS.contains(&rule) && (CODE.iter().any(|code| end == *code) || is_source())
    };
    let key = by_name(KEYS).filter(|rule| !rule.starts_with("id_") || !is_code(rule));
    let found = key.or_else(|| by_name(SETTINGS).filter(|rule| !is_template() && !is_code(rule)));
    let copied = || COPIES.iter().find_map(|copy| name.strip_suffix(copy));
    found.or_else(|| of_file(copied().filter(|name| !name.is_empty())?))
}

/// The rule by which a file of this name is secret in a folder of that name.
pub(crate) fn of_file_in(folder: &str, name: &str) -> Option<&'static str> {
    let is_it = |(around, file): &&(&str, &str)| {
        folder.eq_ignore_ascii_case(around) && name.eq_ignore_ascii_case(file)
    };
    FILES_IN.iter().find(is_it).map(|(_, file)| *file)
}

/// The rule by which everything in a folder of this name is secret.
pub(crate) fn of_folder(name: &str) -> Option<&'static str> {
    FOLDERS.iter().find(|rule| name.eq_ignore_ascii_case(rule)).copied()
}

/// The rule by which everything in this folder is secret: by its own name, or that of a folder above it.
pub(crate) fn of_folders(path: &Path) -> Option<&'static str> {
    path.iter().find_map(|name| of_folder(&name.to_string_lossy()))
}

/// Whether `name` matches `pattern`, in which `*` matches any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}
