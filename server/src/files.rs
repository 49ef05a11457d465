//! Reading files: regular files only, up to a size limit, decoded as an editor decodes them.
//!
//! A path in a workspace is untrusted: it may be a pipe without a writer, an endless device, or a link to either. The
//! file type is checked on the open handle, so it cannot change in between. Text is UTF-8; a leading byte order mark
//! belongs to the file, not to the text.

use std::cell::Cell;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

thread_local! {
    static READS_FORBIDDEN: Cell<u32> = const { Cell::new(0) };
}

/// A guard that forbids its thread to open files. It is part of every lock that a keystroke may wait for, because a disk
/// may take seconds. Opening a file under it is a bug: it panics in builds with debug assertions.
#[derive(Debug)]
pub struct NoReading(PhantomData<*const ()>);

impl NoReading {
    /// Forbids reading from now until the guard is dropped.
    pub fn begin() -> NoReading {
        READS_FORBIDDEN.with(|count| count.set(count.get() + 1));
        NoReading(PhantomData)
    }
}

impl Drop for NoReading {
    fn drop(&mut self) {
        READS_FORBIDDEN.with(|count| count.set(count.get() - 1));
    }
}

#[cfg(test)]
type Hook = Box<dyn Fn(&Path)>;

#[cfg(test)]
thread_local! {
    static BEFORE_READING: std::cell::RefCell<Option<Hook>> = const { std::cell::RefCell::new(None) };
}

/// Calls `hook` each time this thread is about to read a file, to simulate a slow disk.
#[cfg(test)]
pub(crate) fn before_reading(hook: impl Fn(&Path) + 'static) {
    BEFORE_READING.with(|before| *before.borrow_mut() = Some(Box::new(hook)));
}

/// Opens a regular file for reading. Follows links. Never blocks on a pipe.
///
/// # Errors
/// The file cannot be opened, or is a folder, a pipe, a socket or a device.
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    debug_assert!(
        READS_FORBIDDEN.with(Cell::get) == 0,
        "{} is read under a lock that keystrokes wait for",
        path.display()
    );
    #[cfg(test)]
    BEFORE_READING.with(|before| before.borrow().iter().for_each(|hook| hook(path)));
    phi_engine::open_regular(path)
}

/// The byte order mark, which some editors write at the start of a file.
pub const BOM: &str = "\u{feff}";

/// The text of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The text without a byte order mark, with its line endings unchanged.
    pub text: String,
    /// The file starts with a byte order mark, which must be kept when it is written.
    pub has_bom: bool,
}

impl Text {
    /// The bytes of the file with `text` as its new content.
    pub fn with(&self, text: String) -> Vec<u8> {
        if self.has_bom { [BOM.as_bytes(), text.as_bytes()].concat() } else { text.into_bytes() }
    }
}

/// The bytes of a file after its byte order mark, if it has one.
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM.as_bytes()).unwrap_or(bytes)
}

/// Why a file's text cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The operating system reports an error, or it is not a regular file.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is larger than this limit, in bytes.
    #[error("is larger than {} KB", .0 >> 10)]
    TooLarge(u64),
    /// It contains NUL bytes, as binary files and UTF-16 text do.
    #[error("is not text")]
    Binary,
    /// It has another encoding, or is damaged.
    #[error("is not UTF-8 text")]
    NotUtf8,
}

/// All bytes of a file of at most `most` bytes.
///
/// # Errors
/// The file cannot be read, is larger, or is not a regular file.
pub fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Unreadable> {
    let (file, metadata) = open(path)?;
    whole(file, &metadata, most)
}

/// The first `most` bytes of a file.
///
/// # Errors
/// The file cannot be read, or is not a regular file.
pub fn bytes_up_to(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.0.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file of at most `most` bytes.
///
/// # Errors
/// See [`Unreadable`].
pub fn text(path: &Path, most: u64) -> Result<Text, Unreadable> {
    decode(bytes(path, most)?)
}

/// Syncs a folder, so that a new name in it is durable.
///
/// # Errors
/// It cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file, and the file system makes names durable.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// All bytes of an open file of at most `most` bytes, even if it grows while it is read.
///
/// # Errors
/// The file cannot be read, or is larger.
pub fn whole(file: File, metadata: &Metadata, most: u64) -> Result<Vec<u8>, Unreadable> {
    if metadata.len() > most {
        return Err(Unreadable::TooLarge(most));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(Unreadable::TooLarge(most)) } else { Ok(bytes) }
}

/// Decodes the bytes of a file.
///
/// # Errors
/// They are not text, or not UTF-8.
pub fn decode(bytes: Vec<u8>) -> Result<Text, Unreadable> {
    if bytes.contains(&0) {
        return Err(Unreadable::Binary);
    }
    let mut text = String::from_utf8(bytes).map_err(|_| Unreadable::NotUtf8)?;
    let has_bom = text.starts_with(BOM);
    if has_bom {
        text.drain(..BOM.len());
    }
    Ok(Text { text, has_bom })
}

/// The absolute path without links, in the form that programs accept.
///
/// # Errors
/// The path does not exist.
pub fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize().map(without_verbatim_prefix)
}

/// Removes the prefix that `Path::canonicalize` adds on Windows: `\\?\C:\a` is `C:\a`. Few programs start in a folder
/// with the prefix, and no editor writes it. Paths too long for the short form keep it.
fn without_verbatim_prefix(path: PathBuf) -> PathBuf {
    const LONGEST: usize = 260;
    let verbatim =
        path.to_str().and_then(|path| path.strip_prefix(r"\\?\")).filter(|rest| rest.len() < LONGEST);
    match verbatim {
        Some(rest) if rest.as_bytes().get(1) == Some(&b':') => PathBuf::from(rest),
        Some(rest) if rest.starts_with(r"UNC\") => PathBuf::from(format!(r"\\{}", &rest[4..])),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verbatim_prefix_of_windows_is_removed_where_it_can_be() {
        let long = format!(r"\\?\C:\{}", "a".repeat(300));
        for (path, expected) in [
            (r"\\?\C:\a b\c", r"C:\a b\c"),
            (r"\\?\UNC\server\share\c", r"\\server\share\c"),
            (r"\\?\Volume{b75e2c83}\c", r"\\?\Volume{b75e2c83}\c"),
            (r"C:\a", r"C:\a"),
            ("/a/b", "/a/b"),
            (&long, &long),
        ] {
            assert_eq!(without_verbatim_prefix(path.into()), Path::new(expected));
        }
    }

    #[test]
    fn a_text_is_decoded_as_editors_decode_it() {
        let text = |bytes: &[u8]| {
            decode(bytes.to_vec()).map(|text| (text.text, text.has_bom)).map_err(|why| why.to_string())
        };
        assert_eq!(text(b"\xef\xbb\xbfa\r\nb\rc\n"), Ok(("a\r\nb\rc\n".to_owned(), true)));
        assert_eq!(text(b"a"), Ok(("a".to_owned(), false)));
        assert_eq!(text(b"\xff\xfea\0"), Err("is not text".to_owned()));
        assert_eq!(text(b"\xff\xfe"), Err("is not UTF-8 text".to_owned()));
        let marked = decode(b"\xef\xbb\xbfa".to_vec()).expect("text");
        assert_eq!(marked.with("b".to_owned()), b"\xef\xbb\xbfb");
    }

    #[test]
    fn no_more_is_read_than_the_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        std::fs::write(&path, "12345").expect("written");
        assert_eq!(bytes(&path, 5).expect("small enough"), b"12345");
        assert_eq!(bytes_up_to(&path, 3).expect("a file"), b"123");
        assert!(matches!(bytes(&path, 4), Err(Unreadable::TooLarge(4))));
        assert!(matches!(bytes(folder.path(), 4), Err(Unreadable::Io(_))));
    }

    #[test]
    #[should_panic(expected = "is read under a lock")]
    #[cfg(debug_assertions)]
    fn reading_a_file_under_a_lock_panics() {
        let _no_reading = NoReading::begin();
        let _ = open(Path::new("/w/a.rs"));
    }
}
