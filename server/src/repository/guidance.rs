//! The project's guidelines for contributors.

use std::path::Path;
use std::sync::Arc;

use super::rules::Rules;
use crate::files;
use crate::secrets::in_text;

/// The guidelines files of a workspace folder; the first readable one is used.
pub const FILES: [&str; 3] = ["AGENTS.md", "CONTRIBUTING.md", ".phi/rules.md"];

/// More is truncated, because the guidelines are part of every prompt.
const MOST_BYTES: usize = 8 * 1024;

/// A project's guidelines file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guidance {
    /// Relative to the workspace folder.
    pub path: &'static str,
    /// Its text, truncated at a section if possible, else at a line.
    pub text: Arc<str>,
}

/// The guidelines of a workspace folder. A link is followed only inside the folder.
pub fn read(rules: &Rules, root: &Path) -> Option<Guidance> {
    let root = root.canonicalize().ok()?;
    let named = |path| Some(Guidance { path, text: text(rules, &root, path)?.into() });
    FILES.into_iter().find_map(named)
}

fn text(rules: &Rules, root: &Path, path: &str) -> Option<String> {
    let place = root.join(path).canonicalize().ok()?;
    let is_inside = place.starts_with(root);
    if !is_inside || rules.check(&place).is_err() {
        return None;
    }
    let mut bytes = files::bytes_up_to(&place, MOST_BYTES as u64 + 1).ok()?;
    let cut = bytes.len() > MOST_BYTES;
    bytes.truncate(MOST_BYTES);
    if cut
        && let Err(error) = str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        // The bound cuts through a character.
        bytes.truncate(error.valid_up_to());
    }
    let text = files::decode(bytes).ok()?.text;
    let text = if cut { whole(&text) } else { &text };
    (in_text(text).is_none() && !text.trim().is_empty()).then(|| text.trim_end().to_owned() + "\n")
}

/// The text without the section that the bound cuts through, or without the line if little else would be left.
fn whole(text: &str) -> &str {
    let mut fenced = false;
    let mut section = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        // A `#` in a block of code is a comment.
        fenced ^= line.trim_start().starts_with("```");
        if !fenced && line.starts_with('#') {
            section = Some(at);
        }
        at += line.len();
    }
    let end = section.filter(|&section| section > text.len() / 2);
    &text[..end.or_else(|| text.rfind('\n')).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(root: &Path) -> Option<Guidance> {
        super::read(&Rules::new(&[root.to_owned()], &[]), root)
    }

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        root
    }

    fn found(files: &[(&str, &[u8])]) -> Option<(&'static str, String)> {
        let guidance = read(folder(files).path())?;
        Some((guidance.path, guidance.text.to_string()))
    }

    #[test]
    fn the_first_readable_file_is_used() {
        let (rules, contributing) = ((".phi/rules.md", &b"rules"[..]), ("CONTRIBUTING.md", &b"how"[..]));
        assert_eq!(
            found(&[rules, contributing, ("AGENTS.md", b"all\n\n")]),
            Some(("AGENTS.md", "all\n".into()))
        );
        assert_eq!(found(&[rules, contributing]), Some(("CONTRIBUTING.md", "how\n".into())));
        assert_eq!(found(&[rules]), Some((".phi/rules.md", "rules\n".into())));
        assert_eq!(found(&[rules, ("AGENTS.md", b" \n")]), Some((".phi/rules.md", "rules\n".into())));
        assert_eq!(found(&[rules, ("AGENTS.md", b"\xff\xfe")]), Some((".phi/rules.md", "rules\n".into())));
        assert_eq!(found(&[("README.md", b"hello")]), None);
        assert_eq!(read(Path::new("/no such folder")), None);
    }

    #[test]
    fn long_guidance_ends_with_a_section_or_a_line() {
        let line = "Write little, and write it well: ä.\n";
        let section = format!("# One\n```sh\n# no section\n```\n{}", line.repeat(150));
        let long = format!("{section}# Two\n{}", line.repeat(400));
        let (_, text) = found(&[("AGENTS.md", long.as_bytes())]).expect("guidance");
        assert_eq!(text, section);
        let (_, text) = found(&[("AGENTS.md", line.repeat(4000).as_bytes())]).expect("guidance");
        assert!(text.len() <= MOST_BYTES && text.len() > MOST_BYTES - line.len() && text.ends_with(line));
        let (_, text) = found(&[("AGENTS.md", "ä".repeat(8000).as_bytes())]).expect("guidance");
        assert!(text.len() <= MOST_BYTES + 1 && text.starts_with("ää"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_outside_or_to_a_secret_is_not_followed() {
        use std::os::unix::fs::symlink;

        let elsewhere = folder(&[("AGENTS.md", b"another project's")]);
        let root = folder(&[("docs/guide.md", b"ours"), (".env", b"KEY=1")]);
        symlink(elsewhere.path().join("AGENTS.md"), root.path().join("AGENTS.md")).expect("a link");
        symlink(".env", root.path().join("CONTRIBUTING.md")).expect("a link");
        assert_eq!(read(root.path()), None);
        fs::remove_file(root.path().join("CONTRIBUTING.md")).expect("removed");
        symlink("docs/guide.md", root.path().join("CONTRIBUTING.md")).expect("a link");
        assert_eq!(read(root.path()).expect("guidance").path, "CONTRIBUTING.md");
    }
}
