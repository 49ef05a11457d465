//! Which files may ever be read: the rules that keep secrets out of prompts, open buffers included.
//!
//! They go by name, so that they hold before a byte is read. What `.gitignore` and its kin exclude is [`super::walk`]'s
//! affair; what is excluded here is excluded even when a user opens it.

use std::path::Path;

/// Why a file is never read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("files like `{rule}` may hold secrets and are never shown to a model")]
pub struct Excluded {
    /// The rule that holds, as it stands in the table.
    pub rule: &'static str,
}

/// File names that hold secrets. `*` stands for any text; case does not matter.
const SECRET_FILES: &[&str] = &[
    ".env",
    ".env.*",
    "*.env",
    ".envrc",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.ppk",
    "*.gpg",
    "*.asc",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    "credentials",
    "credentials.*",
    "*.credentials",
    "secret",
    "secret.*",
    "secrets",
    "secrets.*",
    "*.secret",
    "*.secrets",
    "service-account*.json",
    "service_account*.json",
    "*.tfstate",
    "*.tfstate.*",
    "*.tfvars",
    "kubeconfig",
    "terraform.rc",
    ".terraformrc",
];

/// Folders that hold secrets.
const SECRET_FOLDERS: &[&str] = &[".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker"];

/// Names that a rule would catch and that hold no secret: templates, and source files that speak of secrets.
const HARMLESS: &[&str] =
    &[".env.example", ".env.sample", ".env.template", ".env.dist", "credentials.*", "secret.*", "secrets.*"];

/// Endings of source code: a module named `secrets` is code.
const CODE: &[&str] = &[
    "rs", "py", "pyi", "js", "jsx", "mjs", "cjs", "ts", "tsx", "go", "java", "kt", "c", "h", "cc", "cpp",
    "hpp", "cs", "rb", "php", "lua", "swift", "scala", "md",
];

/// Whether a file may be read, by its name and the folders that it lies in.
///
/// # Errors
/// The rule that excludes it.
pub fn may_read(path: &Path) -> Result<(), Excluded> {
    for folder in path.parent().into_iter().flat_map(Path::iter) {
        let folder = folder.to_string_lossy().to_lowercase();
        if let Some(rule) = SECRET_FOLDERS.iter().find(|rule| folder == **rule) {
            return Err(Excluded { rule });
        }
    }
    let Some(name) = path.file_name() else { return Ok(()) };
    let name = name.to_string_lossy().to_lowercase();
    let is_code = path.extension().is_some_and(|end| CODE.iter().any(|code| end.eq_ignore_ascii_case(code)));
    for rule in SECRET_FILES.iter().filter(|rule| matches(rule, &name)) {
        let harmless = HARMLESS.contains(&name.as_str()) || (is_code && HARMLESS.contains(rule));
        if !harmless {
            return Err(Excluded { rule });
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(path: &str) -> Option<&'static str> {
        may_read(Path::new(path)).err().map(|excluded| excluded.rule)
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
            "/w/id_ed25519.pub",
            "/w/credentials.json",
            "/w/secrets.yaml",
            "/w/.npmrc",
            "/w/service-account-prod.json",
            "/w/terraform.tfstate.backup",
        ] {
            assert!(excluded(path).is_some(), "{path} would be read");
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
            assert_eq!(excluded(path), None, "{path}");
        }
    }

    #[test]
    fn the_rule_is_named() {
        assert_eq!(excluded("/w/a.pem"), Some("*.pem"));
        let message = may_read(Path::new("/w/.env")).expect_err("excluded").to_string();
        assert_eq!(message, "files like `.env` may hold secrets and are never shown to a model");
    }
}
