//! Kills a check when phi-ls itself cannot: editors kill servers, and a killed process cannot clean up.
//!
//! The check command runs below another process of phi-ls, the same program with the hidden subcommand [`NAME`]. That
//! process owns the [`ProcessTree`], and kills it when phi-ls writes to a pipe. When phi-ls ends for any reason, the
//! pipe closes; the watchdog then kills the tree as well, and removes the copy.
//!
//! ```text
//! phi-ls ── pipe ──> watchdog ──> the check command ──> its descendants
//! ```
//! A program that uses this library may lack the subcommand: the command then runs without a watchdog.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use super::ROUND;
use super::tree::ProcessTree;
use crate::refactor::sandbox;

/// The subcommand of the watchdog.
pub const NAME: &str = "watchdog";
/// The exit code of a watchdog that could not run the command; its output has the reason. No command causes it.
pub const NOT_RUN: u8 = 2;

/// Whether the running program has the subcommand.
static IS_HERE: AtomicBool = AtomicBool::new(false);

/// Declares that the running program has the subcommand [`NAME`], which calls [`watch`].
pub fn is_here() {
    IS_HERE.store(true, Ordering::Relaxed);
}

/// A command that runs `program`, below a watchdog if there is one; arguments may be added. Also returns the pipe that
/// the watchdog reads.
pub(super) fn command(folder: &Path, program: PathBuf) -> io::Result<(Command, Option<io::PipeWriter>)> {
    if !IS_HERE.load(Ordering::Relaxed) {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        return Ok((command, None));
    }
    // An update may have replaced or removed the file.
    let this = match cfg!(target_os = "linux") {
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe()?,
    };
    let (ends, lifeline) = io::pipe()?;
    let mut command = Command::new(this);
    command.arg(NAME).arg(folder).arg(program).stdin(ends);
    Ok((command, Some(lifeline)))
}

/// Runs a command until it ends, or standard input receives a byte or is closed; returns whether it succeeded. `folder`
/// is that of the copy.
///
/// # Errors
/// The command cannot be started or waited for.
pub fn watch(folder: &Path, command: &[OsString]) -> io::Result<bool> {
    let (sender, receiver) = mpsc::channel();
    let read = move || sender.send(io::stdin().read(&mut [0]).is_ok_and(|length| length > 0));
    thread::Builder::new().name("lifeline".to_owned()).spawn(read)?;
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let mut tree = ProcessTree::start_with_orphans(command)?;
    let mut asked = None;
    while asked.is_none() && !tree.has_ended()? {
        asked = receiver.recv_timeout(ROUND).ok();
    }
    let status = tree.end()?;
    // A command may end because phi-ls has ended: its output is then no longer read.
    let asked = asked.or_else(|| receiver.recv_timeout(ROUND).ok());
    // Some systems do not remove the working folder of a process.
    let _ = folder.parent().map(std::env::set_current_dir);
    // A phi-ls that has ended has released the copy. One that is running keeps it, and may be about to end too.
    sandbox::remove_abandoned(folder, asked == Some(false));
    Ok(status.success())
}
