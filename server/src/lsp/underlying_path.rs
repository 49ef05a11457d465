//! The path of the file behind a URI of any scheme, to which the ignore and secret rules apply.
//!
//! Editors show files under many schemes: an older version (`git:`, `fugitive:`), an unsaved file (`untitled:`), a file on
//! another machine (`vscode-remote:`) or in an archive (`jar:`). Their content must be withheld from the model like that of
//! the file itself.

use std::path::PathBuf;

/// The path in a URI; `None` if it has none.
pub fn underlying_path(uri: &str) -> Option<PathBuf> {
    let (scheme, rest) = uri.split_once(':')?;
    let rest = match rest.strip_prefix("//") {
        // After the authority.
        Some(rest) => rest.find('/').map_or("", |at| &rest[at..]),
        None => rest,
    };
    let path = decoded(rest.split(['?', '#']).next().unwrap_or_default());
    let path = match scheme.eq_ignore_ascii_case("file") {
        true => path,
        false => in_working_tree(innermost(&path)),
    };
    let is_drive = |path: &str| path.as_bytes().get(2) == Some(&b':') && path.starts_with('/');
    let path = if cfg!(windows) && is_drive(&path) { path[1..].to_owned() } else { path };
    (!path.is_empty()).then(|| path.into())
}

/// The innermost path of an archive or nested URI: `jar:file:///w/a.jar!/b`, `zipfile:///w/a.zip::b`.
fn innermost(path: &str) -> String {
    let path = path.rsplit("!/").next().unwrap_or(path);
    let path = path.rsplit("::").next().unwrap_or(path);
    match path.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or(rest, |at| &rest[at..]).to_owned(),
        None => path.to_owned(),
    }
}

/// The file in the working tree for a version of it below `.git`: `/w/.git//0123abc/src/a.rs` (fugitive, diffview),
/// `/w/.git/HEAD~:src/a.rs` (gitsigns).
fn in_working_tree(path: String) -> String {
    let Some((top, version)) = path.split_once("/.git/") else { return path };
    let version = version.trim_start_matches('/');
    let below = version.split_once(':').or_else(|| version.split_once('/')).map(|(_, below)| below);
    below.map_or(path.clone(), |below| format!("{top}/{}", below.trim_start_matches('/')))
}

/// Decodes `%` escapes; invalid ones stay.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn every_uri_with_a_path_has_an_underlying_path() {
        for (uri, path) in [
            ("file:///w/a%20b/.env", "/w/a b/.env"),
            ("file:///w/a[1].rs", "/w/a[1].rs"),
            ("file:///w/.env#abc", "/w/.env"),
            ("file:///w/.env?x=1", "/w/.env"),
            ("file:/w/.env#", "/w/.env"),
            ("untitled:/w/.env", "/w/.env"),
            ("untitled:.env", ".env"),
            ("untitled:Untitled-1", "Untitled-1"),
            ("git:/w/.env?%7B%22path%22%3A%22%2Fw%2F.env%22%7D", "/w/.env"),
            ("vscode-remote://ssh-remote%2Bhost/w/.env", "/w/.env"),
            ("vscode-vfs://github/acme/app/.env", "/acme/app/.env"),
            ("vscode-notebook-cell:/w/a.ipynb#W0sZmlsZQ", "/w/a.ipynb"),
            ("fugitive:///w/.git//0123456789abcdef/local/a.rs", "/w/local/a.rs"),
            ("fugitive:///w/.git//0/.env", "/w/.env"),
            ("diffview:///w/.git/0123456/.env", "/w/.env"),
            ("gitsigns:///w/.git/HEAD~:deploy/.env", "/w/deploy/.env"),
            ("gitsigns:///w/.git//HEAD:.env", "/w/.env"),
            ("jar:file:///w/a.jar!/conf/.env", "conf/.env"),
            ("zipfile:///w/a.zip::conf/.env", "conf/.env"),
            ("scp://host//etc/app/.env", "//etc/app/.env"),
            ("suda:///etc/app/.env", "/etc/app/.env"),
        ] {
            assert_eq!(underlying_path(uri), Some(path.into()), "{uri}");
        }
        for uri in ["", "no uri", "output:", "https://host"] {
            assert_eq!(underlying_path(uri), None, "{uri}");
        }
    }
}
