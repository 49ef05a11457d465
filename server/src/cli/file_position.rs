//! `FILE:LINE:COL`: a position in a file, and opening the file as an editor does.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context;

use super::settings;
use crate::complete::NothingOffered;
use crate::documents::{Document, DocumentId};
use crate::files::{self, Unreadable};
use crate::messages;
use crate::repository;
use crate::repository::rules::{Excluded, Rules};
use crate::settings::{Level, Settings};
use crate::user_dirs::UserDirs;

/// The largest document that the server accepts from an editor.
const FILE_BYTES: u64 = 64 << 20;

/// `FILE:LINE:COL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePosition {
    pub file: PathBuf,
    line: usize,
    column: usize,
}

/// An opened file with a cursor.
pub struct OpenedFile {
    pub document: Arc<Document>,
    /// Byte offset.
    pub cursor: usize,
    /// The project's folder.
    pub root: PathBuf,
    /// The settings of the user and the project.
    pub settings: Settings,
}

impl FromStr for FilePosition {
    type Err = String;

    fn from_str(text: &str) -> Result<FilePosition, String> {
        let form = "expected FILE:LINE:COL, for example src/main.rs:12:8";
        let mut pieces = text.rsplitn(3, ':');
        let mut number = || pieces.next().and_then(|piece| piece.parse::<usize>().ok()).ok_or(form);
        let (column, line) = (number()?, number()?);
        let file = pieces.next().filter(|file| !file.is_empty()).ok_or(form)?;
        if line == 0 || column == 0 {
            return Err("lines and columns count from 1".to_owned());
        }
        Ok(FilePosition { file: file.into(), line, column })
    }
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl FilePosition {
    /// Opens the file as an editor does, with the settings of its project. Prints problems in the settings to stderr.
    ///
    /// # Errors
    /// The file cannot be read, is withheld from models, or has no such position.
    pub fn open(&self, dirs: &UserDirs) -> anyhow::Result<OpenedFile> {
        let path = std::path::absolute(&self.file).context("the current folder is gone")?;
        let root = repository::root_of(&path);
        let roots = std::slice::from_ref(&root);
        // Errors only: anything else that the user must know is printed here.
        let settings = settings::in_force(dirs, roots, Level::Error);
        let rules = Rules::new(roots, &settings.repository.secret_files);
        let withheld = |rule: Excluded| NothingOffered::Withheld(rule.to_string());
        rules.check(&path).map_err(withheld).with_context(|| self.file.display().to_string())?;
        let file = read(&path).with_context(|| self.file.display().to_string())?;
        let id = DocumentId(path.to_string_lossy().into());
        let document = Document::open(id, Some(rules.identity(&path)), "", 1, &file).named(Some(path));
        let document = Arc::new(document);
        let cursor = self.offset(&document)?;
        Ok(OpenedFile { document, cursor, root, settings })
    }

    /// The byte offset in the file's text.
    fn offset(&self, document: &Document) -> anyhow::Result<usize> {
        let text = &document.text;
        let (file, lines) = (self.file.display(), text.len_lines());
        anyhow::ensure!(
            self.line <= lines,
            "{file} has {}, so there is no line {}",
            messages::counted(lines, "line"),
            self.line
        );
        let line = text.line(self.line - 1);
        let characters = line.chars().take_while(|char| !matches!(char, '\n' | '\r')).count();
        anyhow::ensure!(
            self.column <= characters + 1,
            "line {} of {file} has {}, so the last column is {}, not {}",
            self.line,
            messages::counted(characters, "character"),
            characters + 1,
            self.column
        );
        Ok(text.char_to_byte(text.line_to_char(self.line - 1) + self.column - 1))
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    match files::text(path, FILE_BYTES) {
        Ok(text) => Ok(text.text),
        Err(Unreadable::TooLarge(_)) => {
            let most = FILE_BYTES >> 20;
            anyhow::bail!("it is larger than the limit of {most} MB")
        }
        Err(Unreadable::Binary) => anyhow::bail!("it is not a text file"),
        Err(Unreadable::NotUtf8) => anyhow::bail!("it is not UTF-8 text; convert it to UTF-8"),
        Err(Unreadable::Io(_)) if path.is_dir() => anyhow::bail!("this is a folder, not a file"),
        Err(Unreadable::Io(_)) if path.exists() && !path.is_file() => {
            anyhow::bail!("this is not a regular file")
        }
        Err(Unreadable::Io(error)) if error.kind() == ErrorKind::NotFound => {
            anyhow::bail!("there is no such file; paths are relative to the current folder")
        }
        Err(Unreadable::Io(error)) => anyhow::bail!("{error}; check its permissions"),
    }
}

/// A path relative to the current folder if it is below it, else absolute.
pub fn from_here(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let below = path.strip_prefix(&here).ok().filter(|below| *below != Path::new(""));
    below.unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str) -> Result<(String, usize, usize), String> {
        text.parse::<FilePosition>()
            .map(|position| (position.file.display().to_string(), position.line, position.column))
    }

    #[test]
    fn a_place_is_a_file_a_line_and_a_column() {
        assert_eq!(position("src/a.rs:12:8"), Ok(("src/a.rs".into(), 12, 8)));
        assert_eq!(position("C:\\a:b.rs:1:1"), Ok(("C:\\a:b.rs".into(), 1, 1)));
        for wrong in ["a.rs", "a.rs:1", ":1:2", "a.rs:x:2", "a.rs:1:-2", ""] {
            assert!(position(wrong).is_err_and(|message| message.starts_with("expected")), "{wrong}");
        }
        assert_eq!(position("a.rs:0:1"), Err("lines and columns count from 1".into()));
    }

    #[test]
    fn columns_count_characters_and_end_after_the_last() {
        let document = Document::open(DocumentId("a".into()), None, "", 1, "é😀x\r\n\nlast");
        let offset = |line, column| {
            let position = FilePosition { file: "a".into(), line, column };
            position.offset(&document).map_err(|error| error.to_string())
        };
        assert_eq!(
            [(1, 1), (1, 3), (1, 4), (2, 1), (3, 5)].map(|(line, column)| offset(line, column).ok()),
            [Some(0), Some(6), Some(7), Some(9), Some(14)]
        );
        assert_eq!(offset(4, 1), Err("a has 3 lines, so there is no line 4".into()));
        assert_eq!(offset(1, 5), Err("line 1 of a has 3 characters, so the last column is 4, not 5".into()));
    }
}
