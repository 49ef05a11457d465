//! What is a secret by the name of a file or folder, before a byte is read.

use std::path::Path;

use crate::languages::Language;

/// Names of key files. `*` stands for any text; case does not matter.
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

/// Names of settings that hold secrets. A template of such a file, and source code of such a name, hold none.
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

/// Folders in which all is a secret.
const FOLDERS: &[&str] = &[".ssh", ".gnupg", ".aws", ".azure", ".kube"];

/// Files that are secrets in a folder of this name.
const FILES_IN: &[(&str, &str)] =
    &[(".docker", "config.json"), (".cargo", "credentials"), (".gem", "credentials")];

/// Words in a name by which a file shows what to fill in.
const TEMPLATES: &[&str] =
    &["example", "examples", "sample", "samples", "template", "templates", "tmpl", "tpl", "dist", "schema"];

/// Endings of source code and prose besides those of the languages that phi-ls parses: a module named `secrets` is code.
const CODE: &[&str] = &[
    "adoc", "astro", "bzl", "clj", "dart", "elm", "ex", "exs", "fs", "graphql", "hcl", "hs", "jl", "kt",
    "kts", "less", "m", "ml", "mli", "nim", "pl", "proto", "ps1", "r", "rst", "scala", "scss", "sol", "sql",
    "svelte", "swift", "tf", "vb", "vue", "zig",
];

/// What editors and people put behind the name of a copy.
const COPIES: &[&str] = &["~", ".bak", ".backup", ".orig", ".old", ".save", ".swp", ".tmp"];

/// Rules whose files are code by their ending, and secrets all the same.
const CODE_WITH_SECRETS: &[&str] = &["wp-config.php", "wp-config-*.php"];

/// The rule by which a file of this name is a secret.
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

/// The rule by which a file of this name is a secret in a folder of that name.
pub(crate) fn of_file_in(folder: &str, name: &str) -> Option<&'static str> {
    let is_it = |(around, file): &&(&str, &str)| {
        folder.eq_ignore_ascii_case(around) && name.eq_ignore_ascii_case(file)
    };
    FILES_IN.iter().find(is_it).map(|(_, file)| *file)
}

/// The rule by which all in a folder of this name is a secret.
pub(crate) fn of_folder(name: &str) -> Option<&'static str> {
    FOLDERS.iter().find(|rule| name.eq_ignore_ascii_case(rule)).copied()
}

/// The rule by which all in this folder is a secret: its own name, or that of a folder around it.
pub(crate) fn of_folders(path: &Path) -> Option<&'static str> {
    path.iter().find_map(|name| of_folder(&name.to_string_lossy()))
}

/// Whether `name` fits `pattern`, in which `*` stands for any text.
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
