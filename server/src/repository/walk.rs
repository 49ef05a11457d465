//! Walks the folders of a workspace and reads the text files in them, within bounds.
//!
//! The bounds hold for any tree: a workspace of `/`, two hundred thousand files, a file that grows while it is read,
//! a link that leads in a circle (links are not followed).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

use super::readable;

/// The user's own ignore file, beside `.gitignore` and `.ignore`.
const IGNORE_FILE: &str = ".phi-ignore";
/// Larger files are generated, or data.
const FILE_BYTES: u64 = 512 * 1024;
/// Longer lines are minified code, or data.
const MEAN_LINE_BYTES: usize = 400;
/// Entries looked at, files or not: a tree of nothing but ignored files ends too.
const ENTRIES: usize = 1_000_000;
/// Text files by their endings that no person wrote.
const GENERATED: &[&str] =
    &[".min.js", ".min.css", ".map", ".lock", "-lock.json", "-lock.yaml", ".svg", ".csv"];

/// How much of a workspace is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Files at the most.
    pub files: usize,
    /// Bytes of text at the most, all files together.
    pub bytes: usize,
}

/// A text file of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Absolute where the folder was.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
}

/// The files of `roots` that may be read, by path, so that the order is the same each time; at most as many as the
/// bounds allow. `cancelled` is asked between any two entries; what was found by then is the answer.
pub fn files(roots: &[PathBuf], bounds: Bounds, cancelled: &dyn Fn() -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for root in roots {
        let walk = WalkBuilder::new(root)
            .add_custom_ignore_filename(IGNORE_FILE)
            .require_git(false)
            .max_filesize(Some(FILE_BYTES))
            .sort_by_file_path(Path::cmp)
            .build();
        for entry in walk.take(ENTRIES) {
            if found.len() == bounds.files || cancelled() {
                return found;
            }
            // What cannot be opened is as if it were not there.
            if let Ok(entry) = entry
                && wanted(&entry)
            {
                found.push(entry.into_path());
            }
        }
    }
    found
}

fn wanted(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.file_type().is_some_and(|kind| kind.is_file())
        // Empty also are the files of /proc, some of which one waits for.
        && entry.metadata().is_ok_and(|metadata| metadata.len() > 0)
        && !GENERATED.iter().any(|end| name.ends_with(end))
        && readable::may_read(entry.path()).is_ok()
}

/// Reads a file that [`files`] found; `None` where it is not text that a person wrote.
pub fn read(path: &Path) -> Option<TextFile> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(FILE_BYTES + 1).read_to_end(&mut bytes).ok()?;
    let is_text = bytes.len() as u64 <= FILE_BYTES && !bytes.contains(&0);
    let text = String::from_utf8(bytes).ok().filter(|_| is_text)?;
    let minified = text.len() > MEAN_LINE_BYTES * (text.lines().count() + 1);
    (!minified && !text.trim().is_empty()).then(|| TextFile { path: path.to_owned(), text })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const ALL: Bounds = Bounds { files: usize::MAX, bytes: usize::MAX };

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        root
    }

    fn names(root: &Path, bounds: Bounds) -> Vec<String> {
        let relative = |path: PathBuf| path.strip_prefix(root).expect("below the root").display().to_string();
        files(&[root.to_owned()], bounds, &|| false).into_iter().map(relative).collect()
    }

    #[test]
    fn ignored_hidden_secret_and_generated_files_are_left_out() {
        let root = tree(&[
            (".gitignore", "build/\n"),
            (".ignore", "vendor/\n"),
            (".phi-ignore", "private/\n"),
            ("a.rs", "fn a() {}\n"),
            ("src/b.rs", "fn b() {}\n"),
            ("build/c.rs", "fn c() {}\n"),
            ("vendor/d.rs", "fn d() {}\n"),
            ("private/e.rs", "fn e() {}\n"),
            (".hidden/f.rs", "fn f() {}\n"),
            ("server.pem", "secret\n"),
            (".env", "KEY=1\n"),
            ("app.min.js", "x\n"),
            ("package-lock.json", "{}\n"),
        ]);
        assert_eq!(names(root.path(), ALL), ["a.rs", "src/b.rs"]);
    }

    #[test]
    fn bounds_and_cancelling_hold() {
        let root = tree(&[("a.rs", "a"), ("b.rs", "b"), ("c.rs", "c")]);
        assert_eq!(names(root.path(), Bounds { files: 2, ..ALL }), ["a.rs", "b.rs"]);
        let asked = Cell::new(0);
        let cancelled = || asked.replace(asked.get() + 1) == 2;
        assert_eq!(files(&[root.path().to_owned()], ALL, &cancelled).len(), 1, "the root, then one file");
        assert!(files(&["/no such folder".into()], ALL, &|| false).is_empty());
    }

    #[test]
    fn only_text_that_a_person_wrote_is_read() {
        let root = tree(&[("a.rs", "fn a() {}\n"), ("empty.rs", " \n"), ("nul.rs", "a\0b"), ("min.js", "")]);
        let path = |name: &str| root.path().join(name);
        std::fs::write(path("min.js"), "x".repeat(5000)).expect("written");
        std::fs::write(path("bytes.rs"), [0xff, 0xfe]).expect("written");
        std::fs::write(path("large.rs"), "a\n".repeat(FILE_BYTES as usize)).expect("written");
        assert_eq!(read(&path("a.rs")).map(|file| file.text).as_deref(), Some("fn a() {}\n"));
        for name in ["empty.rs", "nul.rs", "min.js", "bytes.rs", "large.rs", "missing.rs"] {
            assert_eq!(read(&path(name)), None, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let root = tree(&[("a.rs", "a")]);
        std::os::unix::fs::symlink(root.path(), root.path().join("circle")).expect("a link");
        std::os::unix::fs::symlink("/etc/hosts", root.path().join("hosts")).expect("a link");
        assert_eq!(names(root.path(), ALL), ["a.rs"]);
    }
}
