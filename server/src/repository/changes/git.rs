//! Runs git read-only: within some seconds, with bounded output, and without any program that the
//! repository or the environment would have it run.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::repository::rules::blocked_by;

/// The time for all commands in one working tree. A large one on a cold disk takes some seconds.
const MOST_TIME: Duration = Duration::from_secs(5);
/// The pause between two checks whether a program has exited.
const PAUSE: Duration = Duration::from_millis(1);
const MOST_CONFIGURATION: u64 = 256 * 1024;

/// Overrides of settings that would make git run programs, or change its output.
const SETTINGS: [&str; 5] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.untrackedCache=false",
    "protocol.allow=never",
];

/// Git in a folder.
pub(crate) struct Git<'f> {
    folder: &'f Path,
    until: Instant,
    /// Overrides of this repository's settings that would make git run programs.
    unset: Vec<String>,
}

impl<'f> Git<'f> {
    /// `None` without git, outside of a repository, or if git would block on a pipe or device.
    pub fn new(folder: &'f Path) -> Option<Git<'f>> {
        Git::within(folder, MOST_TIME)
    }

    /// The same with another time limit.
    pub fn within(folder: &'f Path, time: Duration) -> Option<Git<'f>> {
        if let Some(path) = blocked_by(folder) {
            tracing::warn!(
                "git is not run in {}: {} is not a regular file",
                folder.display(),
                path.display()
            );
            return None;
        }
        let mut git = Git { folder, until: Instant::now() + time, unset: Vec::new() };
        git.run(&["rev-parse", "--is-inside-work-tree"], 1024)
            .filter(|answer| answer.starts_with(b"true"))?;
        // Comparing a file with the index runs the filters that its attributes name. Without any, the command fails.
        let filters = ["config", "--name-only", "-z", "--get-regexp", r"^filter\."];
        let filters = git.run(&filters, MOST_CONFIGURATION).unwrap_or_default();
        for name in filters.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let name = str::from_utf8(name).ok()?;
            let (filter, key) = name.rsplit_once('.')?;
            // `-c` cannot override such a name, so git is not run.
            if filter.contains('=') {
                return None;
            }
            match key {
                "clean" | "smudge" | "process" => git.unset.push(format!("{filter}.{key}=")),
                "required" => git.unset.push(format!("{filter}.required=false")),
                _ => {}
            }
        }
        Some(git)
    }

    /// The output of a command, up to `most` bytes; `None` if it fails or takes too long.
    pub fn run(&self, arguments: &[&str], most: u64) -> Option<Vec<u8>> {
        self.answer(arguments, Vec::new(), most)
    }

    /// The same for a command that reads `input`.
    pub fn answer(&self, arguments: &[&str], input: Vec<u8>, most: u64) -> Option<Vec<u8>> {
        let mut git = Running { child: self.command(arguments).spawn().ok()?, ended: false };
        let stdout = git.child.stdout.take()?;
        let mut stdin = git.child.stdin.take()?;
        // On another thread, because the capacity of a pipe is small. Errors show in the command's exit status.
        thread::spawn(move || stdin.write_all(&input));
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut output = Vec::new();
            let read = stdout.take(most).read_to_end(&mut output);
            // The receiver is gone after the time limit.
            let _ = sender.send(read.ok().map(|_| output));
        });
        let output = match receiver.recv_timeout(self.until.saturating_duration_since(Instant::now())) {
            Ok(output) => output?,
            Err(_) => {
                tracing::warn!("git takes too long in {}; its output is ignored", self.folder.display());
                return None;
            }
        };
        if output.len() as u64 == most {
            return Some(output);
        }
        git.succeeds(self.until).then_some(output)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(["--no-optional-locks", "--no-pager", "--literal-pathspecs"]);
        for setting in SETTINGS.into_iter().chain(self.unset.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        command.args(arguments).current_dir(self.folder);
        // Set by a hook or an editor that runs in another repository.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().to_uppercase().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
        // A partial clone would fetch what it lacks.
        command.env("GIT_NO_LAZY_FETCH", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }
}

/// A program that is killed with all that it started, unless it has ended when this is dropped.
struct Running {
    child: Child,
    ended: bool,
}

impl Running {
    fn succeeds(&mut self, until: Instant) -> bool {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    self.ended = true;
                    return status.success();
                }
                Ok(None) if Instant::now() < until => thread::sleep(PAUSE),
                _ => return false,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // Before waiting for it, because afterwards its process id may be reused.
        #[cfg(unix)]
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::testing::has_git;

    #[test]
    fn a_process_with_too_much_output_is_killed_with_its_children() {
        if !has_git() {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is part of every Unix");
        assert!(made.success());
        // The shell and its children have the pipe open for writing. At its end, none of them is left.
        let (ended, has_ended) = mpsc::channel();
        let read = pipe.clone();
        thread::spawn(move || ended.send(std::fs::read(read).expect("a pipe")));
        let until = Instant::now() + Duration::from_secs(600);
        let git = Git { folder: folder.path(), until, unset: Vec::new() };
        // An alias with `!` is a shell command: git waits for the shell, and the shell for its children.
        let alias = format!("alias.talk=!exec 3>'{}'; sleep 1000 & yes", pipe.display());
        assert_eq!(git.run(&["-c", &alias, "talk"], 64), Some(b"y\n".repeat(32)));
        let written = has_ended.recv_timeout(Duration::from_secs(60)).expect("no process of git still runs");
        assert_eq!(written, b"");
    }

    #[test]
    fn a_process_that_times_out_has_no_output() {
        if !has_git() {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let git = Git { folder: folder.path(), until: Instant::now(), unset: Vec::new() };
        assert_eq!(git.run(&["-c", "alias.wait=!sleep 1000", "wait"], 64), None);
    }
}
