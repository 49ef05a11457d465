//! The file that a download grows in.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::{PullError, file_error};
use crate::files;

/// The bytes that are there. Locked against other processes while it is open.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    /// Their number.
    pub length: u64,
    hash: Sha256,
}

impl Partial {
    /// Opens or creates the file, and reads what is in it if that may be continued.
    ///
    /// # Errors
    /// It cannot be opened or read, or another process has it open.
    pub fn open(path: &Path, may_continue: bool) -> Result<Partial, PullError> {
        let fail = |source| file_error(path, source);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(fail)?;
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => return Err(PullError::Busy(path.into())),
            // Some network file systems have no locks.
            Err(std::fs::TryLockError::Error(_)) | Ok(()) => {}
        }
        let mut partial = Partial { path: path.into(), file, length: 0, hash: Sha256::new() };
        if !may_continue {
            partial.clear()?;
        }
        let (hash, length) = (&mut partial.hash, &mut partial.length);
        let read = blocks(&mut partial.file, |block| {
            hash.update(block);
            *length += block.len() as u64;
        });
        read.map_err(fail)?;
        Ok(partial)
    }

    /// Removes all bytes.
    pub fn clear(&mut self) -> Result<(), PullError> {
        let cleared = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        cleared.map_err(|source| file_error(&self.path, source))?;
        (self.length, self.hash) = (0, Sha256::new());
        Ok(())
    }

    /// Makes the bytes durable. Returns their SHA-256 as hexadecimal digits, and whether they begin with `magic`.
    pub fn finish(&mut self, magic: &[u8]) -> Result<(String, bool), PullError> {
        let mut first = Vec::new();
        let read = self.file.sync_all().and_then(|()| self.file.seek(SeekFrom::Start(0)));
        let read = read.and_then(|_| (&mut self.file).take(magic.len() as u64).read_to_end(&mut first));
        read.map_err(|source| file_error(&self.path, source))?;
        Ok((hex(self.hash.clone()), first == magic))
    }

    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), PullError> {
        self.file.write_all(bytes).map_err(|source| file_error(&self.path, source))?;
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }
}

/// The SHA-256 of a file, as hexadecimal digits.
pub(super) fn sha256(path: &Path) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    blocks(&mut files::open(path)?.0, |block| hash.update(block))?;
    Ok(hex(hash))
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the rest of a file in blocks.
fn blocks(file: &mut File, mut each: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(()),
            read => each(&block[..read]),
        }
    }
}
