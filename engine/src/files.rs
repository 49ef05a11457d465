//! Opens regular files only. A path may lead to a pipe without a writer or to an endless device, and reading either
//! would block forever.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a regular file for reading and returns it with its metadata. Follows links. Never blocks.
///
/// # Errors
/// The file cannot be opened, or is a folder, a pipe, a socket or a device.
pub fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    // Checked before opening as well, because opening a device can have side effects.
    check(&std::fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Without this, opening a pipe blocks until its other end is opened.
        options.custom_flags((rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits() as i32);
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    // The file may have been replaced in between.
    check(&metadata)?;
    Ok((file, metadata))
}

fn check(metadata: &Metadata) -> io::Result<()> {
    let message = if metadata.is_dir() { "it is a folder" } else { "it is not a regular file" };
    if metadata.is_file() { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, message)) }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_none_blocks() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "text").expect("written");
        std::os::unix::fs::symlink("file", at("link")).expect("a link");
        std::os::unix::fs::symlink("/dev/zero", at("zeros")).expect("a link");
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
            .expect("a pipe");
        std::os::unix::fs::symlink("pipe", at("to pipe")).expect("a link");
        for (name, opens) in [
            ("file", true),
            ("link", true),
            ("zeros", false),
            ("pipe", false),
            ("to pipe", false),
            (".", false),
            ("none", false),
        ] {
            assert_eq!(open_regular(&at(name)).is_ok(), opens, "{name}");
        }
    }
}
