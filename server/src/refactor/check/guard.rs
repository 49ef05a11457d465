//! Ends a check where phi-ls itself cannot: editors kill servers, and a killed process does nothing any more.
//!
//! The check command runs below a process of our own, the program itself with the hidden subcommand [`NAME`]. That holds
//! the [`ProcessTree`], and ends it when phi-ls writes to a pipe. When phi-ls is gone, however it went, the pipe ends; then
//! the guard ends the tree as well, and removes the copy.
//!
//! ```text
//! phi-ls ── pipe ──> guard ──> the check command ──> what that starts
//! ```
//! Where this library is part of another program, that has no such subcommand: the command then runs without a guard.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use super::ROUND;
use super::tree::ProcessTree;
use crate::refactor::scratch;

/// The subcommand of the guard.
pub const NAME: &str = "guard";
/// The exit code of a guard that has run no command, and says why in its output. Whatever the command does, it is another.
pub const NOT_RUN: u8 = 2;

/// Whether the program that runs has the subcommand.
static IS_HERE: AtomicBool = AtomicBool::new(false);

/// Says that the program that runs has the subcommand [`NAME`], which calls [`guard`].
pub fn is_here() {
    IS_HERE.store(true, Ordering::Relaxed);
}

/// A command that runs `program`, below a guard where there is one; arguments may be added. With the pipe that the guard
/// listens to.
pub(super) fn command(folder: &Path, program: PathBuf) -> io::Result<(Command, Option<io::PipeWriter>)> {
    if !IS_HERE.load(Ordering::Relaxed) {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        return Ok((command, None));
    }
    // An update may have put another file in its place, or none.
    let this = match cfg!(target_os = "linux") {
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe()?,
    };
    let (ends, lifeline) = io::pipe()?;
    let mut command = Command::new(this);
    command.arg(NAME).arg(folder).arg(program).stdin(ends);
    Ok((command, Some(lifeline)))
}

/// Runs a command until it ends, or standard input says something or ends; whether it succeeded. `folder` is that of the
/// copy.
///
/// # Errors
/// The command cannot be started, or not be waited for.
pub fn guard(folder: &Path, command: &[OsString]) -> io::Result<bool> {
    let (tell, told) = mpsc::channel();
    let listen = move || tell.send(io::stdin().read(&mut [0]).is_ok_and(|length| length > 0));
    thread::Builder::new().name("lifeline".to_owned()).spawn(listen)?;
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let mut tree = ProcessTree::start_with_orphans(command)?;
    let mut heard = None;
    while heard.is_none() && !tree.has_ended()? {
        heard = told.recv_timeout(ROUND).ok();
    }
    let status = tree.end()?;
    // A command may end because phi-ls has: nobody reads any more what it says.
    let heard = heard.or_else(|| told.recv_timeout(ROUND).ok());
    // No folder that somebody is in can be removed everywhere.
    let _ = folder.parent().map(std::env::set_current_dir);
    // Who has ended without a word is letting go of the copy. Who lives keeps it, and may be about to end too.
    scratch::remove_abandoned(folder, heard == Some(false));
    Ok(status.success())
}
