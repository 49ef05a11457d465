//! The one way in which a file is read: only if it is a regular file, never more than a bound, and as an editor has it.
//!
//! Whatever lies at a path may have been put there by somebody else: a pipe that nobody writes to, a device without an
//! end, a link to either. What is opened is looked at again after it was opened, so that nothing can change in between.
//! Text is UTF-8, and a byte order mark in front of it belongs to the file and not to the text.

use std::cell::Cell;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::marker::PhantomData;
use std::path::Path;

thread_local! {
    static KEPT_FROM_READING: Cell<u32> = const { Cell::new(0) };
}

/// For as long as it lives, its thread opens no file: somebody holds a lock that a keystroke may be waiting for, and a disk may
/// take seconds. Breaking this is an error of the program, which a build with debug assertions reports.
#[derive(Debug)]
pub struct NoReading(PhantomData<*const ()>);

impl NoReading {
    /// From now on.
    pub fn begin() -> NoReading {
        KEPT_FROM_READING.with(|kept| kept.set(kept.get() + 1));
        NoReading(PhantomData)
    }
}

impl Drop for NoReading {
    fn drop(&mut self) {
        KEPT_FROM_READING.with(|kept| kept.set(kept.get() - 1));
    }
}

#[cfg(test)]
type Called = Box<dyn Fn(&Path)>;

#[cfg(test)]
thread_local! {
    static BEFORE_READING: std::cell::RefCell<Option<Called>> = const { std::cell::RefCell::new(None) };
}

/// From now on this is called whenever this thread is about to read a file: a disk that takes its time.
#[cfg(test)]
pub(crate) fn before_reading(called: impl Fn(&Path) + 'static) {
    BEFORE_READING.with(|before| *before.borrow_mut() = Some(Box::new(called)));
}

/// Opens a file to read it, if it is a regular one, and says what it is. A link is followed. Never waits for a pipe.
///
/// # Errors
/// It cannot be opened, or is a folder, a pipe, a socket or a device.
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    debug_assert!(
        KEPT_FROM_READING.with(Cell::get) == 0,
        "{} is read under a lock that keystrokes wait for",
        path.display()
    );
    #[cfg(test)]
    BEFORE_READING.with(|before| before.borrow().iter().for_each(|called| called(path)));
    phi_engine::open_regular(path)
}

/// What some editors write in front of a text.
pub const BOM: &str = "\u{feff}";

/// The text of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// As an editor has it: without a byte order mark; line ends as they are.
    pub text: String,
    /// A byte order mark stands in front of it, and has to stay there.
    pub has_bom: bool,
}

impl Text {
    /// The bytes of the same file with another text in it.
    pub fn with(&self, text: String) -> Vec<u8> {
        if self.has_bom { [BOM.as_bytes(), text.as_bytes()].concat() } else { text.into_bytes() }
    }
}

/// The text in these bytes of a file, as an editor has it: what stands behind a byte order mark.
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM.as_bytes()).unwrap_or(bytes)
}

/// Why there is no text to be had.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The operating system says so, or it is no regular file.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is larger than the bound, in bytes.
    #[error("is larger than {} KB", .0 >> 10)]
    TooLarge(u64),
    /// It holds NUL bytes; UTF-16 does so too.
    #[error("is not text")]
    Binary,
    /// It is text of another kind, or damaged.
    #[error("is not UTF-8 text")]
    NotUtf8,
}

/// All bytes of a file, if there are not more than `most`.
///
/// # Errors
/// It cannot be read, is larger, or is no regular file.
pub fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Unreadable> {
    let (file, metadata) = open(path)?;
    whole(file, &metadata, most)
}

/// The first bytes of a file, `most` of them.
///
/// # Errors
/// It cannot be read, or is no regular file.
pub fn bytes_up_to(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.0.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file, if it has not more than `most` bytes.
///
/// # Errors
/// See [`Unreadable`].
pub fn text(path: &Path, most: u64) -> Result<Text, Unreadable> {
    decode(bytes(path, most)?)
}

/// All bytes of an open file, if there are not more than `most`, however it grows meanwhile.
///
/// # Errors
/// It cannot be read, or is larger.
pub fn whole(file: File, metadata: &Metadata, most: u64) -> Result<Vec<u8>, Unreadable> {
    if metadata.len() > most {
        return Err(Unreadable::TooLarge(most));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(Unreadable::TooLarge(most)) } else { Ok(bytes) }
}

/// The text that a file of these bytes has.
///
/// # Errors
/// It is no text, or not UTF-8.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_an_editor_has() {
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
    fn no_more_is_read_than_the_bound() {
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
    fn a_file_that_is_read_under_a_lock_is_an_error_of_the_program() {
        let _no_reading = NoReading::begin();
        let _ = open(Path::new("/w/a.rs"));
    }
}
