//! Changes one setting in a user's file and keeps its comments and order.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::layer::FILE_BYTES;
use crate::files::{self, Text, Unreadable};
use toml_edit::{DocumentMut, Item, Table, value};

/// Writes one setting. The file is replaced atomically; if it is a link, the link's target is replaced.
///
/// # Errors
/// The file cannot be read or written, or is not TOML; it is then unchanged.
pub fn write(file: &Path, name: &str, new: &str) -> io::Result<()> {
    let file = &fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let before = match files::text(file, FILE_BYTES) {
        Ok(before) => before,
        Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound => Text::default(),
        Err(Unreadable::Io(error)) => return Err(error),
        Err(error) => return Err(io::Error::other(error)),
    };
    let mut document: DocumentMut = before.text.parse().map_err(io::Error::other)?;
    let (section, key) = name.split_once('.').expect("names of settings have a section");
    let table = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
    let Some(table) = table.as_table_like_mut() else {
        return Err(io::Error::other(format!("`{section}` is not a table in this file")));
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = new.into();
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(key, value(new));
        }
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut replacement = tempfile::NamedTempFile::new_in(folder)?;
    replacement.write_all(&before.with(document.to_string()))?;
    if let Ok(metadata) = fs::metadata(file) {
        replacement.as_file().set_permissions(metadata.permissions())?;
    }
    replacement.as_file().sync_all()?;
    replacement.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: Option<&str>, after: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("new/phi-ls.toml");
        if let Some(before) = before {
            fs::create_dir(folder.path().join("new")).expect("a folder");
            fs::write(&file, before).expect("written");
        }
        write(&file, "model.path", "/m.gguf").expect("written");
        assert_eq!(fs::read_to_string(&file).expect("readable"), after);
    }

    #[test]
    fn comments_and_order_stay() {
        check(None, "[model]\npath = \"/m.gguf\"\n");
        check(
            Some("# mine\n[model] # the model\npath = 'old' # why\nthreads = 2\n\n[log]\nlevel = 'warn'\n"),
            "# mine\n[model] # the model\npath = \"/m.gguf\" # why\nthreads = 2\n\n[log]\nlevel = 'warn'\n",
        );
        check(Some("model.threads = 2 # two\n"), "model.threads = 2 # two\nmodel.path = \"/m.gguf\"\n");
    }

    #[test]
    fn a_file_that_is_not_toml_is_not_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("phi-ls.toml");
        for text in ["[model\n", "model = 3\n"] {
            fs::write(&file, text).expect("written");
            assert!(write(&file, "model.path", "").is_err());
            assert_eq!(fs::read_to_string(&file).expect("readable"), text);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1, "nothing is left behind");
    }
}
