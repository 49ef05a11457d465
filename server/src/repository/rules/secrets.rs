//! What is a secret: by the name of a file or folder, before a byte is read, and by what a text says.

use std::ops::Range;
use std::path::Path;

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

/// The rule by which a file of this name is a secret.
pub(super) fn of_file(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let end = Path::new(&name).extension().unwrap_or_default();
    let is_code = CODE.iter().any(|code| end == *code);
    let harmless = |rule: &str| HARMLESS.contains(&name.as_str()) || (is_code && HARMLESS.contains(&rule));
    SECRET_FILES.iter().find(|rule| matches(rule, &name) && !harmless(rule)).copied()
}

/// The rule by which all in a folder of this name is a secret.
pub(super) fn of_folder(name: &str) -> Option<&'static str> {
    SECRET_FOLDERS.iter().find(|rule| name.eq_ignore_ascii_case(rule)).copied()
}

/// The rule by which all in this folder is a secret: its own name, or that of a folder around it.
pub(super) fn of_folders(path: &Path) -> Option<&'static str> {
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

/// A secret in a text looks at no more bytes than these, from its first one on.
pub const REACH: usize = 128;

/// What begins a token, how long the rest is at least, and whether it may hold more than letters and digits.
struct Token {
    start: &'static str,
    rest: usize,
    marks: &'static [u8],
    what: &'static str,
}

const fn token(start: &'static str, rest: usize, marks: &'static [u8], what: &'static str) -> Token {
    Token { start, rest, marks, what }
}

/// Tokens whose issuers gave them a form to be recognised by.
const TOKENS: &[Token] = &[
    token("AKIA", 16, b"", "a key of AWS"),
    token("ASIA", 16, b"", "a key of AWS"),
    token("AIza", 35, b"-_", "a key of Google"),
    token("ghp_", 36, b"", "a token of GitHub"),
    token("gho_", 36, b"", "a token of GitHub"),
    token("ghu_", 36, b"", "a token of GitHub"),
    token("ghs_", 36, b"", "a token of GitHub"),
    token("ghr_", 36, b"", "a token of GitHub"),
    token("github_pat_", 22, b"_", "a token of GitHub"),
    token("glpat-", 20, b"-_", "a token of GitLab"),
    token("xoxa-", 10, b"-", "a token of Slack"),
    token("xoxb-", 10, b"-", "a token of Slack"),
    token("xoxe-", 10, b"-", "a token of Slack"),
    token("xoxp-", 10, b"-", "a token of Slack"),
    token("xoxr-", 10, b"-", "a token of Slack"),
    token("xoxs-", 10, b"-", "a token of Slack"),
    token("sk_live_", 16, b"", "a key of Stripe"),
    token("rk_live_", 16, b"", "a key of Stripe"),
    token("sk-live-", 16, b"-_", "a secret key"),
    token("sk-ant-", 24, b"-_", "a key of Anthropic"),
    token("sk-proj-", 24, b"-_", "a key of OpenAI"),
    token("npm_", 36, b"", "a token of npm"),
    token("pypi-AgEI", 32, b"-_", "a token of PyPI"),
    token("hf_", 34, b"", "a token of Hugging Face"),
];

/// How a private key begins. What stands between is its kind.
const KEY: (&[u8], &[u8]) = (b"-----BEGIN ", b"PRIVATE KEY");
/// Bytes for the kind of a key.
const KIND: usize = 16;
/// So many bytes of a key must be there: a program that reads keys names their first line too.
const KEY_BYTES: usize = 16;
/// Fewer different bytes in the rest of a token are a placeholder: `ghp_xxxx`.
const DIFFERENT: usize = 6;

/// What a text gives away, if anything: a private key, or a token of a known form.
pub fn in_text(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find_map(|at| secret_at(bytes, at))
}

/// How many secrets begin in `range` of these bytes. To count those of a longer text piece by piece, a piece needs
/// one byte before the range and [`REACH`] behind it.
pub fn starts(bytes: &[u8], range: Range<usize>) -> usize {
    range.filter(|&at| secret_at(bytes, at).is_some()).count()
}

fn secret_at(bytes: &[u8], at: usize) -> Option<&'static str> {
    let first = bytes[at];
    if !matches!(first, b'-' | b'A' | b'g' | b'x' | b's' | b'r' | b'n' | b'p' | b'h') {
        return None;
    }
    let before = at.checked_sub(1).map(|before| bytes[before]);
    if before.is_some_and(|before| is_name(before) || before == first) {
        return None;
    }
    let rest = &bytes[at..bytes.len().min(at + REACH)];
    if first == b'-' {
        return is_key(rest).then_some("a private key");
    }
    TOKENS.iter().find(|token| token.begins(rest)).map(|token| token.what)
}

impl Token {
    fn begins(&self, bytes: &[u8]) -> bool {
        let Some(rest) = bytes.strip_prefix(self.start.as_bytes()) else { return false };
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || self.marks.contains(byte);
        let length = rest.iter().position(|byte| !allowed(byte)).unwrap_or(rest.len());
        let rest = &rest[..length];
        // Without marks the form says exactly how long a token is, or for how long at least its kind goes on.
        let is_example = rest.windows(7).any(|word| word.eq_ignore_ascii_case(b"example"));
        length >= self.rest
            && !is_example
            && rest.iter().any(u8::is_ascii_digit)
            && rest.iter().enumerate().filter(|(at, byte)| !rest[..*at].contains(byte)).count() >= DIFFERENT
    }
}

fn is_key(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(KEY.0) else { return false };
    let Some(at) = rest.windows(KEY.1.len()).take(KIND).position(|word| word == KEY.1) else { return false };
    let rest = &rest[at + KEY.1.len()..];
    let Some(rest) = rest.strip_prefix(b" BLOCK").unwrap_or(rest).strip_prefix(b"-----") else {
        return false;
    };
    // In a string of a program the line break is written out, and the next line may be a string of its own.
    let gap =
        |bytes: &[u8]| bytes.iter().position(|byte| !b" \t\r\n\\\"'+,".contains(byte)).unwrap_or(bytes.len());
    let mut rest = &rest[gap(rest)..];
    if bytes[..bytes.len() - rest.len()].ends_with(b"\\") {
        rest = rest.strip_prefix(b"r").or(rest.strip_prefix(b"n")).unwrap_or(rest);
        rest = &rest[gap(rest)..];
        if bytes[..bytes.len() - rest.len()].ends_with(b"\\") {
            rest = rest.strip_prefix(b"n").unwrap_or(rest);
            rest = &rest[gap(rest)..];
        }
    }
    let is_header =
        [&b"Proc-Type:"[..], b"Version:", b"Comment:"].iter().any(|header| rest.starts_with(header));
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    is_header || rest.len() >= KEY_BYTES && rest[..KEY_BYTES].iter().all(is_base64)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
